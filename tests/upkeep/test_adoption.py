"""Adoption: what was bought elsewhere is taken in as far as it can be checked, and never bought again."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from runner.edge.blobs import Blobs
from runner.edge.clock import SystemClock
from runner.edge.journal import Journal
from runner.edge.published import Claim
from runner.edge.rehearsal import Stage
from runner.edge.state import State
from runner.errors import Invalid, Stranger, Usage
from runner.facts import Answered, Fact, Planned, Resolved, Saved, Sent, Stopped
from runner.records import Artifact, make_request
from runner.results import written
from runner.upkeep.adoption import Adopted, Taker, adopt_results
from runner.upkeep.verification import verify_output
from runner.verdicts import Lost
from tests.projects import COPY, FEED, SCENE, billed, write_project
from tests.upkeep.conftest import play

PLAIN = """\
  copy:
    use: jivox/text
    with: {prompt: "Headline for {{ row.title }}"}
"""


async def adopt(path: Path, stage: Stage | None) -> Adopted:
    """Adopt what lies beside the job."""
    return await adopt_results(path, stage, SystemClock(), "tester")


async def bought(folder: Path, stage: Stage, steps: str = COPY + SCENE, top: str = "output: {dir: out}\n") -> Path:
    """A project whose job was run, and whose state folder is gone."""
    path = write_project(folder, steps, top)
    assert (await play(path, stage)).told.exit_code == 0
    shutil.rmtree(folder / ".adbatch")
    return path


def facts(path: Path) -> list[Fact]:
    """Everything the job's sandbox journal holds."""
    with Journal.open(State(path.parent / ".adbatch", "sandbox").journal("small"), "sandbox") as journal:
        return list(journal.facts())


