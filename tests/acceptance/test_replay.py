"""Record and replay: what was once said between a job and its vendors is said again, and nobody is asked."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from runner.cli.run import command
from runner.edge.outputs import load_schema
from runner.edge.recordings import Recording
from runner.errors import OurSide, Stranger, Usage
from runner.sandbox.behaviour import load_faults
from runner.tape.replay import Tape
from runner.workflow import Order, Report, run_job
from tests.cli.conftest import ENVIRON
from tests.crash.forge import hurry
from tests.edge.conftest import open_vendor, says
from tests.projects import COPY, FEED, MEDIUM, SCENE, Listener, billed, open_stage_here, write_project
from tests.schemas import misfits

STEPS: Final = COPY + SCENE + MEDIUM
ICON: Final = """\
  icon:
    use: jivox/image
    with: {prompt: "{{ row.title }}", width: 64, height: 64}
"""
NO_ROUTE: Final = ("unshare", "-rn")
GUARD: Final = """
import sys

def refuse(event, arguments):
    reaches = event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
    if reaches or (event == "subprocess.Popen" and arguments[0] != "git"):
        print("DIALLED", event, file=sys.stderr, flush=True)
        raise OSError("cut off")

sys.addaudithook(refuse)
"""
"""For a child: whatever reaches for the network, or starts a process that could, is told and fails."""


class Workbench:
    """A project, the vendors it is recorded with, and where the recording goes."""

    def __init__(self, folder: Path, steps: str = COPY) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        self.vendors = folder / "vendors"
        self.tape = folder / "tape"
        self.job = write_project(self.folder, steps)
        self.told = Listener()

    async def record(self, **settings: Any) -> Report:
        """A recorded run against vendors with these settings, with time in a hurry: polls are not waited for."""
        async with open_stage_here(self.vendors, **settings) as stage:
            order = Order(self.job, True, stage=stage, tape=Tape("record", self.tape))
            return await run_job(order, self.told, hurry())

    async def play(self, fresh: frozenset[str] | None = None, **settings: Any) -> Report:
        """A run that nobody records."""
        async with open_stage_here(self.vendors, **settings) as stage:
            return await run_job(Order(self.job, True, stage=stage, fresh=fresh), self.told)

    async def replay(self) -> Report:
        """A replay, with neither vendors nor keys."""
        return await run_job(Order(self.job, tape=Tape("replay", self.tape)), self.told)

    def results(self) -> bytes:
        """What lies in the output folder."""
        return (self.folder / "out" / "results.jsonl").read_bytes()

    def clear(self) -> None:
        """Remove everything that runs left here, as in a fresh clone."""
        for name in ("out", ".adbatch"):
            shutil.rmtree(self.folder / name, ignore_errors=True)


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """Nothing run yet."""
    return Workbench(tmp_path)


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file but the manifests and the one that only says the recording's results."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(found)}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """A project with pictures, text and a queue, recorded once, and cleared of all else."""
    bench = Workbench(tmp_path_factory.mktemp("recorded"), STEPS)
    asyncio.run(bench.record())
    return bench


@pytest.fixture
def clone(recorded: Workbench, tmp_path: Path) -> tuple[Path, bytes]:
    """A fresh clone with a recording committed in it, and the recorded run's results."""
    folder = tmp_path / "clone"
    shutil.copytree(recorded.folder, folder, ignore=shutil.ignore_patterns(".adbatch", "out"))
    shutil.copytree(recorded.tape, folder / "recording")
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD)
    return folder, recorded.results()


def cut_off() -> tuple[str, ...]:
    """How to start a process without any route, where this system lets us."""
    if shutil.which(NO_ROUTE[0]) is None:
        return ()
    done = subprocess.run([*NO_ROUTE, "true"], capture_output=True, check=False)
    return NO_ROUTE if done.returncode == 0 else ()


