from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from runner.errors import Invalid
from runner.job.composer import MOST_ALIASES, MOST_DEPTH, MOST_EVENTS, Composer

LOADERS = [pytest.param(yaml.SafeLoader, id="python"), pytest.param(getattr(yaml, "CSafeLoader", yaml.SafeLoader), id="libyaml")]


def _composed(text: str, loader: Any = yaml.SafeLoader) -> tuple[Any, list[str]]:
    composer = Composer(text, "x.yaml", tuple(text.splitlines()), loader)
    return composer.build().data, [f"{c.place.line}:{c.place.column} {c.path}: {c.message}" for c in composer.complaints if c.place]


def _refused(text: str, loader: Any = yaml.SafeLoader) -> str:
    began = time.process_time()
    with pytest.raises(Invalid) as caught:
        _composed(text, loader)
    assert time.process_time() - began < 2
    last = caught.value.complaints[-1]
    assert last.place is not None
    return f"{last.place.line}:{last.place.column} {last.path}: {last.message}"


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("# nothing\n", None),
        ("---\n...\n", None),
        ("a", "a"),
        ("a: 1", {"a": 1}),
        ("a:", {"a": None}),
        ("a: ''", {"a": ""}),
        ('a: "007"', {"a": "007"}),
        (
            "on: no\nc: NO\nt: 12:30:45\nv: 1.10\no: 010\nd: 2026-01-01",
            {"on": "no", "c": "NO", "t": "12:30:45", "v": 1.1, "o": 10, "d": "2026-01-01"},
        ),
        ("200: ok\ntrue: x\n~: y\n1.0: z", {"200": "ok", "true": "x", "~": "y", "1.0": "z"}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("a: >-\n  one\n  two\n", {"a": "one two"}),
        ("a: [1, {b: 2}]", {"a": [1, {"b": 2}]}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("&k a: 1\nb: *k", {"a": 1, "b": "a"}),
        ('"<<": 1', {"<<": 1}),
        ("a: 'größe 😀'", {"a": "größe 😀"}),
    ],
)
def test_data(loader, text, data):
    """Both parsers give the same plain data: core-schema scalars, text keys, aliases as what they mean."""
    assert _composed(text, loader) == (data, [])


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("a: 1\nb: 2\na: 3", ["3:1 a: is written twice; the first is in line 1"]),
        (
            "x:\n  - {k: 1, k: 2, k: 3}",
            ["2:12 x[0].k: is written twice; the first is in line 2", "2:18 x[0].k: is written twice; the first is in line 2"],
        ),
        ('"a": 1\na: 2', ["2:1 a: is written twice; the first is in line 1"]),
        ('1: x\n"1": y', ["2:1 1: is written twice; the first is in line 1"]),
        (
            "a: &x {b: 1}\nc:\n  <<: *x",
            ["3:3 c.'<<': merge keys (<<) are not YAML 1.2; write the fields out, or alias the whole value"],
        ),
        ("a: !!str 5", ["1:4 a: tags ('tag:yaml.org,2002:str') are not used here; take it away"]),
        (
            "a: !!python/object:os.system x",
            ["1:4 a: tags ('tag:yaml.org,2002:python/object:os.system') are not used here; take it away"],
        ),
        ("a: !include /etc/passwd", ["1:4 a: tags ('!include') are not used here; take it away"]),
        ("!!map {a: 1}", ["1:1 : tags ('tag:yaml.org,2002:map') are not used here; take it away"]),
        ("!x a: 1", ["1:1 : tags ('!x') are not used here; take it away"]),
        ('a: {"": x}', ["1:5 a.'': a key is empty; give it a name"]),
        ("a: .inf", ["1:4 a: .inf is not a number JSON can say; put quotes around it if it is text"]),
    ],
)
def test_mistakes_that_leave_the_rest_readable(loader, text, complaints):
    """A repeated key, a merge, a tag, an empty key or an impossible number is noted, and reading goes on."""
    assert _composed(text, loader)[1] == complaints


def test_the_first_of_repeated_keys_stands():
    """After a repeated key the first value is used for looking further; the file is refused anyway."""
    assert _composed("a: 1\na: 2")[0] == {"a": 1}


