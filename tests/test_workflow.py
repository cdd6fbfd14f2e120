"""The program as a whole, against emulated vendors over real HTTP: what is made, what is sent, and how it ends."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.edge.clock import SystemClock
from runner.edge.journal import Journal
from runner.edge.outputs import load_schema, read_results
from runner.edge.rehearsal import Stage
from runner.edge.state import State
from runner.engine import Ending, Engine
from runner.errors import EXITS, Held, Invalid, OurSide, Usage
from runner.sandbox.behaviour import Fault
from runner.workflow import GRAVITY, Order, Report, exit_code_of, graver, run_job
from tests.crash.forge import hurry
from tests.projects import COPY, MEDIUM, PROJECT, SCENE, Listener, billed, open_stage_here, said, write_project
from tests.schemas import misfits


async def play(path: Path, steer: Callable[[Engine], None] | None = None, key: str = "", **more: Any) -> Report:
    """Run the job on a stage in this process. `faults` and `credits` are the stage's, anything else is ordered."""
    settings = {name: more.pop(name) for name in ("faults", "credits") if name in more}
    clock = more.pop("clock", None)
    async with open_stage_here(vendors(path), **settings) as opened:
        stage = Stage(opened.url, key or opened.key, opened.vendors)
        return await run_job(Order(path, sandbox=True, stage=stage, **more), Listener(), clock, steer)


def vendors(path: Path) -> Path:
    """The state folder of the emulated vendors."""
    return path.parent / ".adbatch" / "sandbox" / "vendors"


def results(path: Path) -> bytes:
    """results.jsonl as it is."""
    return (path.parent / "out" / "results.jsonl").read_bytes()


def named_files(path: Path) -> list[dict[str, Any]]:
    """Every file that results.jsonl names."""
    lines = read_results(path.parent / "out" / "results.jsonl")
    return [file for line in lines for step in line["steps"].values() for file in step.get("files", ())]


async def test_a_first_run_makes_everything(tmp_path: Path) -> None:
    """Every step of every variant is bought once; each file that the results name is there, whole, and as told."""
    path = write_project(tmp_path, COPY + SCENE + MEDIUM)
    report = await play(path, clock=hurry())
    assert (report.told.exit_code, dict(report.told.results.counts), report.output) == (0, {"done": 2}, tmp_path / "out")
    assert billed(vendors(path)).total() == 6
    files = named_files(path)
    assert len(files) == 6
    for file in files:
        data = (tmp_path / "out" / file["path"]).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (file["sha256"], file["bytes"])
        if "width" in file:
            with Image.open(tmp_path / "out" / file["path"]) as picture:
                picture.load()
                assert picture.size == (file["width"], file["height"])


async def test_a_run_leaves_a_manifest(tmp_path: Path) -> None:
    """The manifest on disk is the one of the report, fits its schema and names the digest of the results."""
    path = write_project(tmp_path, COPY + SCENE)
    report = await play(path)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert {"$schema": manifest["$schema"], **report.manifest} == manifest
    assert list(misfits(manifest, load_schema("manifest"))) == []
    assert manifest["results"]["sha256"] == hashlib.sha256(results(path)).hexdigest()
    assert {name: lane["sent"] for name, lane in manifest["providers"].items()} == {"jivox": 2, "vyro": 2}
    assert (manifest["mode"], manifest["exit"], manifest["feed"]["rows"]) == ("sandbox", 0, 2)


async def test_a_second_run_sends_nothing(tmp_path: Path) -> None:
    """The same command again reuses all of it; the results are not even touched."""
    path = write_project(tmp_path, COPY + SCENE)
    await play(path)
    before, found, bill = results(path), (tmp_path / "out" / "results.jsonl").stat(), billed(vendors(path))
    report = await play(path)
    assert billed(vendors(path)) == bill
    assert results(path) == before
    assert (tmp_path / "out" / "results.jsonl").stat().st_ino == found.st_ino
    assert report.told.ending.reused == {"jivox": 2, "vyro": 2}
    assert sum(tally.submits + tally.polls + tally.fetches for tally in report.told.tallies.values()) == 0


async def test_lost_outputs_come_back_without_a_purchase(tmp_path: Path) -> None:
    """Output files that somebody deleted are published again from the state folder."""
    path = write_project(tmp_path, COPY)
    await play(path)
    before = results(path)
    (tmp_path / "out" / "mug" / "copy.txt").unlink()
    await play(path)
    assert (tmp_path / "out" / "mug" / "copy.txt").exists()
    assert (billed(vendors(path)).total(), results(path)) == (2, before)


