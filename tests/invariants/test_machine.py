"""Whatever happens in whatever order: the promise about money, kept over the real journal by the real brain.

A state machine plans, sends, answers, crashes, restarts, resolves and orders anew, with a vendor that keeps its own ledger of what
it accepted. After every step three invariants hold: nothing was accepted more often than somebody ordered, everything accepted is
accounted for by the journal, and no budget is overshot.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runner.core import Conductor, Purse, Purses, recall, sent_fact
from runner.core.lifecycle import Life
from runner.edge.journal import Journal
from runner.facts import Answered, Fact, Planned, Resolved, Saved
from runner.fields import Operation
from runner.records import Artifact, Blob, Limits, Money, Request, Send, make_request
from runner.verdicts import Barred, Broken, Busy, Done, Held, Link, Lost, Queued, Refused, Text, Verdict

REQUESTS: Final = [make_request("acme", "image", {"prompt": str(number)}) for number in range(3)]
OPERATION: Final = {"acme/image": Operation("image", "file", {}, price=Money(Decimal(1), "USD"), deadline=120.0)}
BUDGET: Final = Decimal(5)
HELD: Final = Held(Blob("ab" * 32, 3))

SUBMITS: Final[dict[str, tuple[bool, Verdict]]] = {
    "answers": (True, Done((Text("copy"),))),
    "links": (True, Done((Link("https://cdn.test/1"),))),
    "queues": (True, Queued("ticket")),
    "accepts, answer lost": (True, Lost("reset")),
    "never heard, answer lost": (False, Lost("reset")),
    "is not reached": (False, Broken("refused")),
    "refuses": (False, Refused("422")),
    "is busy": (False, Busy(1.0)),
    "bars": (False, Barred("401")),
}
"""What the vendor does with a submit: whether it bills, and what we hear of it."""
LINKED: Final = Done((Link("https://cdn.test/1"),))
POLLS: Final[list[Verdict]] = [Queued("ticket"), LINKED, Done((HELD,)), Broken("502"), Refused("failed")]
FETCHES: Final[list[Verdict]] = [Done((HELD,)), Broken("cut"), Refused("410")]
ACCOUNTED: Final = {"waiting", "polling", "ready", "fetching", "landed", "saved", "refused", "spoiled", "uncertain", "overdue"}

which = st.sampled_from(REQUESTS)


class Shop(RuleBasedStateMachine):
    """One job's journal, one vendor, and everything that can happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.now = 1.7e9
        self.billed: Counter[str] = Counter()
        self.ordered: Counter[str] = Counter()
        self.flying: list[Send] = []
        self.open()

    def open(self) -> None:
        """A new run: what memory held is gone, the journal is what it was."""
        self.journal = Journal.open(self.folder / "journal.db", "live")
        self.purses = Purses(Purse(cost={"USD": BUDGET}))
        self.conductor = Conductor({"acme": Limits(concurrent=4)}, OPERATION, self.purses)
        self.flying, self.unwritten = [], list[Fact]()

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.journal.close()
        shutil.rmtree(self.folder)

    def life(self, request: Request) -> Life | None:
        """What the journal says of a request."""
        return recall(self.journal.histories([request.id]).get(request.id, []))

    def feed(self, fact: Fact) -> None:
        """Tell the brain; the journal hears of it with the next commit."""
        self.conductor.feed(fact)
        self.unwritten.append(fact)

    @rule(seconds=st.floats(0.0, 90.0))
    def work(self, seconds: float) -> None:
        """The run takes up whatever is not settled, and turns."""
        for request in REQUESTS:
            self.plan(request, fresh=False)
        self.turn(seconds)

    @rule(request=which)
    def order_anew(self, request: Request) -> None:
        """Somebody wants a request bought once more."""
        self.plan(request, fresh=True)

    def plan(self, request: Request, fresh: bool) -> None:
        """The run takes a request up, or orders it anew."""
        life = self.life(request)
        if self.conductor.life(request.id) or any(fact.id == request.id for fact in self.unwritten):
            return
        if life is not None and life.settled and life.state not in ("failed", "overdue") and not fresh:
            return
        fresh = fresh and life is not None
        if not fresh:
            self.conductor.recall(request, self.journal.histories([request.id]).get(request.id, []))
        self.ordered[request.id] += fresh
        self.feed(Planned(self.now, request, fresh))

    def turn(self, seconds: float) -> None:
        """A turn of the engine: decide, write down, and only then let anything leave."""
        self.now += seconds
        sends = self.conductor.due(self.now)
        self.unwritten += [sent_fact(send, self.now) for send in sends]
        for stopped in self.conductor.expired(self.now):
            self.feed(stopped)
        for life in self.conductor.landed():
            self.feed(Saved(self.now, life.request.id, (Artifact("text", text="copy"),)))
        self.journal.commit(self.unwritten)
        self.unwritten = []
        self.flying += sends
        self.conductor.settled()
        self.conductor.released()

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """The vendor answers some of the calls in flight."""
        for _ in range(data.draw(st.integers(1, len(self.flying)))):
            self.hear(self.flying.pop(), data)

    def hear(self, send: Send, data: st.DataObject) -> None:
        """One answer, and what the vendor's own books say of it."""
        if send.step == "submit":
            bills, verdict = SUBMITS[data.draw(st.sampled_from(sorted(SUBMITS)))]
            self.billed[send.request.id] += bills
        else:
            verdict = data.draw(st.sampled_from(POLLS if send.step == "poll" else FETCHES))
        if self.conductor.life(send.request.id) is not None:
            self.feed(Answered(self.now, send.request.id, send.step, verdict, send.part))

    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """Power off: facts not yet written are gone, and each submit in flight may or may not have arrived."""
        for send in self.flying:
            if send.step == "submit":
                self.billed[send.request.id] += data.draw(st.booleans())
        self.journal.close()
        self.open()

    @rule(request=which, how=st.sampled_from(["billed", "not_billed", "again"]))
    def resolve(self, request: Request, how: str) -> None:
        """Between runs somebody settles an uncertain request; saying it may be asked again is an order."""
        life = self.life(request)
        if self.conductor.life(request.id) is None and life is not None and life.state == "uncertain":
            self.journal.commit([Resolved(self.now, request.id, how, "me")])  # type: ignore[arg-type]
            self.ordered[request.id] += how != "billed"

    @invariant()
    def nothing_is_bought_more_often_than_ordered(self) -> None:
        """The vendor accepted each request once, and once more for every order to ask anew."""
        for name, count in self.billed.items():
            assert count <= 1 + self.ordered[name]

    @invariant()
    def everything_bought_is_accounted_for(self) -> None:
        """What the vendor accepted the journal knows as bought or uncertain, unless somebody ordered it anew."""
        for request in REQUESTS:
            if self.billed[request.id] and not self.ordered[request.id]:
                unheard = any(fact.id == request.id for fact in self.unwritten)
                life = self.life(request)
                assert life is not None
                assert unheard or life.state in ACCOUNTED

    @invariant()
    def no_budget_is_overshot(self) -> None:
        """Spent and reserved together never pass the limit."""
        run = self.purses.run
        assert run.spent.get("USD", Decimal(0)) + run.reserved.get("USD", Decimal(0)) <= BUDGET


MACHINES: Final = 1_000 if os.environ.get("ADBATCH_SOAK") else 350
TestShop = pytest.mark.soak(Shop.TestCase)
TestShop.settings = settings(max_examples=MACHINES, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
