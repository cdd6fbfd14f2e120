"""Merging two histories: nothing bought is lost, nothing in doubt looks new, and doing it again changes nothing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Final

import pytest

from runner.core.lifecycle import Life, recall
from runner.core.merging import RANKS, bought_twice, merge
from runner.facts import Answered, Fact, Planned, Resolved, Saved, Sent, Stopped
from runner.records import Artifact, make_request
from runner.verdicts import Broken, Busy, Done, Link, Lost, Queued, Refused, Text, Verdict

REQUEST: Final = make_request("pen", "text", {"prompt": "mug"})
ID: Final = REQUEST.id


def planned(at: float, fresh: bool = False) -> Planned:
    """A run takes the request up."""
    return Planned(at, REQUEST, fresh)


def bought(at: float, text: str = "copy") -> list[Fact]:
    """A purchase that was answered at once and saved."""
    done = Answered(at + 1, ID, "submit", Done((Text(text),)))
    return [Sent(at, ID, "submit"), done, Saved(at + 2, ID, (Artifact("text", text=text),))]


def queued(at: float, ticket: str) -> list[Fact]:
    """A purchase whose job is queued at the vendor."""
    return [Sent(at, ID, "submit"), Answered(at + 1, ID, "submit", Queued(ticket))]


def lost(at: float) -> list[Fact]:
    """A purchase nobody can tell was made."""
    return [Sent(at, ID, "submit"), Answered(at + 1, ID, "submit", Lost("reset"))]


def refused(at: float) -> list[Fact]:
    """A purchase that was refused."""
    return [Sent(at, ID, "submit"), Answered(at + 1, ID, "submit", Refused("no"))]


def life_of(facts: Sequence[Fact]) -> Life:
    """What they come to."""
    life = recall(facts)
    assert life is not None
    return life


def rank(life: Life) -> int:
    """How much there is to lose in it."""
    return RANKS["ready"] if life.retrievable else RANKS[life.state]


ONE: Final[list[Fact]] = [planned(1)]
DOUBT: Final[list[Fact]] = [planned(1), *lost(2)]

CASES: Final[dict[str, tuple[list[Fact], list[Fact], str]]] = {
    "saved beats new": (ONE, [*ONE, *bought(5)], "saved"),
    "saved beats a doubt": ([planned(1), *lost(8)], [planned(2), *bought(5)], "saved"),
    "saved beats a ticket": ([planned(1), *queued(8, "t-1")], [planned(2), *bought(5)], "saved"),
    "saved beats a refusal": ([planned(1), *refused(8)], [planned(2), *bought(5)], "saved"),
    "a ticket beats a doubt": ([planned(1), *lost(8)], [planned(2), *queued(5, "t-1")], "waiting"),
    "a ticket beats a refusal": ([planned(1), *refused(8)], [planned(2), *queued(5, "t-1")], "waiting"),
    "a doubt beats a refusal": ([planned(1), *refused(8)], [planned(2), *lost(5)], "uncertain"),
    "a doubt beats what was never sent": ([planned(9)], [planned(2), *lost(5)], "uncertain"),
    "a submit without an answer is a doubt": ([planned(9)], [planned(2), Sent(3, ID, "submit")], "uncertain"),
    "a ticket that tells nothing is a doubt": (
        [planned(9), *refused(10)],
        [planned(2), Sent(3, ID, "submit", ticket="f"), Answered(4, ID, "poll", Lost("not listed", final=True))],
        "uncertain",
    ),
    "a doubt that went on is followed": (DOUBT, [*DOUBT, planned(20, fresh=True), *bought(21)], "saved"),
    "an order of something new is followed": (
        [planned(1), *bought(2)],
        [planned(1), *bought(2), planned(9, fresh=True), *lost(10)],
        "uncertain",
    ),
    "a word that settles is kept": ([*DOUBT, planned(30)], [*DOUBT, Resolved(9, ID, "not_billed", "somebody")], "new"),
    "of two words, billed counts": (
        [*DOUBT, Resolved(8, ID, "not_billed", "one")],
        [*DOUBT, Resolved(9, ID, "billed", "two", ticket="t-9")],
        "waiting",
    ),
    "what was adopted is saved": (
        [planned(1), Resolved(2, ID, "adopted", "one"), Saved(3, ID, (Artifact("text", text="copy"),))],
        [planned(2), *lost(5)],
        "saved",
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("swapped", [False, True])
def test_what_is_known_better_counts(name: str, swapped: bool) -> None:
    """Of two histories the better life follows, whichever side it is on, and no fact of either is lost."""
    one, other, state = CASES[name]
    ours, theirs = (other, one) if swapped else (one, other)
    both = merge(ours, theirs)
    assert life_of(both).state == state
    assert all(fact in both for fact in (*ours, *theirs) if not isinstance(fact, Planned))
    assert merge(both, theirs) == merge(both, ours) == both


def test_two_purchases_stay_two() -> None:
    """A request that both sides bought keeps both purchases, is what the later one gave, and is told."""
    early, late = [planned(1), *bought(2, "early")], [planned(5), *bought(6, "late")]
    for ours, theirs in ((early, late), (late, early)):
        both = merge(ours, theirs)
        assert life_of(both).artifacts == (Artifact("text", text="late"),)
        assert sum(isinstance(fact, Sent) for fact in both) == 2
        assert bought_twice(ours, theirs)
    assert not bought_twice(early, [*early, planned(9)])
    assert not bought_twice([planned(3), *refused(4)], late)


def test_two_tickets_are_both_kept() -> None:
    """Of two open jobs the later is followed; the other one's ticket stays in the history."""
    both = merge([planned(1), *queued(2, "t-1")], [planned(3), *queued(4, "t-2")])
    assert life_of(both).ticket == "t-2"
    verdicts = [fact.verdict for fact in both if isinstance(fact, Answered)]
    assert {verdict.ticket for verdict in verdicts if isinstance(verdict, Queued)} == {"t-1", "t-2"}