async def test_an_edit_buys_only_what_it_asks_anew(tmp_path: Path) -> None:
    """A column that no template reads buys nothing; a new row buys only its own requests."""
    path = write_project(tmp_path, COPY)
    await play(path)
    (tmp_path / "feed.csv").write_text("id,title,picture\nmug,Mug,other.png\nhat,Hat,none\ncap,Cap,cap.png\n")
    report = await play(path)
    assert billed(vendors(path)).total() == 3
    assert dict(report.told.results.counts) == {"done": 3}


async def test_fresh_buys_the_named_step_anew(tmp_path: Path) -> None:
    """`fresh` asks for a step again, once, and for nothing else; empty it means every step."""
    path = write_project(tmp_path, COPY + SCENE)
    await play(path)
    await play(path, fresh=frozenset({"scene"}))
    assert sorted(billed(vendors(path)).values()) == [2, 4]
    await play(path, fresh=frozenset())
    assert sorted(billed(vendors(path)).values()) == [4, 6]


async def test_a_step_that_is_not_there_cannot_be_fresh(tmp_path: Path) -> None:
    """A mistyped step is told with what is near it, before anything is opened."""
    path = write_project(tmp_path, COPY)
    with pytest.raises(Usage, match=r"job\.yaml has no step cpoy to buy anew; did you mean copy\?"):
        await play(path, fresh=frozenset({"copy", "cpoy"}))
    assert billed(vendors(path)).total() == 0


async def test_a_limit_makes_the_first_variants_only(tmp_path: Path) -> None:
    """With a limit the first variants are made and told; the run after it makes the rest."""
    path = write_project(tmp_path, COPY)
    assert dict((await play(path, limit=1)).told.results.counts) == {"done": 1}
    assert billed(vendors(path)).total() == 1
    assert dict((await play(path)).told.results.counts) == {"done": 2}
    assert billed(vendors(path)).total() == 2


@pytest.mark.parametrize(
    ("step", "fault", "ends", "word"),
    [
        (COPY, Fault("drop_after"), (4, {"uncertain": 2}), "copy uncertain"),
        (COPY, Fault("html200"), (4, {"uncertain": 2}), "copy uncertain"),
        (MEDIUM, Fault("job_fails"), (1, {"refused": 2}), "medium refused"),
        (COPY, Fault("no_credit"), (5, {"waiting": 2}), ""),
    ],
)
async def test_what_vendors_do_wrong_ends_in_a_code(
    tmp_path: Path, step: str, fault: Fault, ends: tuple[int, dict[str, int]], word: str
) -> None:
    """A vendor's failure is no exception: it is told in results and report, and the exit code says of which kind it is."""
    path = write_project(tmp_path, step)
    report = await play(path, faults=(fault,), clock=hurry())
    assert (report.told.exit_code, dict(report.told.results.counts)) == ends
    assert all(f"{cause.step} {cause.status}" == word for cause in report.told.results.troubles)
    assert bool(report.told.results.troubles) == bool(word)


async def test_what_is_uncertain_is_not_repeated(tmp_path: Path) -> None:
    """A purchase that nobody can tell about is told again by the next run and not made again."""
    path = write_project(tmp_path, COPY)
    await play(path, faults=(Fault("drop_after", vendor="jivox"),))
    bill, before = billed(vendors(path)), results(path)
    report = await play(path)
    assert (report.told.exit_code, billed(vendors(path)), results(path)) == (4, bill, before)


async def test_a_rejected_key_closes_its_lane(tmp_path: Path) -> None:
    """With a wrong key nothing is bought, the lane says why it is closed, and the code is 5."""
    path = write_project(tmp_path, COPY)
    report = await play(path, key="wrong-key")
    assert report.told.exit_code == 5
    assert report.manifest["closed"].keys() == {"jivox"}
    assert report.manifest["closed"]["jivox"].startswith("401")
    assert billed(vendors(path)).total() == 0


async def test_a_budget_is_kept(tmp_path: Path) -> None:
    """No more is bought than the job's budget allows, and the code says that it ended the run."""
    path = write_project(tmp_path, COPY, "budget: {requests: 1}\noutput: {dir: out}\n")
    report = await play(path)
    assert (report.told.exit_code, billed(vendors(path)).total()) == (5, 1)
    assert len(report.told.ending.spent) == 1
    assert dict(report.told.results.counts) == {"done": 1, "waiting": 1}


async def test_an_interrupted_run_is_finished_by_the_next(tmp_path: Path) -> None:
    """A drained run ends with the signal's code and writes its results; the next one buys only what is missing."""
    path = write_project(tmp_path, COPY + SCENE)
    report = await play(path, steer=lambda engine: engine.drain(143))
    assert (report.told.exit_code, report.manifest["counts"]) == (143, {"waiting": 2})
    finished = await play(path)
    assert (finished.told.exit_code, dict(finished.told.results.counts)) == (0, {"done": 2})
    assert billed(vendors(path)).total() == 4


