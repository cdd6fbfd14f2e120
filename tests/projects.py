"""Small projects on disk, and the emulated vendors in this process to play them on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from aiohttp.test_utils import TestServer

from runner.edge.rehearsal import Stage
from runner.errors import Complaint, Invalid
from runner.headway import Headway
from runner.sandbox.app import make_app
from runner.sandbox.desk import Settings
from runner.sandbox.intake import Made
from runner.sandbox.serve import describe

KEY: Final = "test-key"
FEED: Final = "id,title,picture\nmug,Mug,mug.png\nhat,Hat,hat.png\n"
HEAD: Final = "version: 1\nname: small\nfeed: {path: feed.csv}\n"
COPY: Final = """\
  copy:
    use: jivox/text
    with: {prompt: "Headline for {{ row.title }}"}
    save: "{{ row.id }}/copy"
"""
SCENE: Final = """\
  scene:
    use: vyro/text-to-image
    with: {prompt: "{{ steps.copy.text }}", style: realistic}
    save: "{{ row.id }}/scene"
"""
MEDIUM: Final = """\
  medium:
    use: sivi/media
    with: {prompt: "{{ row.title }}", bId: b_1, model: flux-schnell, dimensions: {width: 1024, height: 1024}}
    save: "{{ row.id }}/medium"
"""
PROJECT: Final = 'version: 1\nproviders:\n  jivox: {account: "1042"}\n'


def write_project(
    folder: Path, steps: str = COPY, top: str = "output: {dir: out}\n", project: str | None = PROJECT, feed: str = FEED
) -> Path:
    """The job of a small project in `folder`: two rows, the steps, and what else the job says at its top."""
    if project is not None:
        (folder / "adbatch.yaml").write_text(project, encoding="utf-8")
    (folder / "feed.csv").write_text(feed, encoding="utf-8")
    path = folder / "job.yaml"
    path.write_text(f"{HEAD}{top}steps:\n{steps}", encoding="utf-8")
    return path


def said(mistakes: Invalid) -> list[str]:
    """The complaints as `file:line:column path: message`."""
    return [_told(complaint) for complaint in mistakes.complaints]


def _told(complaint: Complaint) -> str:
    place = complaint.place
    where = f"{Path(place.file).name}:{place.line}:{place.column} " if place else ""
    return f"{where}{complaint.path}: {complaint.message}"


class Drawn(dict[str, tuple[Made, ...]]):
    """What emulated vendors have made lately, for all sandboxes of this process: drawing the same again takes most of a test."""

    def __setitem__(self, digest: str, made: tuple[Made, ...]) -> None:
        super().__setitem__(digest, made)
        while len(self) > MOST_DRAWN:
            self.pop(next(iter(self)), None)


MOST_DRAWN: Final = 64
DRAWN: Final = Drawn()


@asynccontextmanager
async def open_stage_here(state: Path, **settings: Any) -> AsyncIterator[Stage]:
    """The sandbox in this process: it answers at once, and a queued job takes a twentieth of a second."""
    wanted = {"key": KEY, "latency": 0.0, "queue": 0.05, **settings}
    server = TestServer(make_app(Settings(state=state, **wanted), memory=DRAWN), host="127.0.0.1")
    await server.start_server()
    url = f"http://127.0.0.1:{server.port}"
    try:
        yield Stage(url, KEY, describe(url, KEY)["vendors"])
    finally:
        await server.close()


def billed(state: Path) -> Counter[str]:
    """What the sandbox with this state folder has in its ledger, by `vendor operation`."""
    ledger = state / "ledger.jsonl"
    lines = ledger.read_text("utf-8").splitlines() if ledger.exists() else []
    return Counter(f"{entry['vendor']} {entry['operation']}" for entry in map(json.loads, lines))


class Listener:
    """A voice that remembers what was said and how the counts can be read."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.read: Callable[[], Headway] = lambda: Headway({})

    def say(self, text: str) -> None:
        """Remember the line."""
        self.lines.append(text)

    def warn(self, text: str) -> None:
        """Remember the line."""
        self.lines.append(text)

    def watch(self, read: Callable[[], Headway]) -> None:
        """Remember how to read how far it is."""
        self.read = read
