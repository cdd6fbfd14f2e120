"""The emulated vendors and the providers were written apart, each from the vendors' documents: here they meet, vendor by vendor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from runner.sandbox.behaviour import NAMED, Fault
from tests.projects import billed
from tests.staging import play, write_pictured

STEPS: Final = """\
  prediction:
    use: replicate/predict
    with: {model: black-forest-labs/flux-schnell, input: {prompt: "{{ row.title }}", width: 64, height: 48}}
  queued:
    use: fal/run
    with: {model: fal-ai/flux/dev, input: {prompt: "{{ row.title }}", image_size: {width: 64, height: 48}}}
  task:
    use: bfl/generate
    with: {model: flux-2-pro, prompt: "{{ row.title }}", width: 64, height: 64, input_image: "{{ row.picture }}"}
  cutout:
    use: stability/edit-remove-background
    with: {image: "{{ row.picture }}"}
  parts:
    use: gemini/image
    with: {model: gemini-2.5-flash-image, prompt: "{{ row.title }} on a beach", images: ["{{ row.picture }}"]}
  chat:
    use: openai/chat
    with: {model: gpt-4o-mini, prompt: "A headline for {{ row.title }}"}
  edit:
    use: openai/image-edit
    with: {model: gpt-image-1, prompt: "{{ row.title }} on a beach", image: "{{ row.picture }}"}
"""
TOP: Final = "output: {dir: out}\n"


def states(folder: Path) -> dict[str, set[str]]:
    """What became of each step, over all variants."""
    told: dict[str, set[str]] = {}
    for line in (folder / "out/results.jsonl").read_text("utf-8").splitlines():
        steps: dict[str, dict[str, Any]] = json.loads(line)["steps"]
        for name, step in steps.items():
            told.setdefault(name, set()).add(step["status"])
    return told


@pytest.mark.parametrize("weather", ["none", "rainy"])
def test_every_vendor_gives_what_it_is_asked_for(tmp_path: Path, weather: str) -> None:
    """Each step of each vendor is done, and bought once, whatever patience it takes."""
    play(write_pictured(tmp_path, STEPS, TOP), faults=NAMED[weather])
    assert set().union(*states(tmp_path).values()) == {"done"}
    assert set(billed(tmp_path / ".adbatch/sandbox/vendors").values()) == {2}


def test_a_success_without_a_result_is_none(tmp_path: Path) -> None:
    """What a vendor's moderation keeps back is told as such by every provider, and never taken for a picture or a text."""
    play(write_pictured(tmp_path, STEPS, TOP), faults=(Fault("filtered"),))
    told = states(tmp_path)
    assert told.pop("edit") == {"done"}  # no document has such a success for its pictures
    assert set().union(*told.values()) <= {"refused", "failed"}


def test_an_empty_account_closes_the_lane(tmp_path: Path) -> None:
    """However a vendor says that there is no credit, nothing is bought, and what is left waits."""
    play(write_pictured(tmp_path, STEPS, TOP), faults=(Fault("no_credit"),))
    assert states(tmp_path) == {name: {"waiting"} for name in ("prediction", "queued", "task", "cutout", "parts", "chat", "edit")}
    assert not billed(tmp_path / ".adbatch/sandbox/vendors")
