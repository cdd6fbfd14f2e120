"""What an operation takes: fields with the vendor's rules, and rules between fields.

The vendor's documentation written as data. `job` checks every rendered row against it without knowing any vendor; `providers`
declare it without knowing the job. A check returns every problem it finds, as values: a wrong field is the job's mistake, and the
caller knows where in the YAML it stands.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from runner.frozen import frozen
from runner.records import BLOB_SCHEME, Json, Money

Kind: TypeAlias = Literal["text", "integer", "number", "boolean", "list", "map", "image", "url", "any"]
Take: TypeAlias = Literal["url", "base64", "part"]
Gives: TypeAlias = Literal["text", "file", "files", "json", "task"]
Path: TypeAlias = tuple[str | int, ...]
"""The way to a value below the params."""

MOST_EXACT: Final = 2**53 - 1
"""The largest whole number that every reader of JSON reads exactly (RFC 8259 §6)."""
LIKENESS: Final = 0.6
LONGEST_COMPARED: Final = 60
MOST_COMPARED: Final = 200
INSIDE: Final = frozenset({"list", "map"})
"""The kinds of value that have values in them."""
HTTP_URL: Final = re.compile(r"https?://[^\s/]", re.IGNORECASE)


class Pending:
    """Stands for a value that only an earlier step's result will tell. It passes every rule; there is one of it: `PENDING`."""

    def __repr__(self) -> str:
        return "PENDING"


PENDING: Final = Pending()


@frozen
class Field:
    """One field of an operation, under the vendor's own name.

    `low`/`high` bound numbers (inclusive), `least`/`most` the characters of a text or the items of a list. `choices` are the values
    allowed; with `open_choices` the list is known to move and any other text passes. `takes` (images) lists how the vendor accepts
    one, best first. `item` describes a list's items (or a map's, whatever their names), `fields` a map's; with `open_fields` a map
    takes names beyond those. `default` documents what the vendor assumes; it is never sent. `assumed` marks what the vendor's own
    documents do not say.
    """

    kind: Kind
    required: bool = False
    doc: str = ""
    choices: tuple[Json, ...] = ()
    open_choices: bool = False
    low: float | None = None
    high: float | None = None
    least: int | None = None
    most: int | None = None
    pattern: str | None = None
    nullable: bool = False
    default: Json = None
    takes: tuple[Take, ...] = ()
    item: Field | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)
    open_fields: bool = False
    assumed: bool = False


@frozen
class Rule:
    """A rule between fields. `broken` gets the params and returns what is wrong, or None; it is not asked while one is PENDING."""

    names: tuple[str, ...]
    broken: Callable[[Mapping[str, Json]], str | None]


@frozen
class Polling:
    """When to ask a queued job again: `first` seconds after acceptance, then `factor` times longer each time, at most `cap`."""

    first: float = 1.0
    factor: float = 1.5
    cap: float = 15.0


@frozen
class Operation:
    """One thing a vendor can be asked for.

    `gives` is what `steps.<name>` offers afterwards: `.text`, `.file`, `.files`, `.json`, or only a task id. `deadline` is how
    many seconds a job may stay queued or running before it is left for the next run. `price` is the highest price of one
    submit, None where nobody told us. `open` operations pass on fields they do not list; `local` ones are carried out on
    this machine and generate nothing.
    """

    name: str
    gives: Gives
    fields: Mapping[str, Field]
    summary: str = ""
    doc: str = ""
    rules: tuple[Rule, ...] = ()
    polling: Polling = Polling()
    deadline: float = 600.0
    price: Money | None = None
    open: bool = False
    local: bool = False


@frozen
class Offer:
    """An operation as one account offers it. `defaults` are params its options fill in where the job does not (a brand id).

    `batch` is the same operation as it goes by batch, at its price and deadline; None where it cannot.
    """

    operation: Operation
    defaults: Mapping[str, Json] = field(default_factory=dict)
    batch: Operation | None = None

    def by(self, lane: str) -> Operation:
        """The operation on this lane of a step, `direct` or `batch`."""
        return self.batch if lane == "batch" and self.batch is not None else self.operation


