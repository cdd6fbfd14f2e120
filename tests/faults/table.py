"""The table of faults: what each one means at each step, how the request ends, what the run exits with, and what is billed.

The rows follow the classification of the submit protocol. A submit is tried again only where it provably never left or was refused
in a documented way; whatever else goes wrong with it may have been bought. Polls and downloads are free and simply repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pytest

from runner.sandbox.behaviour import Fault, Kind
from runner.verdicts import Barred, Broken, Busy, Done, Lost, Queued, Refused

STEPS: Final[Mapping[str, str]] = {
    "jivox text": 'use: jivox/text\n    with: {prompt: "{{ row.title }}"}',
    "jivox image": 'use: jivox/image\n    with: {prompt: "{{ row.title }}", width: 40, height: 30}\n    expect: {width: 40}',
    "sivi design": 'use: sivi/design\n    with: {prompt: "{{ row.title }}", type: displayAds, numOfVariants: 1, '
    "subtype: displayAds-inline-rectangle}\n    expect: {width: 300}",
    "vyro picture": 'use: vyro/remove-background\n    with: {image: "mug.png"}\n    expect: {width: 24}',
    "vyro video": 'use: vyro/image-to-video\n    with: {prompt: "{{ row.title }}", style: kling, file: mug.png}',
    "placewise text": 'use: placewise/text\n    with: {prompt: "{{ row.title }}"}',
    "placewise image": 'use: placewise/image\n    with: {prompt: "{{ row.title }}"}\n    expect: {width: 256}',
}
"""What is asked of each vendor: one way for each shape of answer (text, link, bytes, ticket)."""


@dataclass(frozen=True, slots=True)
class Case:
    """One cell of the grid. `word` is the first verdict at the fault's step; `billed` what stands in the vendors' ledger."""

    name: str
    what: str
    fault: Fault
    word: type
    status: str
    code: int
    billed: int = 1

    @property
    def job(self) -> str:
        """The job's one step."""
        return f"  it:\n    {STEPS[self.what]}\n"


@dataclass(frozen=True, slots=True)
class Row:
    """A fault at one step for several of `STEPS`, and how that ends."""

    name: str
    fault: Fault
    word: type
    status: str
    code: int
    billed: int = 1


def cases(step: str, rows: Sequence[Row], asks: Sequence[str], *more: Case) -> Iterator[object]:
    """Every row for every ask, and some cases more, as parameters of a test."""
    for row in rows:
        for what in asks:
            yield _param(Case(row.name, what, replace(row.fault, step=step), row.word, row.status, row.code, row.billed))
    for case in more:
        yield _param(replace(case, fault=replace(case.fault, step=step)))


def _param(case: Case) -> object:
    return pytest.param(case, id=f"{case.what} {case.name}".replace(" ", "-"))


DAMAGES: Final[tuple[tuple[str, Fault], ...]] = (
    ("stall", Fault("stall")),
    ("cut", Fault("truncated")),
    ("oversized", Fault("oversized")),
    ("gzip bomb", Fault("gzip_bomb")),
    ("html", Fault("html200")),
    ("half json", Fault("broken_json")),
    ("204", Fault("broken_json", status=204, body="")),
)
"""Answers that came to harm on their way, or that nobody can read, whatever the vendor."""


RARE_DAMAGES: Final[tuple[tuple[str, Fault], ...]] = (
    ("drips", Fault("slow_drip")),
    ("cut before its last byte", Fault("truncated", part=0.98)),
    ("huge header", Fault("huge_header")),
    ("206", Fault("broken_json", status=206, body="{}")),
)
"""Further ones, for one shape of answer: the transport does not know whose it is."""


def _odd(body: str, **more: int) -> Fault:
    return Fault("broken_json", body=body, **more)  # type: ignore[arg-type]


NOT_JSON: Final[tuple[tuple[str, Fault], ...]] = (
    ("no id", _odd("{}")),
    ("a list", _odd("[]")),
    ("null", _odd("null")),
    ("nothing", _odd("")),
    ("NaN", _odd('{"text": NaN, "requestId": NaN}')),
    ("deep", _odd("[" * 100_000)),
    ("a name twice", _odd('{"text": "a", "text": "b"}')),
    ("a long number", _odd('{"requestId": ' + "9" * 5000 + "}")),
    ("an empty result", _odd('{"text": " ", "imageUrl": "", "requestId": "", "id": true}')),
)
"""Successes with JSON that says nothing, or that no honest server sends."""


def _lost(name: str, fault: Fault, billed: int = 1) -> Row:
    return Row(name, fault, Lost, "uncertain", 4, billed)


def _refused(status: int) -> Row:
    return Row(str(status), Fault("error", status=status), Refused, "refused", 1, 0)


