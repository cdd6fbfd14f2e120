"""The emulated vendors as a painted backdrop: for verbs that only read what sandbox runs left."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.edge.rehearsal import Stage

NOWHERE = "http://127.0.0.1"


def paint_stage(sandbox: bool = True) -> Stage | None:
    """The emulated vendors as they are described, without anybody there; None for live runs."""
    from runner.edge.rehearsal import Stage
    from runner.sandbox.serve import describe

    return Stage(NOWHERE, "", describe(NOWHERE, "")["vendors"]) if sandbox else None
