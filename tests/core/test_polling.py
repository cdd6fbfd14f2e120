"""The poll schedule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.lifecycle import Life, fold
from runner.core.polling import LEAST, deadline_at, pause, poll_at
from runner.facts import Answered, Planned, Sent
from runner.fields import Polling
from runner.verdicts import Broken, Busy, Queued, Verdict
from tests.core.stage import ask, offer


def waiting(*answers: tuple[float, Verdict], after: float | None = None) -> Life:
    """A life accepted at 100 s, then polled with these answers at these moments."""
    life = fold(None, Planned(99.0, ask()))
    life = fold(fold(life, Sent(99.5, "r1", "submit")), Answered(100.0, "r1", "submit", Queued("t", after)))
    for at, verdict in answers:
        life = fold(fold(life, Sent(at - 0.1, "r1", "poll")), Answered(at, "r1", "poll", verdict))
    return life


@given(st.integers(0, 1000), st.text(max_size=9))
def test_pauses_grow_to_the_cap(rounds: int, name: str) -> None:
    """Each pause is the curve's, a tenth more or less, and never above a tenth over the cap."""
    polling = Polling(first=1.0, factor=1.5, cap=15.0)
    curve = min(1.5 ** min(rounds, 64), 15.0)
    assert curve * 0.9 <= pause(polling, rounds, name) <= curve * 1.1


@given(st.floats(0.5, 60.0))
def test_polls_of_a_crowd_come_together(first: float) -> None:
    """Polls become due at whole hundredths of a second, never early: those of a crowd share a turn."""
    at = poll_at(waiting(), offer(polling=Polling(first, 2.0, 60.0)))
    assert at * 100 == pytest.approx(round(at * 100), abs=1e-6)
    assert 0 <= at - 100.0 - pause(Polling(first, 2.0, 60.0), 0, waiting().request.id) <= 0.01 + 1e-9


def test_a_pause_has_a_floor() -> None:
    """Not even a schedule of zeros makes a busy loop."""
    assert pause(Polling(0.0, 1.0, 0.0), 3, "r1") == LEAST


def test_first_poll_follows_the_operations_schedule() -> None:
    """After acceptance without a hint, the first poll comes after `first` seconds, give or take a tenth."""
    assert 104.5 <= poll_at(waiting(), offer(polling=Polling(5.0, 2.0, 60.0))) <= 105.5


def test_later_polls_come_more_rarely() -> None:
    """Each answer of "still running" stretches the pause by the factor."""
    operation = offer(polling=Polling(4.0, 2.0, 60.0))
    life = waiting((104.0, Queued("t")), (112.0, Queued("t")))
    assert 112.0 + 16 * 0.9 <= poll_at(life, operation) <= 112.0 + 16 * 1.1


@pytest.mark.parametrize("hint", [2.0, 7.0, 40.0])
def test_the_vendors_hint_wins(hint: float) -> None:
    """A hint is obeyed: never earlier, at most a tenth or a second later."""
    at = poll_at(waiting(after=hint), offer())
    assert 100.0 + hint <= at <= 100.0 + hint + min(hint / 10, 1.0)


def test_a_hint_of_zero_is_no_busy_loop() -> None:
    """Between two polls there is always a quarter of a second."""
    assert poll_at(waiting(after=0.0), offer()) == 100.0 + LEAST


def test_a_broken_poll_backs_off() -> None:
    """What went wrong is repeated on the retry curve, not on the schedule of jobs."""
    life = waiting(*((100.0 + n, Broken("reset")) for n in range(1, 4)))
    assert 103.0 + LEAST <= poll_at(life, offer()) <= 103.0 + 4.0


def test_busy_leaves_the_wait_to_the_lane() -> None:
    """After Busy the poll is due at once again; it is the lane that holds."""
    assert poll_at(waiting((101.0, Busy(30.0))), offer()) == 101.0 + LEAST


@given(st.floats(0.0, 1e6), st.none() | st.floats(0.0, 1e5), st.integers(0, 30), st.integers(0, 19))
def test_nothing_is_asked_after_the_deadline(at: float, after: float | None, rounds: int, tries: int) -> None:
    """Whatever the hint, the curve or the retries say, the last poll falls on the deadline."""
    life = replace(waiting(), at=at, after=after, rounds=rounds, tries=tries, waiting_at=at)
    operation = offer(deadline=20.0)
    assert at < poll_at(life, operation) <= deadline_at(life, operation) == at + 20.0


def test_the_deadline_counts_from_acceptance() -> None:
    """Time in our own queue does not use up the vendor's."""
    assert deadline_at(waiting((101.0, Queued("t"))), offer(deadline=60.0)) == 160.0


def test_the_deadline_counts_anew_in_a_new_run() -> None:
    """A run that takes an old ticket up gives it the full time again, and polls at once."""
    life = fold(waiting(), Planned(5000.0, ask()))
    assert deadline_at(life, offer(deadline=60.0)) == 5060.0
    assert poll_at(life, offer()) == 5000.0 + LEAST
