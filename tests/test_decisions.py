"""`decisions.yaml`: what was decided, by variant and file."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runner.decisions import Approvals, Decision, decisions_beside, load_decisions, read_decisions, save_decisions, write_decisions
from runner.edge.outputs import read_results
from runner.errors import Invalid, Usage
from runner.report.parts import parts_of
from runner.selection import Choice
from runner.upkeep.verification import verify_output
from runner.workflow import Order, run_job
from tests.edge.test_git import git
from tests.projects import COPY, SCENE, Listener, open_stage_here, said, write_project

WORDS = st.text(min_size=1, max_size=40)


def decision(**more: Any) -> Decision:
    """A decision about the mug."""
    told = {"job": "small", "key": "mug|1", "step": "scene", "sha256": "a" * 64, "decision": "approved"}
    return Decision.model_validate({**told, **more})


@given(job=WORDS, key=WORDS, step=WORDS, reason=st.text(max_size=40), author=st.text(max_size=40))
def test_what_is_written_is_read_again(**told: str) -> None:
    """Whatever keys, reasons and names hold, two readers of YAML read what was decided."""
    one = decision(**told)
    text = write_decisions([one])
    encoded = text.encode("utf-8")
    assert read_decisions(encoded, "decisions.yaml") == [one]
    assert yaml.safe_load(encoded)["decisions"][0]["key"] == told["key"]


def test_the_file_is_made_for_diffs() -> None:
    """A decision is a line, in an order that does not depend on when it was made."""
    two = [decision(key="mug|1", reason="fine, so", author="kim"), decision(key="hat|1", decision="rejected")]
    text = write_decisions(two)
    assert text == write_decisions(reversed(two))
    assert text.splitlines()[1:] == [
        "version: 1",
        "decisions:",
        f'  - {{job: small, key: "hat|1", step: scene, sha256: "{"a" * 64}", decision: rejected}}'.replace(
            f'"{"a" * 64}"', "a" * 64
        ),
        f'  - {{job: small, key: "mug|1", step: scene, sha256: {"a" * 64}, decision: approved, reason: "fine, so", author: kim}}',
    ]
    assert yaml.safe_load(write_decisions([]))["decisions"] == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("version: 2\n", "decisions.yaml:1:10 version"),
        ("decisions: []\n", "decisions.yaml:1:1 version"),
        (
            "version: 1\ndecisions:\n  - {job: a, key: k, step: s, sha256: xyz, decision: approved}\n",
            "decisions.yaml:3:39 decisions[0].sha256",
        ),
        (
            f"version: 1\ndecisions:\n  - {{job: a, key: k, step: s, sha256: {'a' * 64}, decision: maybe}}\n",
            "decisions[0].decision",
        ),
        ("version: 1\napproved: []\n", "decisions.yaml:2:1 approved"),
        ("version: [\n", "decisions.yaml"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, complaint: str) -> None:
    """File, line and column of what is wrong."""
    with pytest.raises(Invalid) as wrong:
        read_decisions(text.encode(), "decisions.yaml")
    assert any(complaint in line for line in said(wrong.value)), said(wrong.value)


def test_bytes_that_are_no_text_are_refused() -> None:
    """A file in another encoding is told as one."""
    with pytest.raises(Invalid) as wrong:
        read_decisions(b"\xff\xfe", "decisions.yaml")
    assert "not UTF-8" in said(wrong.value)[0]


def test_saving_keeps_what_else_was_decided(tmp_path: Path) -> None:
    """Other jobs' decisions stay, a later one about the same file replaces the earlier, and one can be taken back."""
    path = decisions_beside(tmp_path / "job.yaml")
    assert load_decisions(path) == []
    save_decisions(path, [decision(job="other"), decision()])
    save_decisions(path, [decision(decision="rejected", reason="blurred")])
    assert {one.job: one.decision for one in load_decisions(path)} == {"other": "approved", "small": "rejected"}
    save_decisions(path, [], [decision().about])
    assert [one.job for one in load_decisions(path)] == ["other"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["decisions.yaml"]


def test_what_is_said_to_be_saved_is_on_disk(tmp_path: Path) -> None:
    """First the whole file, still under a name of its own, then the folder in which it has its name."""
    path, synced = tmp_path / "decisions.yaml", list[tuple[bool, bool, int]]()

    def sync(handle: int) -> None:
        found = os.fstat(handle)
        synced.append((stat.S_ISDIR(found.st_mode), path.exists(), 0 if stat.S_ISDIR(found.st_mode) else found.st_size))

    save_decisions(path, [decision()], sync=sync)
    assert synced == [(False, False, path.stat().st_size), (True, True, 0)]


def test_a_folder_in_the_way_is_told(tmp_path: Path) -> None:
    """What cannot be read is named."""
    (tmp_path / "decisions.yaml").mkdir()
    with pytest.raises(Usage, match=r"decisions\.yaml cannot be read"):
        load_decisions(tmp_path / "decisions.yaml")


def line(key: str, **digests: str) -> dict[str, Any]:
    """A line of results with a file in each step."""
    files = {
        name: [{"path": name, "sha256": digest * 64, "bytes": 1, "media_type": "image/png"}] for name, digest in digests.items()
    }
    return {"key": key, "steps": {name: {"status": "done", "files": held} for name, held in files.items()}}


@pytest.mark.parametrize(
    ("decided", "keys"),
    [
        ([decision()], ["mug|1"]),
        ([decision(sha256="b" * 64)], []),
        ([decision(job="other")], []),
        ([decision(decision="rejected")], []),
        ([decision(), decision(step="ad", sha256="c" * 64, decision="rejected")], []),
        ([decision(), decision(step="ad", sha256="d" * 64, decision="rejected")], ["mug|1"]),
    ],
)
def test_an_approval_counts_for_the_file_it_names(decided: list[Decision], keys: list[str]) -> None:
    """A changed picture voids it; a variant with something rejected, as it is now, is not approved."""
    approvals = Approvals("small", decided)
    assert list(approvals.approved_keys([line("mug|1", scene="a", ad="c"), line("hat|1", scene="a")])) == keys
    assert approvals.has("mug|1", "scene", "a" * 64) is any(
        one.about[0] == "small" and one.sha256 == "a" * 64 and one.decision == "approved" for one in decided
    )


async def run(path: Path, **more: Any) -> Any:
    """A sandbox run of the job."""
    async with open_stage_here(path.parent / "vendors") as stage:
        return await run_job(Order(path, sandbox=True, stage=stage, **more), Listener())


def decide(path: Path, verdict: str, keys: set[str], step: str = "scene") -> None:
    """Decide about all that this step gave these variants, as results.jsonl tells it."""
    decided = []
    for told in read_results(path.parent / "out/results.jsonl"):
        for part in parts_of(told["steps"][step]):
            about = {"job": "small", "key": told["key"], "step": step, "sha256": part.digest}
            decided += [decision(**about, decision=verdict)] if told["key"] in keys else []
    save_decisions(decisions_beside(path), decided)


async def test_only_approved_selects_what_people_approved(tmp_path: Path) -> None:
    """A run can be restricted to it; before anything was looked at nothing can be."""
    path = write_project(tmp_path, COPY + SCENE)
    with pytest.raises(Usage, match="nobody has looked at"):
        await run(path, choice=Choice(only="approved"))
    await run(path)
    assert (await run(path, choice=Choice(only="approved"))).told.results.counts == {}
    decide(path, "approved", {"hat|1"})
    report = await run(path, choice=Choice(only="approved"))
    assert report.told.results.counts == {"done": 1}
    assert report.manifest["selection"] == {"only": "approved"}


async def test_only_what_is_approved_is_published_where_the_job_says_so(tmp_path: Path) -> None:
    """Pictures wait in the store until somebody approves them, and go again when the approval does; nothing is bought for it."""
    path = write_project(tmp_path, COPY + SCENE, "output: {dir: out, publish: approved}\n")
    first = await run(path)
    lines = list(read_results(tmp_path / "out/results.jsonl"))
    assert [list(told["steps"]["scene"]) for told in lines].count(["held", "operation", "provider", "request", "status"]) == 2
    assert not list((tmp_path / "out").rglob("scene.*"))
    decide(path, "approved", {"mug|1"})
    second = await run(path)
    assert [file.parent.name for file in (tmp_path / "out").glob("*/scene.*")] == ["mug"]
    assert verify_output(tmp_path / "out").whole
    decide(path, "rejected", {"mug|1"})
    third = await run(path)
    assert not list((tmp_path / "out").glob("*/scene.*"))
    assert [sum(tally.submits for tally in one.told.tallies.values()) for one in (first, second, third)] == [4, 0, 0]
    assert third.told.retired == 1


async def test_wrong_decisions_stop_a_job_that_goes_by_them(tmp_path: Path) -> None:
    """With file and line, before anything is sent."""
    path = write_project(tmp_path, COPY, "output: {dir: out, publish: approved}\n")
    (tmp_path / "decisions.yaml").write_text("version: 7\n")
    with pytest.raises(Invalid) as wrong:
        await run(path)
    assert "decisions.yaml:1:10 version" in said(wrong.value)[0]


async def test_another_picture_voids_its_approval(tmp_path: Path) -> None:
    """What is bought anew is looked at anew: until then it is neither published nor among the approved."""
    steps = SCENE.replace("{{ steps.copy.text }}", "a {{ row.title }}")
    path = write_project(tmp_path, steps, "output: {dir: out, publish: approved}\n")
    await run(path)
    decide(path, "approved", {"mug|1", "hat|1"})
    await run(path)
    assert len(list((tmp_path / "out").glob("*/scene.*"))) == 2
    path.write_text(path.read_text().replace("realistic", "anime"))
    await run(path, choice=Choice(only="row.id == 'mug'"))
    assert (await run(path)).told.results.counts == {"done": 2}
    assert not list((tmp_path / "out").glob("*/scene.*"))
    assert (await run(path, choice=Choice(only="approved"))).told.results.counts == {}


async def test_a_text_is_approved_by_its_words(tmp_path: Path) -> None:
    """A text that is in no file is named by the digest of its words, selected by its approval, and not by that of other words."""
    path = write_project(tmp_path, COPY.replace('    save: "{{ row.id }}/copy"\n', ""))
    await run(path)
    decide(path, "approved", {"hat|1"}, "copy")
    assert (await run(path, choice=Choice(only="approved"))).told.results.counts == {"done": 1}
    path.write_text(path.read_text().replace("Headline for", "Slogan for"))
    await run(path)
    assert (await run(path, choice=Choice(only="approved"))).told.results.counts == {}


async def test_a_run_of_a_commit_goes_by_the_decisions_of_that_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was decided since holds when it is committed; a mistake is told by the file's own name."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "shop").mkdir()
    path = write_project(tmp_path / "shop", COPY + SCENE, "output: {dir: out, publish: approved}\n")
    (path.parent / ".gitignore").write_text("out/\n.adbatch/\nvendors/\n")
    git(path.parent, "init", "--quiet")
    await run(path)
    decide(path, "approved", {"mug|1"})
    for message in ("mug", "hat"):
        git(path.parent, "add", "--all")
        git(path.parent, "commit", "--quiet", "--message", message)
        decide(path, "approved", {"hat|1"})

    async def published(rev: str | None) -> set[str]:
        await run(path, rev=rev)
        return {file.parent.name for file in (path.parent / "out").glob("*/scene.*")}

    both = {"mug", "hat"}
    assert [await published(rev) for rev in ("HEAD~1", "HEAD", "HEAD~1", None)] == [{"mug"}, both, {"mug"}, both]
    decisions_beside(path).write_text("version: 7\n")
    git(path.parent, "commit", "--quiet", "--all", "--message", "wrong")
    with pytest.raises(Invalid) as wrong:
        await run(path, rev="HEAD")
    assert wrong.value.complaints[0].place is not None
    assert wrong.value.complaints[0].place.file == "decisions.yaml"
