"""The state table of one request: what it is, as the fold of its facts.

Rules, of which the table below is the last word:

1. Everything that moves a request from one state to another stands in this file.
2. Only facts move it. What a vendor said is decided here; what the clock or a limit decides arrives as a `Stopped` fact, so a
   journal reads the same under other limits.
3. What was accepted is never submitted again: from a ticket or a link no way leads back to `new`, save `Planned(fresh=True)`.
4. What is perhaps accepted is `uncertain` and stays so until somebody resolves it; a submit without an answer is that too, once its
   run is over, unless it left with a ticket by which the vendor can be asked; then it is so if that tells nothing.
5. A new run (`Planned`) gives an unfinished life fresh tries and a fresh deadline; so it does to what was bought and could not be
   downloaded, for downloads are free.

::

    new ⇄ submitting ─→ waiting ⇄ polling ─→ ready ⇄ fetching ─→ landed ─→ saved
            │  │                     │         ↑         │          │
            │  └→ uncertain          └→ refused└ waiting ←┘ (fresh  └→ spoiled
            └→ refused                            links)

`Stopped` enters `failed` (tries used up, nothing bought), `spoiled` (bought, unusable) and `overdue` (left at its deadline).

A life knows what happened, not what follows when: the moments of the next poll or retry are functions of it
(`runner.core.polling`, `runner.core.retry`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from runner.core.retry import TRIES
from runner.facts import Answered, Fact, Planned, Resolved, Saved, Sent, Stopped
from runner.frozen import frozen
from runner.records import Artifact, Request, Step
from runner.verdicts import Barred, Broken, Busy, Done, Item, Link, Lost, Queued, Refused, Verdict

State: TypeAlias = Literal[
    "new",
    "submitting",
    "waiting",
    "polling",
    "ready",
    "fetching",
    "landed",
    "saved",
    "refused",
    "failed",
    "spoiled",
    "uncertain",
    "overdue",
]

SETTLED: Final[frozenset[State]] = frozenset({"saved", "refused", "failed", "spoiled", "uncertain", "overdue"})
"""States in which nothing more is done in this run."""

OPEN: Final[frozenset[State]] = frozenset({"submitting", "waiting", "polling"})
"""States in which a job is, or may be, queued or running at the vendor."""

REFRESHES: Final = 2
"""How often a ticket is polled again because its links died, or what the vendor let go of is asked anew, before it is given up."""


@frozen
class Part:
    """One item of a result. A `Link` is still to be fetched; anything else is here.

    `at` is when it became due or last went wrong, `after` the wait the vendor named then, `dead` says the link will not work again.
    """

    item: Item
    at: float
    after: float | None = None
    tries: int = 0
    flying: bool = False
    dead: bool = False

    @property
    def landed(self) -> bool:
        """Whether nothing is left to fetch."""
        return not isinstance(self.item, Link)

    @property
    def spent(self) -> bool:
        """Whether its link is of no more use."""
        return self.dead or self.tries >= TRIES["fetch"]


@dataclass(frozen=True)  # no slots: `changed` copies a dict faster than any number of slots
class Life:
    """All that is known of one request.

    `at` is the moment of the last fact, `after` the wait in seconds the vendor named in it. `tries` counts what went wrong in a row
    in the present step (fetches count per part), `rounds` the answers "still running". The deadline counts from `waiting_at`.
    `accepted_at` is when the vendor took it (and its price). `why` is the last bad word heard, `note` a remark on the result.
    """

    request: Request
    state: State
    at: float
    after: float | None = None
    tries: int = 0
    rounds: int = 0
    refreshes: int = 0
    ticket: str | None = None
    accepted_at: float | None = None
    waiting_at: float = 0.0
    parts: tuple[Part, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    note: str = ""
    why: str = ""

    @property
    def settled(self) -> bool:
        """Whether nothing more is done for it in this run."""
        return self.state in SETTLED

    @property
    def items(self) -> tuple[Item, ...]:
        """What it yielded, in the vendor's order; links among them where not everything has landed."""
        return tuple([part.item for part in self.parts])

    @property
    def retrievable(self) -> bool:
        """Whether it was given up only because its links did not yield: they may do so another day."""
        return self.state == "spoiled" and any(not part.landed for part in self.parts)

    def flies(self, step: Step, part: int = 0) -> bool:
        """Whether a call for this step (of this part) is under way."""
        if step == "fetch":
            return part < len(self.parts) and self.parts[part].flying
        return self.state == ("submitting" if step == "submit" else "polling")


