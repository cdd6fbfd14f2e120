"""What is written down of requests that wait in a file, and when."""

from __future__ import annotations

from collections.abc import Sequence

from runner.batches.pledges import Pledges
from runner.core.lifecycle import recall
from runner.facts import Answered, Fact, Planned, Sent
from runner.verdicts import Broken, Queued
from tests.batches.vendor import chats

ONE, TWO = chats(2)
PLANNED = [Planned(1.0, ONE, step="copy"), Planned(1.0, TWO, step="copy")]
SENT = [Sent(2.0, ONE.id, "submit"), Sent(2.0, TWO.id, "submit")]


class Ledger:
    """A journal in memory: what each commit wrote."""

    def __init__(self) -> None:
        self.commits: list[list[Fact]] = []

    def commit(self, facts: Sequence[Fact]) -> None:
        """Write it down."""
        self.commits.append(list(facts))

    def histories(self, ids: Sequence[str]) -> dict[str, list[Fact]]:
        """The facts of each."""
        facts = [fact for commit in self.commits for fact in commit]
        return {name: [fact for fact in facts if fact.id == name] for name in ids}


def test_what_waits_in_a_file_was_not_sent() -> None:
    """A run that is killed meanwhile leaves requests that were planned, and nothing to guess about."""
    ledger = Ledger()
    pledges = Pledges(ledger, {"copy"})
    pledges.commit([*PLANNED, *SENT])
    assert ledger.commits == [PLANNED]
    life = recall(pledges.histories([ONE.id])[ONE.id])
    assert life is not None
    assert life.state == "new"


def test_who_leaves_has_a_ticket_at_once() -> None:
    """Killed in the moment of the purchase, it can be asked for; the ticket the vendor gives then counts."""
    ledger = Ledger()
    pledges = Pledges(ledger, {"copy"})
    pledges.commit([*PLANNED, *SENT])
    pledges.leave([ONE.id, TWO.id], "of-file:f")
    assert ledger.commits[1] == [Sent(2.0, name, "submit", ticket="of-file:f") for name in (ONE.id, TWO.id)]
    life = recall(ledger.histories([ONE.id])[ONE.id])
    assert life is not None
    assert (life.state, life.ticket, life.accepted_at) == ("waiting", "of-file:f", 2.0)
    pledges.commit([Answered(3.0, ONE.id, "submit", Queued("batch"))])
    assert ledger.commits[2:] == [[Answered(3.0, ONE.id, "submit", Queued("batch"))]]


def test_what_never_left_is_written_with_its_answer() -> None:
    """The two together, so that no kill can fall between them; the next try is held back again."""
    ledger = Ledger()
    pledges = Pledges(ledger, {"copy"})
    pledges.commit([*PLANNED, *SENT])
    answers = [Answered(3.0, one.id, "submit", Broken("no way")) for one in (ONE, TWO)]
    pledges.commit([*answers, *SENT])
    assert ledger.commits[1] == [SENT[0], answers[0], SENT[1], answers[1]]
    pledges.leave([ONE.id], "of-file:g")
    assert ledger.commits[2] == [Sent(2.0, ONE.id, "submit", ticket="of-file:g")]


def test_who_goes_one_by_one_now_is_not_held() -> None:
    """What a batch failed to do may be asked for by another step of the same run, alone: that is written before it leaves."""
    ledger = Ledger()
    pledges = Pledges(ledger, {"copy"})
    pledges.commit([*PLANNED, SENT[0]])
    pledges.commit([Answered(3.0, ONE.id, "submit", Broken("no way")), Planned(4.0, ONE, step="alone")])
    pledges.commit([SENT[0]])
    assert ledger.commits[2] == [SENT[0]]


def test_all_others_are_written_as_they_are() -> None:
    """Steps that go one by one, and whatever is no submit."""
    ledger = Ledger()
    pledges = Pledges(ledger, {"other"})
    pledges.commit([*PLANNED, *SENT, Sent(3.0, ONE.id, "poll")])
    assert ledger.commits == [[*PLANNED, *SENT, Sent(3.0, ONE.id, "poll")]]
