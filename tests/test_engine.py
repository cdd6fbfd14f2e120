"""The engine waits and nothing else: facts before deeds, tickets before polls, and nothing bought twice.

Long, because each promise of a run is shown with a run of its own.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from runner.core.gate import LEAD
from runner.core.lifecycle import AT_REST, State
from runner.core.purse import Purse
from runner.core.standby import TAKEN_BACK
from runner.engine import Ending, Engine
from runner.errors import OurSide
from runner.facts import Answered, Planned, Saved, Sent, Stopped
from runner.loom import Loom, Woven
from runner.outcomes import STATUS_OF, Reuse
from runner.records import Limits, Send, Window, make_request
from runner.verdicts import Barred, Broken, Busy, Done, Lost, Refused, Verdict
from tests.fakes import Floor, MemoryLedger, make_plan, make_rows, obliging

COPY = '  copy: {use: pen/text, with: {prompt: "{{ row.title }}"}}\n'
PRESS = '  ad: {use: press/job, with: {prompt: "{{ row.title }}"}}\n'
BOTH = COPY + '  ad: {use: press/job, with: {prompt: "{{ steps.copy.text }}"}}\n'


async def test_every_variant_is_made(tmp_path: Path) -> None:
    """All steps of all variants are asked, verified and published."""
    floor = Floor(make_plan(tmp_path, BOTH), make_rows(20))
    assert await floor.run() == {"copy": 20, "ad": 20}
    assert floor.vendor.count() == 40
    assert floor.engine.ending == Ending()


async def test_a_purchase_is_on_disk_before_it_leaves(tmp_path: Path) -> None:
    """When a submit reaches the hands, its Sent fact has been committed."""
    floor = Floor(make_plan(tmp_path, BOTH), make_rows(5))
    unwritten: list[Send] = []

    def watch(send: Send) -> Verdict:
        known = {(fact.id, fact.step) for fact in floor.ledger.facts if isinstance(fact, Sent)}
        if (send.request.id, send.step) not in known:
            unwritten.append(send)
        return obliging(send)

    floor.vendor.script = watch
    await floor.run()
    assert floor.vendor.count("poll") == 5
    assert not unwritten


async def test_a_ticket_is_on_disk_before_it_is_polled(tmp_path: Path) -> None:
    """When a poll reaches the hands, the answer with its ticket has been committed."""
    floor = Floor(make_plan(tmp_path, PRESS), make_rows(5))
    early: list[Send] = []

    def watch(send: Send) -> Verdict:
        answered = {fact.id for fact in floor.ledger.facts if isinstance(fact, Answered)}
        if send.step == "poll" and send.request.id not in answered:
            early.append(send)
        return obliging(send)

    floor.vendor.script = watch
    await floor.run()
    assert not early


async def test_a_text_is_saved_in_the_turn_in_which_it_came(tmp_path: Path) -> None:
    """There is nothing to decode: answer and result are one commit. A picture's result comes after its answer is on disk."""
    floor = Floor(make_plan(tmp_path, BOTH), make_rows(3))
    await floor.run()
    for commit in floor.ledger.commits:
        answered = {fact.id for fact in commit if isinstance(fact, Answered) and isinstance(fact.verdict, Done)}
        texts = {fact.id for fact in commit if isinstance(fact, Saved) and fact.artifacts[0].kind == "text"}
        files = {fact.id for fact in commit if isinstance(fact, Saved) and fact.artifacts[0].kind == "file"}
        assert texts <= answered
        assert not files & answered
    assert sum(isinstance(fact, Saved) for fact in floor.ledger.facts) == 6


async def test_variants_are_told_once_all_their_steps_have_ended(tmp_path: Path) -> None:
    """Each is told once, after the files of its steps were published."""
    floor = Floor(make_plan(tmp_path, BOTH), make_rows(20))
    told: list[str] = []

    def tell(made: Sequence[Woven]) -> None:
        published = Counter(one.variant.key for one in floor.published)
        assert all(published[woven.variant.key] == 2 for woven in made)
        told.extend(woven.variant.key for woven in made)

    floor.engine = Engine(Loom(make_plan(tmp_path, BOTH)), floor.variants, floor.conductor, replace(floor.tools, tell=tell))
    await floor.run()
    assert sorted(told) == sorted({one.variant.key for one in floor.published})


