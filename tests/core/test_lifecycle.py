"""The state table of one request.

Long, because every cell of the table is a case.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.lifecycle import AT_REST, REFRESHES, SETTLED, TABLE, Life, State, at_rest, changed, fold, giving_up, recall
from runner.core.retry import TRIES
from runner.facts import Answered, Fact, Planned, Resolved, Saved, Sent, Stopped
from runner.records import Artifact, Step
from runner.verdicts import Barred, Broken, Busy, Data, Done, Held, Link, Lost, Queued, Refused, Text, Verdict, is_bought
from tests.core.stage import BLOB, ask

STEPS: tuple[Step, ...] = ("submit", "poll", "fetch")
HELD = Held(BLOB)
LINKS = Done((Link("https://cdn.test/0"), Link("https://cdn.test/1")))
ONE = Done((Link("https://cdn.test/0"),))


def tell(*facts: Fact, life: Life | None = None) -> Life:
    """The life after these facts."""
    for fact in facts:
        life = fold(life, fact)
    assert life is not None
    return life


def call(step: Step, verdict: Verdict, at: float = 1.0, part: int = 0) -> list[Fact]:
    """A call and its answer."""
    return [Sent(at, "r1", step, part=part), Answered(at, "r1", step, verdict, part)]


PLAN = Planned(0.0, ask())
QUEUED = [PLAN, *call("submit", Queued("t-1", 3.0))]
BEFORE: dict[Step, Sequence[Fact]] = {"submit": [PLAN], "poll": QUEUED, "fetch": [*QUEUED, *call("poll", ONE, 2.0)]}
"""The shortest history after which each step can leave."""

CELLS: list[tuple[Step, Verdict, State]] = [
    ("submit", Done((HELD,)), "landed"),
    ("submit", Done((Text("copy"), Data({"a": 1}))), "landed"),
    ("submit", ONE, "ready"),
    ("submit", Done((HELD, Link("https://cdn.test/1"))), "ready"),
    ("submit", Queued("t-1"), "waiting"),
    ("submit", Busy(), "new"),
    ("submit", Broken("refused"), "new"),
    ("submit", Lost("timeout"), "uncertain"),
    ("submit", Refused("422"), "refused"),
    ("submit", Refused("cut short", billed=True), "spoiled"),
    ("submit", Barred("401"), "new"),
    ("poll", Done((HELD,)), "landed"),
    ("poll", LINKS, "ready"),
    ("poll", Queued("t-1"), "waiting"),
    ("poll", Refused("cut short", billed=True), "spoiled"),
    ("poll", Broken("expired", dropped=True), "new"),
    ("poll", Busy(), "waiting"),
    ("poll", Broken("502"), "waiting"),
    ("poll", Lost("truncated"), "waiting"),
    ("poll", Lost("no such job", final=True), "uncertain"),
    ("poll", Refused("job failed"), "refused"),
    ("poll", Barred("401"), "waiting"),
    ("fetch", Done((HELD,)), "landed"),
    ("fetch", Queued("t-2"), "waiting"),
    ("fetch", Busy(), "ready"),
    ("fetch", Broken("reset"), "ready"),
    ("fetch", Lost("cut"), "ready"),
    ("fetch", Refused("403"), "waiting"),
    ("fetch", Barred("401"), "ready"),
]


def test_the_table_is_complete() -> None:
    """Every step has an answer to every one of the seven verdicts."""
    words = set(get_args(Verdict))
    assert set(TABLE) == set(STEPS)
    assert all(set(TABLE[step]) == words for step in STEPS)
    assert {(step, type(verdict)) for step, verdict, _ in CELLS} == {(step, word) for step in STEPS for word in words}


@pytest.mark.parametrize(("step", "verdict", "state"), CELLS, ids=lambda value: type(value).__name__ if value else None)
def test_each_cell(step: Step, verdict: Verdict, state: State) -> None:
    """The state that follows each verdict on each step."""
    assert tell(*BEFORE[step], *call(step, verdict, 5.0)).state == state


@pytest.mark.parametrize(("step", "state"), [("submit", "submitting"), ("poll", "polling"), ("fetch", "fetching")])
def test_a_call_under_way_shows(step: Step, state: State) -> None:
    """Between Sent and Answered a life says which call flies, and that no other does."""
    life = tell(*BEFORE[step], Sent(4.0, "r1", step))
    assert (life.state, life.at) == (state, 4.0)
    assert [life.flies(each) for each in STEPS] == [each == step for each in STEPS]


@pytest.mark.parametrize(("step", "counted"), [("submit", True), ("poll", True), ("fetch", True)])
def test_broken_counts_as_a_try(step: Step, counted: bool) -> None:
    """What went wrong is counted, with the vendor's wait kept."""
    life = tell(*BEFORE[step], *call(step, Broken("reset", 7.0), 5.0))
    tries, after = (life.parts[0].tries, life.parts[0].after) if step == "fetch" else (life.tries, life.after)
    assert (tries, after, life.why) == (1, 7.0, "reset")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("verdict", [Busy(9.0), Barred("402")])
