"""The queue vendors against their emulations: addresses followed as given, results wherever they are told, failures as such."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.edge.outputs import read_results
from runner.sandbox.behaviour import Fault
from runner.workflow import Order, Report, run_job
from tests.crash.forge import hurry
from tests.projects import Listener, billed, open_stage_here, write_project

STEPS = """\
  scene:
    use: bfl/generate
    with: {model: flux-2-pro, prompt: "{{ row.title }}", width: 64, height: 64, output_format: png}
  cutout:
    use: replicate/predict
    with:
      version: "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"
      input: {image: "{{ steps.scene.file }}", prompt: cut, output_format: jpg}
  pair:
    use: replicate/predict
    with: {model: black-forest-labs/flux-schnell, input: {prompt: "{{ row.title }}", num_outputs: 2, width: 64, height: 64}}
  beach:
    use: fal/run
    with:
      model: fal-ai/flux/dev
      input: {prompt: beach, image_size: {width: 64, height: 64}, image_urls: ["{{ steps.scene.file }}"]}
  wide:
    use: stability/edit-outpaint
    with: {image: "{{ steps.beach.file }}", left: 8}
  lit:
    use: stability/edit-replace-background-and-relight
    with: {subject_image: "{{ steps.scene.file }}", background_prompt: beach}
  ad:
    use: gemini/image
    with: {model: gemini-2.5-flash-image, prompt: an ad, images: ["{{ steps.scene.file }}", "{{ steps.beach.file }}"]}
"""
VENDORS = ("bfl", "replicate", "fal", "stability", "gemini")
FEED = "id,title\nmug,Mug\n"


async def play(folder: Path, steps: str, project: str | None = "version: 1\n", **settings: Any) -> Report:
    """Run the steps for one row, with time in a hurry: polls that are seconds apart are not waited for."""
    path = write_project(folder, steps, project=project, feed=FEED)
    async with open_stage_here(folder / "vendors", **settings) as stage:
        return await run_job(Order(path, sandbox=True, stage=stage), Listener(), hurry(100.0))


def told(folder: Path) -> dict[str, Any]:
    """The steps of the one line of results."""
    [line] = read_results(folder / "out" / "results.jsonl")
    steps: dict[str, Any] = line["steps"]
    return steps


async def test_every_queue_gives_its_pictures(tmp_path: Path) -> None:
    """Each is asked once, is followed to its files, and takes the pictures of the others."""
    report = await play(tmp_path, STEPS)
    steps = told(tmp_path)
    assert report.told.exit_code == 0, {name: step.get("why") for name, step in steps.items()}
    assert {name: len(step["files"]) for name, step in steps.items()} == {
        **dict.fromkeys(("scene", "cutout", "beach", "wide", "lit", "ad"), 1),
        "pair": 2,
    }
    assert billed(tmp_path / "vendors").total() == 7
    assert report.manifest["providers"]["bfl"]["polls"] >= 1


ALONE = """\
  bfl: {use: bfl/generate, with: {model: flux-2-pro, prompt: a mug, width: 64, height: 64}}
  replicate: {use: replicate/predict, with: {model: acme/draw, input: {prompt: a mug, width: 64, height: 64}}}
  fal: {use: fal/run, with: {model: acme/draw, input: {prompt: a mug, image_size: {width: 64, height: 64}}}}
  stability: {use: stability/core, with: {prompt: a mug}}
  gemini: {use: gemini/image, with: {model: gemini-2.5-flash-image, prompt: a mug}}
"""


async def test_a_filter_is_a_refusal(tmp_path: Path) -> None:
    """What the moderation keeps is final, whichever way a vendor says so, and never an empty success."""
    report = await play(tmp_path, ALONE, faults=(Fault("filtered", 1.0),))
    assert report.told.exit_code == 1
    assert {name: step["status"] for name, step in told(tmp_path).items()} == dict.fromkeys(VENDORS, "refused")


async def test_a_spent_account_closes_its_lane(tmp_path: Path) -> None:
    """Missing credits are told as each vendor tells them: 402, 403 or a quota of the day."""
    report = await play(tmp_path, ALONE, faults=(Fault("no_credit", 1.0, step="submit"),))
    assert report.told.exit_code == 5
    assert billed(tmp_path / "vendors").total() == 0


async def test_pace_is_waited_for(tmp_path: Path) -> None:
    """In a header, in words, or in the error's details: nothing is lost and nothing bought twice."""
    report = await play(tmp_path, ALONE, faults=(Fault("busy", 1.0, step="submit", retry_after="2", times=1),))
    assert report.told.exit_code == 0
    assert billed(tmp_path / "vendors").total() == len(VENDORS)


async def test_a_ticket_outlives_the_address_it_was_given_at(tmp_path: Path) -> None:
    """Jobs left at their deadline are found again by the next run, though the vendors are on another port by then."""
    steps = "".join(line for line in ALONE.splitlines(keepends=True) if line.startswith(("  bfl", "  replicate", "  fal")))
    hasty = ", ".join(f"{name}: {{limits: {{deadline: 1m}}}}" for name in ("bfl", "replicate", "fal"))
    left = await play(tmp_path, steps, f"version: 1\nproviders: {{{hasty}}}\n", queue=4.0)
    assert (left.told.exit_code, billed(tmp_path / "vendors").total()) == (6, 3)
    found = await play(tmp_path, steps, queue=4.0)
    assert (found.told.exit_code, billed(tmp_path / "vendors").total()) == (0, 3)
