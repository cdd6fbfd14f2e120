"""Fields and rules of a description, as every provider declares them: from the words of JSON Schema to `runner.fields`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from runner.fields import Field, Gives, Kind, Operation, Polling, Rule, Take
from runner.job.vendor import FieldSpec, OperationSpec, RuleSpec, Vendor
from runner.job.vendor_checks import is_required
from runner.job.vendor_forms import NULL, names_in
from runner.providers.described.asking import holds
from runner.records import Json, Money

KINDS: Final[Mapping[str, Kind]] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "map",
    "image": "image",
    "any": "any",
}

Broken = Callable[[Mapping[str, Json]], str | None]


def operations_of(vendor: Vendor, polled: Callable[[OperationSpec], bool]) -> dict[str, Operation]:
    """What a vendor can be asked for; `polled` tells which of its operations are asked for again by this account."""
    return {name: _operation(name, spec, vendor, polled(spec)) for name, spec in vendor.operations.items()}


def options_of(vendor: Vendor) -> dict[str, Field]:
    """The settings of an account. What stands in a header is held to what a header can hold."""
    in_headers = " ".join(vendor.headers.values())
    options = {}
    for name, spec in vendor.options.items():
        safe = HEADER if spec.pattern is None and f"options.{name}}}" in in_headers else spec.pattern
        options[name] = field_of(spec, required=is_required(spec), pattern=safe)
    return options


HEADER: Final = r"[!-~](?:[ -~]*[!-~])?"
"""What a header's value can be: printable ASCII that neither begins nor ends with a space (RFC 9110 §5.5)."""


def field_of(spec: FieldSpec, takes: Sequence[Take] = ("url", "base64"), **ours: Any) -> Field:
    """One field; an image without `takes:` of its own is brought as `takes` says."""
    kind = kind_of(spec)
    sized = (spec.min_items, spec.max_items) if kind == "list" else (spec.min_length, spec.max_length)
    told = {
        "doc": spec.description,
        "choices": tuple(spec.enum or ()),
        "open_choices": spec.open_enum,
        "low": spec.minimum,
        "high": spec.maximum,
        "least": sized[0],
        "most": sized[1],
        "pattern": spec.pattern,
        "nullable": NULL in (spec.type or ()),
        "default": spec.default,
        "takes": tuple(spec.takes or takes) if kind == "image" else (),
        "item": field_of(spec.items, takes) if spec.items is not None else None,
        "fields": fields_of(spec.properties, spec.required, takes),
        "open_fields": spec.additional or not spec.properties,
        "assumed": spec.assumed,
    }
    return Field(kind, **{**told, **ours})


def fields_of(specs: Mapping[str, FieldSpec], required: Sequence[str], takes: Sequence[Take]) -> dict[str, Field]:
    """The fields of an operation, or of a map inside one."""
    return {name: field_of(spec, takes, required=name in required) for name, spec in specs.items()}


def kind_of(spec: FieldSpec) -> Kind:
    """What a field is; where it does not say so, what its other words make of it."""
    named = next((word for word in spec.type or () if word != NULL), None)
    if named is not None:
        return KINDS[named]
    if spec.properties:
        return "map"
    if spec.items is not None:
        return "list"
    return "text" if spec.enum and all(isinstance(choice, str) for choice in spec.enum) else "any"


def _operation(name: str, spec: OperationSpec, vendor: Vendor, polled: bool) -> Operation:
    takes: tuple[Take, ...] = ("part",) if spec.body == "multipart" else ("url", "base64")
    gives: Gives = (spec.poll.gives if polled and spec.poll is not None else None) or spec.gives
    polling = Polling() if spec.polling is None else Polling(spec.polling.first, spec.polling.factor, spec.polling.cap)
    price = None if spec.price is None else Money(spec.price.each, spec.price.currency)
    return Operation(
        name,
        gives,
        fields_of(spec.fields, spec.required, takes),
        spec.summary,
        spec.doc or vendor.doc,
        tuple(_rule(rule, spec) for rule in spec.rules),
        polling,
        float(spec.deadline),
        price,
        spec.open,
    )


def _rule(rule: RuleSpec, spec: OperationSpec) -> Rule:
    if rule.wrong_if is not None:
        query, message = rule.wrong_if, str(rule.message)
        names = tuple(name for name in names_in(query) if name in spec.fields)
        return Rule(names, lambda params: message if holds(query, params) else None)
    if rule.requires is not None:
        needs = rule.requires
        names = tuple(dict.fromkeys([*needs, *(other for others in needs.values() for other in others)]))
        return Rule(names, _saying(rule, lambda params: _lacking(params, needs)))
    if rule.at_most is not None:
        most, lists = rule.at_most, tuple(rule.of or ())
        return Rule(lists, _saying(rule, lambda params: _too_many(params, most, lists)))
    return _choice(rule)


def _choice(rule: RuleSpec) -> Rule:
    names = tuple(rule.one_of or rule.any_of or rule.excludes or ())
    least = 0 if rule.excludes is not None else 1
    most = len(names) if rule.any_of is not None else 1

    def broken(params: Mapping[str, Json]) -> str | None:
        given = [name for name in names if params.get(name) is not None]
        if least <= len(given) <= most:
            return None
        wanted = "at least one" if rule.any_of is not None else "exactly one" if rule.one_of is not None else "at most one"
        return f"{wanted} of {', '.join(names)} is wanted; {' and '.join(given) or 'none'} is given"

    return Rule(names, _saying(rule, broken))


def _saying(rule: RuleSpec, broken: Broken) -> Broken:
    """The same rule with the description's own message, if it has one."""
    own = rule.message
    return broken if own is None else lambda params: own if broken(params) else None


def _lacking(params: Mapping[str, Json], needs: Mapping[str, Sequence[str]]) -> str | None:
    for name, others in needs.items():
        missing = [other for other in others if params.get(other) is None]
        if params.get(name) is not None and missing:
            return f"{name} needs {' and '.join(missing)} beside it"
    return None


def _too_many(params: Mapping[str, Json], most: int, names: Sequence[str]) -> str | None:
    given = sum(_count(params.get(name)) for name in names)
    return f"{given} over {' and '.join(names)}; at most {most} are allowed in total" if given > most else None


def _count(value: Json) -> int:
    if isinstance(value, Mapping):
        return sum(_count(inner) for inner in value.values() if isinstance(inner, list | tuple | Mapping))
    return len(value) if isinstance(value, list | tuple) else 0