def changed(life: Life, **changes: Any) -> Life:
    """The life with some fields changed: `dataclasses.replace` in a sixth of the time, for this is most of what a fact costs."""
    new = object.__new__(Life)
    object.__setattr__(new, "__dict__", life.__dict__ | changes)
    return new


UNSENT: Final = Life(Request("", "", "", {}), "new", 0.0)  # what a life begins as, but for its request and its moment
Changes: TypeAlias = dict[str, Any]
Note: TypeAlias = Callable[[Life, Answered, Any], Changes]


def _accept(life: Life, fact: Answered, verdict: Queued) -> Changes:
    ticket, after, at = verdict.ticket, verdict.after, fact.at
    return {"ticket": ticket, "after": after, "accepted_at": at, "waiting_at": at, "tries": 0, "rounds": 0, "why": ""}


def _still_running(life: Life, fact: Answered, verdict: Queued) -> Changes:
    return {"ticket": verdict.ticket, "after": verdict.after, "tries": 0, "rounds": life.rounds + 1, "why": verdict.note}


def _arrive(life: Life, fact: Answered, verdict: Done) -> Changes:
    parts = tuple([Part(item, fact.at) for item in verdict.items])
    if len(parts) == len(life.parts):  # fresh links for the same things: what is here already stays
        parts = tuple(old if old.landed else new for old, new in zip(life.parts, parts, strict=True))
    accepted_at = fact.at if life.accepted_at is None else life.accepted_at
    return {"parts": parts, "accepted_at": accepted_at, "tries": 0, "note": verdict.note, "why": ""}


def _hold(life: Life, fact: Answered, verdict: Busy | Barred) -> Changes:
    return {"after": 0.0, "why": verdict.why}


def _count(life: Life, fact: Answered, verdict: Broken | Lost) -> Changes:
    return {"after": _named_wait(verdict), "tries": life.tries + 1, "why": verdict.why}


def _end(life: Life, fact: Answered, verdict: Lost | Refused) -> Changes:
    return {"why": verdict.why}


def _land(life: Life, fact: Answered, verdict: Done) -> Changes:
    tries = life.parts[fact.part].tries + 1  # should the answer be yet another link, following it is a try
    return {"parts": _with_part(life, fact.part, Part(verdict.items[0], fact.at, tries=tries)), "why": ""}


def _defer(life: Life, fact: Answered, verdict: Queued) -> Changes:
    waiting_at = life.waiting_at if life.ticket else fact.at
    parts = _with_part(life, fact.part, Part(life.parts[fact.part].item, fact.at, dead=True))
    return {"ticket": verdict.ticket, "after": verdict.after, "waiting_at": waiting_at, "parts": parts, "rounds": life.rounds + 1}


def _hold_part(life: Life, fact: Answered, verdict: Busy | Barred) -> Changes:
    part = life.parts[fact.part]
    return {"parts": _with_part(life, fact.part, Part(part.item, fact.at, 0.0, part.tries)), "why": verdict.why}


def _count_part(life: Life, fact: Answered, verdict: Broken | Lost) -> Changes:
    part = life.parts[fact.part]
    again = Part(part.item, fact.at, _named_wait(verdict), part.tries + 1)
    return {"parts": _with_part(life, fact.part, again), "why": verdict.why}


def _bury_part(life: Life, fact: Answered, verdict: Refused) -> Changes:
    part = life.parts[fact.part]
    return {"parts": _with_part(life, fact.part, Part(part.item, fact.at, tries=part.tries, dead=True)), "why": verdict.why}


