"""The turnstile: jobs of one project run side by side, and their sum stays within what a lane allows.

A vendor counts by account, and all jobs of a project use the same one. So whatever leaves goes through here, one run at a time:
with the lock held a run learns what has been sent in the lane, and what the others have in flight and open; it decides; and it
writes down its own part before the next may look. No share has to be agreed upon, the sum is exact at every moment, and a run that
is alone has all of it. Whoever has waited longest goes first, so none is starved.

    <folder>/lock          flock: held for the length of one decision
    <folder>/<run>.run     flock: held for as long as the run lives; what it uses of each lane, as JSON
    <folder>/<lane>.sent   the moments of the last calls that count, of whatever run
    <folder>/<lane>.tokens moments, and the tokens counted then (less than nothing: so many were counted too much)

Moments on disk are those of the machine's monotonic clock, which all processes share and nobody sets. After a reboot they lie in
the future, or so near that waiting for them once does no harm. Windows outlive their runs: a job that starts right after another
finds them as the vendor sees them.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from runner.core.conductor import Conductor
from runner.core.gate import LEAD, Others, Use
from runner.edge.blobs import PRIVATE_FILE, make_private_folder
from runner.edge.clock import Clock
from runner.edge.state import hold
from runner.errors import OurSide
from runner.records import Limits

HEARTBEAT: Final = 0.5
"""Seconds after which a run that waits says again that it does."""
STALE: Final = 2.0
"""Seconds after which a run that waits and says nothing (it was stopped, say) is not waited for any more."""
LOOKS: Final = 5
"""How often the two clocks are looked at to tell them apart: a process that is held up between them gets it wrong by as much."""
SKEW: Final = 0.5
"""Seconds by which a moment of another run may lie ahead of ours (it counts as one `LEAD` ahead at most, for which a call may be
planned); one that is further was before a reboot."""
MOST_BYTES: Final = 65_536
FINE: Final = 0.1
"""Seconds that the folder has been as it is before its time is believed: two changes in one tick of a clock have the same."""
COARSE: Final = 3.0
"""The same, where the file system keeps whole seconds only, or two of them (FAT)."""


class Turnstile:
    """One run's way through. `lanes` are the limits of those it uses; lanes without limits need no turn. Ends with `close`."""

    def __init__(
        self, folder: Path, lanes: Mapping[str, Limits], clock: Clock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        make_private_folder(folder)
        self._folder, self._clock, self._monotonic = folder, clock, monotonic
        self._lanes = {name: limits for name, limits in lanes.items() if is_shared(limits)}
        self._ahead = min((_look(clock, monotonic) for _ in range(LOOKS)), key=lambda look: look[0])[1]
        self._name = secrets.token_hex(8)
        self._since: dict[str, float] = {}
        self._told: dict[str, Any] = {}
        self._told_at = 0.0
        self._told_bytes = 0
        self._folder_at, self._seen_at = -1, 0.0
        self._runs: list[str] | None = None
        self._opened: list[int] = []
        try:
            self._lock = self._keep(os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE_FILE))
            with self._locked():
                self._own = self._keep(hold(folder / f"{self._name}.run"))
                self._rings = {name: self._open_ring(name, limits) for name, limits in self._lanes.items() if limits.rate}
                self._scales = {name: Scale(self._open(f"{name}.tokens")) for name, limits in self._lanes.items() if limits.tokens}
        except OSError as error:
            self._forget()
            raise self._failure(error) from error

    def __enter__(self) -> Turnstile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave: what this run used is free again, its calls stay counted."""
        with self._locked():
            (self._folder / f"{self._name}.run").unlink(missing_ok=True)
        self._forget()

    @contextmanager
    def turn(self, conductor: Conductor) -> Iterator[None]:
        """For the length of the block this run alone decides what leaves; the conductor knows before what the others do."""
        if not self._lanes:
            yield
            return
        try:
            with self._locked():
                self._hear(conductor)
                yield
                self._tell(conductor)
        except OSError as error:
            raise self._failure(error) from error

    def _hear(self, conductor: Conductor) -> None:
        others, now = self._others(), self._monotonic()
        for lane in self._lanes:
            used = [told["lanes"][lane] for told in others if lane in told["lanes"]]
            since = self._since.get(lane, now)
            first = any(told["at"] > now - STALE and _waits_since(told, lane) < since for told in others)
            latest = now + SKEW
            news = self._rings[lane].news() if lane in self._rings else ()
            sent = tuple(min(at, now + LEAD) + self._ahead for at in news if at <= latest)
            tokens = tuple((min(at, now + LEAD) + self._ahead, weight) for at, weight in self._tokens(lane) if at <= latest)
            flying, tickets = (sum(use[name] for use in used) for name in ("flying", "tickets"))
            conductor.share(lane, Others(len(used), flying, tickets, sent, first, tokens))

    def _tell(self, conductor: Conductor) -> None:
        at, now = self._monotonic(), self._clock.now()
        uses = {lane: conductor.use(lane, now) for lane in self._lanes}
        for lane, use in uses.items():
            if lane in self._rings and use.sent:
                self._rings[lane].add([moment - self._ahead for moment in use.sent])
            if lane in self._scales and use.tokens:
                since = at - max(window.seconds for window in self._lanes[lane].tokens)
                self._scales[lane].add([(moment - self._ahead, weight) for moment, weight in use.tokens], since)
            self._stand(lane, use, at)
        lanes = {lane: {"flying": use.flying, "tickets": use.tickets, "since": self._since.get(lane)} for lane, use in uses.items()}
        if lanes != self._told or (self._since and at > self._told_at + HEARTBEAT):
            self._told, self._told_at = lanes, at
            body = json.dumps({"at": at, "lanes": lanes}).encode().ljust(self._told_bytes)  # over all of what was told before
            self._told_bytes = os.pwrite(self._own, body, 0)

    def _stand(self, lane: str, use: Use, at: float) -> None:
        """Stand in line for a lane, at its end after each call that has left, or leave the line."""
        if not use.waits:
            self._since.pop(lane, None)
        elif use.sent:
            self._since[lane] = at
        else:
            self._since.setdefault(lane, at)

    def _others(self) -> list[dict[str, Any]]:
        """What the other runs say of themselves; files of dead ones are removed."""
        return [told for name in self._other_runs() if (told := self._read(self._folder / name))]

    def _other_runs(self) -> list[str]:
        """Their files. Nobody comes or goes without the folder's time changing, so it is read again only then."""
        at, now = os.stat(self._folder).st_mtime_ns, self._monotonic()  # noqa: PTH116 - in every turn, by the event loop
        if at != self._folder_at:
            self._folder_at, self._seen_at, self._runs = at, now, None
        if self._runs is not None:
            return self._runs
        names = os.listdir(self._folder)  # noqa: PTH208
        runs = [name for name in names if name.endswith(".run") and name != f"{self._name}.run"]
        if now > self._seen_at + (FINE if at % 1_000_000_000 else COARSE):
            self._runs = runs
        return runs

    def _read(self, path: Path) -> dict[str, Any] | None:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        except BlockingIOError:
            told = os.pread(handle, MOST_BYTES, 0)
            return dict(json.loads(told)) if told else None
        finally:
            os.close(handle)
        return None

    def _open_ring(self, lane: str, limits: Limits) -> Ring:
        return Ring(self._open(f"{lane}.sent"), max(window.most for window in limits.rate))

    def _open(self, name: str) -> int:
        return self._keep(os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE_FILE))

    def _tokens(self, lane: str) -> list[tuple[float, int]]:
        return self._scales[lane].news() if lane in self._scales else []

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _failure(self, error: OSError) -> OurSide:
        return OurSide(f"{self._folder}: cannot be used ({error.strerror}); check its permissions and the disk, then run again")

    def _keep(self, handle: int) -> int:
        self._opened.append(handle)
        return handle

    def _forget(self) -> None:
        while self._opened:
            os.close(self._opened.pop())