def test_the_lanes_troubles_are_not_the_requests(step: Step, verdict: Verdict) -> None:
    """Busy and Barred cost a request no try: the lane is at fault."""
    life = tell(*BEFORE[step], *call(step, verdict, 5.0))
    assert life.tries == 0
    assert all(part.tries == 0 for part in life.parts)


@pytest.mark.parametrize("verdict", [Broken("502"), Lost("cut")])
def test_a_good_poll_forgives_the_bad_ones(verdict: Verdict) -> None:
    """Only polls that go wrong in a row count."""
    life = tell(*QUEUED, *call("poll", verdict), *call("poll", verdict))
    assert life.tries == 2
    assert tell(*call("poll", Queued("t-1")), life=life).tries == 0


def test_acceptance_is_remembered() -> None:
    """The ticket, the hint, and the moment the vendor took it are kept; the deadline counts from there."""
    life = tell(PLAN, *call("submit", Queued("t-1", 3.0), 8.0))
    assert (life.ticket, life.after, life.accepted_at, life.waiting_at) == ("t-1", 3.0, 8.0, 8.0)


def test_a_ticket_may_change_and_its_word_is_kept() -> None:
    """A poll may give another ticket; an unknown status word stays readable."""
    life = tell(*QUEUED, *call("poll", Queued("t-9", note="unknown status word 'cooking'")))
    assert (life.ticket, life.rounds, life.why) == ("t-9", 1, "unknown status word 'cooking'")


def test_fewer_items_than_asked_is_noted() -> None:
    """A remark on the result travels with the life."""
    assert tell(PLAN, *call("submit", Done((HELD,), note="2 of 4 variations"))).note == "2 of 4 variations"


# --- several parts


def test_parts_land_one_by_one_in_the_vendors_order() -> None:
    """With several links the life lands with the last of them, and the items keep their places."""
    other = Held(type(BLOB)("cd" * 32, 9))
    life = tell(PLAN, *call("submit", LINKS), Sent(2.0, "r1", "fetch", part=0), Sent(2.0, "r1", "fetch", part=1))
    assert [life.flies("fetch", part) for part in (0, 1, 2)] == [True, True, False]
    life = tell(Answered(3.0, "r1", "fetch", Done((other,)), 1), life=life)
    assert life.state == "fetching"
    life = tell(Answered(4.0, "r1", "fetch", Done((HELD,)), 0), life=life)
    assert (life.state, life.items) == ("landed", (HELD, other))


def test_a_part_that_breaks_does_not_stop_the_others() -> None:
    """One part's try is its own."""
    life = tell(PLAN, *call("submit", LINKS), *call("fetch", Broken("reset"), 2.0, 0), *call("fetch", Done((HELD,)), 3.0, 1))
    assert (life.state, life.parts[0].tries, life.parts[1].landed) == ("ready", 1, True)


def test_a_dead_link_waits_for_the_parts_in_flight() -> None:
    """The ticket is asked for fresh links only once no download is under way, and what landed is kept."""
    life = tell(*QUEUED, *call("poll", LINKS), Sent(2.0, "r1", "fetch", part=0), Sent(2.0, "r1", "fetch", part=1))
    life = tell(Answered(3.0, "r1", "fetch", Refused("410"), 0), life=life)
    assert life.state == "fetching"
    life = tell(Answered(4.0, "r1", "fetch", Done((HELD,)), 1), life=life)
    assert (life.state, life.refreshes) == ("waiting", 1)
    life = tell(*call("poll", Done((Link("https://cdn.test/new"), Link("https://cdn.test/new1"))), 5.0), life=life)
    assert (life.state, life.items) == ("ready", (Link("https://cdn.test/new"), HELD))


