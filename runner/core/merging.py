"""Two histories of one request made one: what two machines, or two copies of a state folder, know of it.

A request may have gone on in both places since their histories parted, so it may have been bought twice. The better life of the two
follows: what is saved beats what is open, a ticket beats a doubt, a doubt beats what was never bought, and of equals the later
counts. Its whole history is kept, and of the other one what concerns money: submits, results, what somebody said of them. Polls and
downloads were free and are left out where the histories part. The state table (`runner.core.lifecycle`) is the judge: facts are put
in an order that folds to the better life, so nothing that was perhaps bought ever looks new.

Merging the same history again changes nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge as merge_sorted
from types import MappingProxyType
from typing import Final

from runner.core.lifecycle import Life, State, recall
from runner.facts import Answered, Fact, Planned, Sent, kind_of, to_json
from runner.verdicts import Done, Lost, Queued

RANKS: Final[Mapping[State, int]] = MappingProxyType(
    {
        "new": 0,
        "failed": 0,
        "refused": 1,
        "spoiled": 2,
        "uncertain": 3,
        "overdue": 4,
        "waiting": 4,
        "ready": 5,
        "landed": 6,
        "saved": 7,
    }
)
"""How much there is to lose in a life at rest."""


def merge(ours: Sequence[Fact], theirs: Sequence[Fact]) -> list[Fact]:
    """The history that both make together; ours, unchanged, where theirs says nothing new. Neither is empty.

    Raises `ValueError` or `LookupError` for a history that is none.
    """
    new, only_ours = _without(theirs, ours), _without(ours, theirs)
    if not new or not only_ours:
        return list(theirs if new else ours)
    if _is_better(theirs, ours, new, only_ours):
        return _joined(theirs, ours, only_ours)
    return _joined(ours, theirs, new)


def bought_twice(ours: Sequence[Fact], theirs: Sequence[Fact]) -> bool:
    """Whether each side has a purchase, or a doubt about one, that the other does not know of."""
    return any(_purchases(_without(theirs, ours))) and any(_purchases(_without(ours, theirs)))


def _is_better(theirs: Sequence[Fact], ours: Sequence[Fact], new: Sequence[Fact], only_ours: Sequence[Fact]) -> bool:
    """Whether theirs is the better life.

    Being planned again is no news: a side that knows no more than that is the worse. Of equals ours stays, unless theirs is another
    purchase and the later one.
    """
    if any(map(_is_news, new)) != any(map(_is_news, only_ours)):
        return any(map(_is_news, new))
    one, other = _worth(recall(theirs)), _worth(recall(ours))
    if one[0] != other[0] or any(map(_concerns_money, new)):
        return one > other
    return False


def _joined(better: Sequence[Fact], other: Sequence[Fact], more: Sequence[Fact]) -> list[Fact]:
    """The better history, with what the other knows `more` and that concerns money where that leaves its life as it is.

    Where there is no such place, that comes first and the better history begins anew after it: the one fact neither side had.
    """
    target, costly = recall(better), [fact for fact in more if _concerns_money(fact)]
    if target is None or not costly:
        return list(better)
    apart = {id(fact) for fact in _without(better, other)}
    parting = max(1, next(number for number, fact in enumerate(better) if id(fact) in apart))
    after, before = [*better, *costly], [*better[:parting], *costly, *better[parting:]]
    in_time = [better[0], *merge_sorted(better[1:], costly, key=lambda fact: fact.at)]
    anew = [better[0], *costly, Planned(better[0].at, target.request, fresh=True), *better[1:]]
    return next((history for history in (after, before, in_time) if _gives(history, target)), anew)


def _gives(history: Sequence[Fact], target: Life) -> bool:
    """Whether the history folds to what `target` is, and whoever looks for doubts in the journal finds this one."""
    try:
        life = recall(history)
    except LookupError:  # it downloads what it has saved
        return False
    if life is None or life.state != target.state or life.artifacts != target.artifacts:
        return False
    if target.ticket is not None and life.ticket != target.ticket:
        return False
    here, there = (sum(part.landed for part in one.parts) for one in (life, target))
    return here >= there and len(life.parts) >= len(target.parts) and (life.state != "uncertain" or _ends_in_doubt(history))


def _ends_in_doubt(history: Sequence[Fact]) -> bool:
    last = next((fact for fact in reversed(history) if _is_news(fact)), None)
    if isinstance(last, Answered):
        return isinstance(last.verdict, Lost) and (last.step == "submit" or last.verdict.final)
    return isinstance(last, Sent) and last.step == "submit"


def _is_news(fact: Fact) -> bool:
    return not isinstance(fact, Planned) or fact.fresh


def _purchases(facts: Sequence[Fact]) -> Iterator[Fact]:
    """The submits among the facts that nobody refused."""
    for number, fact in enumerate(facts):
        if isinstance(fact, Sent) and fact.step == "submit":
            answer = next((one for one in facts[number + 1 :] if isinstance(one, Answered) and one.step == "submit"), None)
            if answer is None or isinstance(answer.verdict, Done | Queued | Lost):
                yield fact


def _concerns_money(fact: Fact) -> bool:
    if isinstance(fact, Sent | Answered):
        return fact.step == "submit"
    return _is_news(fact)


def _worth(life: Life | None) -> tuple[int, float, str]:
    """What is compared: how much there is to lose, then which is the later, then anything that is the same on every machine."""
    if life is None:
        return -1, 0.0, ""
    return RANKS["ready"] if life.retrievable else RANKS[life.state], life.at, str(life)


def _without(facts: Iterable[Fact], others: Iterable[Fact]) -> list[Fact]:
    """Those of `facts` that are not among `others`, in their order; what is there twice must be there twice."""
    known = Counter(map(_mark, others))
    left = []
    for fact in facts:
        mark = _mark(fact)
        if known[mark]:
            known[mark] -= 1
        else:
            left.append(fact)
    return left


def _mark(fact: Fact) -> tuple[str, float, str]:
    """What makes two facts of one request the same."""
    return kind_of(fact), float(fact.at), json.dumps(to_json(fact), sort_keys=True)
