"""What a description may say, by its model and its schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.errors import Invalid
from runner.job import schema
from runner.job.load import read_vendor
from runner.job.vendor import Vendor
from tests.job.test_schema import fits, subschemas

VENDORS = sorted((Path(__file__).resolve().parents[2] / "examples/http-vendors/vendors").glob("*.yaml"))
SMALL = """\
name: acme
doc: https://acme.example/docs
base_url: https://api.acme.example/v1
secrets: {key: {env: ACME_KEY, header: x-api-key}}
operations:
  image:
    summary: a picture
    gives: file
    path: /images
    fields: {prompt: {type: string}}
    required: [prompt]
    answer: {links: url}
"""


def complaints(text: str) -> list[str]:
    """What is wrong with a description, as `line:column path: message`."""
    with pytest.raises(Invalid) as mistakes:
        read_vendor(text.encode(), "acme.yaml")
    return [
        f"{each.place.line}:{each.place.column} {each.path}: {each.message}" for each in mistakes.value.complaints if each.place
    ]


def test_a_small_description_is_enough() -> None:
    """Everything else has a default."""
    vendor = read_vendor(SMALL.encode(), "acme.yaml").vendor
    assert (vendor.version, vendor.sandbox, vendor.operations["image"].body) == (1, None, "json")


@pytest.mark.parametrize("path", VENDORS, ids=lambda path: path.stem)
def test_the_examples_are_right_and_their_schema_says_so(path: Path) -> None:
    """Each example is read without complaint, and the committed schema, which editors use, accepts it."""
    assert read_vendor(path.read_bytes(), path.name).vendor.name == path.stem
    told: Any = json.loads(json.dumps(yaml.safe_load(path.read_text("utf-8"))))
    root = schema.vendor_schema()
    assert fits(told, root, root)
    assert not fits({**told, "operatoins": {}}, root, root)


def test_the_committed_schema_is_the_models() -> None:
    """vendor.schema.json is what the models say, and every field is described."""
    committed = Path(schema.__file__).with_name("vendor.schema.json").read_text("utf-8")
    assert committed == schema.vendor_schema_text()
    for part in subschemas(schema.vendor_schema()):
        for name, inner in part.get("properties", {}).items():
            assert "description" in inner or "$ref" in inner or "allOf" in inner, name


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("path: /images", "pth: /images", "9:5 operations.image.pth: not a field of an operation; did you mean path?"),
        ("prompt: {type: string}", "prompt: {type: text}", "10:29 operations.image.fields.prompt.type: needs one of string"),
        ("{links: url}", "{links: 'url['}", "is no JMESPath query"),
        ("gives: file", "gives: picture", "needs one of text, file, files, json, task"),
        ("header: x-api-key", "header: x api key", "needs the name of a header"),
        ("doc: https", "doc: http", "needs the https address of a page"),
        ("https://api.acme", "http://api.acme", "plain http is for this machine only"),
        ("{env: ACME_KEY, ", "{", "secrets.key.env: is missing; a secret needs it"),
        ("[prompt]\n", "[prompt]\n    rules: [{one_of: [prompt]}]\n", "is empty; at least one is needed"),
        ("[prompt]\n", "[prompt]\n    rules: [{wrong_if: prompt}]\n", "wrong_if needs a message"),
        ("[prompt]\n", "[prompt]\n    rules: [{at_most: 4}]\n", "at_most and of belong together"),
        ("[prompt]\n", "[prompt]\n    rules: [{message: no}]\n", "needs exactly one of wrong_if"),
        ("secrets:", "errors: {told: [{means: busy}]}\nsecrets:", "needs says or if"),
        ("secrets:", "errors: {told: [{says: x, means: busy, billed: true}]}\nsecrets:", "billed speaks of"),
        ("secrets:", "wait: [{unit: ms}]\nsecrets:", "needs exactly one of header and body"),
        ("secrets:", "errors: {status: {9xx: busy}}\nsecrets:", "needs an HTTP status such as 429"),
    ],
)
def test_a_mistake_is_told_at_its_place(old: str, new: str, said: str) -> None:
    """Line, column, way and remedy."""
    assert old in SMALL
    assert any(said in told for told in complaints(SMALL.replace(old, new, 1)))


def test_the_readmes_description_is_right() -> None:
    """The vendor that the README describes is read without complaint."""
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
    [text] = [block for block in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL) if block.startswith("name: acme")]
    assert read_vendor(text.encode(), "acme.yaml").vendor.operations["image"].poll is not None


def test_an_empty_file_is_told_what_to_do() -> None:
    """Nothing is not a vendor."""
    assert complaints("") == ["1:1 : the file is empty; `adbatch schema vendor` tells what it may say"]


def test_a_key_in_a_description_is_refused_and_not_repeated() -> None:
    """What looks like a key is found before anything else is read."""
    key = "sk-" + "Ab1" * 12
    told = complaints(SMALL.replace("header: x-api-key", f"header: {key}"))
    assert told
    assert key not in "".join(told)


def test_descriptions_are_frozen() -> None:
    """Nobody changes one on the way."""
    vendor = Vendor.model_validate(yaml.safe_load(SMALL))
    with pytest.raises(ValueError, match="frozen"):
        vendor.name = "other"  # type: ignore[misc]