def test_fresh_links_of_another_number_start_over() -> None:
    """If the vendor now names another number of items, what landed before cannot be told apart and is fetched again."""
    life = tell(*QUEUED, *call("poll", LINKS), *call("fetch", Done((HELD,)), part=1), *call("fetch", Refused("410")))
    life = tell(*call("poll", ONE), life=life)
    assert life.items == ONE.items


def test_links_are_renewed_a_few_times_only() -> None:
    """After two renewals a dead link with a ticket is given up as spoiled."""
    life = tell(*BEFORE["fetch"])
    for _ in range(REFRESHES):
        life = tell(*call("fetch", Refused("403")), life=life)
        assert (life.state, giving_up(life)) == ("waiting", None)
        life = tell(*call("poll", ONE), life=life)
    life = tell(*call("fetch", Refused("403: expired")), life=life)
    assert life.state == "ready"
    assert giving_up(life) == ("spoiled", "bought, but its link cannot be downloaded: 403: expired")


def test_used_up_tries_ask_for_a_fresh_link() -> None:
    """A link that broke five times is treated as dead."""
    life = tell(*BEFORE["fetch"])
    for _ in range(TRIES["fetch"] - 1):
        life = tell(*call("fetch", Broken("reset")), life=life)
        assert life.state == "ready"
    assert tell(*call("fetch", Lost("cut")), life=life).state == "waiting"


def test_what_breaks_on_every_try_is_renewed_once_only() -> None:
    """A fresh link that breaks as often as the first is given up: it is not the link that is at fault."""
    life = tell(*BEFORE["fetch"], *call("fetch", Broken("503")) * TRIES["fetch"])
    assert (life.state, life.refreshes) == ("waiting", 1)
    life = tell(*call("poll", ONE), *call("fetch", Broken("503")) * TRIES["fetch"], life=life)
    assert (life.state, giving_up(life)) == ("ready", ("spoiled", "bought, but its link cannot be downloaded: 503"))


def test_what_could_not_be_downloaded_is_tried_again_by_the_next_run() -> None:
    """A link that yielded nothing is free to be tried another day; what came and is unusable stays given up."""
    life = tell(PLAN, *call("submit", ONE), *call("fetch", Broken("503")) * TRIES["fetch"])
    life = tell(Stopped(9.0, "r1", *(giving_up(life) or ("failed", ""))), life=life)
    assert (life.state, life.retrievable) == ("spoiled", True)
    again = tell(Planned(1000.0, ask()), life=life)
    assert (again.state, again.parts[0].tries, giving_up(again), again.retrievable) == ("ready", 0, None, False)
    unusable = tell(*HISTORIES["spoiled"])
    assert (unusable.retrievable, tell(Planned(1000.0, ask()), life=unusable)) == (False, unusable)


def test_renewal_restarts_the_deadline() -> None:
    """A link that died after a long job still gets time to be renewed."""
    life = tell(*BEFORE["fetch"], *call("fetch", Refused("403"), 900.0))
    assert life.waiting_at == 900.0


def test_a_download_not_ready_yet_polls_on_under_the_old_deadline() -> None:
    """A fetch answered "queued" goes back to polling; that cannot go on past the deadline of the job."""
    life = tell(*BEFORE["fetch"], *call("fetch", Queued("t-2", 4.0), 30.0))
    assert (life.state, life.ticket, life.after, life.waiting_at, life.refreshes) == ("waiting", "t-2", 4.0, 1.0, 0)


def test_a_link_that_leads_to_a_link_is_a_try() -> None:
    """Following links is bounded like any other failure."""
    life = tell(*BEFORE["fetch"], *call("fetch", Done((Link("https://cdn.test/hop"),))))
    assert (life.state, life.items, life.parts[0].tries) == ("ready", (Link("https://cdn.test/hop"),), 1)


# --- giving up, the end, and a new run


@pytest.mark.parametrize(("step", "how"), [("submit", "failed"), ("poll", "overdue"), ("fetch", "spoiled")])
def test_each_step_is_given_up_in_its_way(step: Step, how: str) -> None:
    """When the tries are used up: never bought is failed, still queued is overdue, bought without a ticket is spoiled."""
    life = tell(PLAN, *call("submit", ONE)) if step == "fetch" else tell(*BEFORE[step])
    for _ in range(TRIES[step]):
        assert giving_up(life) is None
        life = tell(*call(step, Broken("reset by peer")), life=life)
    stop = giving_up(life)
    assert stop is not None
    assert stop[0] == how
    assert stop[1].endswith("reset by peer")
    assert tell(Stopped(9.0, "r1", *stop), life=life).state == how


