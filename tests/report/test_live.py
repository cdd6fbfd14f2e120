"""The gallery served: to this page alone, with news, and with decisions kept beside the job."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from runner.cli.backdrop import paint_stage
from runner.decisions import load_decisions
from runner.edge.clock import SystemClock
from runner.edge.state import State
from runner.errors import Usage
from runner.report.live import Counter, open_counter
from runner.report.viewing import watch_mark
from runner.workflow import Order, run_job
from tests.projects import COPY, SCENE, Listener, open_stage_here, write_project


@dataclass(slots=True)
class Open:
    """A counter that is open, and a visitor."""

    counter: Counter
    address: str
    visitor: aiohttp.ClientSession
    folder: Path

    @property
    def origin(self) -> str:
        """Where the page comes from."""
        return "/".join(self.address.split("/")[:3])

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and text of what is there."""
        async with self.visitor.get(self.address + path, headers=headers, allow_redirects=False) as answer:
            return answer.status, (await answer.read()).decode("utf-8", "replace")

    async def decide(self, body: Any, **headers: str) -> int:
        """The status of an answer to a decision from the page."""
        told = {"Origin": self.origin, **headers}
        async with self.visitor.post(self.address + "report/api/decisions", json=body, headers=told) as answer:
            return answer.status


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small job after its run."""
    folder = tmp_path_factory.mktemp("ran")
    path = write_project(folder, COPY + SCENE)

    async def run() -> None:
        async with open_stage_here(folder / "vendors") as stage:
            await run_job(Order(path, sandbox=True, stage=stage), Listener())

    asyncio.run(run())
    return folder


@pytest.fixture
async def shown(ran: Path, tmp_path: Path) -> AsyncIterator[Open]:
    """A copy of that folder, and its gallery served."""
    shutil.copytree(ran, tmp_path, dirs_exist_ok=True)
    async with open_counter(tmp_path / "job.yaml", paint_stage()) as (counter, address), aiohttp.ClientSession() as visitor:
        counter.look()
        yield Open(counter, address, visitor, tmp_path)


async def test_the_page_and_its_pictures_are_served(shown: Open) -> None:
    """The page says that it is live; data, thumbnails and whole pictures come from the same place."""
    status, page = await shown.get("report/index.html")
    assert status == 200
    assert '<html data-live="' in page
    assert (await shown.get("report/data/index.js"))[0] == 200
    thumb = next((shown.folder / "out/report/thumbs").glob("??/*")).relative_to(shown.folder / "out")
    assert (await shown.get(str(thumb)))[0] == 200
    assert (await shown.get("mug/scene.jpg"))[0] + (await shown.get("mug/scene.png"))[0] == 200 + 404
    assert (await shown.get(""))[0] == 302


@pytest.mark.parametrize(
    "path",
    ["results.jsonl", "manifest.json", "../adbatch.yaml", "..%2fadbatch.yaml", "report/gone.js", "report/.gitignore", "link.png"],
)
async def test_nothing_else_is_served(shown: Open, path: str) -> None:
    """No file of another kind, none outside the folder, and none through a link."""
    (shown.folder / "secret.png").write_bytes(b"secret")
    (shown.folder / "out/link.png").symlink_to(shown.folder / "secret.png")
    assert (await shown.get(path))[0] == 404


async def test_only_this_page_on_this_host_is_answered(shown: Open) -> None:
    """Without the token, under another name, or from another origin there is nothing; and no answer may be read elsewhere."""
    async with shown.visitor.get(f"{shown.origin}/wrong/report/index.html") as answer:
        assert answer.status == 404
    assert (await shown.get("report/index.html", Host="evil.example"))[0] == 404
    assert (await shown.get("report/index.html", Origin="http://evil.example"))[0] == 403
    async with shown.visitor.get(shown.address + "report/index.html") as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


async def test_decisions_are_kept_beside_the_job(shown: Open) -> None:
    """Made, changed and taken back; each under the job's own name, whatever the message says."""
    one = {"key": "mug|1", "step": "scene", "sha256": "a" * 64, "decision": "rejected", "reason": "blurred", "author": "kim"}
    assert await shown.decide({"decisions": [one, {**one, "key": "hat|1"}]}) == 200
    assert await shown.decide({"decisions": [{**one, "decision": "approved", "job": "other"}]}) == 200
    assert await shown.decide({"decisions": [{**one, "key": "hat|1", "decision": ""}]}) == 200
    kept = load_decisions(shown.folder / "decisions.yaml")
    assert [(decision.job, decision.key, decision.decision) for decision in kept] == [("small", "mug|1", "approved")]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"decisions": [{"key": "k"}]}, {}, 400),
        ({"decisions": 7}, {}, 400),
        ([], {}, 400),
        ({"decisions": []}, {"Content-Type": "text/plain"}, 415),
        ({"decisions": []}, {"Origin": "http://evil.example"}, 403),
    ],
)
async def test_what_is_no_decision_changes_nothing(shown: Open, body: Any, headers: dict[str, str], status: int) -> None:
    """A wrong message, a form of another page, a foreign origin."""
    assert await shown.decide(body, **headers) == status
    assert not (shown.folder / "decisions.yaml").exists()


async def test_a_file_that_is_wrong_is_not_written_over(shown: Open) -> None:
    """The page is told, and what somebody wrote stays."""
    (shown.folder / "decisions.yaml").write_text("version: 7\n")
    one = {"key": "mug|1", "step": "scene", "sha256": "a" * 64, "decision": "approved"}
    assert await shown.decide({"decisions": [one]}) == 409
    assert (shown.folder / "decisions.yaml").read_text() == "version: 7\n"


async def test_news_come_as_they_happen(shown: Open) -> None:
    """A decision makes another edition; a run that goes on is told, and is told that somebody watches."""
    news = (await shown.get("report/api/news"))[1]
    one = {"key": "mug|1", "step": "scene", "sha256": "a" * 64, "decision": "approved"}
    await shown.decide({"decisions": [one]})
    shown.counter.look()
    assert (await shown.get("report/api/news"))[1] != news
    state = State(shown.folder / ".adbatch", "sandbox")
    with state.lock("small", SystemClock().now()):
        shown.counter.look()
        assert "a run goes on" in (await shown.get("report/api/news"))[1]
    assert watch_mark(state, "small").exists()


async def test_before_there_is_anything_the_page_waits(tmp_path: Path) -> None:
    """No gallery yet is a page that looks again; a port that is taken is told."""
    path = write_project(tmp_path)
    async with open_counter(path, None) as (counter, address), aiohttp.ClientSession() as visitor:
        counter.look()
        async with visitor.get(f"{address}report/index.html") as answer:
            assert "waiting for the run" in await answer.text()
        with pytest.raises(Usage, match="--port"):
            async with open_counter(path, None, int(address.split(":")[2].split("/")[0])):
                pass
