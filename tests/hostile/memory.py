"""How much memory something took at its height: the high-water mark of this process, set back before it (Linux, proc(5)).

What is there before is set aside from the garbage collector, so the next of a hundred measurements need not walk it again: late
in the suite that takes half a second each time.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")


@dataclass
class Growth:
    """Bytes by which the process grew at its height; 0 until the block has ended, and where the system cannot tell."""

    bytes: int = 0


@contextmanager
def growth() -> Iterator[Growth]:
    """Measure a block."""
    grown = Growth()
    if not CLEAR.exists():
        yield grown
        return
    gc.collect()
    gc.freeze()
    CLEAR.write_text("5")
    before = _high_water()
    try:
        yield grown
    finally:
        grown.bytes = _high_water() - before


def _high_water() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
    assert found is not None
    return int(found[1]) * 1024