TABLE: Final[Mapping[Step, Mapping[type[Any], tuple[State, Note]]]] = {
    "submit": {
        Done: ("ready", _arrive),
        Queued: ("waiting", _accept),
        Busy: ("new", _hold),
        Broken: ("new", _count),
        Lost: ("uncertain", _end),
        Refused: ("refused", _end),
        Barred: ("new", _hold),
    },
    "poll": {
        Done: ("ready", _arrive),
        Queued: ("waiting", _still_running),
        Busy: ("waiting", _hold),
        Broken: ("waiting", _count),
        Lost: ("waiting", _count),
        Refused: ("refused", _end),
        Barred: ("waiting", _hold),
    },
    "fetch": {
        Done: ("ready", _land),
        Queued: ("waiting", _defer),
        Busy: ("ready", _hold_part),
        Broken: ("ready", _count_part),
        Lost: ("ready", _count_part),
        Refused: ("ready", _bury_part),
        Barred: ("ready", _hold_part),
    },
}
"""Steps × verdicts: the state that follows and what is noted on the way. `ready` is then refined by its parts (`_by_parts`):
all here is `landed`, some under way is `fetching`, a dead link that a ticket can renew is `waiting`."""

AT_REST: Final[Mapping[State, State]] = {"submitting": "uncertain", "polling": "waiting", "fetching": "ready"}
"""What a call under way leaves behind when its run ended before the answer: polls and fetches are free and simply made again."""

RESUMED: Final[Mapping[State, State]] = {"failed": "new", "overdue": "waiting"}
"""What a new run takes up again. `refused`, `uncertain`, `saved`, and a `spoiled` that has landed stay as they are."""


def fold(life: Life | None, fact: Fact) -> Life:
    """The life after one more fact. Raises `ValueError` for a life that does not begin with `Planned`: a broken journal."""
    if isinstance(fact, Planned):
        return _plan(life, fact)
    if life is None:
        raise ValueError(f"the history of request {fact.id} begins with {type(fact).__name__}, not with Planned")
    return FOLDS[type(fact)](life, fact)


def recall(facts: Iterable[Fact]) -> Life | None:
    """The life a finished (or killed) run left behind; None where there is no fact. A submit never answered is uncertain."""
    life: Life | None = None
    for fact in facts:
        life = fold(life, fact)
    return None if life is None else at_rest(life)


def at_rest(life: Life) -> Life:
    """The life once nobody waits for its calls any more."""
    state = AT_REST.get(life.state)
    if state is None:
        return life
    if state == "uncertain" and life.ticket is not None:
        return changed(life, state="waiting", after=0.0, accepted_at=life.at, waiting_at=life.at, tries=0, rounds=0)
    why = "the run ended before the answer to its submit came" if state == "uncertain" else life.why
    parts = tuple(Part(part.item, part.at, part.after, part.tries, dead=part.dead) if part.flying else part for part in life.parts)
    return changed(life, state=state, parts=parts, why=why)


def giving_up(life: Life) -> tuple[Literal["failed", "spoiled", "overdue"], str] | None:
    """How and why a life that waits for its next step should be stopped because its tries are used up; None to go on."""
    if life.state == "new" and life.tries >= TRIES["submit"]:
        return "failed", f"{life.tries} tries went wrong; the last: {life.why}"
    if life.state == "new" and life.refreshes > REFRESHES:
        return "failed", f"accepted and let go of {life.refreshes} times; the last: {life.why}"
    if life.state == "waiting" and life.tries >= TRIES["poll"]:
        return "overdue", f"{life.tries} polls in a row went wrong; the next run asks again; the last: {life.why}"
    if life.state == "ready" and any(part.spent and not part.landed for part in life.parts):
        return "spoiled", f"bought, but its link cannot be downloaded: {life.why}"
    return None


def _plan(life: Life | None, fact: Planned) -> Life:
    if life is None or fact.fresh:
        return changed(UNSENT, request=fact.request, at=fact.at)
    life = at_rest(life)
    state: State = "ready" if life.retrievable else RESUMED.get(life.state, life.state)
    if state in SETTLED:
        return life
    if state == "new" and life.ticket is not None:
        state = "waiting"
    return changed(
        life,
        request=fact.request,  # the same; but a recovered journal may have lost what it asks for
        state=state,
        at=fact.at,
        after=0.0 if state == "waiting" else None,
        tries=0,
        rounds=0,
        refreshes=0,
        waiting_at=fact.at,
        parts=tuple(Part(part.item, fact.at) for part in life.parts),
    )