def replay_cut_off(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own that has no route, no key, and a guard at every door."""
    places = [str(folder.parent / "guard"), str(Path(__file__).resolve().parents[2])]
    environ = {name: value for name, value in ENVIRON.items() if "KEY" not in name} | {"PYTHONPATH": os.pathsep.join(places)}
    command = [*cut_off(), sys.executable, "-m", "runner.cli", "run", "job.yaml", "--replay", "--recording", *argv]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_a_replay_without_a_network_leaves_the_same_results(clone: tuple[Path, bytes]) -> None:
    """In a fresh clone without state, key or route, results.jsonl is the recorded run's to the byte and its files are there."""
    folder, results = clone
    done = replay_cut_off(folder, "recording")
    assert (done.returncode, "DIALLED" in done.stderr) == (0, False), done.stderr
    assert "results.jsonl is the recorded run's, byte for byte" in done.stderr
    assert (folder / "out" / "results.jsonl").read_bytes() == results
    named = [file["path"] for line in results.splitlines() for step in json.loads(line)["steps"].values() for file in step["files"]]
    assert len(named) == 6
    assert all((folder / "out" / path).is_file() for path in named)
    assert [path.name for path in (folder / ".adbatch").iterdir() if path.is_dir()] == ["replay"]


@pytest.mark.parametrize(
    "reach", ["socket.getaddrinfo('localhost', 1)", "socket.create_connection(('127.0.0.1', 9))", "subprocess.run(['true'])"]
)
def test_the_guard_would_have_seen_a_dial(clone: tuple[Path, bytes], reach: str) -> None:
    """Whoever looks up a name, connects or starts a process behind this guard is found out."""
    folder, _ = clone
    environ = {**ENVIRON, "PYTHONPATH": str(folder.parent / "guard")}
    command = [sys.executable, "-c", f"import socket, subprocess; {reach}"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "DIALLED" in done.stderr) == (1, True)


def test_a_missing_exchange_is_named(clone: tuple[Path, bytes]) -> None:
    """A row that was not recorded ends the replay with 3, naming step, variant, request and what is asked; nothing is written."""
    folder, results = clone
    (folder / "feed.csv").write_text(FEED.replace("Hat", "Cap"))
    done = replay_cut_off(folder, "recording")
    assert done.returncode == 3
    assert "the feed is not the one that was recorded" in done.stderr
    named = re.search(r"step (copy|medium) of variant hat\|1 asks for submit of request \w+ \((\S+): .*prompt '(.+?)'", done.stderr)
    assert named is not None, done.stderr
    assert named.groups() in {("copy", "jivox/text", "Headline for Cap"), ("medium", "sivi/media", "Cap")}, "whichever came first"
    assert not (folder / "out" / "results.jsonl").exists()
    (folder / "feed.csv").write_text(FEED)
    assert replay_cut_off(folder, "recording").returncode == 0
    assert (folder / "out" / "results.jsonl").read_bytes() == results


@pytest.mark.parametrize(("steps", "seed"), [(COPY + ICON, 1), (COPY + ICON, 2), (MEDIUM, 3)])
async def test_a_rainy_run_replays_as_it_went(tmp_path: Path, steps: str, seed: int) -> None:
    """Refusals, lost answers, broken links and waits come again as they came, and nobody is asked."""
    bench = Workbench(tmp_path, steps)
    recorded = await bench.record(seed=seed, faults=load_faults("rainy"))
    results = bench.results()
    ledger = billed(bench.vendors)
    replayed = await bench.replay()
    assert replayed.told.exit_code == recorded.told.exit_code
    assert bench.results() == results
    assert billed(bench.vendors) == ledger
    sent = [{name: tally.submits for name, tally in report.told.tallies.items()} for report in (recorded, replayed)]
    assert sent[0] == sent[1]


async def test_what_was_reused_is_part_of_the_recording(tmp_path: Path) -> None:
    """A recorded run that found half of it bought leaves a recording of all of it, files included."""
    bench = Workbench(tmp_path, COPY + ICON)
    bench.job.write_text(bench.job.read_text("utf-8").replace("feed.csv}", "feed.csv, limit: 1}"))
    await bench.play()
    bench.job.write_text(bench.job.read_text("utf-8").replace(", limit: 1}", "}"))
    await bench.record()
    results = bench.results()
    assert len(list(Recording(bench.tape).known())) == 2
    bench.clear()
    assert (await bench.replay()).told.exit_code == 0
    assert bench.results() == results


async def test_recording_again_changes_nothing(bench: Workbench) -> None:
    """A recorded run with nothing to do leaves every file of the recording as it was."""
    await bench.record()
    before = {path: path.read_bytes() for path in bench.tape.rglob("*") if path.is_file()}
    await bench.record()
    assert {path: path.read_bytes() for path in bench.tape.rglob("*") if path.is_file()} == before


async def test_what_a_stopped_run_left_is_left_again(bench: Workbench) -> None:
    """A recording of a run that a spent balance stopped replays to the same results, with the same requests still waiting."""
    recorded = await bench.record(credits={"jivox": 1})
    assert recorded.told.exit_code == 5
    results = bench.results()
    assert b'"waiting"' in results
    bench.clear()
    replayed = await bench.replay()
    assert bench.results() == results
    assert replayed.told.exit_code == 6
    bench.clear()


async def test_a_killed_recording_is_completed_by_the_next_run(bench: Workbench) -> None:
    """A run that ended in the middle leaves whole files only; the next recorded run finishes job and recording."""
    engines: list[Any] = []

    def steer(engine: Any) -> None:
        engines.append(engine)

    async with open_stage_here(bench.vendors, queue=5.0) as stage:
        order = Order(bench.job, True, stage=stage, tape=Tape("record", bench.tape))
        running = asyncio.ensure_future(run_job(order, bench.told, steer=steer))
        while not any(bench.tape.glob("exchanges/*/*/submit-1.json")):
            await asyncio.wait([running], timeout=0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    index = Recording(bench.tape).load_index()
    assert index is not None
    assert not index.whole
    assert all(json.loads(path.read_bytes()) for path in bench.tape.rglob("*.json"))
    with suppress(OurSide):  # it may have come far enough
        await bench.replay()
    assert any("did not come to its end" in line for line in bench.told.lines)
    await bench.record()
    results = bench.results()
    bench.clear()
    await bench.replay()
    assert bench.results() == results


async def test_a_disk_that_fails_while_recording_stops_the_run_and_loses_nothing(bench: Workbench) -> None:
    """The run ends as our side's failure; what was answered is journaled, so the next run buys only what is missing."""
    bench.tape.mkdir()
    await bench.record()
    bench.clear()
    shutil.rmtree(bench.vendors)
    shutil.rmtree(bench.tape / "exchanges")
    (bench.tape / "exchanges").write_text("in the way")
    with pytest.raises(OurSide, match="tape/exchanges"):
        await bench.record()
    bought = billed(bench.vendors)
    assert 0 < bought.total() <= 2
    assert (await bench.play()).told.exit_code == 0
    assert billed(bench.vendors).total() == 2


async def test_a_replay_buys_nothing_that_counts(bench: Workbench) -> None:
    """What a replay went through is no run's knowledge: a run afterwards refuses, or buys all of it if told to."""
    await bench.record()
    bench.clear()
    await bench.replay()
    manifest = json.loads((bench.folder / "out" / "manifest.json").read_bytes())
    assert (manifest["mode"], manifest["recorded"]) == ("replay", "sandbox")
    assert [(lane["cost"], lane["unpriced"]) for lane in manifest["providers"].values()] == [({}, 0)]
    assert list(misfits(manifest, load_schema("manifest"))) == []
    shutil.rmtree(bench.vendors)
    with pytest.raises(Stranger):
        await bench.play()
    assert (await bench.play(frozenset(), seed=7)).told.exit_code == 0
    assert billed(bench.vendors).total() == 2
    assert (await bench.replay()).told.exit_code == 0


async def test_an_hours_wait_takes_no_time(bench: Workbench) -> None:
    """Waits that a vendor asked for in the recorded run are leapt over, and counted as they were."""
    await bench.record()
    results = bench.results()
    bench.clear()
    for path in list(bench.tape.glob("exchanges/*/*/submit-1.json")):
        told = json.loads(path.read_bytes())
        path.rename(path.with_name("submit-2.json"))
        path.write_text(json.dumps({**told, "reply": {"status": 429, "headers": {"retry-after": "3600"}}}))
    report = await asyncio.wait_for(bench.replay(), 20)
    assert bench.results() == results
    assert report.told.ended - report.told.started > 3600
    assert {name: tally.busy for name, tally in report.told.tallies.items()} == {"jivox": 2}


async def test_a_live_run_is_replayed_without_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With vendor and key gone, the replay leaves the same over the results that were recorded; it leaves others alone."""
    told = Listener()
    async with open_vendor(says(b'{"text": "Hello"}', 200, "Content-Type: application/json")) as vendor:
        account = f"{{account: '1042', base_url: '{vendor.url}', key: {{env: ADBATCH_TEST_LIVE}}}}"
        path = write_project(tmp_path, project=f"version: 1\nproviders:\n  jivox: {account}\n")
        monkeypatch.setenv("ADBATCH_TEST_LIVE", "test-key-of-mine")
        await run_job(Order(path, tape=Tape("record")), told)
    monkeypatch.delenv("ADBATCH_TEST_LIVE")
    results, published = tmp_path / "out" / "results.jsonl", files_below(tmp_path / "out")
    assert (await run_job(Order(path, tape=Tape("replay")), told)).told.exit_code == 0
    assert files_below(tmp_path / "out") == published
    assert len(vendor.hits) == 2
    (tmp_path / "out" / "manifest.json").write_text('{"mode": "live"}')
    results.write_bytes(results.read_bytes() + b"{}\n")
    with pytest.raises(Usage, match="another live run than the recorded one"):
        await run_job(Order(path, tape=Tape("replay")), told)


async def test_a_part_of_the_plan_is_replayed_with_the_rest_told(bench: Workbench) -> None:
    """A recorded run of one variant, after all were bought, replays with the same option to the same lines for all."""
    await bench.record()
    results = bench.results()
    async with open_stage_here(bench.vendors) as stage:
        await run_job(Order(bench.job, True, stage=stage, limit=1, tape=Tape("record", bench.tape)), bench.told)
    bench.clear()
    await run_job(Order(bench.job, limit=1, tape=Tape("replay", bench.tape)), bench.told)
    assert bench.results() == results


async def test_live_results_of_another_run_are_not_replayed_over(bench: Workbench) -> None:
    """Where a live run's results lie, a rehearsal's replay is refused before anything is written."""
    await bench.record()
    out = bench.folder / "out"
    (out / "manifest.json").write_text('{"mode": "live"}')
    before = files_below(out)
    with pytest.raises(Usage, match=r"another live run than the recorded one|results of a live run"):
        await bench.replay()
    assert files_below(out) == before


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--record", "--replay"), "give one of the two"),
        (("--replay", "--sandbox"), "does not go with --sandbox"),
        (("--replay", "--fresh", "all"), "does not go with --fresh"),
        (("--replay", "--faults", "rainy"), "does not go with --faults"),
        (("--replay", "--plan", "plan.json"), "does not go with --plan"),
        (("--recording", "tape"), "give one of the two"),
        (("--replay", "job.yaml", "--recording", "tape"), "with one job only"),
        (("--replay",), "job small has no recording"),
        (("--replay", "--recording", "nowhere"), "nowhere holds no recording"),
        (("--record", "--sandbox", "--recording", "."), "holds something else than a recording"),
    ],
)
def test_what_contradicts_itself_is_refused(bench: Workbench, words: tuple[str, ...], why: str) -> None:
    """Options that exclude each other, and recordings that are not there, end with 2 and a remedy."""
    here = Path.cwd()
    os.chdir(bench.folder)
    try:
        ended = CliRunner().invoke(command, ["job.yaml", *words])
    finally:
        os.chdir(here)
    assert isinstance(ended.exception, Usage)
    assert why in str(ended.exception)
