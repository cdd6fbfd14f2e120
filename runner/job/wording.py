"""pydantic's errors as complaints: a sentence for a person, a dotted path, and the place in the file.

pydantic speaks of inputs and types, and its way to an error holds parts no file has (the tag of a union's branch, the index of a
list nobody wrote). Here each error becomes one sentence at one place: an unknown key points at the key, a wrong value at the value,
a missing one at what it is missing from. A key that is nearly right is one mistake, not an unknown and a missing one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, get_args, get_origin

from pydantic import ValidationError

from runner.errors import Complaint
from runner.fields import suggest
from runner.job.document import Document, Path, dotted
from runner.job.forms import EMPTY, WRONGS
from runner.job.model import MAP_TAG, WORD_TAG, Spec
from runner.job.project import LITERAL_SECRET
from runner.job.speech import say

NO_PARTS: Final = frozenset({"[key]", WORD_TAG, MAP_TAG})


def complaints_of(error: ValidationError, document: Document, spec: type[Spec]) -> list[Complaint]:
    """Every mistake in `document`: YAML's own, and those that `error` holds about it read as a `spec`.

    A secret that stands in the file is starred out of the lines shown.
    """
    slips = error.errors(include_url=False)
    for slip in slips:
        if slip["type"] == LITERAL_SECRET:
            document = document.hide(_way(slip["loc"], document))
    meant = {_meant(slip, spec) for slip in slips if slip["type"] == "extra_forbidden"}
    slips = [slip for slip in slips if slip["type"] != "missing" or slip["loc"] not in meant]
    return [*document.complaints, *(complaint for slip in slips for complaint in _complaints(slip, document, spec))]


def ways_of(error: ValidationError, document: Document) -> set[Path]:
    """Where each mistake is, as paths of the file."""
    ways: set[Path] = set()
    for slip in error.errors(include_url=False):
        way = _way(slip["loc"], document)
        inner = [problem.path for problem in slip["ctx"]["problems"]] if slip["type"] == WRONGS else [()]
        ways |= {(*way, *path) for path in inner}
    return ways


def _complaints(slip: Any, document: Document, spec: type[Spec]) -> Iterator[Complaint]:
    way = _way(slip["loc"], document)
    if slip["type"] == WRONGS:
        for problem in slip["ctx"]["problems"]:
            path = (*way, *problem.path)
            yield Complaint(problem.message, dotted(path), document.place(path))
        return
    about_key = slip["type"] == "extra_forbidden" or slip["loc"][-1:] == ("[key]",)
    yield Complaint(_message(slip, spec), dotted(way), document.place(way, "key" if about_key else "value"))


def _way(loc: Sequence[str | int], document: Document) -> tuple[str | int, ...]:
    """The path of `loc` as the file has it: without tags and without indices of lists that were not written."""
    way: list[str | int] = []
    for part in loc:
        parent = document.node(way)
        written = parent is not None and part in parent.children
        if written or not (part in NO_PARTS or isinstance(part, int)):
            way.append(part)
    return tuple(way)


def _message(slip: Any, spec: type[Spec]) -> str:
    say_it = MESSAGES.get(slip["type"])
    if say_it is not None:
        return say_it(slip)
    owner = spec_at(spec, slip["loc"][:-1])
    if slip["type"] == "extra_forbidden":
        return f"not a field of {owner.NOUN}{suggest(str(slip['loc'][-1]), keys_of(owner))}"
    if slip["type"] == "missing":
        return f"is missing; {owner.NOUN} needs it"
    return str(slip["msg"])


def _meant(slip: Any, spec: type[Spec]) -> tuple[str | int, ...]:
    """The way to the field an unknown key was probably meant for."""
    *parents, name = slip["loc"]
    return (*parents, *get_close_matches(str(name), keys_of(spec_at(spec, parents)), n=1))


def keys_of(spec: type[Spec]) -> list[str]:
    """The keys a part of the file may have, as they are written."""
    return [field.alias or name for name, field in spec.model_fields.items()]


def spec_at(spec: type[Spec], loc: Path) -> type[Spec]:
    """The model that reads what stands at `loc` inside a `spec`; the nearest one above where none does."""
    fields = {field.alias or name: field.annotation for name, field in spec.model_fields.items()}
    for depth, part in enumerate(loc):
        annotation = fields.get(str(part))
        inner = next(_specs(annotation), None)
        if inner is None:
            continue
        named = any(get_origin(kind) in (dict, list) for kind in (annotation, *get_args(annotation)))
        return spec_at(inner, loc[depth + (2 if named else 1) :])
    return spec


def _specs(annotation: Any) -> Iterator[type[Spec]]:
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        yield annotation
    for inner in get_args(annotation):
        yield from _specs(inner)


def _needs(what: str, cure: Callable[[Any], str] | None = None) -> Callable[[Any], str]:
    def message(slip: Any) -> str:
        value = slip["input"]
        return EMPTY if value is None else f"needs {what}; got {say(value)}{cure(value) if cure else ''}"

    return message


def _quote(value: Any) -> str:
    return "" if isinstance(value, Mapping | list) else "; put quotes around it"


def _bracket(value: Any) -> str:
    return "" if isinstance(value, Mapping) else "; put it in [ ]"


def _unquote(value: Any) -> str:
    return "; take the quotes away" if isinstance(value, str) and re.fullmatch(r"-?[0-9]+|true|false", value) else ""


def _choices(slip: Any) -> str:
    known = re.findall(r"'([^']*)'", slip["ctx"]["expected"])
    near = get_close_matches(str(slip["input"]), known, n=1)
    return f"needs one of {', '.join(known)}; got {say(slip['input'])}" + (f"; did you mean {near[0]}?" if near else "")


MESSAGES: Final[Mapping[str, Callable[[Any], str]]] = {
    "value_error": lambda slip: str(slip["ctx"]["error"]),
    "literal_error": _choices,
    "string_type": _needs("text", _quote),
    "int_type": _needs("a whole number", _unquote),
    "bool_type": _needs("true or false", _unquote),
    "list_type": _needs("a list", _bracket),
    "dict_type": _needs("a map"),
    "model_type": _needs("a map"),
    "string_too_short": lambda _: EMPTY,
    "too_short": lambda _: "is empty; at least one is needed",
    "greater_than_equal": lambda slip: f"is {slip['input']}; the least allowed is {slip['ctx']['ge']}",
    "less_than_equal": lambda slip: f"is {slip['input']}; the most allowed is {slip['ctx']['le']}",
}
