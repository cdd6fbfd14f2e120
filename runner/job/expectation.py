"""From `expect:` as written to what one variant expects: packs opened, expressions compiled, values read once they are known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import reduce
from typing import Any, Final, Literal

from runner.fields import PENDING, Path
from runner.job.expect import Expected, Ratio
from runner.job.expect_form import BITS, PIXELS, RATIO, SHARE, Expect
from runner.job.forms import is_expression
from runner.job.names import ROOTS
from runner.job.prompts import Compiler
from runner.job.rendering import Shape, Unrenderable
from runner.packs.shelf import load_pack, role_of

WHOLE: Final = ("max_chars", "min_chars", "width", "height", "min_width", "max_width", "min_height", "max_height")
BITWISE: Final = ("unlike_siblings", "unlike_source")
NUMBERS: Final = ("max_kb", "min_kb")
WORDS: Final = ("forbidden", "required")
MUSTS: Final = ("alpha", "animation", "blank")
BESIDE: Final = frozenset({"pack", "role", "on_fail"})
"""What stands under `expect:` and is no limit."""
OF_TEXTS: Final = frozenset({"max_chars", "min_chars", "forbidden", "required", "facts", "locale"})
OF_BOTH: Final = frozenset({"max_width", "min_width", "blank"})
KINDS: Final[Mapping[str | None, Literal["text", "picture"]]] = {"text": "text", "file": "picture", "files": "picture"}
"""What an operation that gives this has for packs and limits to judge; nothing is known of the others."""


def compile_expect(name: str, expect: Expect | None, gives: str | None, compiler: Compiler) -> dict[str, Shape]:
    """The limits of a step by field, its pack's among them. Mistakes go to `compiler.complaints`; `gives` may not be known."""
    if expect is None:
        return {}
    path: Path = ("steps", name, "expect")
    asked, kind = expect.model_dump(exclude_none=True, exclude=set(BESIDE)), KINDS.get(gives)
    for what in asked if kind else ():
        if what not in OF_BOTH and (what in OF_TEXTS) != (kind == "text"):
            compiler.complain(f"is for a {'picture' if kind == 'text' else 'text'}, and the step gives a {kind}", (*path, what))
    if expect.pack is not None:
        asked = {**_packed(expect, name, kind, path, compiler), **asked}
    compiled = {what: _compile(what, value, (*path, what), compiler) for what, value in asked.items()}
    return {what: part for what, part in compiled.items() if part is not PENDING}


def _packed(expect: Expect, step: str, kind: Literal["text", "picture"] | None, path: Path, compiler: Compiler) -> dict[str, Any]:
    try:
        role = role_of(load_pack(str(expect.pack)), expect.role, step, kind)
    except ValueError as wrong:
        compiler.complain(str(wrong), (*path, "role" if expect.role is not None else "pack"))
        return {}
    return dict(role.limits)


def _compile(what: str, value: Any, path: Path, compiler: Compiler) -> Shape:
    """A limit with its expressions compiled; a column among the facts is an expression too, and may be missing in a row."""
    if what != "facts" or isinstance(value, str):
        return compiler.shape(value, path)
    facts: dict[str, Shape] = {}
    for index, fact in enumerate(value):
        text = fact if is_expression(fact) else f"{_column(fact)} | default(none)"
        facts[fact] = compiler.expression(text, (*path, index), ROOTS) or PENDING
    return {fact: part for fact, part in facts.items() if part is not PENDING}


def _column(name: str) -> str:
    """The expression that reads a column, or a part of one (`price.amount`), whether or not the row has it."""
    if not all(map(str.isidentifier, name.split("."))):
        return f"row[{json.dumps(name, ensure_ascii=False)}]"
    first, *rest = name.split(".")
    return reduce(lambda outer, inner: f"({outer} | default({{}})).{inner}", rest, f"row.{first}")


def read_expected(values: Mapping[str, Any], step: Path, cell: Mapping[str, Any] | None = None) -> Expected:
    """A rendered `expect:` of the step at `step`. Raises `Unrenderable` for a value that is no limit."""

    def read(name: str, reader: Callable[[Any], Any], need: str) -> Any:
        try:
            return None if name not in values else reader(values[name])
        except (TypeError, ValueError):
            cure = _cure(need) if isinstance(values[name], str) else ""
            raise Unrenderable(f"needs {need}, got {str(values[name])[:60]!r}{cure}", (*step, "expect", name)) from None

    limits: dict[str, Any] = {name: read(name, _whole, "a whole number") for name in WHOLE}
    limits |= {name: read(name, _bits, "a whole number up to 64") for name in BITWISE}
    limits |= {name: read(name, _number, "a number") for name in NUMBERS}
    limits |= {name: read(name, _words, "a list of texts") or () for name in WORDS}
    limits |= {name: values[name] for name in MUSTS if name in values}
    limits |= {"formats": tuple(values.get("format", ())), "modes": tuple(values.get("mode", ()))}
    limits["sizes"] = read("sizes", _sizes, "sizes such as 300x250") or {}
    limits["ratios"] = read("ratio", _ratios, "width to height, such as 1.91:1") or ()
    if "tolerance" in values:
        limits["tolerance"] = read("tolerance", _share, "a percentage such as 1%")
    if "facts" in values:
        stated = values["facts"] if isinstance(values["facts"], Mapping) else {"facts": values["facts"]}
        from runner.job.figures import facts_in  # noqa: PLC0415 - figures are for jobs whose copy must not invent any

        limits |= {"facts": tuple(facts_in(stated)), "fact_names": tuple(stated)}
    return Expected(**limits, locale=_locale(values.get("locale"), cell or {}))


def _cure(need: str) -> str:
    filters = {"a whole number": "int", "a number": "float"}
    return f"; write {{{{ … | {filters[need]} }}}}" if need in filters else ""


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError
    return value


def _bits(value: Any) -> int:
    if _whole(value) > BITS:
        raise ValueError
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError
    return value


def _words(value: Any) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError
    return tuple(word for word in words if word.strip())


def _sizes(value: Any) -> dict[tuple[int, int], float | None]:
    return {_pixels(size): None if most is None else _number(most) for size, most in _weighed(value).items()}


def _weighed(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else dict.fromkeys(value)


def _pixels(text: str) -> tuple[int, int]:
    found = PIXELS.fullmatch(text)
    if found is None:
        raise ValueError
    return int(found[1]), int(found[2])


def _ratios(value: Any) -> tuple[Ratio, ...]:
    return tuple(map(_ratio, [value] if isinstance(value, str) else value))


def _ratio(text: Any) -> Ratio:
    found = RATIO.fullmatch(text)
    if found is None or not float(found[1]) or not float(found[2]):
        raise ValueError
    return Ratio(text, Fraction(found[1]) / Fraction(found[2]))


def _share(text: str) -> float:
    found = SHARE.fullmatch(text)
    if found is None:
        raise ValueError
    return float(Fraction(found[1]) / 100)


def _locale(given: Any, cell: Mapping[str, Any]) -> str | None:
    """What is given, else the cell's axis of that name, which may be a map with a `name`."""
    locale = given if given is not None else cell.get("locale")
    if isinstance(locale, Mapping):
        locale = locale.get("name")
    return locale if isinstance(locale, str) else None
