"""Runs that are told: in three lines, and to whoever the project file names."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from runner.announcements import announced, brief_lines, is_quiet
from runner.edge.clock import SystemClock
from runner.edge.state import State
from runner.errors import AdbatchError, Held, Invalid, OurSide
from runner.workflow import Order, run_job
from tests.edge.conftest import Vendor, open_vendor, says
from tests.projects import PROJECT, Listener, open_stage_here, write_project

FIELDS = {"event", "job", "path", "run", "exit", "meaning", "at", "message", "adbatch"} | {
    *("counts", "providers", "cost", "unpriced", "output", "results", "commit"),
}


@pytest.fixture
async def listener() -> AsyncIterator[Vendor]:
    """Somebody who is told, and takes it."""
    async with open_vendor(says(b"OK")) as opened:
        yield opened


def project(listener: Vendor, vendor: str = "http://127.0.0.1:9", on: str = "") -> str:
    """A project file whose runs are told to `listener` in both ways."""
    account = f'{{account: "1042", base_url: "{vendor}", key: {{env: ADBATCH_TEST_KEY}}}}'
    notify = f"notify: {{webhook: '{listener.url}/hook', ping: '{listener.url}/ping'{on}}}\n"
    return f"version: 1\nproviders:\n  jivox: {account}\n{notify}"


def told(listener: Vendor) -> tuple[list[str], list[dict[str, Any]]]:
    """The pings by path, and the documents of the webhook, in the order they came."""
    pings = [hit.line.removeprefix("POST ").partition("?")[0] for hit in listener.hits if "/ping" in hit.line]
    return pings, [json.loads(hit.body) for hit in listener.hits if "/hook" in hit.line]


async def test_a_live_run_is_told_from_start_to_end(tmp_path: Path, listener: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start and success are told to both, with one UUID; the document has counts, calls, cost and where the results are."""
    monkeypatch.setenv("ADBATCH_TEST_KEY", "test-key-of-jivox")
    async with open_vendor(says(b'{"text": "Hello"}')) as jivox:
        path = write_project(tmp_path, project=project(listener, jivox.url))
        report = await run_job(Order(path), Listener())
    pings, documents = told(listener)
    assert (pings, [each["event"] for each in documents]) == (["/ping/start", "/ping"], ["start", "success"])
    start, end = documents
    assert set(start) == set(end) == FIELDS
    assert start["run"] == end["run"]
    assert all(f"rid={end['run']}" in hit.line for hit in listener.hits if "/ping" in hit.line)
    assert (start["exit"], start["counts"], start["job"]) == (None, None, "small")
    assert (end["exit"], end["meaning"], end["counts"]) == (0, "all done, or nothing to do", {"done": 2})
    assert end["providers"] == {"jivox": {"sent": 2, "reused": 0, "uncertain": 0}}
    assert (end["cost"], end["unpriced"], end["results"]) == ({}, 2, str(report.output / "results.jsonl"))
    assert end["message"].splitlines() == brief_lines(report.manifest, str(report.output))