def _once(name: str, kind: Kind, **more: str) -> Row:
    return Row(name, Fault(kind, times=1, **more), Busy, "done", 0)  # type: ignore[arg-type]


ALL: Final = ("jivox text", "sivi design", "vyro picture", "placewise text")

SUBMIT: Final = (
    _once("429", "busy"),
    _once("429 in 2 s", "busy", retry_after="2"),
    _once("429 until a date", "busy", retry_after="+2"),
    _once("429 with nonsense", "busy", retry_after="²"),
    Row("425", Fault("error", status=425, times=1), Busy, "done", 0),
    Row("no credit", Fault("no_credit"), Barred, "waiting", 5, 0),
    Row("401", Fault("error", status=401), Barred, "waiting", 5, 0),
    Row("402", Fault("error", status=402), Barred, "waiting", 5, 0),
    *(_refused(status) for status in (400, 404, 422, 307)),
    *(_lost(f"{status} not accepted", Fault("error", status=status), 0) for status in (500, 503, 408, 409)),
    *(_lost(f"{status} accepted", Fault("error_after", status=status)) for status in (504, 303)),
    _lost("dropped before", Fault("drop_before"), 0),
    _lost("dropped after", Fault("drop_after")),
    *(_lost(name, fault) for name, fault in DAMAGES),
)
"""Faults of a submit that mean the same at every vendor."""

SUBMIT_SOME: Final = (
    *(_once(f"429 {text}", "busy", retry_after=text) for text in ("-5", "1000000000", "soon", "Wed, 21 Oct 2015 07:28:00")),
    *(_refused(status) for status in (405, 411, 413, 414, 415, 301, 302, 308)),
    *(_lost(f"{status} not accepted", Fault("error", status=status), 0) for status in (501, 502, 504, 520, 529)),
    *(_lost(f"{status} accepted", Fault("error_after", status=status)) for status in (500, 503)),
    *(_lost(name, fault) for name, fault in RARE_DAMAGES),
    *(_lost(name, fault) for name, fault in NOT_JSON),
)
"""Further faults of a submit, for one vendor: what is read here is shared by all."""

ENVELOPE: Final = '{"status": %d, "body": {"message": "%s", "requestId": "r1"}}'


SUBMIT_CASES: Final = (
    Case("429 for ever", "jivox text", Fault("busy", retry_after="soon"), Busy, "waiting", 1, 0),
    Case("403", "jivox text", Fault("error", status=403), Refused, "refused", 1, 0),
    Case("403", "sivi design", Fault("error", status=403), Refused, "refused", 1, 0),
    Case("403", "vyro picture", Fault("error", status=403), Refused, "refused", 1, 0),
    Case("403", "placewise text", Fault("error", status=403), Barred, "waiting", 5, 0),
    Case("402 words", "sivi design", Fault("no_credit", status=402), Barred, "waiting", 5, 0),
    Case("envelope 422", "sivi design", _odd(ENVELOPE % (422, "no")), Lost, "uncertain", 4),
    Case("envelope 401", "sivi design", _odd(ENVELOPE % (401, "no")), Lost, "uncertain", 4),
    Case("envelope 429", "sivi design", _odd(ENVELOPE % (429, "slow down")), Lost, "uncertain", 4),
    Case("envelope 200 in a 422", "sivi design", _odd(ENVELOPE % (200, "ok"), status=422), Lost, "uncertain", 4),
    Case("406", "vyro picture", Fault("error", status=406), Barred, "waiting", 5, 0),
    Case("424", "vyro picture", Fault("error", status=424), Barred, "waiting", 5, 0),
    *(Case(str(s), "placewise text", Fault("error", status=s), Barred, "waiting", 5, 0) for s in (460, 470, 471)),
    Case("444", "placewise text", Fault("error", status=444), Refused, "refused", 1, 0),
    Case("corrupt", "vyro picture", Fault("corrupt_picture"), Done, "failed", 1),
    Case("corrupt at its end", "vyro picture", Fault("corrupt_picture", part=0.9), Done, "failed", 1),
    Case("wrong size", "vyro picture", Fault("wrong_size"), Done, "failed", 1),
)
"""What single vendors document, and pictures that are the answer itself."""


def _again(name: str, fault: Fault, word: type = Broken, times: int = 2) -> Row:
    return Row(name, replace(fault, times=times), word, "done", 0)


def _parked(name: str, fault: Fault, word: type = Queued, code: int = 6) -> Row:
    return Row(name, fault, word, "queued", code)


POLLED: Final = ("sivi design", "placewise text")

