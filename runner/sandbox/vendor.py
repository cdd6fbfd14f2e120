"""The form every emulated vendor fills in: a table of what can be asked of it, and how it says no.

A vendor is one file with pure functions; `desk` carries them out. Nothing here or in the vendors' files knows HTTP servers, clocks
or folders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from runner.sandbox.intake import Ask, Made, Pictures, Reply

State: TypeAlias = Literal["pending", "processing", "done", "failed", "unknown"]
"""Where a queued job stands. `unknown` is a fault: a word that no document knows."""

Trouble: TypeAlias = Literal["busy", "queue_full", "no_credits", "no_credit", "broken", "refused"]
"""Why a submit or poll is refused without being looked at: pace, full queue, empty balance, the `no_credit` fault, a 5xx, a 4xx."""


@dataclass(frozen=True, slots=True)
class Linked:
    """One result as the client sees it: the link to it and its data."""

    url: str
    made: Made


@dataclass(frozen=True, slots=True)
class Job:
    """A queued job as an answer sees it. `waits` is how many milliseconds it stands in the queue, `progress` a percentage."""

    ticket: str
    digest: str
    params: Mapping[str, Any]
    accepted_at: float
    waits: int = 0
    progress: int = 0


@dataclass(frozen=True, slots=True)
class Submit:
    """Something that can be bought. `path` is the vendor's own, after its prefix, with `{names}` as aiohttp has them.

    `read` gives the params that decide the result (pictures taken in by `Pictures`) and raises `Wrong` where the vendor's
    document says otherwise. `make` is pure and slow; it runs off the event loop. `answer` is for what is answered at once,
    `accept` for what is queued: exactly one of them is set.
    """

    operation: str
    path: str
    read: Callable[[Ask, Pictures], dict[str, Any]]
    make: Callable[[Mapping[str, Any], Mapping[str, bytes]], Sequence[Made]]
    answer: Callable[[Sequence[Linked]], Reply] | None = None
    accept: Callable[[Job], Reply] | None = None
    linked: bool = True
    methods: tuple[str, ...] = ("POST",)
    charge: Callable[[Mapping[str, Any]], float] = lambda _params: 1.0
    patience: float = 1.0


@dataclass(frozen=True, slots=True)
class Poll:
    """A way to ask how a job stands. `find` reads the ticket from the ask; `answer` says how it stands; `link` may be empty."""

    name: str
    path: str
    find: Callable[[Ask], str]
    answer: Callable[[Job, State, Sequence[Linked]], Reply]


@dataclass(frozen=True, slots=True)
class Deletion:
    """A way to delete a job: `find` reads the ticket, `answer` confirms."""

    name: str
    path: str
    find: Callable[[Ask], str]
    answer: Callable[[str], Reply]


@dataclass(frozen=True, slots=True)
class Vendor:
    """One emulated vendor. `admit` raises `Refusal` for a missing or wrong key or header; `prefix` is where its API begins.

    `wrong` is its answer to bad input, `missing` to a ticket it never gave out, `trouble` to everything in `Trouble` (with the
    status of the last two). `ticket` turns the ledger's number and a secret hash into an id of its usual form. `options` is what a
    project file needs besides base URL and key, given the base URL.
    """

    name: str
    prefix: str
    admit: Callable[[Ask, str], None]
    wrong: Callable[[str, str], Reply]
    missing: Reply
    trouble: Callable[[Trouble, int], Reply]
    ticket: Callable[[int, str], str]
    options: Callable[[str], dict[str, str]]
    submits: tuple[Submit, ...] = ()
    polls: tuple[Poll, ...] = ()
    deletions: tuple[Deletion, ...] = ()
