from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runner.job import schema
from runner.job.document import read_document
from runner.job.model import Job
from runner.job.project import Project
from runner.job.wording import keys_of
from tests.job.samples import FULL, JOB, PROJECT

FOLDER = Path(schema.__file__).parent
SCHEMAS = [pytest.param(schema.job_schema(), id="job"), pytest.param(schema.project_schema(), id="project")]


def subschemas(part: Any) -> list[dict[str, Any]]:
    """Every schema inside a schema."""
    if not isinstance(part, dict):
        return []
    found = [part]
    for key, value in part.items():
        if key in ("properties", "definitions", "patternProperties"):
            inner = list(value.values())
        elif key in ("anyOf", "allOf"):
            inner = value
        else:
            inner = [value] if key in ("items", "additionalProperties", "propertyNames") else []
        found += [each for schema in inner for each in subschemas(schema)]
    return found


def fits(value: Any, part: Any, root: dict[str, Any]) -> bool:
    """Whether `value` is valid, by the words of draft-07 that our schemas use."""
    if isinstance(part, bool):
        return part
    if "$ref" in part:
        return fits(value, root["definitions"][part["$ref"].rpartition("/")[2]], root)
    return all(RULES[word](value, part, root) for word in part if word in RULES)


KINDS: dict[str, Any] = {"string": str, "boolean": bool, "object": dict, "array": list}


def _type(value, part, root):
    kinds = part["type"] if isinstance(part["type"], list) else [part["type"]]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    whole = number and value == int(value)
    return any(number if kind == "number" else whole if kind == "integer" else isinstance(value, KINDS[kind]) for kind in kinds)


def _properties(value, part, root):
    known = part.get("properties", {})
    patterns = part.get("patternProperties", {})
    for name, inner in value.items() if isinstance(value, dict) else ():
        rule = known.get(name) or next(
            (rule for form, rule in patterns.items() if re.search(form, name)), part.get("additionalProperties", True)
        )
        if not fits(inner, rule, root):
            return False
    return True


RULES: dict[str, Any] = {
    "type": _type,
    "properties": _properties,
    "patternProperties": _properties,
    "additionalProperties": _properties,
    "const": lambda value, part, root: value == part["const"],
    "enum": lambda value, part, root: value in part["enum"],
    "anyOf": lambda value, part, root: any(fits(value, branch, root) for branch in part["anyOf"]),
    "allOf": lambda value, part, root: all(fits(value, branch, root) for branch in part["allOf"]),
    "items": lambda value, part, root: not isinstance(value, list) or all(fits(item, part["items"], root) for item in value),
    "required": lambda value, part, root: not isinstance(value, dict) or set(part["required"]) <= set(value),
    "pattern": lambda value, part, root: not isinstance(value, str) or re.search(part["pattern"], value) is not None,
    "minimum": lambda value, part, root: not isinstance(value, int | float) or value >= part["minimum"],
    "maximum": lambda value, part, root: not isinstance(value, int | float) or value <= part["maximum"],
    "exclusiveMinimum": lambda value, part, root: not isinstance(value, int | float) or value > part["exclusiveMinimum"],
    "minItems": lambda value, part, root: not isinstance(value, list) or len(value) >= part["minItems"],
    "minLength": lambda value, part, root: not isinstance(value, str) or len(value) >= part["minLength"],
    "maxLength": lambda value, part, root: not isinstance(value, str) or len(value) <= part["maxLength"],
    "minProperties": lambda value, part, root: not isinstance(value, dict) or len(value) >= part["minProperties"],
    "maxProperties": lambda value, part, root: not isinstance(value, dict) or len(value) <= part["maxProperties"],
    "propertyNames": lambda value, part, root: all(fits(name, part["propertyNames"], root) for name in value),
    "uniqueItems": lambda value, part, root: len({json.dumps(item, sort_keys=True) for item in value}) == len(value),
}
SILENT = {"$schema", "title", "description", "examples", "default", "definitions", "$ref"}


@pytest.mark.parametrize(
    ("file", "text"), [("job.schema.json", schema.job_schema_text()), ("project.schema.json", schema.project_schema_text())]
)
def test_committed_schema_equals_the_models(file, text):
    """The schema in the repository is the one the models give; `adbatch schema` prints it."""
    assert (FOLDER / file).read_text(encoding="utf-8") == text