POLL: Final = (
    _again("429", Fault("busy"), Busy),
    _again("429 with nonsense", Fault("busy", retry_after="soon"), Busy),
    *(_again(str(status), Fault("error", status=status)) for status in (500, 503, 404, 409, 307)),
    _again("dropped", Fault("drop_before")),
    *(_again(name, fault, times=1) for name, fault in DAMAGES),
    _again("unknown word", Fault("unknown_word"), Queued, 3),
    _parked("unknown word for ever", Fault("unknown_word")),
    _parked("never ends", Fault("job_never_ends")),
    *(_parked(f"{status} for ever", Fault("error", status=status), Broken, 1) for status in (503, 404, 302)),
    _parked("html for ever", Fault("html200"), Broken, 1),
    Row("fails", Fault("job_fails"), Refused, "refused", 1),
    Row("401", Fault("error", status=401), Barred, "queued", 5),
    Row("402", Fault("error", status=402), Barred, "queued", 5),
)
"""Faults of a poll: nothing costs, so all is repeated. At its deadline, or when the lane is given up, the ticket is kept for the
next run."""

POLL_CASES: Final = (
    Case("403 for ever", "sivi design", Fault("error", status=403), Broken, "queued", 1),
    Case("403", "placewise text", Fault("error", status=403), Barred, "queued", 5),
    Case("envelope 401", "sivi design", _odd(ENVELOPE % (401, "no")), Barred, "queued", 5),
    Case("envelope 500", "sivi design", replace(_odd(ENVELOPE % (500, "no")), times=2), Broken, "done", 0),
    Case("a list", "sivi design", replace(_odd("[]"), times=2), Broken, "done", 0),
    Case("429 for ever", "placewise text", Fault("busy", retry_after="60"), Busy, "queued", 6),
    Case("fails", "vyro video", Fault("job_fails"), Refused, "refused", 1),
    Case("never ends", "vyro video", Fault("job_never_ends"), Queued, "queued", 6),
    Case("unknown word for ever", "vyro video", Fault("unknown_word"), Queued, "queued", 6),
    Case("503 for ever", "vyro video", Fault("error", status=503), Broken, "queued", 1),
    Case("half json", "vyro video", Fault("broken_json"), Broken, "queued", 1),
    Case("401", "vyro video", Fault("error", status=401), Barred, "queued", 5),
    *(Case(name, "placewise text", replace(fault, times=1), Broken, "done", 0) for name, fault in RARE_DAMAGES),
    *(Case(f"{s} once", "placewise text", Fault("error", status=s, times=1), Broken, "done", 0) for s in (422, 502, 504)),
    Case("429", "vyro video", Fault("busy", times=2), Busy, "done", 0),
)


def _spoiled(name: str, fault: Fault, word: type = Broken) -> Row:
    return Row(name, fault, word, "failed", 1)


FETCHED: Final = ("jivox image", "sivi design")

FETCH: Final = (
    _again("429", Fault("busy"), Busy),
    _again("429 in 2 s", Fault("busy", retry_after="2"), Busy),
    *(_again(str(status), Fault("error", status=status)) for status in (500, 503, 402, 400)),
    _again("dropped", Fault("drop_before")),
    *(_again(name, fault, times=1) for name, fault in DAMAGES),
    *(_again(f"corrupt after {part}", Fault("corrupt_picture", part=part)) for part in (0.0, 0.1, 0.9, 0.99)),
    *(_spoiled(f"{name} for ever", fault) for name, fault in DAMAGES if name in ("cut", "oversized", "html")),
    _spoiled("corrupt for ever", Fault("corrupt_picture")),
    _spoiled("503 for ever", Fault("error", status=503)),
    _spoiled("redirected to ourselves", Fault("error", status=302, location="http://127.0.0.1:1/")),
    _spoiled("redirected to metadata", Fault("error", status=307, location="https://169.254.169.254/latest")),
    Row("wrong size", Fault("wrong_size"), Done, "failed", 1),
    *(Row(f"link dead {s} for ever", Fault("expired_link", status=s), Refused, "failed", 1) for s in (401, 403, 404, 410)),
)
"""Faults of a download: repeated, asked anew where there is a ticket, then given up as bought and lost."""

FETCH_CASES: Final = (
    Case("link dead", "jivox image", Fault("expired_link", times=1), Refused, "failed", 1),
    Case("link dead", "sivi design", Fault("expired_link", times=1), Refused, "done", 0),
    Case("link dead twice", "placewise image", Fault("expired_link", times=2), Refused, "done", 0),
    *(Case(name, "jivox image", replace(fault, times=1), Broken, "done", 0) for name, fault in RARE_DAMAGES),
    Case("corrupt", "placewise image", Fault("corrupt_picture", times=2), Broken, "done", 0),
    *(
        Case(f"cut after {n}/16", "jivox image", Fault("truncated", part=n / 16, times=1), Broken, "done", 0)
        for n in range(0, 16, 3)
    ),
)