def _send(life: Life, fact: Sent) -> Life:
    if fact.step == "submit":
        return changed(life, state="submitting", at=fact.at, ticket=fact.ticket)
    if fact.step == "poll":
        return changed(life, state="polling", at=fact.at)
    part = life.parts[fact.part]
    flying = Part(part.item, part.at, part.after, part.tries, flying=True)
    return changed(life, state="fetching", at=fact.at, parts=_with_part(life, fact.part, flying))


def _answer(life: Life, fact: Answered) -> Life:
    if life.state in SETTLED:  # a word that comes after the end changes nothing
        return life
    step, verdict = fact.step, fact.verdict
    state, note = TABLE[step][type(verdict)]
    changes: Changes = {"state": state, "at": fact.at, "after": None, **note(life, fact, verdict)}
    if step == "submit" and life.ticket is not None:
        changes.setdefault("ticket", None)
    if "parts" in changes:
        changes |= _by_parts(life, fact.at, state, changes["parts"])
    elif isinstance(verdict, Refused) and verdict.billed:
        changes["state"] = "spoiled"
    elif step == "poll" and isinstance(verdict, Broken) and verdict.dropped:
        changes |= {"state": "new", "ticket": None, "accepted_at": None, "refreshes": life.refreshes + 1}
    elif step == "poll" and isinstance(verdict, Lost) and verdict.final:
        changes |= {"state": "uncertain", "accepted_at": None}  # its ticket stays: who says it was billed has it asked for again
    return changed(life, **changes)


def _by_parts(life: Life, at: float, state: State, parts: tuple[Part, ...]) -> Changes:
    linked = False
    for part in parts:  # a generator would take longer than all the parts
        if part.flying:
            return {"state": "fetching"}
        linked = linked or isinstance(part.item, Link)
    if state == "waiting":
        return {}
    if not linked:
        return {"state": "landed"}
    if life.ticket is not None and life.refreshes < _renewals(parts):
        return {"state": "waiting", "after": 0.0, "waiting_at": at, "refreshes": life.refreshes + 1, "tries": 0, "rounds": 0}
    return {"state": "ready"}


def _renewals(parts: tuple[Part, ...]) -> int:
    """How often fresh links may be asked for: what broke on every try is hardly the fault of its link, so once is enough for it."""
    if any(part.dead and not part.landed for part in parts):
        return REFRESHES
    return int(any(part.spent and not part.landed for part in parts))


def _save(life: Life, fact: Saved) -> Life:
    return changed(life, state="saved", at=fact.at, artifacts=fact.artifacts, parts=(), why="")


def _stop(life: Life, fact: Stopped) -> Life:
    return changed(life, state=fact.how, at=fact.at, why=fact.why)


def _resolve(life: Life, fact: Resolved) -> Life:
    """What somebody knows better than we could; a life that is not uncertain needs no resolving and stays as it is."""
    life = at_rest(life)
    if life.state != "uncertain" or fact.how == "adopted":  # what was bought elsewhere says nothing of what was bought here
        return life
    if fact.how != "billed":
        return changed(life, state="new", at=fact.at, ticket=None, tries=0, why="")
    if (ticket := fact.ticket if fact.artifacts else fact.ticket or life.ticket) is not None:
        fresh: Changes = {"accepted_at": fact.at, "waiting_at": fact.at, "tries": 0, "rounds": 0, "after": 0.0}
        return changed(life, state="waiting", at=fact.at, ticket=ticket, why="", **fresh)
    if fact.artifacts:
        return changed(life, state="saved", at=fact.at, artifacts=fact.artifacts, parts=(), why="")
    return changed(life, state="spoiled", at=fact.at, why=f"billed, but its result is lost: {fact.why or 'no ticket and no file'}")


def _with_part(life: Life, index: int, part: Part) -> tuple[Part, ...]:
    return (*life.parts[:index], part, *life.parts[index + 1 :])


def _named_wait(verdict: Verdict) -> float | None:
    return verdict.after if isinstance(verdict, Broken) else None


FOLDS: Final[Mapping[type[Any], Callable[[Life, Any], Life]]] = {
    Sent: _send,
    Answered: _answer,
    Saved: _save,
    Stopped: _stop,
    Resolved: _resolve,
}
"""One rule for each fact that follows `Planned`."""
