"""The nouns that cross rooms: frozen, slotted, and made of plain values.

`feed` makes Rows, `job` makes Variants and Requests, `core` makes Sends, `providers` make Calls, `edge` makes Answers. None of
those rooms knows another; they meet here. The seven verdicts live in `runner.verdicts`, the facts in `runner.facts`, what an
operation takes in `runner.fields`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias, Union

import orjson
import rfc8785

from runner.frozen import frozen

Json: TypeAlias = Union[bool, int, float, str, "Sequence[Json]", "Mapping[str, Json]", None]
"""Anything JSON can say. Values inside a record are never mutated."""

Step: TypeAlias = Literal["submit", "poll", "fetch"]
"""The three things that can be done for a request at a vendor: buy, ask, download. Only `submit` costs."""

BY_BATCH: Final = "@batch"
"""What makes the name of a lane or an operation that of its batches: `house/chat@batch`."""

BLOB_SCHEME = "blob:"
"""How a rendered parameter names bytes we hold: `blob:<sha256 hex>`. Anything else under an image field is a URL."""

DECISIONS: Final = "decisions.yaml"
"""What people decided about results, beside the job (`runner.decisions`). No job has this name."""

PLAIN: Final = frozenset({str, int, bool, type(None)})
CANONICAL: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


@frozen
class Money:
    """An exact amount in one currency (ISO 4217, or `credits`, which is a currency of its own)."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


@frozen
class Window:
    """Never more than `most` sends in any span of `seconds`."""

    most: int
    seconds: float


@frozen
class Limits:
    """What a lane may do: sliding windows, calls in flight at once, and tickets open at the vendor (None: no limit).

    `polls_count` says whether a poll uses up the windows as a submit does; downloads never do, they go to another host.
    `tokens` are windows too, in what the requests weigh (tokens in and out); a request heavier than a window goes when it is empty.
    `deadline` is how many seconds a job may stay queued or running at the vendor; None leaves that to each operation.
    """

    rate: tuple[Window, ...] = ()
    concurrent: int | None = None
    queued: int | None = None
    polls_count: bool = True
    deadline: float | None = None
    tokens: tuple[Window, ...] = ()


@frozen
class Row:
    """One feed line. `values` keeps text as text (ids such as `007`); `line` is 1-based, where the row begins in `file`."""

    key: str
    values: Mapping[str, Json]
    file: str
    line: int


@frozen
class Variant:
    """Row × cell × repeat: one line of the results. `number` is 1..n, `seed` is the same on every machine."""

    key: str
    row: Row
    cell: Mapping[str, Json]
    number: int
    seed: int
    index: int


@frozen
class Request:
    """What is asked of a vendor, and nothing else: no limits, retry, price, path or run.

    `provider` is the name the project file gives the account (a lane). `params` are rendered; bytes we hold appear as
    `blob:<sha256>`. `again` counts purchases made on purpose (`again: 2` in a job). `id` is made by `request_id`.
    """

    id: str
    provider: str
    operation: str
    params: Mapping[str, Json]
    again: int = 1

    @property
    def use(self) -> str:
        """`provider/operation`, as a job writes it."""
        return f"{self.provider}/{self.operation}"


def request_id(provider: str, operation: str, params: Mapping[str, Json], again: int = 1) -> str:
    """The sha256 (hex) of the request's canonical JSON (RFC 8785). The same ask has the same id on every machine."""
    return _digest(provider, operation, params, again, is_simple(params))


def _digest(provider: str, operation: str, params: Mapping[str, Json], again: int, simple: bool) -> str:
    """The id: by orjson, fifty times as fast, where both write the same canonical JSON, which is nearly always (`simple`)."""
    asked: dict[str, Any] = {"provider": provider, "operation": operation, "params": params}
    if again != 1:
        asked["again"] = again
    if simple:
        try:
            return hashlib.sha256(orjson.dumps(asked, option=CANONICAL)).hexdigest()
        except TypeError:  # an integer past 2^53, half a surrogate pair: refused by both, and the other one says it better
            pass
    return hashlib.sha256(rfc8785.dumps(asked)).hexdigest()


def is_simple(value: Any) -> bool:
    """Whether orjson writes `value` as RFC 8785 has it: no floats, which it writes otherwise, and names that sort alike."""
    kind = type(value)
    if kind is dict:
        for name in value:
            if type(name) is not str or not name.isascii():
                return False
        value = value.values()
    elif kind is not list and kind is not tuple:
        return kind in PLAIN
    return all([type(part) in PLAIN or is_simple(part) for part in value])  # noqa: C419 - a generator takes longer than most params


def make_request(provider: str, operation: str, params: Mapping[str, Json], again: int = 1) -> Request:
    """A Request with its id. Raises `ValueError` where JSON cannot say the params (NaN, integers past 2^53)."""
    return Request(request_id(provider, operation, params, again), provider, operation, params, again)


def make_simple_request(provider: str, operation: str, params: Mapping[str, Json], again: int = 1) -> Request | None:
    """As `make_request`, where the params are simple (`is_simple`), which makes it quick; None where they are not."""
    if not is_simple(params):
        return None
    return Request(_digest(provider, operation, params, again, True), provider, operation, params, again)