async def test_a_run_that_fails_is_told_with_its_code(tmp_path: Path, listener: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run in which something is uncertain ends with 4, and so does its ping."""
    monkeypatch.setenv("ADBATCH_TEST_KEY", "test-key-of-jivox")
    async with open_vendor(says(b"", 500)) as jivox:
        report = await run_job(Order(write_project(tmp_path, project=project(listener, jivox.url))), Listener())
    pings, documents = told(listener)
    assert report.told.exit_code == 4
    assert pings == ["/ping/start", "/ping/4"]
    assert documents[1]["counts"] == {"uncertain": 2}


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (("row.title", "rwo.title"), 2, "rwo"),
        (("name: small", "nome: small"), 2, "did you mean name?"),
        (("", ""), 3, "environment variable ADBATCH_TEST_KEY is not set"),
    ],
)
async def test_a_run_that_is_refused_is_told(
    tmp_path: Path, listener: Vendor, change: tuple[str, str], code: int, message: str
) -> None:
    """A mistake in the job or a missing key is a failure, with what is wrong, although nothing was ever sent."""
    path = write_project(tmp_path, project=project(listener, on=", on: [failure]"))
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(AdbatchError):
        await run_job(Order(path), Listener())
    pings, [document] = told(listener)
    assert (pings, document["exit"]) == ([f"/ping/{code}"], code)
    assert message in document["message"]


async def test_another_run_at_work_is_no_failure(tmp_path: Path, listener: Vendor) -> None:
    """A run that finds the job held tells nobody: the one that holds it does."""
    path = write_project(tmp_path, project=project(listener))
    with State(tmp_path / ".adbatch", "live").lock("small", SystemClock().now()), pytest.raises(Held):
        await run_job(Order(path), Listener())
    assert listener.hits == []


async def test_a_rehearsal_is_nobodys_business(tmp_path: Path, listener: Vendor) -> None:
    """A sandbox run tells nobody."""
    path = write_project(tmp_path, project=project(listener))
    async with open_stage_here(tmp_path / ".adbatch/sandbox/vendors") as stage:
        await run_job(Order(path, sandbox=True, stage=stage), Listener())
    assert listener.hits == []


async def test_news_that_do_not_get_through_change_nothing(
    tmp_path: Path, listener: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever does not take the news is named in a line, and the run ends as it would have."""
    monkeypatch.setenv("ADBATCH_TEST_KEY", "test-key-of-jivox")
    listener.answer = says(b"", 404)
    voice = Listener()
    async with open_vendor(says(b'{"text": "Hello"}')) as jivox:
        report = await run_job(Order(write_project(tmp_path, project=project(listener, jivox.url))), voice)
    assert report.told.exit_code == 0
    unheard = [line for line in voice.lines if line.startswith("notify.")]
    assert sorted(unheard) == [
        f"notify.{name}: 127.0.0.1 answered 404; this changes nothing for the run"
        for name in ("ping", "ping", "webhook", "webhook")
    ]


async def test_a_project_that_cannot_be_read_tells_nobody(tmp_path: Path) -> None:
    """Where the project file is wrong nobody knows whom to tell; the mistake is the run's."""
    path = write_project(tmp_path, project=PROJECT + "notify: {}\n")
    with pytest.raises(Invalid, match="tells nobody"):
        await run_job(Order(path), Listener())


async def test_a_run_that_is_stopped_at_once_is_told(tmp_path: Path, listener: Vendor) -> None:
    """Nobody knows its code here, so the check is told that it failed, and the document's exit is null."""
    path = write_project(tmp_path, project=project(listener, on=", on: [failure]"))
    begun = asyncio.Event()

    async def run() -> None:
        async with announced(path, True, SystemClock(), print):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(run())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pings, [document] = told(listener)
    assert (pings, document["exit"], document["event"]) == (["/ping/fail"], None, "failure")


async def test_a_mistake_of_ours_is_told(tmp_path: Path, listener: Vendor) -> None:
    """Whatever else ends a run is a failure with code 3, or a monitor would wait for ever."""
    path = write_project(tmp_path, project=project(listener, on=", on: [failure]"))
    with pytest.raises(KeyError):
        async with announced(path, True, SystemClock(), print):
            raise KeyError("step")
    assert told(listener)[0] == ["/ping/3"]
    with pytest.raises(OurSide):
        async with announced(path, False, SystemClock(), print):
            raise OurSide("disk")
    assert len(listener.hits) == 2


def manifest(**more: Any) -> dict[str, Any]:
    """What a manifest says, as far as it is told."""
    lane = {"sent": 3, "reused": 1, "cost": {"USD": {"accrued": "0.10"}}, "unpriced": 0}
    return {
        "mode": "live",
        "exit": 0,
        "job": {"name": "offers"},
        "feed": {"rows": 3},
        "counts": {"done": 3},
        "providers": {"jivox": lane, "sivi": {**lane, "sent": 0, "cost": {"USD": {"accrued": "0.20"}}, "unpriced": 2}},
        "kept": [],
        "closed": {},
        **more,
    }


def test_three_lines() -> None:
    """What, result, where; money is added up, what has no known price is counted, what did not happen is not mentioned."""
    assert brief_lines(manifest(), "out") == [
        "offers: 3 rows, variants: 3 done",
        "all done (exit 0): sent jivox 3 (0.30 USD + 2 of unknown price), reused 2",
        "files: out/   one line a variant: out/results.jsonl",
    ]
    assert brief_lines(manifest(mode="replay"), "out")[1].startswith("all done (exit 0): replayed jivox 3")
    assert brief_lines(manifest(retired=2), "out")[1].endswith(", reused 2, retired 2 files")
    assert brief_lines(manifest(providers={}, counts={}, exit=1), "out")[:2] == [
        "offers: 3 rows, variants: no variant",
        "finished; some requests failed or were refused (exit 1): sent nothing",
    ]


@pytest.mark.parametrize(
    ("more", "quiet"), [({}, True), ({"exit": 6}, False), ({"kept": ["a"]}, False), ({"closed": {"x": "y"}}, False)]
)
def test_what_is_quiet(more: dict[str, Any], quiet: bool) -> None:
    """Three lines are enough unless there is something a person should look at."""
    assert is_quiet(manifest(**more)) is quiet