def test_saved_is_the_end() -> None:
    """Saved keeps the artifacts, lets go of the parts, and no later word changes it."""
    artifact = Artifact("file", sha256=BLOB.sha256, size=7)
    life = tell(PLAN, *call("submit", Done((HELD,))), Saved(9.0, "r1", (artifact,)))
    assert (life.state, life.artifacts, life.parts, life.settled) == ("saved", (artifact,), (), True)
    assert tell(Answered(10.0, "r1", "poll", Refused("late")), life=life) == life


HISTORIES: dict[State, list[Fact]] = {
    "new": [PLAN],
    "submitting": [PLAN, Sent(1.0, "r1", "submit")],
    "waiting": QUEUED,
    "polling": [*QUEUED, Sent(2.0, "r1", "poll")],
    "ready": [*QUEUED, *call("poll", ONE)],
    "fetching": [*QUEUED, *call("poll", ONE), Sent(2.0, "r1", "fetch")],
    "landed": [PLAN, *call("submit", Done((HELD,)))],
    "saved": [PLAN, *call("submit", Done((HELD,))), Saved(3.0, "r1", ())],
    "refused": [PLAN, *call("submit", Refused("422"))],
    "failed": [PLAN, Stopped(3.0, "r1", "failed", "five times")],
    "spoiled": [PLAN, *call("submit", Done((HELD,))), Stopped(3.0, "r1", "spoiled", "cut in half")],
    "uncertain": [PLAN, *call("submit", Lost("timeout"))],
    "overdue": [*QUEUED, Stopped(3.0, "r1", "overdue", "600 s")],
}
RESUMED: dict[State, State] = {
    **{state: state for state in HISTORIES},
    "submitting": "uncertain",
    "polling": "waiting",
    "fetching": "ready",
    "failed": "new",
    "overdue": "waiting",
}


@pytest.mark.parametrize("state", HISTORIES)
def test_every_state_is_reached(state: State) -> None:
    """Each history leads to the state it is named for; settled states are known as such."""
    life = tell(*HISTORIES[state])
    assert life.state == state
    assert life.settled == (state in SETTLED)
    assert set(HISTORIES) == set(get_args(State))


@pytest.mark.parametrize("state", HISTORIES)
def test_a_new_run_resumes(state: State) -> None:
    """A new Planned takes up what is unfinished, leaves what is final, and parks a submit nobody saw the answer of."""
    life = tell(*HISTORIES[state], Planned(1000.0, ask()))
    assert life.state == RESUMED[state]
    assert not any(part.flying for part in life.parts)
    if not life.settled:
        assert (life.tries, life.refreshes, life.waiting_at) == (0, 0, 1000.0)


@pytest.mark.parametrize("state", HISTORIES)
def test_a_fresh_purchase_forgets_everything(state: State) -> None:
    """Planned(fresh=True) begins from nothing, whatever was before."""
    assert tell(*HISTORIES[state], Planned(1000.0, ask(), fresh=True)) == Life(ask(), "new", 1000.0)


@pytest.mark.parametrize("state", HISTORIES)
def test_recall_is_what_a_killed_run_left(state: State) -> None:
    """The recalled life has no call in flight, resting a second time changes nothing, and resuming it equals the flat replay."""
    life = recall(HISTORIES[state])
    assert life is not None
    assert life.state == AT_REST.get(state, state)
    assert at_rest(life) == life
    assert tell(Planned(1000.0, ask()), life=life) == tell(*HISTORIES[state], Planned(1000.0, ask()))


def test_a_crashed_submit_says_why() -> None:
    """The reason of an uncertain request is told to the person who must resolve it."""
    life = recall(HISTORIES["submitting"])
    assert life is not None
    assert life.why == "the run ended before the answer to its submit came"


def test_what_failed_with_a_ticket_is_not_bought_again() -> None:
    """Should a ticket be stopped as failed, a new run polls it; it never submits."""
    assert tell(*QUEUED, Stopped(3.0, "r1", "failed", "odd"), Planned(9.0, ask())).state == "waiting"


def test_a_resumed_link_gets_fresh_tries() -> None:
    """A dead or broken link of an earlier run is tried again."""
    life = tell(PLAN, *call("submit", ONE), *call("fetch", Refused("403")), Planned(9.0, ask()))
    assert (life.state, giving_up(life), life.parts[0].at) == ("ready", None, 9.0)


