"""The outbox: what is written by several calls in one turn of the event loop leaves together.

Writing to a socket wakes whoever listens at its other end, and to wake a processor that sleeps takes longer than all the rest of a
write. One that was woken by the first letter is still awake for those that follow at once. So letters wait for each other, though
for `MOST` of them at most: answers that come together keep us idle until they come.

A letter that waits has not been sent, and it never is if by then its caller has given up, or its connection is not what it was.
"""

from __future__ import annotations

import asyncio
from typing import Final, TypeAlias

from aiohttp.client_proto import ResponseHandler

from runner.edge.sessions import Progress

MOST: Final = 16

Posted: TypeAlias = tuple[ResponseHandler, bytes, Progress]


class Outbox:
    """The outbox of one event loop: use it only there."""

    def __init__(self) -> None:
        self._waiting: list[Posted] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def post(self, protocol: ResponseHandler, data: bytes, progress: Progress) -> None:
        """Write `data` over the connection of `protocol` before the next turn ends, if it can carry a letter then.

        If it cannot, `progress` says so, and reading from `protocol` ends at once.
        """
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.send)
        self._waiting.append((protocol, data, progress))
        if len(self._waiting) >= MOST:
            self.send()

    def send(self) -> None:
        """Let go of all that waits."""
        waiting, self._waiting = self._waiting, []
        for protocol, data, progress in waiting:
            write(protocol, data, progress)


def write(protocol: ResponseHandler, data: bytes, progress: Progress) -> None:
    """Write `data`, the first of its letter, unless the connection is closed or broken, or the server spoke on it unasked."""
    transport = protocol.transport
    if transport is not None and not transport.is_closing() and not protocol.should_close:
        progress.sent = True
        transport.write(data)