async def test_the_same_ask_is_bought_once(tmp_path: Path) -> None:
    """Rows that ask the same thing share one purchase."""
    floor = Floor(make_plan(tmp_path, '  side: {use: pen/text, with: {prompt: "season"}}\n'), make_rows(300))
    assert await floor.run() == {"side": 300}
    assert floor.vendor.count() == 1


async def test_a_second_run_buys_nothing(tmp_path: Path) -> None:
    """With the journal of the first run, the second sends nothing and publishes the same."""
    plan, ledger = make_plan(tmp_path, BOTH), MemoryLedger()
    first = Floor(plan, make_rows(10), ledger=ledger)
    await first.run()
    second = Floor(plan, make_rows(10), ledger=ledger)
    assert await second.run() == {"copy": 10, "ad": 10}
    assert second.vendor.sends == []
    assert second.engine.ending.reused == {"pen": 10, "press": 10}


async def test_what_is_gone_from_the_store_is_not_bought_silently(tmp_path: Path) -> None:
    """A result whose bytes were deleted is reported, not asked for again."""
    plan, ledger = make_plan(tmp_path, PRESS), MemoryLedger()
    await Floor(plan, make_rows(1), ledger=ledger).run()
    second = Floor(plan, make_rows(1), ledger=ledger)
    second.missing.add("ab" * 32)
    assert await second.run() == {}
    assert second.vendor.sends == []


async def test_fresh_buys_anew_once_in_a_run(tmp_path: Path) -> None:
    """`--fresh` asks again for what is there, once, however many rows want it."""
    plan, ledger = make_plan(tmp_path, '  side: {use: pen/text, with: {prompt: "season"}}\n'), MemoryLedger()
    await Floor(plan, make_rows(5), ledger=ledger).run()
    again = Floor(plan, make_rows(5), ledger=ledger, fresh=lambda step: step == "side")
    assert await again.run() == {"side": 5}
    assert again.vendor.count() == 1
    third = Floor(plan, make_rows(5), ledger=ledger)
    await third.run()
    assert third.vendor.sends == []


async def test_a_crash_between_sending_and_answer_is_uncertain_and_not_repeated(tmp_path: Path) -> None:
    """A request found sent without an answer is left alone by the next run."""
    plan, ledger = make_plan(tmp_path, COPY), MemoryLedger()
    first = Floor(plan, make_rows(1), ledger=ledger)
    await first.run()
    ledger.facts = [fact for fact in ledger.facts if isinstance(fact, Planned | Sent)]
    second = Floor(plan, make_rows(1), ledger=ledger)
    assert await second.run() == {}
    assert second.vendor.sends == []


async def test_a_ticket_of_an_earlier_run_is_polled_not_bought(tmp_path: Path) -> None:
    """A run that was killed while a job was queued polls it; nothing is submitted again."""
    plan, ledger = make_plan(tmp_path, PRESS), MemoryLedger()
    await Floor(plan, make_rows(3), ledger=ledger).run()
    ledger.facts = [fact for fact in ledger.facts if isinstance(fact, Planned) or getattr(fact, "step", "") == "submit"]
    second = Floor(plan, make_rows(3), ledger=ledger)
    assert await second.run() == {"ad": 3}
    assert second.vendor.count() == 0
    assert second.vendor.count("poll") == 3