def test_all_repeated_keys_are_named():
    """Ten repeated keys are ten complaints."""
    text = "".join(f"k{n}: 1\nk{n}: 2\n" for n in range(10))
    assert len(_composed(text)[1]) == 10


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a:\n  p: {{ row.title }}", '2:7 a.p: put quotes around "{{ … }}"'),
        ("a: {{ row.title }} on a beach", '1:5 a: put quotes around "{{ … }}"'),
        ("? [a, b]\n: 1", "1:3 : a key must be plain text"),
        ("? - a\n: 1", "1:3 : a key must be plain text"),
        ("a: *b", "1:4 a: *b has no anchor; write &b before the value it means, further up"),
        ("a: &x [*x]", "1:8 a[0]: *x stands inside itself"),
        ("a: &x {b: {c: *x}}", "1:15 a.b.c: *x stands inside itself"),
        ("a: 1\n---\nb: 2", "2:1 : a second document begins here; one file holds one document"),
        ("a: 1\nb: \x00", "2:4 : an unprintable character (U+0000); take it out or write \\x… in quotes"),
        ("a: \x1b[31m", "1:4 : an unprintable character (U+001B); take it out or write \\x… in quotes"),
        ("a: 1\r\nb:\ufeff 1", "2:3 : an unprintable character (U+FEFF); take it out or write \\x… in quotes"),
        ("\x00", "1:1 : an unprintable character (U+0000); take it out or write \\x… in quotes"),
    ],
)
def test_what_cannot_be_read_stops(loader, text, said):
    """What has no meaning as data stops the reading, at its place and with the remedy."""
    assert _refused(text, loader) == said


def test_grammar_stops_with_what_was_found_before():
    """A mistake of grammar comes together with the complaints that were found above it."""
    with pytest.raises(Invalid) as caught:
        _composed("a: 1\na: 2\nb: [")
    assert [complaint.message.partition(";")[0] for complaint in caught.value.complaints] == [
        "is written twice",
        "a value cannot begin with nothing",
    ]


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("text", ["[" * 200_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000, "[" * 60 + "]" * 60])
def test_depth_bombs(loader, text):
    """Nesting is stopped at its limit, long before it could exhaust a stack, whatever it is made of."""
    assert _refused(text, loader).endswith((f"nested more than {MOST_DEPTH} levels deep", "a key must be plain text"))


@pytest.mark.parametrize("loader", LOADERS)
def test_deepest_that_is_read(loader):
    """Exactly as many levels as the limit are read, with scalars at the bottom."""
    assert _composed("[" * MOST_DEPTH + "x" + "]" * MOST_DEPTH, loader)[1] == []


@pytest.mark.parametrize("loader", LOADERS)
def test_event_bomb(loader):
    """A file of too many values is dropped where it becomes too much."""
    assert _refused("- x\n" * 200_000, loader).endswith(f"more than {MOST_EVENTS} YAML events; put bulk data into the feed")


def _bomb(width: int, levels: int) -> str:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(("width", "levels"), [(2, 25), (3, 16), (9, 6), (4, 10)])
def test_billion_laughs_within_the_alias_limit(loader, width, levels):
    """Aliases of aliases are counted written out, so few of them cannot stand for many values."""
    assert _refused(_bomb(width, levels), loader).endswith(f"more than {MOST_EVENTS} values when its aliases are written out")


def test_alias_limit():
    """More aliases than the limit are refused; as many as the limit are read."""
    assert _refused(f"a: &a 1\nb: [{', '.join(['*a'] * (MOST_ALIASES + 1))}]").endswith(f"more than {MOST_ALIASES} aliases")
    assert _composed(f"a: &a 1\nb: [{', '.join(['*a'] * MOST_ALIASES)}]")[1] == []


def test_aliases_cannot_add_up_to_depth():
    """Aliases inside aliases count towards the depth as if written out."""
    lines = ["a0: &a0 " + "[" * 30 + "]" * 30, "a1: &a1 " + "[" * 15 + "*a0" + "]" * 15, "a2: " + "[" * 10 + "*a1" + "]" * 10]
    assert _refused("\n".join(lines)).endswith(f"nested more than {MOST_DEPTH} levels deep when its aliases are written out")
