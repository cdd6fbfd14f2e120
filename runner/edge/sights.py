"""The looks of pictures that are known by name only: what a step was shown, what was bought before anybody looked.

What arrives is looked at as it is decoded, and the journal keeps that. Pictures of the project, and results that came another way,
are decoded here when somebody asks, and the latest are remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from runner.edge.blobs import Blobs
from runner.edge.media import Media, inspect
from runner.records import Look

MOST_KNOWN: Final = 2_000
"""Looks that are remembered."""


class Looks:
    """Looks of pictures in the store, for whoever has only their name; the latest are remembered."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._known: OrderedDict[str, Look | None] = OrderedDict()

    def __call__(self, sha256: str) -> Look | None:
        """The picture's look; None where the store does not have it, or it is none."""
        if sha256 not in self._known:
            if len(self._known) >= MOST_KNOWN:
                self._known.popitem(last=False)
            self._known[sha256] = self._find_out(sha256)
        return self._known[sha256]

    def _find_out(self, sha256: str) -> Look | None:
        if not self._blobs.has(sha256):
            return None
        media = inspect(self._blobs.path(sha256))
        return media.look if isinstance(media, Media) else None