async def test_mistakes_stop_a_run_before_anything_is_sent(tmp_path: Path) -> None:
    """A row that cannot be rendered ends the run with every mistake; nothing was sent, nothing is told as a run."""
    path = write_project(tmp_path, '  copy: {use: jivox/text, with: {prompt: "{{ row.titel }}"}}\n')
    with pytest.raises(Invalid) as raised:
        await play(path)
    assert len(said(raised.value)) == 1
    assert billed(vendors(path)).total() == 0
    assert not (tmp_path / "out" / "results.jsonl").exists()


async def test_a_shrunken_feed_stops_a_run(tmp_path: Path) -> None:
    """A feed that lost more than it may since the last run changes nothing."""
    path = write_project(tmp_path)
    path.write_text(path.read_text().replace("{path: feed.csv}", "{path: feed.csv, guard: {max_drop: 30%}}"))
    await play(path)
    before = results(path)
    (tmp_path / "feed.csv").write_text("id,title\nmug,Mug\n")
    with pytest.raises(Invalid, match="the feed has 1 rows, it had 2: more than 30% are gone"):
        await play(path)
    assert results(path) == before


async def test_a_job_that_is_held_is_left_alone(tmp_path: Path) -> None:
    """While another run holds the job, this one does nothing but say so."""
    path = write_project(tmp_path)
    with State(tmp_path / ".adbatch", "sandbox").lock("small", SystemClock().now()), pytest.raises(Held, match="held by process"):
        await play(path)
    assert billed(vendors(path)).total() == 0


async def test_live_needs_its_keys(tmp_path: Path) -> None:
    """Without --sandbox a missing key stops the run, before anything is sent."""
    path = write_project(tmp_path, project=PROJECT.replace('account: "1042"', 'account: "1042", key: {env: ADBATCH_TEST_UNSET}'))
    with pytest.raises(OurSide, match="ADBATCH_TEST_UNSET is not set"):
        await run_job(Order(path), Listener())


async def test_a_rehearsal_needs_nothing_of_ours(tmp_path: Path) -> None:
    """A sandbox run brings its own vendors: no project file, no account, no key; it runs with a clock given to it."""
    path = write_project(tmp_path, project=None)
    voice = Listener()
    report = await run_job(Order(path, sandbox=True), voice, SystemClock())
    assert (report.told.exit_code, billed(vendors(path)).total()) == (0, 2)
    assert voice.lines == ["small: 2 rows, 2 variants, at most 2 requests"]
    assert voice.read().lanes["jivox"].done == 2


class Later(SystemClock):
    """The clock of another day."""

    def __init__(self, days: float) -> None:
        super().__init__()
        self._ahead = days * 86400

    def now(self) -> float:
        """The moment, so many days ahead."""
        return super().now() + self._ahead


async def test_what_is_too_old_is_bought_anew(tmp_path: Path) -> None:
    """A result older than `max_age` is bought once more, once, and then is young again; nothing else is."""
    path = write_project(tmp_path, COPY + SCENE, "output: {dir: out}\nrefresh: {max_age: 30d}\n")
    await play(path)
    assert (await play(path, clock=Later(29))).told.ending.reused == {"jivox": 2, "vyro": 2}
    assert billed(vendors(path)).total() == 4
    report = await play(path, clock=Later(31))
    assert (report.told.exit_code, billed(vendors(path)).total()) == (0, 8)
    assert (await play(path, clock=Later(60))).told.ending.reused == {"jivox": 2, "vyro": 2}
    assert billed(vendors(path)).total() == 8


async def test_a_purchase_for_age_that_fails_is_told(tmp_path: Path) -> None:
    """If what is too old cannot be had again, the results say so, and the next run tries again."""
    path = write_project(tmp_path, COPY, "output: {dir: out}\nrefresh: {max_age: 30d}\n")
    await play(path)
    report = await play(path, clock=Later(31), faults=(Fault("no_credit"),))
    assert (report.told.exit_code, dict(report.told.results.counts)) == (5, {"waiting": 2})
    assert dict((await play(path, clock=Later(32))).told.results.counts) == {"done": 2}
    assert billed(vendors(path)).total() == 4


async def test_a_run_at_rest_tells_what_the_last_one_told(tmp_path: Path) -> None:
    """With nothing moved, counts, reuse, exit code and results are those of the run before, also of one that had troubles."""
    path = write_project(tmp_path, COPY + MEDIUM)
    await play(path, faults=(Fault("job_fails"),), clock=hurry())
    first, second = await play(path), await play(path)
    assert first.told.exit_code == second.told.exit_code == 1
    for part in ("counts", "providers", "results", "exit"):
        assert first.manifest[part] == second.manifest[part]
    assert first.causes == second.causes
    assert [advice.place for advice in first.causes] == [f"{path}:10"]