def test_nothing_new_is_nothing_changed() -> None:
    """A history that is part of ours, or ours in another order, leaves ours as it is; one that ours is part of replaces it."""
    ours = [planned(1), *bought(2)]
    assert merge(ours, ours[:2]) == merge(ours, [ours[0]]) == ours
    assert merge(ours[:2], ours) == ours
    assert merge(ours, [ours[0], *reversed(ours[1:])]) == ours


def wander(dice: random.Random, at: float, facts: list[Fact]) -> list[Fact]:
    """The history, one run further, however that run ended."""
    life = recall(facts)
    facts = [*facts, planned(at, fresh=life is not None and life.state in ("saved", "uncertain") and dice.random() < 0.4)]
    for _ in range(dice.randint(0, 6)):
        life, at = recall(facts), at + 1
        assert life is not None
        if life.state == "new":
            answers: list[Verdict] = [
                Done((Text(f"copy {at}"),)),
                Queued(f"t-{at}"),
                Lost("reset"),
                Refused("no"),
                Broken("503"),
                Busy(1.0),
            ]
            facts.append(Sent(at, ID, "submit"))
            if dice.random() < 0.85:
                facts.append(Answered(at + 0.5, ID, "submit", dice.choice([*answers, Done((Link(f"https://x.test/{at}"),))])))
        elif life.state == "waiting":
            words: list[Verdict] = [Queued(""), Done((Link(f"https://x.test/{at}"),)), Refused("no")]
            facts += [Sent(at, ID, "poll"), Answered(at + 0.5, ID, "poll", dice.choice(words))]
        elif life.state == "ready":
            ends: list[Verdict] = [Done((Text(f"file {at}"),)), Lost("cut")]
            facts += [Sent(at, ID, "fetch"), Answered(at + 0.5, ID, "fetch", dice.choice(ends))]
        elif life.state == "landed":
            closing: list[Fact] = [Saved(at, ID, (Artifact("text", text=f"{at}"),)), Stopped(at, ID, "spoiled", "bad")]
            facts.append(dice.choice(closing))
        elif life.state == "uncertain" and dice.random() < 0.5:
            how = dice.choice(["billed", "not_billed", "again"])
            facts.append(Resolved(at, ID, how, "somebody", ticket=f"r-{at}" if how == "billed" else None))  # type: ignore[arg-type]
        else:
            break
    return facts


def histories(seed: int) -> tuple[list[Fact], list[Fact]]:
    """Two histories that share a beginning, or none, and then went on apart."""
    dice = random.Random(seed)
    shared: list[Fact] = []
    for number in range(dice.randint(0, 2)):
        shared = wander(dice, 100.0 * number, shared)
    sides = []
    for offset in (0.0, dice.choice([0.25, 40.0, 1000.0])):
        side = shared
        for number in range(dice.randint(0 if shared else 1, 3)):
            side = wander(dice, 500 + offset + 100.0 * number, side)
        sides.append(side)
    return sides[0], sides[1]


def news(one: Sequence[Fact], other: Sequence[Fact]) -> bool:
    """Whether one side knows more than the other; that it was planned again is nothing to know."""
    return any(fact not in other for fact in one if not isinstance(fact, Planned) or fact.fresh)


def concerns_money(fact: Fact) -> bool:
    """Whether it tells of a purchase, a result, or a word about them."""
    return fact.step == "submit" if isinstance(fact, Sent | Answered) else not isinstance(fact, Planned) or fact.fresh


def is_doubted(facts: Sequence[Fact]) -> bool:
    """Whether the journal's own search for doubts finds it: its last word is a submit that was lost or never answered."""
    last = next(fact for fact in reversed(facts) if not isinstance(fact, Planned) or fact.fresh)
    return isinstance(last, Sent | Answered) and last.step == "submit"


@pytest.mark.parametrize("seed", range(0, 600, 200))
def test_merging_loses_nothing_and_invents_nothing(seed: int) -> None:
    """Of histories of all kinds the better life follows, merging again is in vain, and no purchase is left out."""
    met: Counter[str] = Counter()
    for number in range(seed, seed + 200):
        ours, theirs = histories(number)
        both, there = merge(ours, theirs), merge(theirs, ours)
        life = life_of(both)
        met[life.state] += 1
        assert all(fact in both for fact in (*ours, *theirs) if concerns_money(fact)), number
        made = Counter(map(repr, both)) - Counter(map(repr, ours)) - Counter(map(repr, theirs))
        assert not made or list(made) == [repr(Planned(both[0].at, REQUEST, fresh=True))], number
        sides = [life_of(one) for one, other in ((ours, theirs), (theirs, ours)) if news(one, other)]
        assert rank(life) >= max(map(rank, sides), default=0), number
        assert len(sides) != 1 or life.state == sides[0].state, number
        assert life.state == "saved" or all(side.state != "saved" for side in sides), number
        assert life.state != "uncertain" or is_doubted(both), number
        assert merge(both, theirs) == merge(both, ours) == both
        assert rank(life_of(there)) == rank(life), number
    assert len(met) > 4


def test_a_ticket_that_told_nothing_is_found_where_it_stands() -> None:
    """Its last word is a poll; nothing has to be invented to keep it the last."""
    told: list[Fact] = [planned(2), Sent(3, ID, "submit", ticket="f"), Answered(4, ID, "poll", Lost("not listed", final=True))]
    both = merge([planned(1), *refused(2)], told)
    assert life_of(both).state == "uncertain"
    assert not any(isinstance(fact, Planned) and fact.fresh for fact in both)
