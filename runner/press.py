"""The press: what is done is published while the run goes on.

Writing files takes longer than anything else that is done for a request, and nothing waits for it. So the engine hands over what is
ready and turns on; the press takes whatever has gathered, all at once, in a thread of its own, and many files share one wait for
the disk. Only where it is far behind does the engine wait, so that memory does not grow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from runner.errors import OurSide
from runner.loom import Woven, Yield

BEHIND: Final = 1_000
"""Steps and variants that may wait to be published."""


class Press:
    """Publishes what steps gave, and then tells of variants that are complete. What fails on our side is handed to `complain`."""

    def __init__(
        self,
        publish: Callable[[Sequence[Yield]], None],
        tell: Callable[[Sequence[Woven]], None],
        complain: Callable[[OurSide], None],
    ) -> None:
        self._publish, self._tell, self._complain = publish, tell, complain
        self._thread = ThreadPoolExecutor(1, "publish")
        self._ready: list[Yield] = []
        self._made: list[Woven] = []
        self._work: asyncio.Future[None] | None = None
        self._failed = False

    async def put(self, ready: Sequence[Yield], made: Sequence[Woven]) -> None:
        """Have these published soon. After a failure they are dropped: the next run sees to them."""
        if self._failed or not (ready or made):
            return
        self._ready += ready
        self._made += made
        if self._work is None or self._work.done():
            self._work = asyncio.ensure_future(self._run())
        if len(self._ready) + len(self._made) > BEHIND:
            await self._work

    async def finish(self) -> None:
        """Return once all that was handed over is published. Raises what is a mistake of ours."""
        if self._work is not None:
            await self._work

    async def close(self) -> None:
        """As `finish`, whatever happened."""
        await asyncio.gather(self.finish(), return_exceptions=True)
        self._thread.shutdown()

    async def _run(self) -> None:
        try:
            while self._ready or self._made:
                ready, made, self._ready, self._made = self._ready, self._made, [], []
                await asyncio.get_running_loop().run_in_executor(self._thread, self._print, ready, made)
        except OurSide as failure:
            self._failed = True
            self._complain(failure)

    def _print(self, ready: Sequence[Yield], made: Sequence[Woven]) -> None:
        self._publish(ready)
        self._tell(made)
