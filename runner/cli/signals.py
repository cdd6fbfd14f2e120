"""Signals: the first lets what flies land, the second ends the run now.

Ctrl-C, `kill` and a terminal that closes mean the same to a run and differ in its exit code. Until there is an engine nothing has
been sent, so the first signal ends the run at once. A signal that whoever started us has set to be ignored (`nohup`) stays so.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Final

from runner.engine import Engine
from runner.errors import Interrupted

HEARD: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Reins:
    """Holds a run by its signals for the length of a `with` block, inside the task that runs it. `say` narrates.

    A cancelled block raises `Interrupted` instead, with the code of the signal that cancelled it.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._engine: Engine | None = None
        self._code = 0
        self._heard = [number for number in HEARD if signal.getsignal(number) is not signal.SIG_IGN]

    def __enter__(self) -> Reins:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        for number in self._heard:
            self._loop.add_signal_handler(number, self._hear, number)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._let_go()
        if kind is asyncio.CancelledError and self._code:
            lost = "stopped at once; what was in flight may have been accepted, the next run tells"
            raise Interrupted(lost if self._engine else "stopped before anything was sent", self._code) from None

    def steer(self, engine: Engine) -> None:
        """From now on the first signal drains this engine."""
        self._engine = engine

    def _hear(self, number: signal.Signals) -> None:
        again, self._code = bool(self._code), 128 + number
        if self._engine is None or again:
            self._let_go()
            assert self._task is not None
            self._task.cancel()
        else:
            self._say("stopping: what flies may land, the rest waits for the next run; once more stops now")
            self._engine.drain(self._code)

    def _let_go(self) -> None:
        """Leave further signals to Python: a third Ctrl-C interrupts whatever we are doing."""
        for number in self._heard:
            self._loop.remove_signal_handler(number)
        self._heard = []
