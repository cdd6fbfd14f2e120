from __future__ import annotations

from typing import Any

import pytest

from runner.sandbox.instances import write_instance, write_object

PROMPT = "Write a headline for our steel mug"


@pytest.mark.parametrize(
    ("prompt", "keys"),
    [
        ("Answer in JSON", ["headline", "text"]),
        ('Answer as JSON with the keys "title", "cta" and "note".', ["title", "cta", "note"]),
        ("JSON, fields: head, body", ["head", "body"]),
    ],
)
def test_an_object_has_the_keys_that_were_named(prompt: str, keys: list[str]):
    """Keys named in the prompt are the object's; else it has two of its own."""
    answer = write_object(prompt)
    assert list(answer) == keys
    assert all(isinstance(value, str) and value for value in answer.values())


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, str),
        ({"type": ["string", "null"]}, str),
        ({"type": "integer", "minimum": 3, "maximum": 5}, int),
        ({"type": "number", "exclusiveMinimum": 0}, float),
        ({"type": "boolean"}, bool),
        ({"type": "null"}, type(None)),
        ({"type": "array", "items": {"type": "string"}}, list),
        ({"properties": {"a": {"type": "string"}}}, dict),
        ({}, str),
    ],
)
def test_a_value_has_the_type_of_its_schema(schema: dict[str, Any], kind: type):
    """Each type of JSON Schema has values."""
    assert type(write_instance(schema, PROMPT)) is kind


def test_bounds_are_kept():
    """Lengths, numbers and counts stay within what the schema says, whatever the seed."""
    schema = {
        "type": "object",
        "properties": {
            "title": {"type": "string", "maxLength": 9},
            "long": {"type": "string", "minLength": 90},
            "stars": {"type": "integer", "minimum": 2, "maximum": 4},
            "even": {"type": "integer", "multipleOf": 2, "minimum": 1},
            "tags": {"type": "array", "minItems": 3, "maxItems": 3, "items": {"enum": ["a", "b"]}},
        },
        "required": ["title"],
    }
    for seed in range(20):
        value = write_instance(schema, PROMPT, seed)
        assert 1 <= len(value["title"]) <= 9
        assert len(value["long"]) >= 90
        assert 2 <= value["stars"] <= 4
        assert value["even"] % 2 == 0
        assert value["even"] >= 1
        assert len(value["tags"]) == 3
        assert set(value["tags"]) <= {"a", "b"}


def test_references_and_choices_are_followed():
    """`$ref`, `const`, `anyOf` and a schema that refers to itself end in a value."""
    schema = {
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "name": {"const": "n"},
                    "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                },
                "required": ["name", "next"],
            }
        },
        "$ref": "#/$defs/node",
    }
    value, depth = write_instance(schema, PROMPT), 0
    while value is not None:
        assert value["name"] == "n"
        value, depth = value["next"], depth + 1
    assert depth > 1


def test_the_same_ask_has_the_same_answer():
    """A value depends on schema, prompt and seed alone."""
    schema = {"type": "array", "items": {"type": "integer"}, "minItems": 3}
    assert write_instance(schema, PROMPT, 1) == write_instance(schema, PROMPT, 1)
    assert len({str(write_instance(schema, PROMPT, seed)) for seed in range(5)}) > 1