@pytest.mark.parametrize(
    ("verdict", "submits", "how"),
    [
        (Refused("no"), 1, "refused"),
        (Lost("reset"), 1, "uncertain"),
        (Broken("refused connection"), 5, "failed"),
    ],
)
async def test_what_a_vendor_does_wrong_ends_in_a_state(tmp_path: Path, verdict: Verdict, submits: int, how: str) -> None:
    """Refused and lost are never repeated, broken a few times; none of them raises."""
    floor = Floor(make_plan(tmp_path, COPY), make_rows(1), lambda send: verdict)
    assert await floor.run() == {}
    assert floor.vendor.count() == submits
    stopped = [fact.how for fact in floor.ledger.facts if isinstance(fact, Stopped)]
    assert stopped == (["failed"] if how == "failed" else [])


async def test_busy_holds_and_goes_on(tmp_path: Path) -> None:
    """A lane that was told to wait waits, and everything is made in the end."""
    told: list[float] = []

    def busy_once(send: Send) -> Verdict:
        if not told:
            told.append(floor.clock.now())
            return Busy(30.0)
        told.append(floor.clock.now())
        return obliging(send)

    floor = Floor(make_plan(tmp_path, COPY), make_rows(3), busy_once, limits=Limits(concurrent=1))
    assert await floor.run() == {"copy": 3}
    assert told[1] - told[0] >= 30


async def test_a_barred_lane_closes_and_the_others_finish(tmp_path: Path) -> None:
    """A rejected key ends one lane at once; what needs only other lanes is made."""

    def barred(send: Send) -> Verdict:
        return Barred("401: bad key") if send.request.provider == "press" else obliging(send)

    floor = Floor(make_plan(tmp_path, COPY + PRESS), make_rows(20), barred, limits=Limits(concurrent=2))
    assert await floor.run() == {"copy": 20}
    assert floor.engine.ending.closed == {"press": "401: bad key"}
    assert floor.vendor.count() <= 22


async def test_a_spent_budget_stops_what_costs(tmp_path: Path) -> None:
    """No more is submitted than the budget allows, and what was started is finished."""
    floor = Floor(make_plan(tmp_path, PRESS), make_rows(50), purse=Purse(requests=7))
    assert await floor.run() == {"ad": 7}
    assert floor.vendor.count() == 7
    [why] = floor.engine.ending.spent
    assert why.startswith("the budget of the run allows no more: 7 of 7 requests spent")


@pytest.mark.parametrize("spent", ["step", "run"])
async def test_a_spent_step_does_not_end_the_others(tmp_path: Path, spent: str) -> None:
    """However far a feed goes, the other steps of its rows are made; only the run's own budget ends everything."""
    plan = make_plan(tmp_path, COPY + "  ad: {use: press/job, with: {prompt: '{{ row.title }}'}}\n")
    purse, steps = (None, {"ad": Purse(requests=1)}) if spent == "step" else (Purse(requests=4), {})
    floor = Floor(plan, make_rows(9), purse=purse, steps=steps, window=2)
    assert await floor.run() == ({"copy": 9, "ad": 1} if spent == "step" else {"copy": 2, "ad": 2})
    assert next(floor.variants, None) is None or spent == "run"


async def test_a_bad_picture_is_not_published(tmp_path: Path) -> None:
    """Bytes that are not what they claim end as spoiled, are not published and not bought again."""
    plan, ledger = make_plan(tmp_path, PRESS), MemoryLedger()
    floor = Floor(plan, make_rows(1), ledger=ledger)
    floor.bad["ab" * 32] = "not a picture"
    assert await floor.run() == {}
    assert [fact.why for fact in ledger.facts if isinstance(fact, Stopped)] == ["not a picture"]
    second = Floor(plan, make_rows(1), ledger=ledger)
    await second.run()
    assert second.vendor.sends == []


async def test_a_download_that_failed_is_tried_again_by_the_next_run(tmp_path: Path) -> None:
    """What was bought and could not be downloaded costs nothing more: the next run downloads it and submits nothing."""
    plan, ledger = make_plan(tmp_path, PRESS), MemoryLedger()
    floor = Floor(plan, make_rows(1), lambda send: Broken("503") if send.step == "fetch" else obliging(send), ledger=ledger)
    assert await floor.run() == {}
    assert [fact.how for fact in ledger.facts if isinstance(fact, Stopped)] == ["spoiled"]
    second = Floor(plan, make_rows(1), ledger=ledger)
    assert await second.run() == {"ad": 1}
    assert (second.vendor.count("submit"), second.vendor.count("fetch")) == (0, 1)


