"""How long each of many things may take, with one timer for all of them.

`asyncio.timeout` sets a timer of its own for every call and takes it down again, though hardly any ever goes off: at thousands of
calls a second that is a tenth of what a call costs us. Here a moment is only written down; one timer waits for the soonest.
"""

from __future__ import annotations

import asyncio
from types import TracebackType


class Bound:
    """A block that ends within its time: the task in it is cancelled then, and the block raises `TimeoutError`."""

    __slots__ = ("_at", "_before", "_bounds", "_passed", "_task")

    def __init__(self, bounds: Bounds, at: float) -> None:
        self._bounds, self._at, self._passed = bounds, at, False

    def __enter__(self) -> None:
        self._task, self._before = self._bounds.watch(self, self._at)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bounds.open.discard(self)
        if self._passed and self._task.uncancel() <= self._before and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error

    def pass_by(self, now: float) -> float | None:
        """End the block if its time is over by `now`; its moment if not, None if nothing is left to wait for."""
        if self._passed:
            return None
        if now < self._at:
            return self._at
        self._passed = True
        self._task.cancel()
        return None


class Bounds:
    """The bounds of one event loop. Make it inside the loop; `close` it when nothing is bounded any more."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.open: set[Bound] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = float("inf")

    def __len__(self) -> int:
        return len(self.open)

    def within(self, seconds: float | None) -> Bound:
        """A block that may take so many seconds from now; None: as long as it likes."""
        return Bound(self, float("inf") if seconds is None else self._loop.time() + seconds)

    def watch(self, bound: Bound, at: float) -> tuple[asyncio.Task[object], int]:
        """Take in a bound whose moment is `at`: the task it may have to cancel, and how often that is being cancelled already."""
        task = asyncio.current_task(self._loop)
        assert task is not None
        self.open.add(bound)
        if at < self._wakes_at:
            self._set_timer(at)
        return task, task.cancelling()

    def close(self) -> None:
        """Take down the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._wakes_at = None, float("inf")

    def _set_timer(self, at: float) -> None:
        self.close()
        self._timer, self._wakes_at = self._loop.call_at(at, self._look), at

    def _look(self) -> None:
        now = self._loop.time()
        self._timer, self._wakes_at = None, float("inf")
        left = [at for bound in list(self.open) if (at := bound.pass_by(now)) is not None]
        if left and (soonest := min(left)) < float("inf"):
            self._set_timer(soonest)
