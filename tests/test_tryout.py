"""A described vendor's examples, sent to emulated vendors over real HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.edge.blobs import Blobs
from runner.edge.clock import SystemClock
from runner.errors import Invalid, Usage
from runner.job.load import load_project
from runner.tryout import prepare, preview, try_out
from tests.projects import billed, open_stage_here

VENDOR = """\
name: acme
doc: https://acme.example/docs
base_url: https://api.acme.example/v2
sandbox: jivox
secrets: {key: {env: ACME_KEY, header: jvx_apikey}}
operations:
  copy:
    summary: copy
    gives: text
    path: /accounts/1042/textGen
    fields: {prompt: {type: string, maxLength: 40}}
    required: [prompt]
    answer: {text: text}
    examples: [{prompt: a headline for mugs}]
  image:
    summary: a picture
    gives: file
    path: /accounts/1042/imageGen
    fields: {prompt: {type: string}, width: {type: integer}, height: {type: integer}}
    answer: {links: imageUrl}
    examples: [{prompt: a mug, width: 60, height: 40}, {prompt: a mug}]
  plain:
    summary: no examples
    gives: json
    path: /plain
    answer: {json: "@"}
"""


def project(folder: Path, vendor: str = VENDOR) -> Path:
    """A project that describes one vendor."""
    (folder / "acme.yaml").write_text(vendor, "utf-8")
    (folder / "adbatch.yaml").write_text("version: 1\nproviders: {acme: {describe: acme.yaml}}\n", "utf-8")
    return folder


async def test_examples_are_sent_and_told_whole(tmp_path: Path) -> None:
    """Each is bought once; the call, the answer, what it was taken for and what was found are told, and never the key."""
    blobs, told = Blobs(tmp_path / "blobs"), list[str]()
    async with open_stage_here(tmp_path / "vendors") as stage:
        trial = prepare(load_project(project(tmp_path)), "acme", stage, blobs)
        assert await try_out(trial, SystemClock(), told.append) == 2
    text = "\n".join(told)
    assert billed(tmp_path / "vendors").total() == 2
    assert "acme/copy, example 1:\n  POST http://127.0.0.1:" in text
    assert "jvx_apikey: <key of the sandbox>" in text
    assert 'application/json: {"prompt":"a headline for mugs"}' in text
    assert "  = Done: answered\n  > text: " in text
    assert "  > file: image/png, 60 × 40" in text
    assert "  = Refused: refused: 4" in text
    assert stage.key not in text


@pytest.mark.parametrize(
    ("name", "vendor", "told"),
    [
        ("acne", VENDOR, "acne is not a provider of this project; did you mean acme?"),
        ("acme/cpy", VENDOR, "acme declares no cpy; did you mean copy?"),
        ("acme/plain", VENDOR, "declares no examples"),
        ("vyro", VENDOR, "declares no examples"),
    ],
)
def test_what_cannot_be_tried_is_told(tmp_path: Path, name: str, vendor: str, told: str) -> None:
    """With what is near it."""
    with pytest.raises(Usage) as mistake:
        prepare(load_project(project(tmp_path, vendor)), name, None, Blobs(tmp_path / "blobs"))
    assert told in str(mistake.value)


def test_a_wrong_example_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    """By the rules of its own operation."""
    vendor = VENDOR.replace("a headline for mugs", "x" * 50)
    with pytest.raises(Invalid, match="acme/copy, example 1: has 50 characters"):
        prepare(load_project(project(tmp_path, vendor)), "acme/copy", None, Blobs(tmp_path / "blobs"))


def test_a_preview_sends_nothing(tmp_path: Path) -> None:
    """It tells the calls as they would go out."""
    trial = prepare(load_project(project(tmp_path)), "acme/copy", None, Blobs(tmp_path / "blobs"))
    assert list(preview(trial)) == [
        "acme/copy, example 1:",
        "  POST https://api.acme.example/v2/accounts/1042/textGen",
        "    jvx_apikey: <key from $ACME_KEY>",
        '    application/json: {"prompt":"a headline for mugs"}',
    ]