def _look(clock: Clock, monotonic: Callable[[], float]) -> tuple[float, float]:
    """How long a look at both clocks took, and by how much the first is ahead of the second."""
    before = monotonic()
    now = clock.now()
    after = monotonic()
    return after - before, now - after


def _waits_since(told: Mapping[str, Any], lane: str) -> float:
    since = told["lanes"].get(lane, {}).get("since")
    return float("inf") if since is None else float(since)


def is_shared(limits: Limits) -> bool:
    """Whether there is something in such a lane that runs have to share."""
    return bool(limits.rate or limits.tokens or limits.concurrent or limits.queued)


class Ring:
    """The last moments of a lane in an open file, oldest first, behind how many there ever were and how many are kept.

    Use it under the lock. `least` is how many this run wants kept; where another wants more, that many are.
    """

    HEAD: Final = struct.Struct("<QQ")

    def __init__(self, handle: int, least: int) -> None:
        self._handle, self._least = handle, least
        self._seen = 0

    def news(self) -> list[float]:
        """Moments that others have added since the last time; at first, all that are kept."""
        count, _ = self._head()
        fresh = self._moments()[-(count - self._seen) :] if count > self._seen else []
        self._seen = count
        return fresh

    def add(self, moments: Sequence[float]) -> None:
        """Add moments of our own."""
        count, kept = self._head()
        self._seen, kept = count + len(moments), max(kept, self._least)
        newest = [*self._moments(), *moments][-kept:]
        os.pwrite(self._handle, self.HEAD.pack(self._seen, kept) + struct.pack(f"<{len(newest)}d", *newest), 0)

    def _head(self) -> tuple[int, int]:
        head = os.pread(self._handle, self.HEAD.size, 0)
        count, kept = self.HEAD.unpack(head) if len(head) == self.HEAD.size else (0, 0)
        return count, kept

    def _moments(self) -> list[float]:
        data = os.pread(self._handle, os.fstat(self._handle).st_size, self.HEAD.size)
        return [moment for (moment,) in struct.iter_unpack("<d", data[: len(data) // 8 * 8])]


class Scale:
    """The tokens counted of late in a lane in an open file: pairs of moment and weight, behind how many there ever were.

    Use it under the lock. What no window of the run that adds still counts is left out.
    """

    HEAD: Final = struct.Struct("<Q")
    PAIR: Final = struct.Struct("<dq")

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._seen = 0

    def news(self) -> list[tuple[float, int]]:
        """Pairs that others have added since the last time; at first, all that are kept."""
        count, pairs = self._read()
        fresh = pairs[-(count - self._seen) :] if count > self._seen else []
        self._seen = count
        return fresh

    def add(self, pairs: Sequence[tuple[float, int]], since: float) -> None:
        """Add pairs of our own; those of before `since` are over."""
        count, kept = self._read()
        newest = [*(pair for pair in kept if pair[0] > since), *pairs]
        self._seen = count + len(pairs)
        body = self.HEAD.pack(self._seen) + b"".join(self.PAIR.pack(*pair) for pair in newest)
        os.pwrite(self._handle, body, 0)
        os.ftruncate(self._handle, len(body))

    def _read(self) -> tuple[int, list[tuple[float, int]]]:
        data = os.pread(self._handle, os.fstat(self._handle).st_size, 0)
        if len(data) < self.HEAD.size:
            return 0, []
        body = data[self.HEAD.size :]
        pairs = list(self.PAIR.iter_unpack(body[: len(body) // self.PAIR.size * self.PAIR.size]))
        return self.HEAD.unpack_from(data)[0], pairs
