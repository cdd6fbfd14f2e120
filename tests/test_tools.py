"""What an engine is handed: tools that nobody brings decide nothing."""

from __future__ import annotations

from collections.abc import Sequence

from runner.core.conductor import Conductor
from runner.core.lifecycle import Life
from runner.edge.clock import VirtualClock
from runner.loom import Ask, Yield
from runner.records import Artifact, Blob, make_request
from runner.tools import Tools
from tests.fakes import FakeVendor, MemoryLedger, obliging


async def measure(blob: Blob) -> Artifact | str:
    """Anything will do."""
    return Artifact("file", sha256=blob.sha256)


def holds(artifacts: Sequence[Artifact]) -> bool:
    """Everything is here."""
    return True


def publish(ready: Sequence[Yield]) -> None:
    """Nowhere."""


def test_what_nobody_hands_over_orders_nothing() -> None:
    """No purchase is made anew, no risk is taken, and each engine counts for itself, alone in its lanes."""
    tools, other = (Tools(VirtualClock(), FakeVendor(obliging), MemoryLedger(), measure, holds, publish) for _ in range(2))
    ask = Ask(make_request("pen", "text", {"prompt": "a mug"}), "headline")
    life = Life(ask.request, "uncertain", 0.0)
    assert (tools.fresh("headline"), tools.risk(ask, 0), tools.again(ask, life), tools.stays(ask.request.id)) == (False,) * 4
    tools.reuse.know(ask.request)
    assert (tools.reuse.counts(), other.reuse.counts()) == ({"pen": 1}, {})
    with tools.turn(Conductor({}, {})) as nobody:
        assert nobody is None
