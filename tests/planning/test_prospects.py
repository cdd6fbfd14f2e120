"""What becomes of a request, by each state its life can be in and each wish a user can have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runner.core.lifecycle import recall
from runner.desk import Desk, load_files, open_desk
from runner.facts import Answered, Fact, Planned, Resolved, Saved, Sent, Stopped
from runner.loom import Ask, Outcome
from runner.outcomes import outcome_of
from runner.planning.prospects import ASKED, OPEN, PROSPECTS, Judge, Prospect, Wish
from runner.planning.reasons import FRESH, RETRY, Reason
from runner.records import Artifact, make_request
from runner.verdicts import Barred, Broken, Done, Link, Lost, Queued, Refused
from tests.projects import COPY, write_project

REQUEST = make_request("jivox", "text", {"prompt": "Headline for Mug"})
NAME = REQUEST.id
TEXT = Artifact("text", text="A mug")
NOW = 1_000_000.0
DAY = 86400.0

PLANNED = Planned(1.0, REQUEST, step="copy")
SENT = Sent(2.0, NAME, "submit")
SAVED = Saved(NOW - 10 * DAY, NAME, (TEXT,))


def answered(verdict: object) -> Answered:
    """An answer to the submit."""
    return Answered(3.0, NAME, "submit", verdict)  # type: ignore[arg-type]


HISTORIES: dict[str, tuple[Sequence[Fact], Prospect | None, Reason | None]] = {
    "never heard of": ((), None, None),
    "taken up and not sent": ((PLANNED,), None, None),
    "turned away at a closed lane": ((PLANNED, SENT, answered(Barred("401: no"))), None, Reason("not asked yet", "401: no")),
    "in vain": (
        (PLANNED, SENT, answered(Broken("503")), Stopped(4.0, NAME, "failed", "503")),
        "again",
        Reason("failed last time", "503"),
    ),
    "at the vendor": ((PLANNED, SENT, answered(Queued("t1"))), "resumed", None),
    "left at its deadline": ((PLANNED, SENT, answered(Queued("t1")), Stopped(4.0, NAME, "overdue", "slow")), "resumed", None),
    "its links not downloaded": ((PLANNED, SENT, answered(Done((Link("https://cdn.example/1.png"),)))), "resumed", None),
    "refused": ((PLANNED, SENT, answered(Refused("bad word"))), "left", None),
    "bought and unusable": ((PLANNED, SENT, answered(Done(())), Stopped(4.0, NAME, "spoiled", "no picture")), "left", None),
    "lost": ((PLANNED, SENT, answered(Lost("reset"))), "uncertain", None),
    "never answered": ((PLANNED, SENT), "uncertain", None),
    "saved": ((PLANNED, SENT, SAVED), "reused", None),
    "settled as not billed": (
        (PLANNED, SENT, answered(Lost("reset")), Resolved(5.0, NAME, "not_billed", "somebody")),
        "again",
        Reason("settled by hand", "not billed"),
    ),
    "settled to be asked again": (
        (PLANNED, SENT, answered(Lost("reset")), Resolved(5.0, NAME, "again", "somebody")),
        "again",
        Reason("settled by hand", "ask again"),
    ),
    "ordered anew and not sent": ((PLANNED, SENT, SAVED, Planned(NOW, REQUEST, fresh=True)), "again", Reason("not asked yet", "")),
}


@dataclass(frozen=True)
class Words:
    """A selection by status."""

    words: frozenset[str] = field(default_factory=frozenset)
    limit: int | None = None

    def takes(self, variant: object) -> bool:
        """All of them."""
        return True

    def takes_step(self, step: str) -> bool:
        """Only this one."""
        return step == "copy"

    def takes_any(self, statuses: object) -> bool:
        """All of them."""
        return True

    def orders_again(self, status: str) -> bool:
        """Whether that word was said."""
        return status in self.words


def desk_of(folder: Path, steps: str = COPY, top: str = "") -> Desk:
    """The desk of a small job."""
    return open_desk(load_files(write_project(folder, steps, f"{top}output: {{dir: out}}\n")))


def judged(desk: Desk, wish: Wish, history: Sequence[Fact], outcome: Outcome | None = None) -> tuple[Prospect | None, list[Reason]]:
    """What becomes of the request with this history."""
    life = recall(history)
    told = outcome or (Outcome("waiting", REQUEST) if life is None else outcome_of(life))
    prospect, reasons = Judge(desk, wish).judge(Ask(REQUEST, "copy"), told, history)
    return prospect, list(reasons)


@pytest.mark.parametrize("name", HISTORIES)
def test_each_history_has_its_prospect(tmp_path: Path, name: str) -> None:
    """What a run would do follows from the facts, and a reason is given where something is asked."""
    history, prospect, reason = HISTORIES[name]
    assert judged(desk_of(tmp_path), Wish(NOW), history) == (prospect, [reason] if reason else [])


@pytest.mark.parametrize("name", [name for name in HISTORIES if name != "never heard of"])
def test_fresh_buys_anew_whatever_there_is(tmp_path: Path, name: str) -> None:
    """A step named by --fresh is asked again in every state; one that was never asked is simply new."""
    assert judged(desk_of(tmp_path), Wish(NOW, lambda step: step == "copy"), HISTORIES[name][0]) == ("again", [FRESH])
    assert judged(desk_of(tmp_path), Wish(NOW, lambda step: step == "scene"), HISTORIES[name][0])[0] == HISTORIES[name][1]


@pytest.mark.parametrize(("age", "prospect"), [("9d", "again"), ("11d", "reused")])
def test_results_grow_too_old(tmp_path: Path, age: str, prospect: Prospect) -> None:
    """With `max_age` a result that came longer ago is bought anew, told with its age; a younger one is used."""
    desk = desk_of(tmp_path, top=f"refresh: {{max_age: {age}}}\n")
    found = judged(desk, Wish(NOW), HISTORIES["saved"][0])
    assert found == (prospect, [Reason("max_age passed", "10 days old")] if prospect == "again" else [])
    outcome = Outcome("done", REQUEST, (TEXT,), at=SAVED.at)
    assert Judge(desk, Wish(NOW)).settles("copy", outcome) is (prospect == "reused")
    assert not Judge(desk, Wish(NOW)).settles("copy", Outcome("done", REQUEST, (TEXT,)))
    assert not Judge(desk, Wish(NOW, lambda _: True)).settles("copy", outcome)


def test_what_was_not_as_expected_is_left_until_it_is_old(tmp_path: Path) -> None:
    """A result that is here but failed `expect:` is not bought again by itself; once it is too old it is. Lost bytes stay lost."""
    history, wrong = HISTORIES["saved"][0], Outcome("failed", REQUEST, (TEXT,), "not as expected")
    assert judged(desk_of(tmp_path), Wish(NOW), history, wrong) == ("left", [])
    old = desk_of(tmp_path, top="refresh: {max_age: 1d}\n")
    assert judged(old, Wish(NOW), history, wrong)[0] == "again"
    assert judged(old, Wish(NOW), history, Outcome("failed", REQUEST, why="gone")) == ("left", [])


def test_a_status_that_is_named_is_asked_again(tmp_path: Path) -> None:
    """`--status refused` orders what was refused once more, and nothing else."""
    wish = Wish(NOW, chosen=Words(frozenset({"refused"})))
    assert judged(desk_of(tmp_path), wish, HISTORIES["refused"][0]) == ("again", [Reason("--status refused", "bad word")])
    assert judged(desk_of(tmp_path), wish, HISTORIES["lost"][0]) == ("uncertain", [])
    assert (wish.takes_step("copy"), wish.takes_step("scene"), Wish(NOW).takes_step("scene")) == (True, False, True)


def test_the_uncertain_is_asked_as_often_as_its_step_accepts(tmp_path: Path) -> None:
    """`uncertain: {retry: 1}` asks once more and then no more, until a result has come."""
    desk = desk_of(tmp_path, COPY + "    uncertain: {retry: 1}\n")
    lost, order = answered(Lost("reset")), Planned(6.0, REQUEST, fresh=True)
    assert judged(desk, Wish(NOW), (PLANNED, SENT, lost)) == ("again", [RETRY])
    assert judged(desk, Wish(NOW), (PLANNED, SENT, lost, order, Sent(7.0, NAME, "submit"))) == ("uncertain", [])
    saved, later = Saved(8.0, NAME, (TEXT,)), Planned(9.0, REQUEST, fresh=True)
    history = (PLANNED, SENT, lost, order, Sent(7.0, NAME, "submit"), saved, later, Sent(10.0, NAME, "submit"))
    assert judged(desk, Wish(NOW), history) == ("uncertain", [])


def test_prospects_are_in_order() -> None:
    """What is asked comes first, what is open next; nothing is told twice, and what is aside is not told."""
    assert PROSPECTS[: len(OPEN)] == OPEN
    assert OPEN[: len(ASKED)] == ASKED
    assert len(set(PROSPECTS)) == len(PROSPECTS)
    assert "aside" not in PROSPECTS