def test_no_facts_are_no_life() -> None:
    """A request nobody ever planned has no life."""
    assert recall([]) is None


def test_a_history_must_begin_with_planned() -> None:
    """A journal that begins in the middle is broken, and is named."""
    with pytest.raises(ValueError, match="history of request r1 begins with Sent"):
        fold(None, Sent(1.0, "r1", "submit"))


def test_changed_changes_only_what_is_named() -> None:
    """A changed life equals the old one in all other fields; the old one stays."""
    life = tell(*QUEUED)
    other = changed(life, why="because", tries=3)
    assert (other.why, other.tries, life.why, life.tries) == ("because", 3, "", 0)
    assert changed(other, why="", tries=0) == life


# --- properties

VERDICTS: list[Verdict] = [verdict for _, verdict, _ in CELLS] + [LINKS, Queued("t-1", 0.0), Broken("x", 1.0), Lost("y")]
NEXT: dict[State, Step] = {"new": "submit", "waiting": "poll", "ready": "fetch"}


@given(st.lists(st.tuples(st.sampled_from(VERDICTS), st.integers(0, 3)), max_size=40), st.integers(0, 40))
def test_what_is_accepted_is_never_submitted_again(answers: list[tuple[Verdict, int]], crash_after: int) -> None:
    """Along any walk with a crash at any moment, a life that was (perhaps) accepted never comes back to `new`.

    Only the vendor's word that it has let go of it changes that.
    """
    life, bought = tell(PLAN), False
    for number, (verdict, pick) in enumerate(answers):
        step = NEXT.get(life.state)
        if step is None:
            break
        idle = [index for index, part in enumerate(life.parts) if not part.landed]
        part = idle[pick % len(idle)] if step == "fetch" else 0
        if number == crash_after:
            life = tell(Sent(number, "r1", step, part=part), Planned(number, ask()), life=life)
            bought = bought or step == "submit"
            continue
        if step == "fetch" and isinstance(verdict, Done) and not isinstance(verdict.items[0], Held):
            continue
        life = tell(*call(step, verdict, number, part), life=life)
        bought = bought or (step == "submit" and is_bought(verdict))
        bought = bought and not (step == "poll" and isinstance(verdict, Broken) and verdict.dropped)
        assert not (bought and life.state == "new")
        assert life.settled or bought == (life.state != "new")


# --- what somebody resolves

DOUBTFUL: list[Fact] = [PLAN, *call("submit", Lost("reset"))]


@pytest.mark.parametrize(
    ("fact", "state"),
    [
        (Resolved(4.0, "r1", "not_billed", "me"), "new"),
        (Resolved(4.0, "r1", "again", "me"), "new"),
        (Resolved(4.0, "r1", "billed", "me", ticket="t1"), "waiting"),
        (Resolved(4.0, "r1", "billed", "me", artifacts=(Artifact("text", text="x"),)), "saved"),
        (Resolved(4.0, "r1", "billed", "me", "seen on the bill"), "spoiled"),
    ],
)
def test_an_uncertain_request_goes_where_somebody_says(fact: Resolved, state: str) -> None:
    """Not billed and again lead back to new; billed leads to polling, to saved, or to bought and lost."""
    life = tell(*DOUBTFUL, fact)
    assert (life.state, life.ticket, life.artifacts) == (state, fact.ticket, fact.artifacts)


def test_a_crashed_submit_can_be_resolved_in_the_next_run() -> None:
    """A submit without an answer is uncertain once its run is over, and can be resolved as such."""
    assert tell(PLAN, Sent(1.0, "r1", "submit"), Resolved(4.0, "r1", "not_billed", "me")).state == "new"


def test_what_is_not_uncertain_needs_no_resolving() -> None:
    """Resolving a request that is settled otherwise changes nothing."""
    refused = tell(PLAN, *call("submit", Refused("no")))
    assert tell(Resolved(4.0, "r1", "again", "me"), life=refused) == refused


def test_what_was_bought_elsewhere_settles_nothing_by_itself() -> None:
    """An adopted result counts by the Saved that follows; it says nothing of a submit of ours that is in doubt."""
    word = Resolved(4.0, "r1", "adopted", "me")
    assert tell(*DOUBTFUL, word).state == "uncertain"
    assert tell(PLAN, word).state == "new"
    life = tell(PLAN, word, Saved(4.0, "r1", (Artifact("text", text="x"),)))
    assert (life.state, life.accepted_at) == ("saved", None)


