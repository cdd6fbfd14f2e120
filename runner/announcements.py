"""A run told in three lines, and told to those whom the project file names under `notify:`.

Only live runs are told: a rehearsal and a replay are nobody's business. A run that is refused before it begins is a failure like
any other as soon as the project file can be read; one that finds another run at work is none, for that one tells. News that do not
get through are told on stderr and change nothing else.

What a webhook gets is this, by POST as application/json; a key that does not apply is null::

    event      start, success (exit 0) or failure
    job        the job's name; null where its file could not be read
    path       the job file
    run        a UUID, the same at start and end of a run
    exit       the exit code; null at the start, and where a run was stopped at once
    meaning    the exit code in words
    at         the moment of telling, RFC 3339 in UTC
    counts     variants by status
    providers  by account: requests sent, reused, uncertain
    cost       what was accrued, by currency, as decimal text; unpriced is the number of purchases without a known price
    output     the folder with the files; results is the path of results.jsonl
    commit     the git commit the project stands on
    message    the same for a person, in lines
    adbatch    the version of this program
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from runner.edge.clock import Clock
from runner.edge.notices import Notice, Notices
from runner.edge.outputs import RESULTS
from runner.errors import EXITS, AdbatchError, Held
from runner.job.load import load_project
from runner.job.project import Notify
from runner.manifest import moment

PARTING: Final = 3.0
"""Seconds for telling of a run that was stopped at once: whoever stopped it is waiting."""
SHOWN: Final = 5
"""Complaints of a refused run that are told."""


class Herald:
    """Tells of one run: `begin` when it holds its job, `close` with its manifest when it ended, `part` by `announced`."""

    def __init__(self, path: Path, clock: Clock, say: Callable[[str], None]) -> None:
        self._path, self._clock, self._say = path, clock, say
        self._run = str(uuid.uuid4())
        self._notices: Notices | None = None
        self._job: str | None = None
        self._starting: asyncio.Task[None] | None = None
        self._ended: tuple[Mapping[str, Any], Path] | None = None

    def begin(self, notify: Notify | None, job: str) -> None:
        """The run has its job: tell whoever wants to know, while it goes on."""
        self._job = job
        self._open(notify)
        if self._notices is not None:
            text = f"{job} starts"
            self._starting = asyncio.create_task(self._tell(Notice("start", None, text, self._document("start", None, text))))

    def close(self, manifest: Mapping[str, Any], output: Path) -> None:
        """The run has ended, and this is what it left."""
        self._ended = (manifest, output)

    async def part(self, failure: BaseException | None) -> None:
        """Tell how it ended: with a manifest, with a failure, or at once."""
        if isinstance(failure, Held) and self._starting is None:
            return
        if self._notices is None and self._ended is None:
            self._open(_notify_around(self._path))
        if self._notices is None:
            return
        if failure is None or isinstance(failure, Exception):
            await self._tell(self._last_notice(failure))
            return
        if self._starting is not None:
            self._starting.cancel()
        text = f"{self._job or self._path}: stopped at once"
        await self._tell(Notice("failure", None, text, self._document("failure", None, text)), PARTING, 1)

    def _last_notice(self, failure: Exception | None) -> Notice:
        if failure is not None or self._ended is None:
            code = failure.exit_code if isinstance(failure, AdbatchError) else 3
            text = "\n".join([f"{self._job or self._path}: {EXITS[code]} (exit {code})", *_complaints(failure)])
            return Notice("failure", code, text, self._document("failure", code, text))
        manifest, output = self._ended
        code = int(manifest["exit"])
        event: Any = "failure" if code else "success"
        text = "\n".join(brief_lines(manifest, str(output)))
        return Notice(event, code, text, self._document(event, code, text) | _figures(manifest, output))

    def _open(self, notify: Notify | None) -> None:
        if notify is not None:
            self._notices = Notices(notify, os.environ, self._run)
            for line in self._notices.troubles:
                self._say(line)

    async def _tell(self, notice: Notice, *patience: Any) -> None:
        if notice.event != "start" and self._starting is not None:
            await asyncio.wait([self._starting])
        assert self._notices is not None
        for line in await self._notices.tell(notice, *patience):
            self._say(line)

    def _document(self, event: str, code: int | None, text: str) -> dict[str, Any]:
        return {
            "event": event,
            "job": self._job,
            "path": str(self._path),
            "run": self._run,
            "exit": code,
            "meaning": None if code is None else EXITS[code],
            "at": moment(self._clock.now()),
            **dict.fromkeys(("counts", "providers", "cost", "unpriced", "output", "results", "commit")),
            "message": text,
            "adbatch": version("adbatch"),
        }


@asynccontextmanager
async def announced(path: Path, live: bool, clock: Clock, say: Callable[[str], None]) -> AsyncIterator[Herald]:
    """Tell of the run of the job at `path` that happens within, if it is `live`; `say` hears of news that did not get through."""
    herald = Herald(path, clock, say)
    failure: BaseException | None = None
    try:
        yield herald
    except BaseException as error:
        failure = error
        raise
    finally:
        if live and not isinstance(failure, KeyboardInterrupt | GeneratorExit):
            await herald.part(failure)


def brief_lines(manifest: Mapping[str, Any], output: str) -> list[str]:
    """What, result, where: a run in three lines."""
    code, lanes = int(manifest["exit"]), manifest["providers"]
    variants = ", ".join(f"{count} {status}" for status, count in manifest["counts"].items()) or "no variant"
    sent = [f"{name} {lane['sent']}" for name, lane in lanes.items() if lane["sent"]]
    reused = sum(lane["reused"] for lane in lanes.values())
    verb = "replayed" if manifest["mode"] == "replay" else "sent"
    did = f"{verb} {', '.join(sent)}{_cost(lanes)}" if sent else f"{verb} nothing"
    retired = f", retired {manifest['retired']} files" if manifest.get("retired") else ""
    result = ("all done" if sent else "nothing to do") if code == 0 else EXITS[code]
    return [
        f"{manifest['job']['name']}: {manifest['feed']['rows']} rows, variants: {variants}",
        f"{result} (exit {code}): {did}{f', reused {reused}' if reused else ''}{retired}",
        f"files: {output}/   one line a variant: {output}/{RESULTS}",
    ]


def is_quiet(manifest: Mapping[str, Any]) -> bool:
    """Whether nothing about the run needs more than three lines."""
    return manifest["exit"] == 0 and not manifest["kept"] and not manifest["closed"]


def _cost(lanes: Mapping[str, Any]) -> str:
    cost, unpriced = _sums(lanes)
    told = [f"{amount} {currency}" for currency, amount in cost.items()] + ([f"{unpriced} of unknown price"] if unpriced else [])
    return f" ({' + '.join(told)})" if told else ""


def _sums(lanes: Mapping[str, Any]) -> tuple[dict[str, str], int]:
    sums: dict[str, Decimal] = {}
    for lane in lanes.values():
        for currency, cost in lane["cost"].items():
            sums[currency] = sums.get(currency, Decimal(0)) + Decimal(cost["accrued"])
    return {currency: str(amount) for currency, amount in sums.items()}, sum(lane["unpriced"] for lane in lanes.values())


def _figures(manifest: Mapping[str, Any], output: Path) -> dict[str, Any]:
    lanes = manifest["providers"]
    cost, unpriced = _sums(lanes)
    told = ("sent", "reused", "uncertain")
    return {
        "counts": manifest["counts"],
        "providers": {name: {word: lane[word] for word in told} for name, lane in lanes.items()},
        "cost": cost,
        "unpriced": unpriced,
        "output": str(output),
        "results": str(output / RESULTS),
        "commit": (manifest["git"] or {}).get("commit"),
    }


def _complaints(failure: Exception | None) -> list[str]:
    complaints = getattr(failure, "complaints", None)
    if complaints is None:
        return [str(failure)] if failure else []
    more = [f"… and {len(complaints) - SHOWN} more"] if len(complaints) > SHOWN else []
    return [f"{complaint.path}: {complaint.message}".removeprefix(": ") for complaint in complaints[:SHOWN]] + more


def _notify_around(path: Path) -> Notify | None:
    """Whom to tell, where the project file can be read."""
    try:
        return load_project(path).project.notify
    except AdbatchError:
        return None