@pytest.mark.parametrize("name", ["results.jsonl", "mug/copy.txt"])
async def test_a_run_at_rest_mends_its_outputs(tmp_path: Path, name: str) -> None:
    """Whatever somebody removed from the output folder is there again after a run that has nothing to do, and nothing is bought."""
    path = write_project(tmp_path, COPY)
    await play(path)
    await play(path)
    before = (tmp_path / "out" / name).read_bytes()
    (tmp_path / "out" / name).unlink()
    await play(path)
    assert (tmp_path / "out" / name).read_bytes() == before
    assert billed(vendors(path)).total() == 2


async def test_a_run_at_rest_tells_of_edited_files(tmp_path: Path) -> None:
    """A published file that somebody edited is kept and told by every run, also by one that has nothing to do."""
    path = write_project(tmp_path, COPY)
    await play(path)
    (tmp_path / "out" / "mug" / "copy.txt").write_text("mine\n")
    for _ in range(3):
        assert (await play(path)).told.kept == ("mug/copy.txt",)
    assert (tmp_path / "out" / "mug" / "copy.txt").read_text() == "mine\n"


async def test_lost_bytes_are_noticed_at_rest(tmp_path: Path) -> None:
    """A result whose bytes were removed from the state folder has failed, though not a fact has changed."""
    path = write_project(tmp_path, COPY + SCENE)
    await play(path)
    await play(path)
    for file in named_files(path):
        if file["media_type"].startswith("image/"):
            (tmp_path / ".adbatch" / "sandbox" / "blobs" / file["source"][:2] / file["source"]).unlink()
    report = await play(path)
    assert (report.told.exit_code, dict(report.told.results.counts)) == (1, {"failed": 2})
    assert billed(vendors(path)).total() == 4


async def test_the_journal_knows_what_the_run_was_made_from(tmp_path: Path) -> None:
    """A run that ended notes its inputs, by digests of bytes that the state folder keeps."""
    path = write_project(tmp_path, COPY)
    await play(path)
    state = State(tmp_path / ".adbatch", "sandbox")
    with Journal.open(state.journal("small"), "sandbox") as journal:
        [run] = journal.runs()
    inputs: Any = run.meta["inputs"]
    assert state.blobs().read(inputs["job"][1]) == path.read_bytes()
    [[file, name]] = inputs["feed"]["files"]
    assert ((state.feeds / file).read_bytes(), name) == ((tmp_path / "feed.csv").read_bytes(), "feed.csv")


@pytest.mark.parametrize(
    ("counts", "ending", "code"),
    [
        ({}, Ending(), 0),
        ({"done": 5}, Ending(), 0),
        ({"done": 5, "failed": 1}, Ending(), 1),
        ({"refused": 1}, Ending(), 1),
        ({"done": 5, "queued": 1}, Ending(), 6),
        ({"waiting": 1}, Ending(), 6),
        ({"failed": 1, "queued": 1}, Ending(), 1),
        ({"uncertain": 1, "failed": 1, "queued": 1}, Ending(), 4),
        ({"uncertain": 1}, Ending(closed={"jivox": "401"}), 4),
        ({"failed": 1}, Ending(closed={"jivox": "401"}), 5),
        ({"waiting": 3}, Ending(spent=("the run",)), 5),
        ({"done": 3}, Ending(closed={"jivox": "401"}), 5),
        ({"uncertain": 1}, Ending(interrupted=130), 130),
        ({"waiting": 9}, Ending(interrupted=143), 143),
    ],
)
def test_the_exit_code_says_the_gravest(counts: dict[str, int], ending: Ending, code: int) -> None:
    """An interruption first, then what concerns money, then what is missing."""
    assert exit_code_of(counts, ending) == code
    assert code in EXITS


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [(0, 0, 0), (0, 6, 6), (6, 1, 1), (1, 5, 5), (5, 4, 4), (4, 130, 130), (143, 130, 130), (0, 143, 143), (4, 1, 4)],
)
def test_of_two_runs_the_graver_code_counts(one: int, other: int, both: int) -> None:
    """Several jobs end with the gravest of their codes, in whatever order they came."""
    assert graver(one, other) == graver(other, one) == both


def test_every_code_of_a_finished_run_has_its_gravity() -> None:
    """The order of gravity knows exactly the codes that a finished run can end with."""
    assert Counter(GRAVITY) == Counter(EXITS.keys() - {2, 3, 75})
