"""Hands that lay out pictures themselves, and pass on whatever is a vendor's.

What they do is done in a thread, and drawn by a process of its own. Nobody bills for it, so nothing here is ever uncertain: a
killed run lays out the same picture again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from runner.hands import Carried, Hands
from runner.records import Blob, Send
from runner.verdicts import Done, Held, Refused


class LocalHands:
    """Carries out sends of the lanes called `local`; `others` carry out all others.

    `load` gives the bytes of a blob by its sha256, `store` keeps bytes.
    """

    def __init__(
        self, others: Hands, local: frozenset[str], load: Callable[[str], bytes], store: Callable[[bytes], Awaitable[Blob]]
    ) -> None:
        self._others, self._local, self._load, self._store = others, local, load, store

    async def carry(self, send: Send) -> Carried:
        """The picture, or why it cannot be drawn, which asking again will not change."""
        if send.request.provider not in self._local:
            return await self._others.carry(send)
        from runner.compose.drawing import Undrawable  # noqa: PLC0415 - Pillow's fonts and artists are for who composes
        from runner.compose.render import compose  # noqa: PLC0415

        try:
            data = await asyncio.to_thread(compose, send.request.params, self._load)
        except Undrawable as why:
            return Carried(send, Refused(str(why)))
        return Carried(send, Done((Held(await self._store(data)),)))
