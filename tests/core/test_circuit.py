"""A lane that fails: rest, probes, and second tries in moderation."""

from __future__ import annotations

import pytest

from runner.core.circuit import FAILURES, LONGEST_REST, PROBES, RESERVE, REST, SPACING, Circuit, Retries
from runner.verdicts import Barred, Broken, Busy, Lost, Queued, Verdict


def trip(circuit: Circuit, at: float, verdict: Verdict | None = None) -> None:
    """Let so many calls fail at once that the circuit rests."""
    for _ in range(FAILURES):
        circuit.hear(at, verdict or Broken("refused"))


@pytest.mark.parametrize("verdict", [Broken("refused"), Lost("reset")])
def test_a_host_that_fails_rests_and_is_probed_once(verdict: Verdict) -> None:
    """After so many failures in a row nothing leaves for a while, then a single probe; a good answer lets everything go."""
    circuit = Circuit()
    for _ in range(FAILURES - 1):
        circuit.hear(100.0, verdict)
    assert circuit.opens_at(100.0, 0) == 100.0
    circuit.hear(100.0, verdict)
    assert circuit.opens_at(100.0, 5) == 100.0 + REST
    assert circuit.opens_at(100.0 + REST, 1) is None
    assert circuit.opens_at(100.0 + REST, 0) == 100.0 + REST
    circuit.hear(101.0 + REST, Queued("t"))
    assert circuit.opens_at(101.0 + REST, 50) == 101.0 + REST


def test_failures_that_left_before_the_rest_are_one_trip() -> None:
    """A crowd that fails together does not make the rest longer."""
    circuit = Circuit()
    for _ in range(100):
        circuit.hear(100.0, Broken("refused"))
    assert (circuit.trips, circuit.rest_until) == (1, 100.0 + REST)


def test_a_failed_probe_rests_longer_up_to_a_limit_and_then_gives_up() -> None:
    """Each failed probe doubles the rest, and after a few the host is given up."""
    circuit, now, rests = Circuit(), 100.0, []
    trip(circuit, now)
    while not circuit.given_up:
        rests.append(circuit.rest_until - now)
        now = circuit.rest_until
        circuit.hear(now, Broken("refused"))
    assert len(rests) == PROBES
    assert rests == [min(REST * 2.0**number, LONGEST_REST) for number in range(PROBES)]


@pytest.mark.parametrize("verdict", [Busy(), Barred("no"), Queued("t")])
def test_a_vendor_that_answers_is_not_failing(verdict: Verdict) -> None:
    """Busy, barred and good answers show that the vendor is there; they start the count anew."""
    circuit = Circuit()
    for _ in range(3):
        for _ in range(FAILURES - 1):
            circuit.hear(100.0, Broken("refused"))
        circuit.hear(100.0, verdict)
    assert circuit.opens_at(100.0, 3) == 100.0


def test_second_tries_beyond_a_tenth_are_spaced_out() -> None:
    """A lane has a few second tries at once; beyond a tenth of its first tries each waits its turn."""
    retries = Retries()
    assert [retries.charge() for _ in range(RESERVE)] == [0.0] * RESERVE
    assert [retries.charge() for _ in range(3)] == [SPACING, 2 * SPACING, 3 * SPACING]
    for _ in range(100):
        retries.earn()
    assert sum(retries.charge() == 0.0 for _ in range(20)) == 7


def test_first_tries_fill_the_reserve_and_no_more() -> None:
    """A long quiet time does not save up for a storm."""
    retries = Retries()
    for _ in range(10_000):
        retries.earn()
    assert [retries.charge() for _ in range(RESERVE + 1)][-2:] == [0.0, SPACING]
