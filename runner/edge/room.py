"""Is there room on the disks, and may we write there: asked once, before anything is bought.

What a vendor will send is not known, so the estimate is only told; too little for a journal to go on at all stops the run. Later on
a full disk ends the run: what was acknowledged is durable, and what has a link or a ticket can be downloaded again.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from runner.errors import OurSide
from runner.fields import Gives

RESERVE: Final = 16 << 20
"""Bytes that must be free on every disk a run writes to: its journal grows by some kilobytes a request."""
FILE: Final = 2 << 20
SIZES: Final[Mapping[Gives, int]] = MappingProxyType({"text": 8 << 10, "json": 32 << 10})
"""Bytes that a result takes, journal included; a file, or what may be one, takes `FILE`: a large picture, a short video."""


def size_of(gives: Gives) -> int:
    """The bytes to expect of one result."""
    return SIZES.get(gives, FILE)


def tight_disks(needs: Mapping[Path, int]) -> Iterator[str]:
    """A warning for each disk on which there may not be room for what its folders need, in bytes.

    Raises `OurSide` where there is no room even to begin, or where nothing may be written.
    """
    disks: dict[int, Path] = {}
    wanted: Counter[int] = Counter()
    for folder, size in needs.items():
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OurSide(f"{folder}: cannot be written; check the permissions and the disk, nothing was sent")
        device = folder.stat().st_dev
        disks.setdefault(device, folder)
        wanted[device] += size
    for device, folder in disks.items():
        free = shutil.disk_usage(folder).free
        if free < RESERVE:
            raise OurSide(f"{folder}: only {_shown(free)} are free on this disk; free at least {_shown(RESERVE)}, nothing was sent")
        if free < wanted[device] + RESERVE:
            yield f"{folder}: {_shown(free)} are free on this disk, the results may take {_shown(wanted[device])}"


def _shown(size: int) -> str:
    return f"{size / (1 << 20):.0f} MB" if size < 10 << 30 else f"{size / (1 << 30):.0f} GB"
