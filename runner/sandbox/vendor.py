"""The form every emulated vendor fills in: a table of what can be asked of it, and how it says no.

A vendor is one file with pure functions; `desk` carries them out. Nothing here or in the vendors' files knows HTTP servers, clocks
or folders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from runner.frozen import frozen
from runner.sandbox.intake import Ask, Made, Pictures, Reply

State: TypeAlias = Literal["pending", "processing", "done", "failed", "unknown", "filtered", "expired", "canceled"]
"""Where a queued job stands. `unknown` is a fault: a word that no document knows. `filtered`: done, and the moderation keeps it."""

COMMON: Final = frozenset({"pending", "processing", "done", "failed", "unknown"})
"""The states every vendor has a word for; the others only those whose poll says so."""

Trouble: TypeAlias = Literal["busy", "queue_full", "no_credits", "no_credit", "broken", "refused"]
"""Why a submit or poll is refused without being looked at: pace, full queue, empty balance, the `no_credit` fault, a 5xx, a 4xx."""


@frozen
class Linked:
    """One result as the client sees it: the link to it and its data."""

    url: str
    made: Made


@frozen
class Job:
    """An accepted order as an answer sees it.

    `waits` is how many milliseconds it stands in the queue, `progress` a percentage, `origin` our address as the client sees it,
    `accept` the media types it asked for, `ended_at` when a queued one is done.
    """

    ticket: str
    digest: str
    params: Mapping[str, Any]
    accepted_at: float
    waits: int = 0
    progress: int = 0
    origin: str = ""
    accept: str = "*/*"
    ended_at: float = 0.0


@frozen
class Meter:
    """What is left of one window: `limit` and `left` in its unit, `reset` in seconds until it is whole again."""

    limit: int
    left: int
    reset: float


Answer: TypeAlias = Callable[[Job, Sequence[Linked]], Reply]
Show: TypeAlias = Callable[[Job, State, Sequence[Linked]], Reply]


@frozen
class Wait:
    """A submit that may be kept open until its job is done: `seconds` reads how long, `answer` says how the job stands then."""

    seconds: Callable[[Ask], float]
    answer: Show


@frozen
class Submit:
    """Something that can be bought. `path` is the vendor's own, after its prefix, with `{names}` as aiohttp has them.

    (A path that begins with `/` stands beside the prefix, where a vendor has a second host.)

    `read` gives the params that decide the result (pictures taken in by `Pictures`) and raises `Wrong` where the vendor's
    document says otherwise. `make` is pure and slow; it runs off the event loop. `answer` is for what is answered at once,
    `accept` for what is queued: exactly one of them is set. `filtered` is the success that holds no result, because the vendor's
    moderation took it; `wait` keeps a submit open; `tokens` is what it counts against a limit in tokens.
    """

    operation: str
    path: str
    read: Callable[[Ask, Pictures], dict[str, Any]]
    make: Callable[[Mapping[str, Any], Mapping[str, bytes]], Sequence[Made]]
    answer: Answer | None = None
    accept: Callable[[Job], Reply] | None = None
    filtered: Answer | None = None
    wait: Wait | None = None
    linked: bool = True
    methods: tuple[str, ...] = ("POST",)
    charge: Callable[[Mapping[str, Any]], float] = lambda _params: 1.0
    patience: float = 1.0
    tokens: Callable[[Mapping[str, Any]], int] = lambda _params: 0


@frozen
class Poll:
    """A way to ask how a job stands. `find` reads the ticket from the ask; `answer` says how it stands; `link` may be empty.

    `knows` are the states beyond the common ones that the vendor has an answer for; it says `failed` for the others.
    """

    name: str
    path: str
    find: Callable[[Ask], str]
    answer: Show
    knows: frozenset[State] = frozenset()


@frozen
class Deletion:
    """A way to delete a job: `find` reads the ticket, `answer` confirms."""

    name: str
    path: str
    find: Callable[[Ask], str]
    answer: Callable[[str], Reply]


@frozen
class Cancel:
    """A way to cancel a job that is not done; `answer` is told whether it was in time."""

    name: str
    method: str
    path: str
    find: Callable[[Ask], str]
    answer: Callable[[Job, bool], Reply]


@frozen
class Page:
    """Something to be read that nobody pays for; `answer` is told the credits left, None where they are unlimited."""

    name: str
    path: str
    answer: Callable[[float | None], Reply]


@frozen
class Batching:
    """How requests are sent as lines of a file (`batches` carries it out).

    `endpoints` leads from the address in a line to the submit it stands for, None for one that is allowed and not played here. A
    line costs `discount` of the price. `show_file` and `show_batch` are the vendor's shapes of what `batches` keeps.
    """

    endpoints: Mapping[str, str | None]
    purposes: tuple[str, ...]
    most_lines: int
    most_bytes: int
    discount: float
    show_file: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    show_batch: Callable[[Mapping[str, Any]], Mapping[str, Any]]


@frozen
class Vendor:
    """One emulated vendor. `admit` raises `Refusal` for a missing or wrong key or header; `prefix` is where its API begins.

    `wrong` is its answer to bad input, `missing` to a ticket it never gave out, `trouble` to everything in `Trouble` (with the
    status of the last two). `ticket` turns the ledger's number and a secret hash into an id of its usual form. `options` is what a
    project file needs besides base URL and key, given the base URL. `pause` is its own way of saying for how many seconds it is
    busy, where that is not Retry-After; `meter` its headers about requests and tokens left. Results and their links are gone
    `keeps` seconds after a job is done, None where no document says so.
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
    cancels: tuple[Cancel, ...] = ()
    pages: tuple[Page, ...] = ()
    pause: Callable[[Reply, float], Reply] | None = None
    meter: Callable[[Meter, Meter | None], tuple[tuple[str, str], ...]] | None = None
    keeps: float | None = None
    batching: Batching | None = None