@frozen
class Problem:
    """One thing wrong with the params: the way to it (`("assets", "images", 0, "url")`) and what to do about it."""

    path: Path
    message: str


def suggest(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` if something known is near, else the first few of what is known, else nothing."""
    names = tuple(known)
    near = _nearest(str(word), names)
    if near:
        return f"; did you mean {near}?"
    shown = [name if len(name) <= LONGEST_COMPARED else f"{name[: LONGEST_COMPARED - 1]}…" for name in sorted(names)[:12]]
    return f"; it takes {', '.join(shown)}" if names else ""


@lru_cache(maxsize=1024)
def _nearest(word: str, names: tuple[str, ...]) -> str | None:
    """The known name most like `word`. Files of strangers may hold thousands of long names, so only short ones are compared.

    Remembered, because what is wrong in one row is wrong in all.
    """
    matcher = difflib.SequenceMatcher(None, "", word)
    likely: list[tuple[float, str]] = []
    for name in names[:MOST_COMPARED] if len(word) <= LONGEST_COMPARED else ():
        matcher.set_seq1(name[:LONGEST_COMPARED])
        if matcher.real_quick_ratio() >= LIKENESS and (bound := matcher.quick_ratio()) >= LIKENESS:
            likely.append((bound, name))
    return next(iter(difflib.get_close_matches(word, [name for _, name in sorted(likely)[-10:]], n=1, cutoff=LIKENESS)), None)


def check_params(operation: Operation, use: str, params: Mapping[str, object]) -> list[Problem]:
    """Every problem of rendered `params` for `operation`, called `use` (`vyro/ai-background`) in messages. Empty if there is none.

    Values may be PENDING; those pass. Fields are checked first; rules between fields only where the fields they name are right.
    """
    problems = _check_map(operation.fields, params, use, (), operation.open)
    if not operation.rules:
        return problems
    unsure = {problem.path[0] for problem in problems if problem.path}
    unsure |= {name for name, value in params.items() if type(value) is not str and _is_pending(value)}
    for rule in operation.rules:
        if unsure and not unsure.isdisjoint(rule.names):
            continue
        message = rule.broken(params)  # type: ignore[arg-type]
        if message:
            named = next((name for name in rule.names if name in params), None)
            problems.append(Problem((named,) if named else (), message))
    return problems


def _is_pending(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_is_pending(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return any(_is_pending(inner) for inner in value)
    return value is PENDING


def _check_map(
    fields: Mapping[str, Field], values: Mapping[str, object], owner: str, path: Path, open_fields: bool
) -> list[Problem]:
    found: list[Problem] = []
    for name, value in values.items():
        spec = fields.get(name)
        if spec is not None:
            found += _check_value(spec, value, owner, path, name)
        elif not open_fields:
            found.append(Problem((*path, name), f"not a field of {owner}{suggest(name, fields)}"))
    for name, spec in fields.items():
        if spec.required and name not in values:
            found.append(Problem(path, f"{'.'.join(map(str, (*path, name)))} is required by {owner}"))
    return found


def _check_value(spec: Field, value: object, owner: str, above: Path, name: str | int) -> Sequence[Problem]:
    if value is PENDING or spec.kind == "any":
        return ()
    if (wrong := _blame(spec, value, owner)) is not None:
        return [Problem((*above, name), wrong)]
    return _check_inside(spec, value, owner, (*above, name)) if spec.kind in INSIDE and value is not None else ()


def _blame(spec: Field, value: object, owner: str) -> str | None:
    """What is wrong with the value itself, whatever is inside it."""
    if value is None:
        return None if spec.nullable else f"is empty (null); {owner} needs {KINDS[spec.kind]} here, or leave the field out"
    wrong = CHECKS[spec.kind](spec, value)
    if wrong is None and spec.choices and not spec.open_choices and value not in spec.choices:
        known = [str(choice) for choice in spec.choices]
        wrong = f"{_show(value)} is not one of {', '.join(known)}{_near(str(value), known)}"
    return wrong


def _check_inside(spec: Field, value: Any, owner: str, path: Path) -> Sequence[Problem]:
    """The items of a list, those of a map whatever their names, or a map's fields."""
    if spec.item is not None:
        items = enumerate(value) if spec.kind == "list" else value.items()
        return [problem for name, item in items for problem in _check_value(spec.item, item, owner, path, name)]
    if spec.kind == "map" and (spec.fields or not spec.open_fields):
        return _check_map(spec.fields, value, owner, path, spec.open_fields)
    return ()


def _near(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def _text(spec: Field, value: object) -> str | None:
    if not isinstance(value, str):
        return f"needs text, got {_say(value)}; put quotes around it"
    if spec.pattern is not None and not re.fullmatch(spec.pattern, value):
        return f"{_show(value)} does not have the form {spec.pattern}"
    return _size(spec, len(value), "characters")


def _integer(spec: Field, value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        cure = "; write {{ … | int }}" if re.fullmatch(r"\s*-?\d+(\.0+)?\s*", str(value)) else ""
        return f"needs a whole number, got {_say(value)}{cure}"
    return _range(spec, value)


def _number(spec: Field, value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        cure = "; write {{ … | float }}" if isinstance(value, str) and re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", value) else ""
        return f"needs a number, got {_say(value)}{cure}"
    return _range(spec, value)


def _boolean(spec: Field, value: object) -> str | None:
    return None if isinstance(value, bool) else f"needs true or false, got {_say(value)}"


def _list(spec: Field, value: object) -> str | None:
    if not isinstance(value, list | tuple):
        return f"needs a list, got {_say(value)}"
    return _size(spec, len(value), "items")


def _map(spec: Field, value: object) -> str | None:
    return None if isinstance(value, Mapping) else f"needs a map, got {_say(value)}"


def _image(spec: Field, value: object) -> str | None:
    if not isinstance(value, str) or not value:
        return f"needs an image (a URL, a path or an earlier step's file), got {_say(value)}"
    if value.startswith(BLOB_SCHEME):
        return None if set(spec.takes) & {"base64", "part"} else "the vendor takes public URLs only here, not a file of ours"
    return None if HTTP_URL.match(value) else f"needs an image (a URL, a path or an earlier step's file), got {_say(value)}"


def _url(spec: Field, value: object) -> str | None:
    return None if isinstance(value, str) and HTTP_URL.match(value) else f"needs a URL, got {_say(value)}"


def _size(spec: Field, size: int, of: str) -> str | None:
    if spec.least is not None and size < spec.least:
        return f"has {size} {of}; at least {spec.least} are needed"
    if spec.most is not None and size > spec.most:
        return f"has {size} {of}; at most {spec.most} are allowed"
    return None


def _range(spec: Field, value: float) -> str | None:
    if spec.low is not None and value < spec.low:
        return f"is {_show(value)}; the least allowed is {spec.low:.15g}"
    if spec.high is not None and value > spec.high:
        return f"is {_show(value)}; the most allowed is {spec.high:.15g}"
    if isinstance(value, int):
        return None if abs(value) <= MOST_EXACT else f"is {_show(value)}; no number in JSON is exact beyond {MOST_EXACT}"
    return None if math.isfinite(value) else f"is {value}, which is not a number JSON can say"


def _say(value: object) -> str:
    return f"the text {_show(value)}" if isinstance(value, str) else f"{type(value).__name__} {_show(value)}"


def _show(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "…"


KINDS: Final[Mapping[Kind, str]] = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "list": "a list",
    "map": "a map",
    "image": "an image",
    "url": "a URL",
    "any": "a value",
}
CHECKS: Final[Mapping[Kind, Callable[[Field, object], str | None]]] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "list": _list,
    "map": _map,
    "image": _image,
    "url": _url,
}