@frozen
class Send:
    """A duty the conductor hands out: this step of this request.

    `ticket` is set for a poll (and for a fetch of a queued job), `link` and `part` for a fetch: the URL and its place among the
    request's links. `attempt` is 1 for the first try of this step. `lane` is set where it is not the provider's own.
    """

    request: Request
    step: Step
    attempt: int = 1
    ticket: str | None = None
    link: str | None = None
    part: int = 0
    lane: str = ""


@frozen
class Asset:
    """Bytes to be brought into a call by the edge: a blob we hold (`blob:<sha256>`) or a URL to download first.

    In JSON, `form` says how they stand there where the body's prefix does not: `{type}` is their media type, `{data}` their base64
    (`data:{type};base64,{data}`).
    """

    ref: str
    form: str = ""


@frozen
class JsonBody:
    """A JSON body. An `Asset` anywhere inside `value` is replaced by `prefix` + the base64 of its bytes."""

    value: object
    asset_prefix: str = ""


@frozen
class Part:
    """One part of a multipart/form-data body: text, or the bytes of an asset (the edge gives it a file name and media type)."""

    name: str
    value: str | Asset


@frozen
class FormBody:
    """A multipart/form-data body; always multipart, even where no part is a file."""

    parts: tuple[Part, ...]


@frozen
class FileBody:
    """A body that is a blob as it lies in the store, sent without being read into memory."""

    sha256: str
    content_type: str


@frozen
class SecretHeader:
    """A header whose value is known only to the transport: `form` with `{}` replaced by the secret called `secret` of the lane."""

    header: str
    secret: str = "key"
    form: str = "{}"


@frozen
class Call:
    """An HTTP exchange described without performing it. Contains no secret, only the names of secrets.

    `sink` says where a 2xx body goes: `memory` (JSON, capped) or `blob` (streamed to the store while hashed; its first bytes are
    still given to the reader; a `file` may be larger and take longer than a picture). `purpose` follows the step, so the edge knows
    whom it may trust: `fetch` goes to hosts the vendor named and never carries secrets.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    url: str
    purpose: Step
    headers: tuple[tuple[str, str], ...] = ()
    secrets: tuple[SecretHeader, ...] = ()
    body: JsonBody | FormBody | FileBody | None = None
    sink: Literal["memory", "blob", "file"] = "memory"


@frozen
class Blob:
    """Bytes in the content-addressed store: sha256 hex and size in bytes."""

    sha256: str
    size: int


@frozen
class Answer:
    """What came back: status, headers (names in lower case, last value wins) and body.

    `body` holds the whole body up to the cap for `sink="memory"` and for any non-2xx status; for `sink="blob"` with 2xx it holds
    the first 64 KiB, and `blob` all of it.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    blob: Blob | None = None


@frozen
class NoAnswer:
    """No complete answer. `sent` is False only if it is proven that no byte of the request left this machine."""

    sent: bool
    why: str


Reply: TypeAlias = Answer | NoAnswer


@frozen
class Look:
    """What a picture looks like, in a few words; a function of its bytes.

    `mode` is how colours are kept (`rgb`, `grey`, `palette`, `cmyk`, `lab`, `ycbcr`, `hsv`), `clear` whether any pixel is not
    opaque, `frames` how many there are. `spread` (0..255) is the greatest difference of one colour within the first frame, seen
    from afar: 0 for a single colour. `dhash` are 64 bits: alike pictures differ in few of them.
    """

    mode: str
    clear: bool
    frames: int
    spread: int
    dhash: int

    def __str__(self) -> str:
        return f"{self.mode} {'clear' if self.clear else 'opaque'} {self.frames} {self.spread} {self.dhash:016x}"


def read_look(text: str) -> Look:
    """The look that says `text` as a string. Raises `ValueError`."""
    mode, clear, frames, spread, dhash = text.split()
    return Look(mode, clear == "clear", int(frames), int(spread), int(dhash, 16))


@frozen
class Made:
    """How a published file came about: the sha256 of what was bought, and the IPTC Digital Source Type that it states.

    `sealed` says that what was bought has content credentials (C2PA), `seal_kept` that the published file still has them. What is
    only `marked` has the pixels of what was bought; it can be made again at any time and needs no blob.
    """

    source: str
    source_type: str | None = None
    sealed: bool = False
    seal_kept: bool = False
    marked: bool = False


@frozen
class Artifact:
    """One thing a request yielded, verified and durable: a text, a JSON value, or a file in the blob store.

    For files `media_type` comes from the content, `width` and `height` are pixels (None where they could not be measured, as
    for video). `look` is the `Look` of a picture as text, None where nobody has looked yet; it follows from the bytes.
    `made` is that of a finished file; what the journal tells of has none.
    """

    kind: Literal["text", "json", "file"]
    text: str | None = None
    data: Json = None
    sha256: str | None = None
    size: int | None = None
    media_type: str | None = None
    width: int | None = None
    height: int | None = None
    look: str | None = field(default=None, compare=False)
    made: Made | None = field(default=None, compare=False)