def test_a_resolved_ticket_is_polled_by_the_next_run() -> None:
    """After a billed ticket, the next run waits for the job and never submits it again."""
    life = tell(*DOUBTFUL, Resolved(4.0, "r1", "billed", "me", ticket="t1"), Planned(9.0, ask()))
    assert (life.state, life.ticket, life.waiting_at) == ("waiting", "t1", 9.0)


def test_what_the_vendor_let_go_of_is_asked_anew() -> None:
    """Its ticket is of no use any more, neither now nor to the next run; a new one may come of it."""
    life = tell(*QUEUED, *call("poll", Broken("expired", dropped=True), 5.0))
    assert (life.state, life.ticket, life.accepted_at, life.tries, life.why) == ("new", None, None, 1, "expired")
    again = tell(*call("submit", Queued("t-2"), 6.0), life=life)
    assert (again.state, again.ticket, again.refreshes) == ("waiting", "t-2", 1)
    replanned = tell(Planned(9.0, ask()), life=life)
    assert (replanned.state, replanned.refreshes) == ("new", 0)


def test_what_left_with_a_ticket_can_be_asked_for() -> None:
    """Without an answer nobody has to guess: the next run polls. An answer counts more, and a refusal leaves no ticket."""
    left: list[Fact] = [PLAN, Sent(1.0, "r1", "submit", ticket="of-file:f")]
    life = recall(left)
    assert life is not None
    assert (life.state, life.ticket, life.accepted_at) == ("waiting", "of-file:f", 1.0)
    assert tell(Planned(9.0, ask()), life=life).state == "waiting"
    assert tell(*left, Answered(2.0, "r1", "submit", Queued("t-1"))).ticket == "t-1"
    for verdict, state in ((Busy(1.0), "new"), (Refused("no"), "refused"), (Lost("odd"), "uncertain")):
        told = tell(*left, Answered(2.0, "r1", "submit", verdict))
        assert (told.state, told.ticket) == (state, None)


LEFT: list[Fact] = [PLAN, Sent(1.0, "r1", "submit", ticket="of-file:f"), *call("poll", Lost("not listed", final=True), 3.0)]


@pytest.mark.parametrize(
    ("fact", "state", "ticket"),
    [
        (Planned(9.0, ask()), "uncertain", "of-file:f"),
        (Planned(9.0, ask(), fresh=True), "new", None),
        (Resolved(4.0, "r1", "not_billed", "me"), "new", None),
        (Resolved(4.0, "r1", "again", "me"), "new", None),
        (Resolved(4.0, "r1", "billed", "me"), "waiting", "of-file:f"),
        (Resolved(4.0, "r1", "billed", "me", ticket="b-1"), "waiting", "b-1"),
        (Resolved(4.0, "r1", "billed", "me", artifacts=(Artifact("text", text="x"),)), "saved", "of-file:f"),
    ],
)
def test_a_ticket_nobody_knows_leaves_a_doubt(fact: Fact, state: State, ticket: str | None) -> None:
    """It is parked, whatever run comes; who says that it was billed has it asked for again, and it is bought anew by order only."""
    life = tell(*LEFT)
    assert (life.state, life.why, life.accepted_at, life.settled) == ("uncertain", "not listed", None, True)
    told = tell(fact, life=life)
    assert (told.state, told.ticket) == (state, ticket)
    if state == "new":
        assert tell(Planned(9.0, ask()), life=told).state == "new"


def test_it_is_not_asked_for_ever() -> None:
    """After the third time in a run it is given up as failed."""
    life = tell(PLAN)
    for number in range(REFRESHES + 1):
        assert giving_up(life) is None
        life = tell(*call("submit", Queued(f"t-{number}")), *call("poll", Broken("expired", dropped=True)), life=life)
    assert giving_up(life) == ("failed", "accepted and let go of 3 times; the last: expired")


def test_what_was_charged_for_and_is_of_no_use_stays_so() -> None:
    """A text cut short is not bought again by itself."""
    life = tell(PLAN, *call("submit", Refused("cut", billed=True)))
    assert (life.why, life.retrievable, life.settled) == ("cut", False, True)
    assert tell(Planned(9.0, ask()), life=life).state == "spoiled"