async def test_draining_lands_what_flies_and_starts_nothing(tmp_path: Path) -> None:
    """After a drain, calls in flight are answered and journaled; nothing else is submitted; the next run goes on."""
    plan, ledger = make_plan(tmp_path, COPY), MemoryLedger()
    floor = Floor(plan, make_rows(40), ledger=ledger, limits=Limits(concurrent=4))
    gate = asyncio.Event()
    floor.vendor.hold = gate
    work = asyncio.ensure_future(floor.run())
    while len(floor.vendor.sends) < 4:
        await asyncio.wait([work], timeout=0.001)
    floor.engine.drain()
    gate.set()
    await work
    assert floor.vendor.count() == 4
    assert floor.engine.ending.interrupted == 130
    assert sum(isinstance(fact, Saved) for fact in ledger.facts) == 4
    second = Floor(plan, make_rows(40), ledger=ledger)
    assert await second.run() == {"copy": 40}
    assert second.vendor.count() == 36


async def test_draining_takes_back_what_stands_by(tmp_path: Path) -> None:
    """What is written down ahead and has not left is not sent after a drain, and is not uncertain: the next run asks for it."""
    plan, ledger = make_plan(tmp_path, COPY), MemoryLedger()
    floor = Floor(plan, make_rows(200), ledger=ledger, limits=Limits(concurrent=20))

    def watch(send: Send) -> Verdict:
        if len(floor.vendor.sends) == 45:
            floor.engine.drain()
        return obliging(send)

    floor.vendor.script = watch
    await floor.run()
    assert 45 <= floor.vendor.count() < 45 + 20
    taken_back = {fact.id for fact in ledger.facts if isinstance(fact, Answered) and fact.verdict == TAKEN_BACK}
    assert taken_back
    assert not taken_back & {send.request.id for send in floor.vendor.sends}
    second = Floor(plan, make_rows(200), ledger=ledger)
    assert await second.run() == {"copy": 200}
    assert floor.vendor.count() + second.vendor.count() == 200


async def test_a_call_that_stands_by_is_on_disk_before_it_leaves(tmp_path: Path) -> None:
    """The place of an answer is taken at once, by a call that was written down before; never more fly than the lane allows."""
    floor = Floor(make_plan(tmp_path, COPY), make_rows(300), limits=Limits(concurrent=20))
    floor.vendor.turns = 3
    unwritten: list[Send] = []

    def watch(send: Send) -> Verdict:
        if send.request.id not in {fact.id for fact in floor.ledger.facts if isinstance(fact, Sent)}:
            unwritten.append(send)
        return obliging(send)

    floor.vendor.script = watch
    assert await floor.run() == {"copy": 300}
    assert unwritten == []
    assert floor.vendor.most == 20
    assert len(floor.ledger.commits) < 300 / 20 * 2


async def test_a_call_is_on_disk_before_its_moment_and_leaves_then(tmp_path: Path) -> None:
    """Where a rate is declared nothing is lost to the disk, and no call leaves before it may."""
    floor = Floor(make_plan(tmp_path, COPY), make_rows(40), limits=Limits((Window(10, 1.0),), concurrent=5))
    left: list[float] = []
    decided: list[float] = []

    def watch(send: Send) -> Verdict:
        left.append(floor.clock.now())
        decided.extend(fact.at for fact in floor.ledger.facts if isinstance(fact, Sent) and fact.id == send.request.id)
        return obliging(send)

    floor.vendor.script = watch
    assert await floor.run() == {"copy": 40}
    assert len(left) == len(decided) == 40
    assert all(0.0 <= at - before <= LEAD + 1e-6 for at, before in zip(left, decided, strict=True))
    assert sum(at > before for at, before in zip(left, decided, strict=True)) == 30
    assert all(left[number + 10] - left[number] >= 1.0 for number in range(30))
    assert 3.0 <= left[-1] - left[0] < 3.1


