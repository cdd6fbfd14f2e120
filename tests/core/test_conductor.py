"""The conductor: facts in, duties out.

Long, because the conductor is one state and each of its promises needs the whole of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from random import Random

import pytest

from runner.core import Conductor, Purse, Purses, sent_fact
from runner.core.gate import GATHERED, GLANCE, LEAD, Others, Use
from runner.core.standby import Standby
from runner.facts import Answered, Fact, Planned, Saved, Sent, Stopped
from runner.fields import Operation, Polling
from runner.records import Limits, Money, Request, Send, Step, Window
from runner.verdicts import Barred, Broken, Busy, Done, Held, Link, Lost, Queued, Refused, Verdict
from tests.core.stage import BLOB, Mood, Simulator, Vendor, ask, offer

HELD = Done((Held(BLOB),))
ONE = Done((Link("https://cdn.test/0"),))
TWO = Done((Link("https://cdn.test/0"), Link("https://cdn.test/1")))


def stand(limits: Limits | None = None, operation: Operation | None = None, purse: Purse | None = None) -> Conductor:
    """A conductor of one lane, `acme`, with one operation, `acme/image`."""
    return Conductor({"acme": limits or Limits()}, {"acme/image": operation or offer()}, Purses(purse or Purse()))


def plan(conductor: Conductor, *names: str, at: float = 0.0) -> None:
    """Plan requests by name."""
    for name in names:
        conductor.feed(Planned(at, ask(name)))


def say(sends: list[Send]) -> list[tuple[str, Step]]:
    """Sends as (request, step)."""
    return [(send.request.id, send.step) for send in sends]


def reply(conductor: Conductor, name: str, step: Step, verdict: Verdict, at: float, *, part: int = 0) -> None:
    """Feed the answer to a call."""
    conductor.feed(Answered(at, name, step, verdict, part))


# --- one request's way


def test_a_request_from_plan_to_saved() -> None:
    """Submit, poll, fetch, land, save: each is handed out once, at its time, with what it needs."""
    conductor = stand(operation=offer(polling=Polling(5.0, 1.5, 15.0)))
    plan(conductor, "r1")
    (send,) = conductor.due(0.0)
    assert (send.step, send.attempt, send.ticket) == ("submit", 1, None)
    assert conductor.due(0.0) == []
    reply(conductor, "r1", "submit", Queued("t-1"), 1.0)
    wake_at = conductor.wake_at(1.0)
    assert wake_at is not None
    assert 5.5 <= wake_at <= 6.5
    assert conductor.due(wake_at - 0.001) == []
    (send,) = conductor.due(wake_at)
    assert (send.step, send.ticket) == ("poll", "t-1")
    reply(conductor, "r1", "poll", ONE, 7.0)
    (send,) = conductor.due(7.0)
    assert (send.step, send.link, send.part) == ("fetch", "https://cdn.test/0", 0)
    assert not conductor.landed()
    reply(conductor, "r1", "fetch", HELD, 8.0)
    (life,) = conductor.landed()
    assert life.items == HELD.items
    assert conductor.landed() == []
    conductor.feed(Saved(9.0, "r1", ()))
    assert [life.state for life in conductor.settled()] == ["saved"]
    assert conductor.settled() == []
    assert (len(conductor), conductor.idle, conductor.life("r1")) == (0, True, None)


def test_a_duty_becomes_its_fact() -> None:
    """The Sent fact of a duty repeats its step, attempt and part, so journal and conductor agree."""
    assert sent_fact(Send(ask(), "fetch", 3, "t", "https://cdn.test/1", 1), 7.0) == Sent(7.0, "r1", "fetch", 3, 1)


def test_the_facts_of_what_leaves_are_at_hand() -> None:
    """What is to be journaled are the facts of the duties just handed out, one each and in their order, and of no others."""
    conductor = stand(Limits(concurrent=2))
    plan(conductor, "r1", "r2", "r3")
    assert conductor.sent == []
    sends = conductor.due(1.0)
    assert len(sends) == 2
    assert conductor.sent == [sent_fact(send, 1.0) for send in sends]
    reply(conductor, "r1", "submit", HELD, 2.0)
    sends = conductor.due(2.0)
    assert conductor.sent == [sent_fact(send, 2.0) for send in sends] == [Sent(2.0, "r3", "submit")]
    assert conductor.due(3.0) == []
    assert conductor.sent == []


def test_all_links_are_fetched_side_by_side() -> None:
    """The parts of one result do not wait for each other, and it lands with the last."""
    conductor = stand()
    plan(conductor, "r1")
    conductor.due(0.0)
    reply(conductor, "r1", "submit", TWO, 1.0)
    assert [send.part for send in conductor.due(1.0)] == [0, 1]
    reply(conductor, "r1", "fetch", HELD, 2.0, part=1)
    assert conductor.landed() == []
    reply(conductor, "r1", "fetch", HELD, 3.0, part=0)
    assert len(conductor.landed()) == 1


def test_a_broken_part_is_fetched_again_alone() -> None:
    """Only the part that broke comes back, after a while, with its attempt counted."""
    conductor = stand()
    plan(conductor, "r1")
    conductor.due(0.0)
    reply(conductor, "r1", "submit", TWO, 1.0)
    conductor.due(1.0)
    reply(conductor, "r1", "fetch", Broken("reset", 3.0), 2.0, part=0)
    assert conductor.due(4.9) == []
    (send,) = conductor.due(5.5)
    assert (send.part, send.attempt) == (0, 2)


# --- order


def test_fetch_then_poll_then_submit() -> None:
    """With room for one of each, what is started is finished first."""
    conductor = stand(Limits(rate=(Window(3, 1000.0),)))
    plan(conductor, "r1", "r2")
    conductor.due(0.0)
    reply(conductor, "r1", "submit", ONE, 1.0)
    reply(conductor, "r2", "submit", Queued("t", 1.0), 1.0)
    plan(conductor, "r3", at=2.0)
    assert say(conductor.due(10.0)) == [("r1", "fetch"), ("r2", "poll")]
    assert conductor.wake_at(10.0) == 601.0  # the window is full until 1000 s, but the deadline of r2 comes first


def test_no_more_is_bought_while_too_many_links_wait() -> None:
    """Links expire within minutes: as many may wait as are downloaded at once, and then downloads come first."""
    conductor = stand(Limits(concurrent=1))
    names = [f"r{number}" for number in range(8)]
    plan(conductor, *names)
    bought: list[str] = []
    while submits := [send for send in conductor.due(1.0) if send.step == "submit"]:
        [send] = submits
        reply(conductor, send.request.id, "submit", ONE, 1.0)
        bought.append(send.request.id)
    assert bought == names[:4]
    assert conductor.flying == 2
    assert conductor.wake_at(1.0) is None
    reply(conductor, "r0", "fetch", HELD, 2.0)
    assert say(conductor.due(2.0)) == [("r2", "fetch"), ("r4", "submit")]


def test_submits_leave_in_the_order_of_planning() -> None:
    """A request that comes back after Busy or Broken goes before younger ones."""
    conductor = stand(Limits(concurrent=2))
    plan(conductor, "r1", "r2", "r3", "r4")
    assert say(conductor.due(0.0)) == [("r1", "submit"), ("r2", "submit")]
    reply(conductor, "r2", "submit", Busy(5.0), 1.0)
    reply(conductor, "r1", "submit", Broken("refused", 2.0), 1.0)
    assert conductor.due(5.0) == []
    assert say(conductor.due(10.0)) == [("r1", "submit"), ("r2", "submit")]


def test_lanes_do_not_wait_for_each_other() -> None:
    """A held lane holds no other."""
    conductor = Conductor({"acme": Limits(), "best": Limits()}, {"acme/image": offer(), "best/image": offer()})
    for name, lane in (("r1", "acme"), ("r2", "best")):
        conductor.feed(Planned(0.0, ask(name, lane)))
    conductor.due(0.0)
    reply(conductor, "r1", "submit", Busy(60.0), 1.0)
    conductor.feed(Planned(1.0, ask("r3", "acme")))
    conductor.feed(Planned(1.0, ask("r4", "best")))
    assert say(conductor.due(1.0)) == [("r4", "submit")]


def test_busy_holds_the_whole_lane_and_wakes_after() -> None:
    """No submit and no poll leaves a lane that was told to wait; the conductor knows when to look again."""
    conductor = stand()
    plan(conductor, "r1", "r2")
    conductor.due(0.0)
    reply(conductor, "r1", "submit", Queued("t", 1.0), 1.0)
    reply(conductor, "r2", "submit", Busy(30.0), 1.0)
    assert conductor.due(20.0) == []
    wake_at = conductor.wake_at(20.0)
    assert wake_at is not None
    assert 31.0 <= wake_at <= 32.0
    assert say(conductor.due(wake_at)) == [("r1", "poll"), ("r2", "submit")]


def test_a_full_queue_is_emptied_before_more_is_bought() -> None:
    """Open tickets are limited; one that ends makes room for one."""
    conductor = stand(Limits(queued=2))
    plan(conductor, "r1", "r2", "r3")
    assert len(conductor.due(0.0)) == 2
    for name in ("r1", "r2"):
        reply(conductor, name, "submit", Queued("t", 5.0), 1.0)
    assert conductor.due(1.0) == []
    assert len(conductor.due(10.0)) == 2
    reply(conductor, "r1", "poll", HELD, 11.0)
    assert say(conductor.due(11.0)) == [("r3", "submit")]


# --- giving up


def test_five_broken_submits_are_a_failure() -> None:
    """Tries used up: the conductor hands out the fact that stops it, once, and sends nothing meanwhile."""
    conductor, now = stand(), 0.0
    plan(conductor, "r1")
    for attempt in range(1, 6):
        (send,) = conductor.due(now)
        assert send.attempt == attempt
        reply(conductor, "r1", "submit", Broken("connection refused"), now)
        now += 60.0
    assert conductor.due(now) == []
    assert conductor.wake_at(now) == now
    (stop,) = conductor.expired(now)
    assert stop == Stopped(now, "r1", "failed", "5 tries went wrong; the last: connection refused")
    assert conductor.expired(now) == []
    conductor.feed(stop)
    assert [life.state for life in conductor.settled()] == ["failed"]


def test_the_last_poll_falls_on_the_deadline() -> None:
    """A job is asked for once more exactly at its deadline, and left only if that did not bring it."""
    conductor, polled = stand(operation=offer(deadline=60.0)), []
    plan(conductor, "r1")
    conductor.due(0.0)
    reply(conductor, "r1", "submit", Queued("t"), 10.0)
    now = 10.0
    while (wake_at := conductor.wake_at(now)) is not None and not (stops := conductor.expired(now)):
        now = wake_at
        for _ in conductor.due(now):
            polled.append(now)
            reply(conductor, "r1", "poll", Queued("t", note="unknown status word 'baking'"), now)
    assert polled[-1] == now == 70.0
    assert stops[0].how == "overdue"
    assert stops[0].why == (
        "still queued or running at the vendor after 60 s; the next run asks again; the last word: unknown status word 'baking'"
    )


def test_a_last_poll_that_brings_it_counts() -> None:
    """Done after the deadline, in answer to the last poll, is done."""
    conductor = stand(operation=offer(deadline=60.0))
    plan(conductor, "r1")
    conductor.due(0.0)
    reply(conductor, "r1", "submit", Queued("t", 3600.0), 0.0)
    assert say(conductor.due(60.0)) == [("r1", "poll")]
    assert conductor.expired(60.0) == []
    reply(conductor, "r1", "poll", HELD, 61.0)
    assert len(conductor.landed()) == 1


def test_a_deadline_is_kept_even_in_a_held_lane() -> None:
    """A lane told to wait for an hour does not keep a job beyond its deadline; nothing is lost, the next run polls on."""
    conductor = stand(operation=offer(deadline=60.0))
    plan(conductor, "r1", "r2")
    conductor.due(0.0)
    reply(conductor, "r1", "submit", Queued("t"), 0.0)
    reply(conductor, "r2", "submit", Busy(3600.0), 0.0)
    assert conductor.wake_at(1.0) == 60.0
    assert conductor.due(60.0) == []
    assert [(stop.id, stop.how) for stop in conductor.expired(60.0)] == [("r1", "overdue")]


def test_an_answer_that_overtakes_the_deadline_is_not_forgotten() -> None:
    """If the answer to a poll is fed after the deadline but dated before, the job is still asked once more, then left."""
    conductor = stand(operation=offer(deadline=60.0))
    plan(conductor, "r1")
    conductor.due(0.0)
    reply(conductor, "r1", "submit", Queued("t", 50.0), 0.0)
    assert len(conductor.due(55.0)) == 1
    assert conductor.expired(60.0) == []
    reply(conductor, "r1", "poll", Queued("t"), 59.9)
    assert conductor.wake_at(60.0) == 60.0
    assert len(conductor.due(60.0)) == 1
    reply(conductor, "r1", "poll", Queued("t"), 60.5)
    assert [stop.how for stop in conductor.expired(60.5)] == ["overdue"]


def test_a_job_that_goes_back_to_waiting_keeps_its_deadline() -> None:
    """A download answered "queued" returns to polling under the old deadline, which is then watched again."""
    conductor = stand(operation=offer(deadline=60.0))
    plan(conductor, "r1")
    conductor.due(0.0)
    reply(conductor, "r1", "submit", Queued("t", 1.0), 0.0)
    conductor.due(5.0)
    reply(conductor, "r1", "poll", ONE, 6.0)
    assert conductor.wake_at(6.0) == 6.0
    conductor.due(6.0)
    reply(conductor, "r1", "fetch", Queued("t", 3600.0), 7.0)
    conductor.due(60.0)
    reply(conductor, "r1", "poll", Busy(600.0), 59.0)
    assert conductor.wake_at(59.0) == 60.0
    assert [stop.how for stop in conductor.expired(60.0)] == ["overdue"]


# --- lanes that close, budgets, draining


def test_a_closed_lane_lets_its_requests_go() -> None:
    """After Barred nothing is bought: requests that wait, come later or come back are released, with the reason."""
    conductor = stand(Limits(concurrent=2))
    plan(conductor, "r1", "r2", "r3", "r4")
    conductor.due(0.0)
    reply(conductor, "r1", "submit", Barred("401: key rejected"), 1.0)
    assert [life.request.id for life in conductor.released()] == ["r3", "r4", "r1"]
    plan(conductor, "r5", at=2.0)
    reply(conductor, "r2", "submit", Broken("reset"), 2.0)
    released = conductor.released()
    assert [(life.request.id, life.state, life.why) for life in released] == [
        ("r5", "new", "401: key rejected"),
        ("r2", "new", "401: key rejected"),
    ]
    assert conductor.closed == {"acme": "401: key rejected"}
    assert conductor.idle


def test_paid_jobs_come_home_from_a_lane_without_credits() -> None:
    """A submit that is barred closes submits only: tickets are still polled and links fetched, for they are paid."""
    conductor = stand()
    plan(conductor, "r1", "r2", "r3")
    conductor.due(0.0)
    reply(conductor, "r1", "submit", Queued("t", 1.0), 1.0)
    reply(conductor, "r2", "submit", ONE, 1.0)
    reply(conductor, "r3", "submit", Barred("402: no credits"), 1.0)
    assert say(conductor.due(5.0)) == [("r2", "fetch"), ("r1", "poll")]


def test_a_barred_poll_releases_the_tickets() -> None:
    """If polls are barred too, waiting jobs are released with their tickets; downloads go on."""
    conductor = stand()
    plan(conductor, "r1", "r2", "r3")
    conductor.due(0.0)
    for name in ("r1", "r2"):
        reply(conductor, name, "submit", Queued(f"t-{name}", 1.0 if name == "r1" else 30.0), 1.0)
    reply(conductor, "r3", "submit", ONE, 1.0)
    assert say(conductor.due(5.0)) == [("r3", "fetch"), ("r1", "poll")]
    reply(conductor, "r1", "poll", Barred("401"), 6.0)
    assert [(life.request.id, life.ticket) for life in conductor.released()] == [("r2", "t-r2"), ("r1", "t-r1")]
    assert len(conductor) == 1
    reply(conductor, "r3", "fetch", HELD, 7.0)
    assert len(conductor.landed()) == 1


def test_a_barred_fetch_waits_for_the_parts_in_flight() -> None:
    """A request leaves a closed lane only once none of its calls is under way."""
    conductor = stand()
    plan(conductor, "r1")
    conductor.due(0.0)
    reply(conductor, "r1", "submit", TWO, 1.0)
    conductor.due(1.0)
    reply(conductor, "r1", "fetch", Barred("401"), 2.0, part=0)
    assert conductor.released() == []
    reply(conductor, "r1", "fetch", HELD, 3.0, part=1)
    (life,) = conductor.released()
    assert [part.landed for part in life.parts] == [False, True]


def test_a_spent_budget_stops_only_what_costs() -> None:
    """At the last affordable purchase the rest is released; polls go on; the end of the run is `broke`."""
    price = Money(Decimal(1), "USD")
    conductor = stand(operation=offer(price=price), purse=Purse(cost={"USD": Decimal(2)}))
    plan(conductor, "r1", "r2", "r3")
    assert len(conductor.due(0.0)) == 2
    assert conductor.wake_at(0.0) is None
    reply(conductor, "r1", "submit", Refused("422"), 1.0)
    assert say(conductor.due(1.0)) == [("r3", "submit")]
    plan(conductor, "r4", at=1.0)
    reply(conductor, "r2", "submit", Queued("t", 1.0), 2.0)
    assert not conductor.broke
    reply(conductor, "r3", "submit", Lost("timeout"), 2.0)
    assert conductor.broke
    assert [(life.request.id, life.why) for life in conductor.released()] == [
        ("r4", "the budget of the run allows no more: 2 of 2 USD spent; raise it, or run again to go on")
    ]
    assert conductor.spent == ("the budget of the run allows no more: 2 of 2 USD spent; raise it, or run again to go on",)
    assert say(conductor.due(9.0)) == [("r2", "poll")]


def test_a_budget_that_just_suffices_is_not_broke() -> None:
    """Spending the last of a budget on the last request is no reason to stop with an error."""
    conductor = stand(purse=Purse(requests=1))
    plan(conductor, "r1")
    conductor.due(0.0)
    reply(conductor, "r1", "submit", HELD, 1.0)
    assert not conductor.broke
    plan(conductor, "r2", at=2.0)
    assert conductor.broke
    assert [life.request.id for life in conductor.released()] == ["r2"]


@pytest.mark.parametrize(
    ("purses", "spent", "penniless"),
    [
        (Purses(Purse(requests=1)), ["the run"], True),
        (Purses(Purse(cost={"USD": Decimal("0.9")})), ["the run"], False),
        (Purses(Purse(cost={"USD": Decimal("0.1")})), ["the run"], True),
        (Purses(lanes={"acme": Purse(requests=1, whose="acme")}), ["acme"], False),
        (Purses(steps={"ad": Purse(requests=0, whose="step ad")}), ["step ad"], False),
        (Purses(Purse(requests=9), steps={"ad": Purse(requests=0, whose="step ad")}), ["step ad"], False),
        (Purses(Purse(requests=9)), [], False),
        (Purses(), [], False),
    ],
)
def test_only_the_runs_own_budget_ends_everything(purses: Purses, spent: list[str], penniless: bool) -> None:
    """A lane's or a step's spent budget, and one too small for the dear only, leave the others something to do."""
    prices = {"acme/big": "1.00", "acme/small": "0.20"}
    operations = {use: offer(use, price=Money(Decimal(price), "USD")) for use, price in prices.items()}
    conductor = Conductor({"acme": Limits()}, operations, purses)
    for number, (operation, step) in enumerate([("small", "ad"), ("big", "scene"), ("small", "ad"), ("big", "scene")]):
        conductor.feed(Planned(0.0, ask(f"r{number}", "acme", operation), step=step))
        for send in conductor.due(0.0):
            reply(conductor, send.request.id, "submit", HELD, 0.0)
    assert [why.split(" allows")[0].removeprefix("the budget of ") for why in conductor.spent] == spent
    assert (conductor.broke, conductor.penniless) == (bool(spent), penniless)


def test_what_may_still_leave_is_known() -> None:
    """A submit for which a budget is spent, or whose lane is shut, cannot leave in this run any more."""
    conductor = Conductor({"acme": Limits()}, {"acme/image": offer()}, Purses(steps={"ad": Purse(requests=1)}))
    assert [conductor.takes(ask(), step) for step in ("ad", "scene")] == [True, True]
    conductor.feed(Planned(0.0, ask("r1"), step="ad"))
    conductor.due(0.0)
    assert conductor.takes(ask(), "ad")
    reply(conductor, "r1", "submit", Lost("timeout"), 1.0)
    assert [conductor.takes(ask(), step) for step in ("ad", "scene")] == [False, True]
    conductor.drain()
    assert not conductor.takes(ask(), "scene")


def cut(dice: Random) -> Purse:
    """A budget of some requests and some money; it may be none, or more than all that is asked for."""
    return Purse(dice.choice([None, dice.randint(0, 90)]), {"USD": Decimal(dice.randint(0, 300))} if dice.random() < 0.8 else {})


@pytest.mark.parametrize("block", range(20))
def test_a_budget_is_never_overshot(block: int) -> None:
    """With 64 submits in flight, two prices, every kind of answer, the vendor never accepts more than run, lane or step may spend.

    A thousand seeds in all.
    """
    for seed in range(block * 50, block * 50 + 50):
        dice = Random(seed)
        cents = {"big": dice.randint(3, 9), "small": dice.randint(1, 3)}
        operations = {f"acme/{name}": offer(name, price=Money(Decimal(cent), "USD")) for name, cent in cents.items()}
        purses = (cut(dice), cut(dice), cut(dice))
        conductor = Conductor({"acme": Limits(concurrent=64)}, operations, Purses(purses[0], {"acme": purses[1]}, {"": purses[2]}))
        vendor = Vendor(dice, Mood(busy=0.02, broken=0.1, lost=0.1, refused=0.1, queue=0.3, work=(1.0, 3.0)))
        sim = Simulator(conductor, {"acme": vendor})
        sim.plan(ask(f"{name}-{number}", "acme", name) for number in range(40) for name in cents)
        sim.run()
        spent = sum(cents[name.split("-")[0]] * count for name, count in vendor.billed.items())
        for purse in purses:
            assert spent <= purse.cost.get("USD", spent)
            assert purse.requests is None or sum(vendor.billed.values()) <= purse.requests
        assert conductor.idle
        assert conductor.broke == bool(sim.released)


def test_draining_lets_land_what_flies() -> None:
    """Asked to stop, it submits and polls no more, fetches what is ready, and releases the rest with its tickets."""
    conductor = stand(Limits(concurrent=3))
    plan(conductor, "r1", "r2", "r3", "r4")
    conductor.due(0.0)
    reply(conductor, "r1", "submit", Queued("t", 1.0), 1.0)
    conductor.drain()
    assert {(life.request.id, life.state) for life in conductor.released()} == {("r4", "new"), ("r1", "waiting")}
    reply(conductor, "r2", "submit", ONE, 2.0)
    reply(conductor, "r3", "submit", Queued("t-3"), 2.0)
    assert say(conductor.due(9.0)) == [("r2", "fetch")]
    assert [life.ticket for life in conductor.released()] == ["t-3"]
    plan(conductor, "r5", at=9.0)
    assert [life.why for life in conductor.released()] == ["the run is stopping"]
    reply(conductor, "r2", "fetch", HELD, 10.0)
    conductor.feed(Saved(11.0, "r2", ()))
    assert (conductor.idle, conductor.flying, conductor.closed) == (True, 0, {})


def test_a_released_ticket_is_no_longer_counted() -> None:
    """What has left memory takes no place in the queue of its lane: the gate is as one that never sent it."""
    conductor, other = stand(), stand()
    for each in (conductor, other):
        plan(each, "r1")
        each.due(0.0)
    reply(conductor, "r1", "submit", Queued("t"), 1.0)
    reply(other, "r1", "submit", Refused("422"), 1.0)
    for each in (conductor, other):
        each.drain()
    assert conductor.snapshot()["gates"] == other.snapshot()["gates"]


# --- earlier runs


def test_a_ticket_of_an_earlier_run_is_polled_not_bought() -> None:
    """A recalled request goes on where it was, at once."""
    conductor = stand()
    life = conductor.recall(ask(), [Planned(0.0, ask()), Sent(0.0, "r1", "submit"), Answered(1.0, "r1", "submit", Queued("t"))])
    assert life is not None
    assert life.state == "waiting"
    plan(conductor, "r1", at=9000.0)
    (send,) = conductor.due(9001.0)
    assert (send.step, send.ticket) == ("poll", "t")


def test_a_submit_nobody_saw_the_answer_of_is_parked() -> None:
    """After a crash it is uncertain, settled at once, and never sent."""
    conductor = stand()
    conductor.recall(ask(), [Planned(0.0, ask()), Sent(0.0, "r1", "submit")])
    plan(conductor, "r1", at=9.0)
    assert [life.state for life in conductor.settled()] == ["uncertain"]
    assert conductor.due(9.0) == []
    assert conductor.idle


def test_what_is_saved_is_handed_back_at_once() -> None:
    """A result of an earlier run costs nothing and counts as reused."""
    conductor = stand()
    conductor.recall(ask(), [Planned(0.0, ask()), Saved(1.0, "r1", ())])
    plan(conductor, "r1", at=9.0)
    assert [life.state for life in conductor.settled()] == ["saved"]
    assert conductor.tallies(9.0)["acme"].reused == 1


def test_what_landed_is_verified_again() -> None:
    """If the run ended between download and save, the engine gets the life to verify, without a call."""
    conductor = stand()
    conductor.recall(ask(), [Planned(0.0, ask()), Sent(0.0, "r1", "submit"), Answered(1.0, "r1", "submit", HELD)])
    plan(conductor, "r1", at=9.0)
    assert [life.items for life in conductor.landed()] == [HELD.items]


def test_windows_reach_across_runs_but_holds_do_not() -> None:
    """What was sent a moment ago still counts at the vendor; that it said Busy or Barred then is for this run to find out."""
    conductor = stand(Limits(rate=(Window(2, 60.0),)))
    verdicts: list[tuple[str, Verdict]] = [("r1", Busy(3600.0)), ("r2", Barred("401"))]
    for name, verdict in verdicts:
        history: list[Fact] = [Planned(0.0, ask(name)), Sent(1.0, name, "submit"), Answered(2.0, name, "submit", verdict)]
        conductor.recall(ask(name), history)
    plan(conductor, "r1", "r2", at=10.0)
    assert conductor.due(10.0) == []
    assert conductor.wake_at(10.0) == pytest.approx(61.0 - LEAD * (1 - GATHERED))
    assert conductor.due(60.9) == []
    assert say(conductor.due(61.0)) == [("r1", "submit"), ("r2", "submit")]


def test_a_fresh_purchase_ignores_the_past() -> None:
    """Planned(fresh=True) buys anew what was saved."""
    conductor = stand()
    conductor.recall(ask(), [Planned(0.0, ask()), Saved(1.0, "r1", ())])
    conductor.feed(Planned(9.0, ask(), fresh=True))
    assert say(conductor.due(9.0)) == [("r1", "submit")]


def test_a_request_without_a_past_recalls_nothing() -> None:
    """No facts, no life; planning it then is a first time."""
    conductor = stand()
    assert conductor.recall(ask(), []) is None
    plan(conductor, "r1")
    assert say(conductor.due(0.0)) == [("r1", "submit")]


# --- mistakes of the caller


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        (Sent(1.0, "r9", "submit"), "Sent for request r9, which is not being worked on"),
        (Planned(1.0, ask()), r"r1 \(acme/image\) is planned twice in one run"),
        (Planned(1.0, ask("r2", "nowhere")), "is for nowhere, which is none of the lanes acme"),
        (Planned(1.0, ask("r2", "acme", "song")), "is for acme/song, which is no known operation"),
    ],
)
def test_facts_that_cannot_be_stop_the_run(fact: Fact, message: str) -> None:
    """A bug of ours is raised with what is wrong; it never turns into a silent second purchase."""
    conductor = stand()
    plan(conductor, "r1")
    with pytest.raises(ValueError, match=message):
        conductor.feed(fact)


# --- replay and crash


class Watched(Conductor):
    """A conductor that notes each fact it takes in and what it knew afterwards."""

    def __init__(self, lanes: Mapping[str, Limits], operations: Mapping[str, Operation], purses: Purses | None = None) -> None:
        super().__init__(lanes, operations, purses)
        self.seen: list[tuple[Fact, dict[str, object]]] = []

    def feed(self, fact: Fact) -> None:
        """Take in a fact and note it."""
        super().feed(fact)
        self.seen.append((fact, self.snapshot()))


ROUGH = Mood(busy=0.1, broken=0.15, lost=0.05, refused=0.05, dead=0.15, queue=0.6, work=(1.0, 60.0), links=3)
LANES = {"acme": Limits(rate=(Window(6, 1.0),), concurrent=4, queued=8), "best": Limits(polls_count=False, concurrent=6)}
PRICE = Money(Decimal(1), "USD")
OPERATIONS = {f"{lane}/image": offer(deadline=40.0, price=PRICE, polling=Polling(1.0, 2.0, 8.0)) for lane in LANES}


def rough(seed: int, conductor: Conductor, barred: float = 0.0) -> Simulator:
    """Two moody vendors, forty requests."""
    mood = Mood(**{**vars(ROUGH), "barred": barred})
    sim = Simulator(conductor, {lane: Vendor(Random(seed * 2 + n), mood) for n, lane in enumerate(LANES)})
    sim.plan(ask(f"{lane}-{number}", lane) for number in range(20) for lane in LANES)
    return sim


@pytest.mark.parametrize("seed", range(6))
def test_replaying_any_prefix_gives_the_live_state(seed: int) -> None:
    """Fed the same facts, a second conductor knows the same at every one of them: lives, windows, holds, purse and counts."""
    budget = 25 if seed % 2 else None
    live, again = (kind(LANES, OPERATIONS, Purses(Purse(budget))) for kind in (Watched, Conductor))
    assert isinstance(live, Watched)
    rough(seed, live, barred=0.01 if seed > 3 else 0.0).run()
    assert len(live.seen) > 150
    for number, (fact, known) in enumerate(live.seen):
        again.feed(fact)
        assert again.snapshot() == known, f"differs after fact {number}: {fact}"


@pytest.mark.parametrize("seed", range(6))
def test_a_replayed_conductor_goes_on_as_the_live_one(seed: int) -> None:
    """What may leave after a replay is what would have left: same duties, same next moment."""
    live = Watched(LANES, OPERATIONS)
    sim = rough(seed, live)
    sim.run(until=5.0 + seed)
    again = Conductor(LANES, OPERATIONS)
    for fact, _ in live.seen:
        again.feed(fact)
    for now in (sim.now, sim.now + 0.5, sim.now + 5.0):
        assert again.wake_at(now) == live.wake_at(now)
        assert sorted(say(again.due(now))) == sorted(say(live.due(now)))


@pytest.mark.parametrize("seed", range(20))
def test_a_crash_at_any_fact_buys_nothing_twice(seed: int) -> None:
    """Killed after any fact and resumed from the journal, every request is bought at most once and comes to an end."""
    dice = Random(seed)
    first = Watched(LANES, OPERATIONS)
    before = rough(seed, first)
    before.run(until=dice.uniform(0.0, 30.0))
    journal: dict[str, list[Fact]] = defaultdict(list)
    for fact, _ in first.seen:
        journal[fact.id].append(fact)
    second = Conductor(LANES, OPERATIONS)
    after = Simulator(second, before.vendors, now=before.now + 100.0)
    requests: list[Request] = [ask(f"{lane}-{number}", lane) for number in range(20) for lane in LANES]
    for request in requests:
        second.recall(request, journal[request.id])
    after.plan(requests)
    after.run()
    assert second.idle
    assert sum(after.ends.values()) == len(requests)
    for vendor in after.vendors.values():
        assert not vendor.billed or max(vendor.billed.values()) == 1


def test_waking_is_never_missed() -> None:
    """After `due` and `expired`, the next moment lies ahead, or nothing waits on time and calls are in flight, or all is done."""
    conductor = Conductor(LANES, OPERATIONS)

    def check(sim: Simulator, sends: list[Send]) -> None:
        wake_at = conductor.wake_at(sim.now)
        assert (conductor.idle or conductor.flying) if wake_at is None else wake_at > sim.now

    sim = rough(3, conductor)
    sim.check = check
    sim.run()
    assert conductor.idle
    assert conductor.wake_at(sim.now) is None


# --- other runs in the lane


def test_a_full_lane_beside_others_wakes_soon() -> None:
    """What only others keep is looked at again at once in a while; without others it would wait for their answers for ever."""
    conductor = stand(Limits(concurrent=2))
    plan(conductor, "r1")
    conductor.share("acme", Others(1, flying=2))
    assert (conductor.due(0.0), conductor.wake_at(0.0)) == ([], GLANCE)
    conductor.share("acme", Others(1, flying=1))
    assert say(conductor.due(GLANCE)) == [("r1", "submit")]


def test_a_poll_beside_others_wakes_when_it_is_due() -> None:
    """A lane that others fill now may be free by the time a poll is due: the run is awake then."""
    conductor = stand(Limits(concurrent=1))
    plan(conductor, "r1")
    conductor.due(0.0)
    reply(conductor, "r1", "submit", Queued("t", 5.0), 1.0)
    conductor.share("acme", Others(1, flying=1))
    assert 4.0 < (conductor.wake_at(1.0) or 0.0) < 8.0


def test_what_is_used_is_told() -> None:
    """Calls in flight, tickets, moments since the last time, and whether anything is kept waiting by the limits alone."""
    conductor = stand(Limits(concurrent=1))
    conductor.share("acme", Others())
    assert conductor.use("acme", 0.0) == Use()
    plan(conductor, "r1", "r2")
    conductor.due(0.0)
    assert conductor.use("acme", 0.0) == Use(1, 1, (0.0,), waits=True)
    reply(conductor, "r1", "submit", Queued("t", 5.0), 1.0)
    assert conductor.use("acme", 1.0) == Use(0, 1, (), waits=False)


def test_what_cannot_be_paid_for_waits_for_nobody() -> None:
    """A submit that the budget keeps is not in line for the lane."""
    conductor = stand(Limits(concurrent=1), purse=Purse(requests=1))
    conductor.share("acme", Others(1))
    plan(conductor, "r1", "r2")
    conductor.due(0.0)
    assert not conductor.use("acme", 0.0).waits


def test_batched_steps_have_a_lane_and_a_price_of_their_own() -> None:
    """The account's limits do not hold them, its budget does; duties say which lane they leave by."""
    lanes = {"acme": Limits(concurrent=1), "acme@batch": Limits(concurrent=100)}
    operations = {"acme/image": offer(price=Money(Decimal(2), "USD")), "acme/image@batch": offer(price=Money(Decimal(1), "USD"))}
    purses = Purses(lanes={"acme": Purse(cost={"USD": Decimal(5)}, whose="acme")})
    conductor = Conductor(lanes, operations, purses, batched=["many"])
    for name, step in (("r1", "one"), ("r2", "one"), ("r3", "many"), ("r4", "many"), ("r5", "many"), ("r6", "many")):
        conductor.feed(Planned(0.0, ask(name), step=step))
    sends = conductor.due(0.0)
    assert [(send.request.id, send.lane) for send in sends] == [
        ("r1", ""),
        ("r3", "acme@batch"),
        ("r4", "acme@batch"),
        ("r5", "acme@batch"),
    ]
    assert conductor.takes(ask("r9"), "many")
    for name in ("r3", "r4", "r5"):
        conductor.feed(Answered(1.0, name, "submit", Queued("batch-1")))
    tallies = conductor.tallies(1.0)
    assert (tallies["acme"].planned, tallies["acme@batch"].planned, tallies["acme@batch"].queued) == (2, 4, 3)
    assert tallies["acme@batch"].cost["USD"].accrued == 3


