"""The seven verdicts: what a vendor's answer means for the request that asked.

A provider turns every reply into exactly one of these; nothing else about a vendor's answer travels further in. They are values, so
they can be logged, journaled, tested and overridden before anything happens.

| verdict | says | what follows a submit |
|---|---|---|
| Done | here it is (text, data, bytes, or links to fetch) | fetch what is linked, then save |
| Queued | accepted; ask again with this ticket | poll, never submit again |
| Busy | the lane is too fast; surely not accepted | the whole lane holds, then the same again |
| Broken | surely not accepted, or surely repeatable; our bad luck | the same again, after a while |
| Lost | perhaps accepted | parked as uncertain, never silently repeated |
| Refused | this request, never | final |
| Barred | this lane: bad key, no credits, account rejected | the lane closes; the request stays as it was |
"""

from __future__ import annotations

from typing import Final, TypeAlias

from runner.frozen import frozen
from runner.records import Blob, Json


@frozen
class Text:
    """Copy the vendor wrote."""

    text: str


@frozen
class Data:
    """A JSON value that is itself the result (suggestions, a task id where nothing can be polled)."""

    value: Json


@frozen
class Link:
    """A URL the result can be downloaded from, as the vendor gave it."""

    url: str


@frozen
class Held:
    """Bytes that already are in the blob store (the answer's own body)."""

    blob: Blob


@frozen
class Inline:
    """Bytes decoded from inside the answer (base64 in JSON); the engine stores them before anything is journaled."""

    data: bytes


Item: TypeAlias = Text | Data | Link | Held | Inline


@frozen
class Done:
    """The result, in the vendor's order. Never empty: an empty success is not a success. `note` tells of fewer items than asked.

    `used` is how many tokens the vendor counted for it, in and out together; 0 where it does not say.
    """

    items: tuple[Item, ...]
    note: str = ""
    used: int = 0


@frozen
class Queued:
    """Accepted, or still running. `ticket` is whatever the provider needs to ask again; `after` the vendor's hint in seconds.

    As the answer to a poll an empty `ticket` means: the same one as before.
    """

    ticket: str
    after: float | None = None
    note: str = ""


@frozen
class Busy:
    """Too fast; surely not accepted. `after` is the vendor's wait in seconds, None where it gave none.

    `unsent`: we took the call back before it left, so this says nothing of the vendor.
    """

    after: float | None = None
    why: str = "too many requests"
    unsent: bool = False


@frozen
class Broken:
    """Surely not accepted (or an idempotent call that went wrong): try again. `after` as in Busy, for this request only.

    `dropped`, of a poll: the vendor has let go of the job without a result, so its ticket is of no use, and it is asked anew.
    """

    why: str
    after: float | None = None
    dropped: bool = False


@frozen
class Lost:
    """Perhaps accepted: for a submit the request is parked as uncertain; a poll or a download is simply made again.

    `final`, of a poll: the vendor shows no such job, and asking again by itself tells nothing more; so that is parked, too.
    """

    why: str
    final: bool = False


@frozen
class Refused:
    """This request will never be granted. For a fetch: this link is dead.

    `billed` says that it was carried out and is charged for, only that nothing usable came of it (a text cut short, say).
    """

    why: str
    billed: bool = False


@frozen
class Barred:
    """This lane is closed to us: rejected key, missing credits, rejected account. The request itself is not at fault."""

    why: str


Verdict: TypeAlias = Done | Queued | Busy | Broken | Lost | Refused | Barred

WRONG: Final = (Broken, Lost)
"""A call without an answer, or with one that says that the vendor is out of order."""
BOUGHT: Final = (Done, Queued, Lost)
"""What says of a submit that it is spent, perhaps."""


def is_bought(verdict: Verdict) -> bool:
    """Whether a submit with this answer counts as spent. Lost is perhaps spent, which counts as well."""
    return isinstance(verdict, BOUGHT) or (isinstance(verdict, Refused) and verdict.billed)