async def test_draining_takes_back_what_stands_by_for_its_moment(tmp_path: Path) -> None:
    """Decided and written down, but its moment had not come: it is not sent, and the next run asks for it."""
    plan, ledger = make_plan(tmp_path, COPY), MemoryLedger()
    floor = Floor(plan, make_rows(30), ledger=ledger, limits=Limits((Window(10, 1.0),), concurrent=5))

    def watch(send: Send) -> Verdict:
        if len(floor.vendor.sends) == 11:
            floor.engine.drain()
        return obliging(send)

    floor.vendor.script = watch
    await floor.run()
    taken_back = {fact.id for fact in ledger.facts if isinstance(fact, Answered) and fact.verdict == TAKEN_BACK}
    assert taken_back
    assert not taken_back & {send.request.id for send in floor.vendor.sends}
    second = Floor(plan, make_rows(30), ledger=ledger)
    assert await second.run() == {"copy": 30}
    assert floor.vendor.count() + second.vendor.count() == 30


async def test_a_failing_journal_stops_before_anything_leaves(tmp_path: Path) -> None:
    """If the facts of a turn cannot be written, nothing of that turn is sent and the failure is raised."""
    floor = Floor(make_plan(tmp_path, COPY), make_rows(1))
    floor.ledger.failure = OurSide("disk full")
    with pytest.raises(OurSide, match="disk full"):
        await floor.run()
    assert floor.vendor.sends == []


async def test_a_failing_journal_names_what_is_at_risk(tmp_path: Path) -> None:
    """If a turn cannot be written while purchases are under way, the failure counts and names those."""
    floor = Floor(make_plan(tmp_path, COPY), make_rows(30), limits=Limits(concurrent=8))

    def watch(send: Send) -> Verdict:
        floor.ledger.failure = OurSide("disk full")
        return obliging(send)

    floor.vendor.script = watch
    with pytest.raises(OurSide, match=r"disk full\n8 requests were under way and may be uncertain now: [0-9a-f]{12}, .*, …$"):
        await floor.run()
    assert floor.vendor.count() == 8


async def test_a_failing_output_folder_lands_what_flies_first(tmp_path: Path) -> None:
    """When publishing fails, answers that are paid for are still journaled before the run ends with the failure."""
    floor = Floor(make_plan(tmp_path, COPY), make_rows(30), limits=Limits(concurrent=5))
    floor.publish_failure = OurSide("read-only folder")
    with pytest.raises(OurSide, match="read-only folder"):
        await floor.run()
    submits = [fact for fact in floor.ledger.facts if isinstance(fact, Sent) and fact.step == "submit"]
    answers = [fact for fact in floor.ledger.facts if isinstance(fact, Answered)]
    assert 0 < len(submits) == len(answers) < 30


async def test_a_mistake_of_ours_stops_the_run_loudly(tmp_path: Path) -> None:
    """An exception in the hands is raised by the run, after what flies has landed."""

    def buggy(send: Send) -> Verdict:
        raise KeyError(send.request.operation)

    floor = Floor(make_plan(tmp_path, COPY), make_rows(3), buggy)
    with pytest.raises(KeyError, match="text"):
        await floor.run()


async def test_a_queued_job_past_its_deadline_is_left_for_the_next_run(tmp_path: Path) -> None:
    """A job that never ends is polled until its deadline and then left, its ticket kept."""

    def endless(send: Send) -> Verdict:
        return obliging(Send(send.request, "submit")) if send.step == "poll" else obliging(send)

    floor = Floor(make_plan(tmp_path, PRESS), make_rows(1), endless)
    began = floor.clock.now()
    assert await floor.run() == {}
    assert 600 <= floor.clock.now() - began < 660
    assert [fact.how for fact in floor.ledger.facts if isinstance(fact, Stopped)] == ["overdue"]
    assert floor.vendor.count() == 1


