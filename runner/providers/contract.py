"""What every vendor's file must offer, and the reading of answers they have in common.

A provider is a module in this folder that satisfies `Provider`; the registry is a visible dict. A provider is pure: it turns a
request into a `Call` and an `Answer` into a verdict. It never sees a secret's value, a clock, or the network. The default reading
here is the cautious one: what is not documented as refused or as accepted is `Lost`, and whatever leaves this room (texts, links,
tickets, JSON) can be written to the journal: no lone surrogates, no NaN, no numbers or depths that other JSON tools choke on.

To add a vendor: one file here, one test of facts, one line in `registry.py`. What is ordinary about it is borrowed by name
(`defaults = no_defaults`), so its file says only what is its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import field
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable
from urllib.parse import quote

from runner.fields import Field, Operation
from runner.frozen import frozen
from runner.providers.honest import read_honest
from runner.records import BLOB_SCHEME, Answer, Asset, Call, FileBody, Json, Limits, Part, Request, Step
from runner.verdicts import Barred, Broken, Busy, Lost, Queued, Refused, Verdict

Options: TypeAlias = Mapping[str, Json]
"""A provider's settings from the project file, checked against `OPTIONS`, defaults filled in. Always there: `base_url`,
without a slash at its end, and `keys`, the names of the secrets the account has (never their values)."""

SUCCESSES: Final = frozenset({200, 201, 202})
"""The statuses that may carry a result or a ticket; any other 2xx says too little to believe."""


class Provider(Protocol):
    """A vendor's file, as the rest of the program sees it.

    It may have one more name, `HOSTS`: hosts of the vendor, each with all below it, that its answers may send our polls to
    (`runner.providers.addresses`). Where it is missing, the account's key goes to `base_url` only.
    """

    NAME: str
    BASE_URL: str
    DOC: str
    KEYS: Mapping[str, str]
    """Secrets by their name in the project file and the environment variable each defaults to: {"key": "VENDOR_API_KEY"}."""
    OPTIONAL_KEYS: frozenset[str]
    """Those of KEYS that may be missing; one is used only where the project file names it."""
    OPTIONS: Mapping[str, Field]
    """The account's settings beside `key`, `base_url` and `limits`."""

    def operations(self, options: Options) -> Mapping[str, Operation]:
        """What can be asked for. An account's options may change what an operation gives, never what a request's params mean."""

    def limits(self, options: Options) -> Limits:
        """The documented limits of the account; the project file may set others."""

    def defaults(self, operation: str, options: Options) -> Mapping[str, Json]:
        """Params that the account's options fill in where the job does not (a brand id); they are part of what is asked."""

    def submit(self, request: Request, options: Options) -> Call:
        """The one call that may cost money. Always a POST."""

    def poll(self, request: Request, ticket: str, options: Options) -> Call:
        """Ask again for a queued job. Free, repeatable."""

    def read(self, step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
        """What the answer to `submit` or `poll` means. Never raises, whatever the vendor sent."""


# `BATCH`, which a provider may have besides: how its requests go out many in one file (`Batching`).


FileLine: TypeAlias = Answer | Verdict
"""What a line of a batch's answers says: the answer to its request, or what became of it instead."""


@frozen
class Ended:
    """A batch that has ended: the files with answers, and what it means to be in none of them.

    `lines` has a word of its own for single lines of the file that was sent, by their number from 1. `answered` is how many answers
    the vendor says there are: files with fewer have not come whole.
    """

    files: tuple[str, ...]
    left_out: Verdict
    lines: Mapping[int, Verdict] = field(default_factory=dict)
    answered: int = 0


@frozen
class Listed:
    """A page of the vendor's batches: the ticket of the one looked for, if it is there, and after whom the next page begins."""

    ticket: str | None
    after: str | None = None


@runtime_checkable
class Weighing(Protocol):
    """What a provider offers beside that if its vendor limits tokens: how many a request will use up, as far as one can tell."""

    def weigh(self, request: Request, options: Options) -> int:
        """Tokens in and out together, by a guess that is cheap to make; what the answer says (`Done.used`) settles it."""


class Batching(Protocol):
    """How a vendor takes many requests in one file. As pure as a provider; a reading never raises.

    `ENDPOINTS` are the operations that can go this way. A file is a multipart upload with the parts `FIELDS` before it, of at most
    `MOST_LINES` lines and `MOST_BYTES` bytes. Requests cost a `DISCOUNT`-th of what they cost alone.
    """

    ENDPOINTS: Mapping[str, str]
    FIELDS: tuple[Part, ...]
    MOST_LINES: int
    MOST_BYTES: int
    DISCOUNT: int

    def group(self, request: Request) -> str:
        """Requests of the same group may share a file."""

    def line(self, id: str, operation: str, body: bytes) -> bytes:
        """The line of the request `id`, whose JSON is `body`, with its line break."""

    def upload(self, body: FileBody, options: Options) -> Call:
        """Bring the file to the vendor. Free, repeatable."""

    def create(self, file: str, operation: str, options: Options) -> Call:
        """The one call that may cost money: have the uploaded file carried out."""

    def recent(self, options: Options, after: str = "") -> Call:
        """Ask which batches there are, or which there are `after` this one. Free, repeatable."""

    def find_file(self, file: str, options: Options) -> Call:
        """Ask whether the vendor has this file of ours: a success says yes. Free, repeatable."""

    def look(self, ticket: str, options: Options) -> Call:
        """Ask how far a batch is. Free, repeatable."""

    def content(self, file: str, options: Options) -> Call:
        """Fetch a file of answers. Free, repeatable."""

    def read_upload(self, answer: Answer) -> str | Verdict:
        """The uploaded file's id, or why there is none."""

    def read_created(self, answer: Answer) -> str | Verdict:
        """The batch's ticket, or what the answer means for each request in the file."""

    def read_recent(self, answer: Answer, file: str) -> Listed | Verdict:
        """Whether the batch that was made of `file` is on this page, or why that cannot be told."""

    def read_look(self, answer: Answer) -> Ended | Verdict:
        """How the batch ended; a verdict while it has not, or if that could not be told."""

    def find_id(self, line: bytes) -> str | None:
        """The id of the request that a line of answers belongs to."""

    def read_line(self, line: bytes) -> FileLine:
        """What a line of answers says."""


def no_defaults(operation: str, options: Options) -> Mapping[str, Json]:
    """For vendors whose account options fill in nothing."""
    return {}


def never_polled(request: Request, ticket: str, options: Options) -> Call:
    """For vendors that answer at once and never give a ticket. Raises `ValueError`: being asked is a mistake of ours."""
    raise ValueError(f"{request.use} is never queued, so there is nothing to ask for with {ticket!r}")


def fetch(link: str) -> Call:
    """The download of a result: a plain GET that carries no secret."""
    return Call("GET", link, "fetch", sink="blob")


def asset_or_url(value: Json) -> Json | Asset:
    """An image param for a vendor that fetches URLs itself: bytes of ours become an Asset, a URL stays as it is."""
    return Asset(value) if isinstance(value, str) and value.startswith(BLOB_SCHEME) else value


def read_json(answer: Answer) -> Any:
    """The body as JSON (UTF-8, RFC 8259), or None if it is not, or is JSON that no honest server sends: see `honest`."""
    return read_honest(answer.body)


def dig(value: Any, *path: str | int) -> Any:
    """The value under `path` through maps and lists, or None where the way ends."""
    for name in path:
        if type(value) is dict:  # what JSON is read into is exactly that, and no number is a name in it
            value = value.get(name)
        elif type(value) is list and isinstance(name, int) and -len(value) <= name < len(value):
            value = value[name]
        else:
            return None
    return value


def ticket_of(value: Any) -> str | None:
    """An id as the vendor gave it, as text; 0 is an id; an empty, unprintable or absurdly long text or a bool is not."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    return text if text.isprintable() and 0 < len(text) <= 2000 and text not in {".", ".."} else None


def segment(text: object) -> str:
    """`text` as one segment of a URL's path: everything but letters, digits and `-._~` percent-encoded."""
    return _quoted(str(text))


@lru_cache(maxsize=1024)
def _quoted(text: str) -> str:
    return quote(text, safe="")


def link_of(value: Any) -> str | None:
    """An absolute http(s) URL of at most 8,000 characters, or None: a bare file name is not something to download."""
    usable = isinstance(value, str) and len(value) <= 8000 and value.isprintable() and LINK.fullmatch(value)
    return str(value) if usable else None


LINK: Final = re.compile(r"https?://[^\s/?#\\@]+(?:[/?#]\S*)?", re.IGNORECASE)


def message_of(value: Any) -> str:
    """What a JSON error says, wherever vendors put it: `message`, `msg`, `error`, `detail`, also one level down. Clipped."""
    for name in ("message", "msg", "error", "detail", "body"):
        said = dig(value, name)
        if isinstance(said, str) and said.strip():
            return clip(said)
        if isinstance(said, dict):
            inner = next((said[key] for key in ("message", "error") if isinstance(said.get(key), str)), "")
            if inner.strip():
                return clip(inner)
    return ""


def doubt(step: Step, why: str) -> Lost | Broken:
    """The cautious word for an answer that says too little: perhaps accepted for a submit, ask again for a poll."""
    return Lost(why) if step == "submit" else Broken(why)


def form_text(value: Json) -> str:
    """A scalar as a form sends it: text as it is, booleans as `true` and `false`, anything else as compact JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


Word: TypeAlias = type[Busy] | type[Broken] | type[Lost] | type[Refused] | type[Barred]
Table: TypeAlias = Mapping[int, Word]
"""A vendor's documented statuses and the verdict each means for a submit."""


def read_status(answer: Answer, step: Step, message: str, table: Table, status: int | None = None) -> Verdict:
    """The verdict for a status that is not a success (`status` where the vendor says another one than HTTP does).

    Where `table` is silent: 429 and 425 are Busy, 401 and 402 Barred, 301, 302, 307, 308 and other 4xx Refused (408 and 409 Lost:
    they do not say whether it was accepted), and everything else Lost. A poll is free and repeatable; its 4xx speaks of the poll,
    not of the job that was paid for: what would be Lost or Refused is Broken there, so only a documented word can end a job.
    """
    status = answer.status if status is None else status
    why = f"{status}: {message}" if message else f"status {status}"
    word = table.get(status) or _word_for(status)
    if word is Busy:
        return Busy(retry_after(answer.headers), why)
    if word is Barred:
        return Barred(why)
    if word is Broken or step != "submit":
        return Broken(why, retry_after(answer.headers))
    return Refused(why) if word is Refused else Lost(why)


def _word_for(status: int) -> Word:
    if status in (425, 429):
        return Busy
    if status in (401, 402):
        return Barred
    if status in (408, 409):
        return Lost
    return Refused if status in (301, 302, 307, 308) or 400 <= status < 500 else Lost


MAX_WAIT: Final = 3600.0


def seconds_of(text: str) -> float | None:
    """A plain, finite, non-negative number of seconds of at most an hour; None for anything else, such as `²` or `-1`."""
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", text.strip()):
        return None
    return min(float(text), MAX_WAIT)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait from `Retry-After` (RFC 9110 §10.2.3): seconds, or a date measured against the server's own `Date`.

    None where it is missing or nonsense; never negative, never more than an hour.
    """
    value = headers.get("retry-after", "")
    seconds = seconds_of(value)
    if seconds is not None or not value.strip():
        return seconds
    try:
        until, now = parsedate_to_datetime(value), parsedate_to_datetime(headers.get("date", ""))
        return min(max((until - now).total_seconds(), 0.0), MAX_WAIT)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def reset_after(headers: Mapping[str, str], name: str) -> float | None:
    """Seconds to wait from a header that says when a limit begins anew: seconds, or a moment in Unix time, by the server's `Date`.

    None where it is missing or nonsense; never negative, never more than an hour.
    """
    value = headers.get(name, "").strip()
    if not re.fullmatch(r"[0-9]{10}(\.[0-9]{1,9})?", value):
        return seconds_of(value)
    try:
        return min(max(float(value) - parsedate_to_datetime(headers.get("date", "")).timestamp(), 0.0), MAX_WAIT)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


SAME_TICKET: Final = ""
"""What a poll's `Queued` says where the ticket stays as it is: an answer need not repeat it."""


def still_running(word: object) -> Queued:
    """An unknown status word means still running: keep polling until the deadline, never guess done or failed."""
    return Queued(SAME_TICKET, note=f"unknown status word {clip(word, 60)!r}")


def clip(text: object, most: int = 500) -> str:
    """A vendor's message for storing: one line, no control characters, at most `most` characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
    return line if len(line) <= most else line[: most - 1] + "…"