def edit(path: Path, number: int, step: str, **fields: Any) -> None:
    """Change what a line of results.jsonl says of a step."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    lines[number]["steps"][step] |= fields
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


async def test_what_is_there_is_not_bought_again(tmp_path: Path, stage: Stage) -> None:
    """After adopting, a run sends nothing and writes the same bytes; the files keep inode and time."""
    path = await bought(tmp_path, stage)
    out, before = path.parent / "out", billed(tmp_path / "vendors")
    results, places = (out / "results.jsonl").read_bytes(), {file: file.stat() for file in out.rglob("*.png")}
    found = await adopt(path, stage)
    assert (dict(found.taken), found.known, found.files, found.lost, found.unnamed) == ({"copy": 2, "scene": 2}, 0, 2, {}, 0)
    report = await play(path, stage)
    assert report.told.exit_code == 0
    assert {name: (lane["sent"], lane["reused"]) for name, lane in report.manifest["providers"].items()} == {
        "jivox": (0, 2),
        "vyro": (0, 2),
    }
    assert billed(tmp_path / "vendors") == before
    assert (out / "results.jsonl").read_bytes() == results
    assert {file: file.stat().st_ino for file in places} == {file: told.st_ino for file, told in places.items()}


async def test_the_journal_says_what_it_is(tmp_path: Path, stage: Stage) -> None:
    """Planned, resolved as adopted by whom and from which journal, and saved: nothing was sent, nothing counts as spent."""
    path = await bought(tmp_path, stage, PLAIN)
    journal = json.loads((path.parent / "out" / "manifest.json").read_text())["journal"]
    await adopt(path, stage)
    kinds = [type(fact).__name__ for fact in facts(path)]
    assert kinds == ["Planned", "Resolved", "Saved"] * 2
    word = next(fact for fact in facts(path) if isinstance(fact, Resolved))
    assert (word.how, word.who, word.why) == ("adopted", "tester", f"adopted from results.jsonl of journal {journal}")


async def test_a_finished_picture_does_not_stand_for_what_a_later_step_read(tmp_path: Path, stage: Stage) -> None:
    """With it the later step would ask for something else: nothing is taken, and the run refuses instead of buying again."""
    picture = 'use: jivox/image\n    with: {prompt: "{{ row.title }}", width: 64, height: 64}'
    wide = 'use: jivox/outpaint\n    with: {image: "{{ steps.pic.file }}", width: 90, height: 64}'
    path = await bought(tmp_path, stage, f"  pic:\n    {picture}\n    finish: {{format: jpeg}}\n  wide:\n    {wide}\n")
    paid = billed(tmp_path / "vendors")
    found = await adopt(path, stage)
    assert (found.taken.total(), len(found.lost)) == (0, 2)
    assert all("is finished, and a later step reads what it was made of" in why for why in found.lost.values())
    with pytest.raises(Stranger, match="names 4 bought results"):
        await play(path, stage)
    assert billed(tmp_path / "vendors") == paid


async def test_a_clone_with_a_newer_feed_replaces_what_has_changed(tmp_path: Path, stage: Stage) -> None:
    """The old file of a row that is another now was never in this store; it is replaced all the same, an edited one is not."""
    path = await bought(tmp_path, stage)
    (tmp_path / "feed.csv").write_text(FEED.replace("Mug", "Blue mug").replace("Hat", "Red hat"), "utf-8")
    (tmp_path / "out" / "hat" / "copy.txt").write_text("my hat", "utf-8")
    await adopt(path, stage)
    report = await play(path, stage)
    found = verify_output(tmp_path / "out")
    assert (report.manifest["kept"], found.changed) == (["hat/copy.txt"], ["hat/copy.txt"])


async def test_adopting_twice_adds_nothing(tmp_path: Path, stage: Stage) -> None:
    """What is known already is counted and left as it is."""
    path = await bought(tmp_path, stage)
    await adopt(path, stage)
    before = facts(path)
    found = await adopt(path, stage)
    assert (found.taken.total(), found.known) == (0, 4)
    assert facts(path) == before


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda file: file.unlink(), "is missing"),
        (lambda file: file.write_bytes(file.read_bytes() + b"!"), "has changed"),
        (lambda file: (file.rename(file.with_name("x")), file.symlink_to("x")), "is missing"),
    ],
    ids=["missing", "changed", "link"],
)
async def test_a_file_that_is_not_as_named_is_not_taken(tmp_path: Path, stage: Stage, harm: Any, why: str) -> None:
    """It is told with its path; everything else is taken, and only it is asked for again once results.jsonl is out of the way."""
    path = await bought(tmp_path, stage)
    harm(path.parent / "out" / "mug" / "scene.png")
    found = await adopt(path, stage)
    assert list(found.lost.values()) == [f"scene: mug/scene.png {why}"]
    assert dict(found.taken) == {"copy": 2, "scene": 1}
    (path.parent / "out" / "results.jsonl").unlink()
    report = await play(path, stage)
    assert {name: lane["sent"] for name, lane in report.manifest["providers"].items()} == {"jivox": 0, "vyro": 1}


async def test_bytes_that_are_no_picture_are_not_taken(tmp_path: Path, stage: Stage) -> None:
    """A line may name any file with its right digest; what does not decode is no result."""
    path = await bought(tmp_path, stage)
    out = path.parent / "out"
    (out / "page.jpg").write_text("<html>")
    digest = hashlib.sha256(b"<html>").hexdigest()
    edit(out / "results.jsonl", 0, "scene", files=[{"path": "page.jpg", "sha256": digest, "media_type": "image/jpeg"}])
    edit(out / "results.jsonl", 1, "scene", files=[{"path": "../job.yaml", "sha256": "nonsense", "media_type": "image/jpeg"}])
    found = await adopt(path, stage)
    assert sorted(found.lost.values()) == [
        "scene: ../job.yaml: 'nonsense' is not a sha256",
        "scene: page.jpg: an HTML page, not a picture",
    ]


async def test_a_path_that_leads_out_is_not_read(tmp_path: Path, stage: Stage) -> None:
    """A results.jsonl from a pull request cannot bring a file of the machine into what is sent to vendors."""
    path = await bought(tmp_path, stage)
    out = path.parent / "out"
    secret = out / "mug" / "scene.png"
    moved = secret.rename(tmp_path / "secret.jpg")
    digest = hashlib.sha256(moved.read_bytes()).hexdigest()
    edit(out / "results.jsonl", 0, "scene", files=[{"path": "../../secret.jpg", "sha256": digest, "media_type": "image/jpeg"}])
    found = await adopt(path, stage)
    assert list(found.lost.values()) == ["scene: ../../secret.jpg is missing"]


async def test_only_what_the_plan_asks_is_taken(tmp_path: Path, stage: Stage) -> None:
    """Lines of other requests are of no use to this job; what the plan asks beyond them is counted."""
    path = await bought(tmp_path, stage, PLAIN)
    (path.parent / "feed.csv").write_text(FEED.replace("Hat", "Blue hat") + "cap,Cap,cap.png\n")
    found = await adopt(path, stage)
    assert (dict(found.taken), found.unnamed, found.lost) == ({"copy": 1}, 2, {})


async def test_a_request_that_many_lines_name_needs_one_good_file(tmp_path: Path, stage: Stage) -> None:
    """One picture for all rows: where the first line's file is gone, another line's does."""
    shared = SCENE.replace("{{ steps.copy.text }}", "a beach")
    path = await bought(tmp_path, stage, shared)
    (path.parent / "out" / "mug" / "scene.png").unlink()
    found = await adopt(path, stage)
    assert (dict(found.taken), found.lost) == ({"scene": 1}, {})
    report = await play(path, stage)
    assert (report.told.exit_code, report.manifest["providers"]["vyro"]["sent"]) == (0, 0)
    assert (path.parent / "out" / "mug" / "scene.png").is_file()


async def test_words_come_from_the_line(tmp_path: Path, stage: Stage) -> None:
    """A text whose file is gone is still in its line, and is published again."""
    path = await bought(tmp_path, stage, COPY)
    text = (path.parent / "out" / "mug" / "copy.txt").read_bytes()
    (path.parent / "out" / "mug" / "copy.txt").unlink()
    found = await adopt(path, stage)
    assert (found.taken.total(), found.files, found.lost) == (2, 0, {})
    await play(path, stage)
    assert (path.parent / "out" / "mug" / "copy.txt").read_bytes() == text


async def test_words_that_the_job_did_not_expect_were_bought_too(tmp_path: Path, stage: Stage) -> None:
    """A headline that is too long is in its line, and is not bought a second time."""
    path = write_project(tmp_path, PLAIN + "    expect: {max_chars: 3}\n")
    assert (await play(path, stage)).told.exit_code == 1
    shutil.rmtree(tmp_path / ".adbatch")
    before = billed(tmp_path / "vendors")
    assert (await adopt(path, stage)).taken.total() == 2
    assert (await play(path, stage)).told.exit_code == 1
    assert billed(tmp_path / "vendors") == before


async def test_what_is_in_doubt_here_is_left_alone(tmp_path: Path, stage: Stage) -> None:
    """A request that was perhaps bought here, or whose ticket is open, is not settled by what another machine has."""
    path = await bought(tmp_path, stage, PLAIN)
    ids = [
        json.loads(line)["steps"]["copy"]["request"] for line in (path.parent / "out" / "results.jsonl").read_text().splitlines()
    ]
    await adopt(path, stage)
    asks = [fact.request for fact in facts(path) if isinstance(fact, Planned)]
    shutil.rmtree(path.parent / ".adbatch")
    state = State(path.parent / ".adbatch", "sandbox")
    with Journal.open(state.journal("small"), "sandbox") as journal:
        doubt: list[Fact] = [Planned(1.0, asks[0]), Sent(2.0, ids[0], "submit"), Answered(3.0, ids[0], "submit", Lost("reset"))]
        journal.commit([*doubt, Planned(4.0, asks[1]), Stopped(5.0, ids[1], "failed", "tries used up")])
    found = await adopt(path, stage)
    assert (dict(found.taken), found.known, found.unnamed) == ({"copy": 1}, 0, 0)
    assert [type(fact) for fact in facts(path)[-2:]] == [Resolved, Saved]
    assert (await play(path, stage)).told.exit_code == 4


async def test_bytes_that_were_lost_come_back(tmp_path: Path, stage: Stage) -> None:
    """A result whose blob was deleted from the state folder is taken in again from where it was published."""
    path = await bought(tmp_path, stage)
    await adopt(path, stage)
    shutil.rmtree(path.parent / ".adbatch" / "sandbox" / "blobs")
    found = await adopt(path, stage)
    assert (dict(found.taken), found.known) == ({"scene": 2}, 2)
    assert (await play(path, stage)).told.exit_code == 0


async def test_the_modes_do_not_mix(tmp_path: Path, stage: Stage) -> None:
    """Sandbox results are not adopted as live ones, nor the other way round; nothing is made."""
    path = await bought(tmp_path, stage, PLAIN)
    with pytest.raises(Usage, match="results of a sandbox run; they are adopted with --sandbox"):
        await adopt(path, None)
    manifest = path.parent / "out" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"sandbox"', '"live"'))
    with pytest.raises(Usage, match="results of a live run; they are adopted without --sandbox"):
        await adopt(path, stage)
    assert not (path.parent / ".adbatch").exists()


async def test_without_a_manifest_the_user_says_which_mode(tmp_path: Path, stage: Stage) -> None:
    """A checkout that has results.jsonl alone is taken for what is said."""
    path = await bought(tmp_path, stage, PLAIN)
    (path.parent / "out" / "manifest.json").unlink()
    found = await adopt(path, stage)
    assert (found.journal, found.taken.total()) == (None, 2)
    assert found.as_json() == {
        "adopted": {"copy": 2},
        "known": 0,
        "files": 0,
        "bytes": 0,
        "unnamed": 0,
        "lost": {},
        "journal": None,
    }


async def test_there_must_be_something_to_adopt(tmp_path: Path) -> None:
    """Without results.jsonl nothing is made; a job that is wrong is told as such."""
    path = write_project(tmp_path)
    with pytest.raises(Usage, match="there is nothing to adopt"):
        await adopt(path, None)
    assert not (tmp_path / ".adbatch").exists()
    (tmp_path / "job.yaml").write_text("version: 1\n")
    with pytest.raises(Invalid):
        await adopt(path, None)


def test_a_file_of_json_keeps_its_order(tmp_path: Path) -> None:
    """A value that `save:` wrote in the vendor's order of keys is taken from the file, as its line has them sorted."""
    value = Artifact("json", data={"b": 1, "a": [2.5]})
    (tmp_path / "v.json").write_bytes(written(value))
    claim = Claim.of("v.json", written(value))
    step: dict[str, Any] = {
        "json": {"a": [2.5], "b": 1},
        "files": [{"path": "v.json", "sha256": claim.sha256, "media_type": "application/json"}],
    }
    (taken,) = Taker(Blobs(tmp_path / "blobs"), tmp_path).take(step)
    assert list(taken.data) == ["b", "a"]  # type: ignore[arg-type]
    assert make_request("x", "y", {"v": taken.data}).id == make_request("x", "y", {"v": step["json"]}).id
