"""The pledge of a run that was ordered by a plan: it does exactly that, or it says what has moved and sends nothing.

First everything the plan rests on is compared, because a person can do something about a name. In the end the fingerprint decides:
it is over the very requests that would be asked, so whatever else may have come between is noticed too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from runner.edge.journal import Run
from runner.edge.snapshots import Snapshot
from runner.errors import Usage
from runner.frozen import frozen
from runner.job.load import find_root
from runner.manifest import moment
from runner.planning.forecast import Ground, Question, load_document, preview_of, rests_on, select
from runner.planning.preview import Known
from runner.planning.prospects import Wish
from runner.selection import Choice, read_shard
from runner.workshop import Workshop

MOST_NAMED: Final = 10
"""Things that have moved and are named one by one."""


@frozen
class Pledge:
    """A plan as it was written to the file at `path`."""

    path: Path
    document: Mapping[str, Any]

    @property
    def mode(self) -> str:
        """What was planned: a live run or one in the sandbox."""
        return str(self.document.get("mode"))

    @property
    def fresh(self) -> frozenset[str] | None:
        """The steps that were planned to be bought anew."""
        told = self._rests_on["fresh"]
        return None if told is None else frozenset(told)

    @property
    def choice(self) -> Choice:
        """What was selected."""
        told = self._rests_on["selection"]
        shard = None if told.get("shard") is None else read_shard(told["shard"])
        return Choice(told.get("only"), tuple(told.get("steps", ())), tuple(told.get("status", ())), shard, told.get("limit"))

    @property
    def job(self) -> str:
        """The name of the job."""
        return str(self.document["job"]["name"])

    def find_job(self, here: Path) -> Path:
        """The job's file in the project around the folder `here`. Raises `Usage` if it is not there."""
        path = find_root(here) / str(self.document["job"]["path"])
        if not path.is_file():
            raise Usage(
                f"{self.path} is a plan of {self.document['job']['path']}, which is not in the project here; name the job's file"
            )
        return path

    def snapshot(self, feeds: Path) -> Snapshot:
        """The feed as it was planned, held in the folder `feeds`. Raises `Usage` if it is not there any more."""
        told = self._rests_on["feed"]
        files = tuple(feeds / Path(name).name for name, _ in told["files"])
        if not all(file.is_file() for file in files):
            raise self._refusal(["the planned snapshot of the feed is no longer in the state folder"])
        return Snapshot(files, tuple(shown for _, shown in told["files"]), told["sha256"], told["bytes"], told["origin"])

    def require_ground(self, question: Question, ground: Ground) -> None:
        """Raise `Usage` naming what has moved since the plan was made."""
        if self.job != ground.desk.job_file.job.name:
            raise Usage(f"{self.path} is a plan of job {self.job}, not of {ground.desk.job_file.job.name}")
        if moved := list(_moved(self.document, rests_on(question, ground), ground)):
            raise self._refusal(moved)

    def require_requests(self, fingerprint: str) -> None:
        """Raise `Usage` if other requests would be asked than were planned."""
        if fingerprint != self.document["fingerprint"]:
            raise self._refusal(
                ["what would be asked is not what was planned (something was settled, or has grown too old, since)"]
            )

    def redeem(self, shop: Workshop, snapshot: Snapshot, runs: Sequence[Run], **asked: Any) -> None:
        """Raise `Usage` unless a run that finds this, and is `asked` for as a `Question` is, would do exactly what was planned."""
        question, now = Question(**asked), shop.clock.now()
        ground = Ground(shop.desk, snapshot, shop.state.mode, shop.journal.id, tuple(runs))
        self.require_ground(question, ground)
        known = Known(shop.look_up, shop.journal.histories)
        preview = preview_of(ground, known, Wish(now, question.wants_fresh, select(question, ground.desk)), None)
        self.require_requests(preview.fingerprint)

    def _refusal(self, moved: list[str]) -> Usage:
        shown = moved[:MOST_NAMED] + ([f"and {len(moved) - MOST_NAMED} more"] if len(moved) > MOST_NAMED else [])
        return Usage(f"{self.path} no longer holds: {'; '.join(shown)}. Nothing was sent; look at a new plan: adbatch plan")

    @property
    def _rests_on(self) -> Mapping[str, Any]:
        told: Mapping[str, Any] = self.document["rests_on"]
        return told


def load_pledge(path: Path) -> Pledge:
    """The plan in the file at `path`. Raises `Usage` if it is none."""
    return Pledge(path, load_document(path))


def _moved(document: Mapping[str, Any], now: Mapping[str, Any], ground: Ground) -> Iterator[str]:
    then = document["rests_on"]
    if document["mode"] != ground.mode:
        yield f"it is for {_said(document['mode'])}, this is {_said(ground.mode)}"
    if then["adbatch"] != now["adbatch"]:
        yield f"adbatch is {now['adbatch']}, the plan was made by {then['adbatch']}"
    if then["job"] != now["job"]:
        yield f"{ground.desk.job_file.path} changed"
    if then["project"] != now["project"]:
        yield "adbatch.yaml changed"
    yield from _differences(then.get("vendors", {}), now.get("vendors", {}))
    folder = ground.desk.project_file.project.templates
    yield from (f"{folder}/{change}" for change in _differences(then["templates"], now["templates"]))
    if then["feed"]["sha256"] != now["feed"]["sha256"]:
        yield f"the feed changed ({ground.desk.job_file.job.feed.path.partition('?')[0]})"
    yield from _differences(then["pictures"], now["pictures"])
    if (then["selection"], then["fresh"]) != (now["selection"], now["fresh"]):
        yield "something else is selected; leave the selecting options away, the plan has them"
    yield from _journal(then["journal"], ground)


def _differences(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*then, *now}):
        if then.get(name) != now.get(name):
            yield f"{name} {'is new' if name not in then else 'is gone' if name not in now else 'changed'}"


def _journal(then: Mapping[str, Any], ground: Ground) -> Iterator[str]:
    if len(ground.runs) > then["runs"]:
        latest = ground.runs[-1]
        yield f"run {latest.number} was made since (it began {moment(latest.started)})"
    elif len(ground.runs) < then["runs"] or then["id"] not in (None, ground.journal):
        yield "the state folder is another one"


def _said(mode: str) -> str:
    return {"live": "a live run", "sandbox": "a sandbox run"}.get(mode, "a replay")
