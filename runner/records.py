"""The nouns that cross rooms: frozen, slotted, and made of plain values.

`feed` makes Rows, `job` makes Variants and Requests, `core` makes Sends, `providers` make Calls, `edge` makes Answers. None of
those rooms knows another; they meet here. The seven verdicts live in `runner.verdicts`, the facts in `runner.facts`, what an
operation takes in `runner.fields`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias, Union

import rfc8785

Json: TypeAlias = Union[bool, int, float, str, "Sequence[Json]", "Mapping[str, Json]", None]
"""Anything JSON can say. Values inside a record are never mutated."""

Step: TypeAlias = Literal["submit", "poll", "fetch"]
"""The three things that can be done for a request at a vendor: buy, ask, download. Only `submit` costs."""

BLOB_SCHEME = "blob:"
"""How a rendered parameter names bytes we hold: `blob:<sha256 hex>`. Anything else under an image field is a URL."""


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in one currency (ISO 4217, or `credits`, which is a currency of its own)."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


@dataclass(frozen=True, slots=True)
class Window:
    """Never more than `most` sends in any span of `seconds`."""

    most: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What a lane may do: sliding windows, calls in flight at once, and tickets open at the vendor (None: no limit).

    `polls_count` says whether a poll uses up the windows as a submit does; downloads never do, they go to another host.
    `deadline` is how many seconds a job may stay queued or running at the vendor; None leaves that to each operation.
    """

    rate: tuple[Window, ...] = ()
    concurrent: int | None = None
    queued: int | None = None
    polls_count: bool = True
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One feed line. `values` keeps text as text (ids such as `007`); `line` is 1-based, where the row begins in `file`."""

    key: str
    values: Mapping[str, Json]
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Variant:
    """Row × cell × repeat: one line of the results. `number` is 1..n, `seed` is the same on every machine."""

    key: str
    row: Row
    cell: Mapping[str, Json]
    number: int
    seed: int
    index: int


@dataclass(frozen=True, slots=True)
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
    asked: dict[str, Json] = {"provider": provider, "operation": operation, "params": params}
    if again != 1:
        asked["again"] = again
    return hashlib.sha256(rfc8785.dumps(asked)).hexdigest()


def make_request(provider: str, operation: str, params: Mapping[str, Json], again: int = 1) -> Request:
    """A Request with its id. Raises `ValueError` where JSON cannot say the params (NaN, integers past 2^53)."""
    return Request(request_id(provider, operation, params, again), provider, operation, params, again)


@dataclass(frozen=True, slots=True)
class Send:
    """A duty the conductor hands out: this step of this request.

    `ticket` is set for a poll (and for a fetch of a queued job), `link` and `part` for a fetch: the URL and its place among the
    request's links. `attempt` is 1 for the first try of this step.
    """

    request: Request
    step: Step
    attempt: int = 1
    ticket: str | None = None
    link: str | None = None
    part: int = 0


@dataclass(frozen=True, slots=True)
class Asset:
    """Bytes to be brought into a call by the edge: a blob we hold (`blob:<sha256>`) or a URL to download first."""

    ref: str


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A JSON body. An `Asset` anywhere inside `value` is replaced by `prefix` + the base64 of its bytes."""

    value: object
    asset_prefix: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart/form-data body: text, or the bytes of an asset (the edge gives it a file name and media type)."""

    name: str
    value: str | Asset


@dataclass(frozen=True, slots=True)
class FormBody:
    """A multipart/form-data body; always multipart, even where no part is a file."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class SecretHeader:
    """A header whose value is known only to the transport: `form` with `{}` replaced by the secret called `secret` of the lane."""

    header: str
    secret: str = "key"
    form: str = "{}"


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP exchange described without performing it. Contains no secret, only the names of secrets.

    `sink` says where a 2xx body goes: `memory` (JSON, capped) or `blob` (streamed to the store while hashed; its first bytes are
    still given to the reader). `purpose` follows the step, so the edge knows whom it may trust: `fetch` goes to hosts the vendor
    named and never carries secrets.
    """

    method: Literal["GET", "POST", "DELETE"]
    url: str
    purpose: Step
    headers: tuple[tuple[str, str], ...] = ()
    secrets: tuple[SecretHeader, ...] = ()
    body: JsonBody | FormBody | None = None
    sink: Literal["memory", "blob"] = "memory"


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes in the content-addressed store: sha256 hex and size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers (names in lower case, last value wins) and body.

    `body` holds the whole body up to the cap for `sink="memory"` and for any non-2xx status; for `sink="blob"` with 2xx it holds
    the first 64 KiB, and `blob` all of it.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    blob: Blob | None = None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No complete answer. `sent` is False only if it is proven that no byte of the request left this machine."""

    sent: bool
    why: str


Reply: TypeAlias = Answer | NoAnswer


@dataclass(frozen=True, slots=True)
class Artifact:
    """One thing a request yielded, verified and durable: a text, a JSON value, or a file in the blob store.

    For files `media_type` comes from the content, `width` and `height` are pixels (None where they could not be measured, as
    for video).
    """

    kind: Literal["text", "json", "file"]
    text: str | None = None
    data: Json = None
    sha256: str | None = None
    size: int | None = None
    media_type: str | None = None
    width: int | None = None
    height: int | None = None
