"""Job files gone wrong: sound ones with a value replaced, a part moved, a byte flipped. All chance comes from a seed."""

from __future__ import annotations

import copy
import functools
import random
from collections.abc import Iterator
from typing import Any

import yaml

DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
NASTY: list[Any] = [
    *(None, True, False, 0, -1, 1, 7.5, 2**53, 2**63, 10**30, -(10**30), float("inf"), float("nan"), "", " ", "\n", "\t"),
    *(
        "x",
        "x" * 70_000,
        "é",
        "🎉",
        "\u202e",
        "\x00",
        "\x85",
        "no",
        "010",
        "1e999",
        "12:30:45",
        "2026-01-01",
        "=",
        "<<",
        "~",
        "-",
        "*",
    ),
    *(
        "{{",
        "}}",
        "{{ }}",
        "{{ row }}",
        "{{ row.nothing }}",
        "{{ row.id }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 1 / 0 }}",
        "{% if %}",
        "{# x",
    ),
    *(
        "{{ steps.headline.text }}",
        "{{ steps.nothing.text }}",
        "{{ matrix }}",
        "{{ seed }}",
        "{% include 'headline.j2' %}",
        "{{ '" * 99,
    ),
    *(
        "../../../etc/passwd",
        "/etc/passwd",
        "/dev/zero",
        "/dev/stdin",
        "/proc/self/environ",
        "file:///etc/passwd",
        "https://[",
        "**/*",
    ),
    *("http://127.0.0.1/", "CON", "..", "[", "(a+)+$", "a" * 30 + "!", "20 USD", "-5 USD", "1e9 USD", "999999999999 USD", "30%"),
    *("101%", "12h", "9999999d", "50/1m", "0/0s", "* * * * *", "*/0 * * * *", "jivox/text", "jivox/", "/", "sivi/design/x"),
    *([], {}, [[]], [{}], {"": ""}, {"a": {"b": {"c": {}}}}, [None], {"template": "x.j2"}, {"template": "../x"}, {"template": 5}),
    *({"env": "PATH"}, {"file": "/etc/passwd"}, {"name": "x"}, ["x", "x"], list(range(300)), {f"k{n}": n for n in range(1500)}),
]


def mutate(text: str, seed: int) -> bytes:
    """The job `text` with one to four mistakes: of structure where the seed is even, of lines and bytes where it is odd."""
    dice = random.Random(seed)
    if seed % 2:
        data = bytearray(text.encode())
        for _ in range(dice.choice((1, 1, 2, 4))):
            dice.choice(BYTES)(data, dice)
        return bytes(data)
    tree = copy.deepcopy(_tree(text))
    for _ in range(dice.choice((1, 1, 2, 4))):
        dice.choice(STRUCTURES)(tree, dice)
    style = dice.choice((None, False, True))
    written: str = yaml.dump(tree, Dumper=DUMPER, sort_keys=False, allow_unicode=True, default_flow_style=style)
    return written.encode("utf-8", "surrogatepass")


@functools.cache
def _tree(text: str) -> Any:
    return yaml.safe_load(text)


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of the tree with each of its keys or places."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from _places(tree[key])


def _pick(tree: Any, dice: random.Random) -> tuple[Any, Any]:
    return dice.choice(list(_places(tree)) or [({"x": 1}, "x")])


def _replace(tree: Any, dice: random.Random) -> None:
    inside, key = _pick(tree, dice)
    inside[key] = copy.deepcopy(dice.choice(NASTY))


def _remove(tree: Any, dice: random.Random) -> None:
    inside, key = _pick(tree, dice)
    del inside[key]


def _swap(tree: Any, dice: random.Random) -> None:
    (one, here), (other, there) = _pick(tree, dice), _pick(tree, dice)
    one[here], other[there] = copy.deepcopy(other[there]), copy.deepcopy(one[here])


def _wrap(tree: Any, dice: random.Random) -> None:
    inside, key = _pick(tree, dice)
    for _ in range(dice.choice((1, 2, 60))):
        inside[key] = dice.choice(([inside[key]], {"x": inside[key]}))


def _rename(tree: Any, dice: random.Random) -> None:
    inside, key = _pick(tree, dice)
    if isinstance(inside, dict):
        inside[dice.choice(("x", "", " ", "a.b", "Ü", "use", "with", "steps", "__class__", "<<", "row", "x" * 300, f"{key}s"))] = (
            inside.pop(key)
        )


def _add(tree: Any, dice: random.Random) -> None:
    inside, _ = _pick(tree, dice)
    value = copy.deepcopy(dice.choice(NASTY))
    if isinstance(inside, list):
        inside.insert(dice.randrange(len(inside) + 1), value)
    else:
        inside[
            dice.choice(("x", "when", "save", "expect", "again", "uncertain", "include", "exclude", "limit", "where", "seed"))
        ] = value


STRUCTURES = (_replace, _replace, _replace, _remove, _swap, _wrap, _rename, _add)


def _flip(data: bytearray, dice: random.Random) -> None:
    data[dice.randrange(len(data))] = dice.choice((0, 9, 10, 13, 32, 255, 0xC3, *b"{}[]&*!|>'\"%@`:-?#,~<=", dice.randrange(256)))


def _cut(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data))
    del data[at : at + dice.choice((1, 5, 50, 5000))]
    data.extend(b"\n" if not data else b"")


def _repeat(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data))
    piece = bytes(data[at : at + dice.choice((1, 10, 200))])
    data[at:at] = piece * dice.choice((1, 2, 50))


def _insert(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data))
    data[at:at] = dice.choice(PIECES)


def _shift(data: bytearray, dice: random.Random) -> None:
    lines = bytes(data).split(b"\n")
    at = dice.randrange(len(lines))
    lines[at] = dice.choice(
        (b"  " + lines[at], lines[at].lstrip(), b"\t" + lines[at], lines[at] + b":", b"- " + lines[at], b"? " + lines[at])
    )
    data[:] = b"\n".join(lines)


def _double(data: bytearray, dice: random.Random) -> None:
    lines = data.split(b"\n")
    at = dice.randrange(len(lines))
    lines.insert(dice.randrange(len(lines)), lines[at])
    data[:] = b"\n".join(lines)


PIECES = (
    *(
        b"\xff\xfe",
        b"\x00",
        b"\xed\xa0\x80",
        b"\xc3",
        b"\xef\xbb\xbf",
        b"\r",
        b"\x1b[2J",
        b"\xe2\x80\xa8",
        b"\n---\n",
        b"\n...\n",
        b"%YAML 1.1\n",
    ),
    *(
        b"!!python/object/apply:os.system ['id']",
        b"!!binary aGk=",
        b"!<x> ",
        b"&a ",
        b"*a",
        b"&a [*a]",
        b"<<: *a\n",
        b"? [a]\n: b\n",
    ),
    *(
        b"[" * 3000,
        b"{a: " * 60,
        b"- " * 2000,
        b"'" * 501,
        b'"',
        b"|\n",
        b">-\n",
        b"{{ ",
        b" }}",
        b"{% for i in range(9) %}",
        b"0x" + b"f" * 999,
    ),
    *(b"9" * 5000, b"a" * 100_000, b"a: 1\n" * 8000, b"&a [x,x]\n" * 60, b"# " + b"x" * 1000 + b"\n"),
)
BYTES = (_flip, _flip, _cut, _repeat, _insert, _insert, _shift, _double)
