"""The check of all rows beside something else: in a process of its own, where the feed is large enough to be worth one.

A plan looks at every variant and checks every row; neither needs the other, and a million rows keep two processors busy.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from runner.desk import Desk, check_rows, load_files, open_desk
from runner.edge.rehearsal import Stage
from runner.errors import Complaint, Invalid, Usage
from runner.feed import Source, read_rows
from runner.job.check import check

LARGE: Final = 4_000_000
"""Bytes of a feed, times what is made of each row, from which on another process is worth its start."""


@contextmanager
def checked_beside(desk: Desk, source: Source, stage: Stage | None, size: int) -> Iterator[None]:
    """Every row is checked by the end of the block; `size` is that of the feed in bytes. Raises `Invalid` with every mistake."""
    if size * len(desk.plan.cells) * desk.job_file.job.variants < LARGE:
        check_rows(desk, source)
        yield
        return
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        found = pool.submit(_complaints, desk.job_file.path, desk.job_file.digest, stage, source.files, source.names)
        yield
        try:
            complaints = found.result()
        except BrokenProcessPool:  # killed for want of memory, say
            check_rows(desk, source)
            return
    if complaints:
        raise Invalid(complaints)


def _complaints(
    path: Path, digest: str, stage: Stage | None, files: tuple[Path, ...], names: tuple[str, ...]
) -> tuple[Complaint, ...]:
    """What is wrong with the rows, found in the other process."""
    desk = open_desk(load_files(path), stage)
    if desk.job_file.digest != digest:
        raise Usage(f"{path}: was edited meanwhile; plan again")
    return check(desk.plan, partial(read_rows, desk.source(files, names))).complaints