async def test_the_uncertain_is_asked_again_as_often_as_the_step_allows(tmp_path: Path) -> None:
    """A step that accepts the risk asks a lost request again, so many times and no more, over all runs together."""
    plan, ledger = make_plan(tmp_path, COPY), MemoryLedger()
    for lost in (3, 0):
        floor = Floor(plan, make_rows(1), lambda send: Lost("reset"), ledger=ledger, risk=lambda ask, tries: tries < 2)
        assert await floor.run() == {}
        assert floor.vendor.count() == lost


async def test_an_uncertain_request_that_is_granted_the_second_time_is_done(tmp_path: Path) -> None:
    """What was lost once and asked again on purpose is made like any other."""
    answers = iter([Lost("reset")])
    floor = Floor(
        make_plan(tmp_path, COPY), make_rows(1), lambda send: next(answers, obliging(send)), risk=lambda ask, tries: tries < 1
    )
    assert await floor.run() == {"copy": 1}
    assert floor.vendor.count() == 2


async def test_a_lane_that_fails_altogether_is_given_up_in_minutes(tmp_path: Path) -> None:
    """When nothing comes back from a vendor, the run ends after a few probes instead of trying every request."""
    floor = Floor(make_plan(tmp_path, COPY + PRESS), make_rows(500), limits=Limits(concurrent=10))
    floor.vendor.script = lambda send: Broken("no route to host") if send.request.provider == "press" else obliging(send)
    began = floor.clock.now()
    assert await floor.run() == {"copy": 500}
    assert "no route to host" in floor.engine.ending.failing["press"]
    assert floor.clock.now() - began < 600
    assert floor.vendor.count() < 500 + 100


def test_every_state_a_run_can_leave_has_a_word() -> None:
    """Whatever a run that ended, or was killed, left a request in, a user is told one of the statuses."""
    assert set(STATUS_OF) == set(get_args(State)) - set(AT_REST)


async def test_what_is_settled_is_bought_again_on_order(tmp_path: Path) -> None:
    """A settled request that is ordered again is bought once more, once in the run; its neighbours are not."""
    plan, ledger = make_plan(tmp_path, COPY), MemoryLedger()
    await Floor(plan, make_rows(3), ledger=ledger).run()
    second = Floor(plan, make_rows(3), ledger=ledger)
    one = ledger.facts[0].id
    tools = replace(second.engine._tools, again=lambda ask, life: ask.request.id == one and life.state == "saved")
    second.engine._tools = tools
    second.clock.advance(5.0)
    second.engine._started_at = second.clock.now()
    assert await second.run() == {"copy": 3}
    assert [send.request.id for send in second.vendor.sends] == [one]
    assert second.engine.ending.reused == {"pen": 2}


async def test_a_step_that_may_not_be_asked_is_left_alone(tmp_path: Path) -> None:
    """An engine whose loom may ask for one step only sends nothing for the others, and ends."""
    plan = make_plan(tmp_path, BOTH)
    floor = Floor(plan, make_rows(2))
    floor.engine = Engine(
        Loom(plan, lambda step: step == "copy"), plan.variants(make_rows(2)), floor.conductor, floor.engine._tools
    )
    assert await floor.run() == {"copy": 2}
    assert floor.vendor.count() == 2


def test_reuse_counts_different_requests() -> None:
    """A request counts once however often it is met, and not at all where the run took it up."""
    reuse = Reuse()
    requests = [make_request("pen", "text", {"prompt": str(number)}) for number in range(5)]
    for request in (*requests, *requests, make_request("press", "job", {})):
        reuse.know(request)
    for request in requests[:2]:
        reuse.plan(request)
    assert reuse.counts() == {"pen": 3, "press": 1}
    assert reuse.settled() == {"pen": 5, "press": 1}
