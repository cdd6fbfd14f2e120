"""Fields and rules of a description, in the program's own words."""

from __future__ import annotations

from typing import Any

import pytest

from runner.fields import PENDING, Field, check_params
from runner.job.vendor import FieldSpec, Vendor
from runner.providers.described.fields import field_of, operations_of, options_of
from runner.records import Json
from tests.providers.described.acme import acme

FIELDS = {"a": {"type": ["string"]}, "b": {"type": ["array"]}, "c": {"type": ["object"], "additionalProperties": True}}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"type": "string", "minLength": 1, "maxLength": 9, "pattern": "[a-z]+"}, Field("text", least=1, most=9, pattern="[a-z]+")),
        ({"type": "integer", "minimum": 1, "maximum": 4, "default": 2}, Field("integer", low=1, high=4, default=2)),
        ({"type": ["number", "null"]}, Field("number", nullable=True)),
        ({"enum": ["a", "b"], "open_enum": True}, Field("text", choices=("a", "b"), open_choices=True)),
        ({"enum": [1, 2]}, Field("any", choices=(1, 2))),
        ({"items": {"type": "boolean"}, "maxItems": 3}, Field("list", most=3, item=Field("boolean", open_fields=True))),
        ({"type": "image"}, Field("image", takes=("url", "base64"))),
        ({"type": "image", "takes": ["url"], "assumed": True}, Field("image", takes=("url",), assumed=True)),
        ({}, Field("any")),
    ],
)
def test_a_field_is_what_json_schema_says(said: dict[str, Any], field: Field) -> None:
    """Types, bounds, choices; what has no type is told by its other words."""
    made = field_of(FieldSpec.model_validate(said))
    assert made == Field(**{**{name: getattr(field, name) for name in Field.__match_args__}, "open_fields": made.open_fields})


def problems(rules: list[dict[str, Any]], params: dict[str, Any]) -> list[str]:
    """What the rules say of the params."""
    vendor = acme(fields=FIELDS, required=[], rules=rules)
    operation = operations_of(vendor, lambda _: False)["image"]
    return [problem.message for problem in check_params(operation, "acme/image", params)]


@pytest.mark.parametrize(
    ("rule", "right", "wrong", "said"),
    [
        ({"one_of": ["a", "b"]}, {"a": "x"}, {"a": "x", "b": []}, "exactly one of a, b is wanted; a and b is given"),
        ({"one_of": ["a", "b"]}, {"b": []}, {}, "none is given"),
        ({"any_of": ["a", "b"]}, {"a": "x", "b": []}, {}, "at least one of a, b"),
        ({"excludes": ["a", "b"]}, {}, {"a": "x", "b": []}, "at most one of a, b"),
        ({"requires": {"a": ["b"]}}, {"b": []}, {"a": "x"}, "a needs b beside it"),
        ({"at_most": 2, "of": ["b", "c"]}, {"b": [1, 2]}, {"b": [1], "c": {"x": [1], "y": [2]}}, "3 over b and c; at most 2"),
        ({"wrong_if": "a == 'x' && !b", "message": "x needs b"}, {"a": "y"}, {"a": "x"}, "x needs b"),
        ({"excludes": ["a", "b"], "message": "not both"}, {"a": "x"}, {"a": "x", "b": []}, "not both"),
    ],
)
def test_rules_between_fields(rule: dict[str, Any], right: dict[str, Json], wrong: dict[str, Json], said: str) -> None:
    """Each word of the vocabulary, kept and broken; what is not known yet breaks nothing."""
    assert problems([rule], right) == []
    [told] = problems([rule], wrong)
    assert said in told
    assert problems([rule], dict.fromkeys(wrong, PENDING) or {"a": PENDING}) == []


def test_options_of_headers_hold_what_a_header_can() -> None:
    """No line break gets into a header by way of an account."""
    vendor: Vendor = acme(
        top={"options": {"club": {"type": "string"}, "free": {"type": "string"}}, "headers": {"X-Club": "{options.club}"}}
    )
    options = options_of(vendor)
    assert options["club"].pattern
    assert options["club"].required
    assert options["free"].pattern is None