# --- tokens and departures

TOKENS = Limits(tokens=(Window(100, 60.0),), concurrent=100)


def test_requests_are_weighed_before_and_settled_after() -> None:
    """As many leave as fit by their estimate; what the vendor counted makes room, and the conductor knows when to look again."""
    conductor = Conductor({"acme": TOKENS}, {"acme/image": offer()}, weigh={"acme": lambda _: 40})
    plan(conductor, "r1", "r2", "r3", "r4")
    assert say(conductor.due(0.0)) == [("r1", "submit"), ("r2", "submit")]
    assert conductor.due(1.0) == []
    assert conductor.wake_at(1.0) == 60.0
    reply(conductor, "r1", "submit", Done((Held(BLOB),), used=10), 1.0)
    assert say(conductor.due(1.0)) == [("r3", "submit")]
    assert conductor.due(59.0) == []


@pytest.mark.parametrize(("used", "leave"), [(0, 1), (5, 2)])
def test_what_earlier_runs_used_is_remembered(used: int, leave: int) -> None:
    """After a restart windows of tokens know what was sent: by what was counted, else by the estimate."""
    conductor = Conductor({"acme": TOKENS}, {"acme/image": offer()}, weigh={"acme": lambda _: 40})
    answered = Answered(91.0, "r0", "submit", Done((Link("https://cdn.test/0"),), used=used))
    conductor.recall(ask("r0"), [Planned(90.0, ask("r0")), Sent(90.0, "r0", "submit"), answered])
    plan(conductor, "r1", "r2", "r3", at=100.0)
    assert len(conductor.due(100.0)) == leave


def test_a_call_counts_from_when_it_left() -> None:
    """The journal took two seconds: the window is closed for as much longer."""
    conductor = stand(Limits(rate=(Window(1, 10.0),), concurrent=9))
    plan(conductor, "r1", "r2")
    Standby(conductor.gate).leave(conductor.due(0.0), 2.0)
    reply(conductor, "r1", "submit", Queued("t", 500.0), 2.0)
    assert conductor.due(11.9) == []
    assert say(conductor.due(12.1)) == [("r2", "submit")]