@pytest.mark.parametrize("text", [schema.job_schema_text(), schema.project_schema_text()])
def test_text_is_stable(text):
    """The text is sorted, indented, readable as it is, and ends with a newline."""
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert "\\u" not in text


@pytest.mark.parametrize("whole", SCHEMAS)
def test_draft_07(whole):
    """Only words that draft-07 readers follow are used, and nothing stands beside a reference."""
    assert whole["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert whole["title"].startswith("adbatch ")
    for part in subschemas(whole):
        assert set(part) <= set(RULES) | SILENT
        assert "$ref" not in part or set(part) == {"$ref"}
        assert part.get("$ref", "#/definitions/").startswith("#/definitions/")


@pytest.mark.parametrize("whole", SCHEMAS)
def test_null_is_nowhere(whole):
    """A key is given or absent, so no schema allows null, and none has it as a default."""
    for part in subschemas(whole):
        assert part.get("type") != "null"
        assert part.get("default", ...) is not None


@pytest.mark.parametrize("whole", SCHEMAS)
def test_every_property_is_described(whole):
    """An editor has a sentence to show for every key; a key that is only a reference shows that of the part it refers to."""
    for part in subschemas(whole):
        for name, inner in part.get("properties", {}).items():
            described = inner if "$ref" not in inner else whole["definitions"][inner["$ref"].rpartition("/")[2]]
            assert described.get("description"), name


def test_keys_are_those_of_the_models():
    """The schema's keys are the keys the loader takes."""
    assert sorted(schema.job_schema()["properties"]) == sorted(keys_of(Job))
    assert sorted(schema.project_schema()["properties"]) == sorted(keys_of(Project))


@pytest.mark.parametrize("text", [JOB, FULL])
def test_jobs_fit(text):
    """What the loader takes, the editor takes."""
    whole = schema.job_schema()
    assert fits(read_document(text, "x.yaml").data, whole, whole)


def test_project_fits():
    """A whole project fits its schema, with settings of providers nobody listed."""
    whole = schema.project_schema()
    assert fits(read_document(PROJECT, "x.yaml").data, whole, whole)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version: 1", "version: 2"),
        ("name: summer-sale", "name: summer sale"),
        ("format: auto", "format: yaml"),
        ("limit: 50", "limit: 0"),
        ("max_drop: 30%", "max_drop: 0.3"),
        ('delimiter: ";"', 'delimiter: ";;"'),
        ("locale: [en-US, de-DE]", "locale: []"),
        ("locale: [en-US, de-DE]", "locale: en-US"),
        ("locale: [en-US, de-DE]", "lo-cale: [en-US, de-DE]"),
        ("locale: [en-US, de-DE]", "locale: [en-US, en-US]"),
        ("exclude: [{locale: de-DE, size: {name: leaderboard}}]", "exclude: {locale: de-DE}"),
        ("variants: 2", "variants: 1001"),
        ("  headline:", "  head-line:"),
        ("use: jivox/text", "use: jivox"),
        ("use: jivox/text", "uses: jivox/text"),
        ("with: \"{{ row | omit('metadata') }}\"", "with: row"),
        ("uncertain: retry", "uncertain: maybe"),
        ("{retry: 2, max_cost: 2 USD}", "{retry: 0}"),
        ("max_kb: 150.5", "max_kb: 0"),
        ("format: [jpeg, png]", "format: tiff"),
        ("cost: 20 USD", "cost: 20"),
        ("max_age: 30d", "max_age: 30"),
        ("output: {dir: ../out/summer-sale}", "output: {}"),
    ],
)
def test_editors_see_the_mistake(old, new):
    """What the loader refuses in form, the schema refuses too."""
    whole = schema.job_schema()
    assert old in FULL
    assert not fits(read_document(FULL.replace(old, new), "x.yaml").data, whole, whole)


@pytest.mark.parametrize(
    "text",
    [
        "providers: {vyro: {key: test-key}}",
        "providers: {vyro: {key: {env: A, file: B}}}",
        "providers: {vyro: {limits: {rate: [50]}}}",
        "providers: {vyro: {limits: {rates: []}}}",
        "prices: {sivi/media: {each: 1}}",
        "state: 5",
        "secrets: {}",
    ],
)
def test_editors_see_the_mistake_in_a_project(text):
    """A literal key, two places for one key, or an unknown word is refused in the editor already."""
    whole = schema.project_schema()
    assert not fits(read_document(text, "x.yaml").data, whole, whole)
