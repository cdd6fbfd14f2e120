"""How the emulated vendors misbehave, to order: faults with a probability, drawn from a hash so that a run can be repeated.

A draw depends on the seed, the fault's place in the list, the vendor, operation, step, the request's content and how often exactly
this was tried, never on the clock or on what else is going on. So a storm hits the same requests the same way each time,
whatever order they come in, and a request that is tried again gets a new draw. The tries are counted beyond the process (`Tries`):
a sandbox that was stopped goes on in the same storm.

What a fault does to an answer stands in `damage`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

import orjson

from runner.errors import Usage
from runner.frozen import frozen
from runner.sandbox.dice import chance
from runner.sandbox.tries import Tries

Step: TypeAlias = Literal["submit", "poll", "fetch"]
Kind: TypeAlias = Literal[
    "busy",  # 429; with Retry-After if `retry_after` is set
    "error",  # a 5xx, 4xx or 3xx (`status`), not accepted; a redirect leads to `location`
    "no_credit",  # the vendor's word for an empty account; with `status` 402 its other word, where it has two
    "drop_before",  # the connection breaks before anything was accepted
    "drop_after",  # accepted and billed, then the connection breaks
    "error_after",  # accepted and billed, then any `status` all the same: a 5xx, a 303, a 204 without a body
    "stall",  # accepted and billed, then silence
    "slow_drip",  # accepted, and the answer comes byte by byte
    "truncated",  # accepted, and the connection breaks after `part` of the answer
    "oversized",  # accepted, and the answer goes on for 32 MiB
    "gzip_bomb",  # accepted, and the answer is 32 KiB that unpack to 32 MiB
    "huge_header",  # accepted, and a header of the answer is 64 KiB long
    "html200",  # accepted, answered with an HTML page and 200
    "broken_json",  # accepted, answered with half a JSON document and 200, or with `body` and `status`
    "expired_link",  # fetch: 403 (or `status`), as an expired signed link answers
    "corrupt_picture",  # all of the picture after `part` of it is missing
    "wrong_size",  # the picture is half as wide and high as it should be
    "job_fails",  # poll: the job ends as failed, for good
    "job_never_ends",  # poll: the job stays as it is, for good
    "job_expires",  # poll: what the job yielded is gone for good, where the vendor removes it; a batch is done in part
    "filtered",  # submit, poll: a success that holds no result, for good, where the vendor has such a thing
    "unknown_word",  # poll: a status word that no document knows
]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
STEPS: Final[tuple[str, ...]] = (*get_args(Step), "*")
BEFORE: Final = frozenset({"busy", "error", "no_credit", "drop_before"})
"""Kinds after which nothing has been accepted; a submit with any other is in the ledger."""
LASTING: Final = frozenset({"job_fails", "job_never_ends", "job_expires", "filtered"})
"""Kinds that belong to the job and not to one try of it."""
AT: Final[Mapping[str, tuple[str, ...]]] = {
    "no_credit": ("submit",),
    "drop_after": ("submit",),
    "error_after": ("submit",),
    "expired_link": ("fetch",),
    "corrupt_picture": ("submit", "fetch"),
    "wrong_size": ("submit", "fetch"),
    "job_fails": ("poll",),
    "job_never_ends": ("poll",),
    "job_expires": ("poll",),
    "filtered": ("submit", "poll"),
    "unknown_word": ("poll",),
}
"""Steps at which a kind makes sense; all three where it is not listed."""
STATUSES: Final[Mapping[str, tuple[int, int, int]]] = {
    "error": (503, 300, 599),
    "error_after": (503, 200, 599),
    "no_credit": (429, 402, 429),
    "expired_link": (403, 400, 499),
    "broken_json": (200, 200, 599),
}
"""Kinds with a status of their choice: the usual one, the lowest and the highest."""


@frozen
class Fault:
    """One kind of misbehaviour. `chance` is 0 to 1; `*` means any; `times` ends it after that many tries of the same request.

    `vendor` is its name here (`jivox`, `openai` …); `operation` the vendor's own path, as the ledger has it. `retry_after` is
    seconds, an HTTP date or nonsense, and is sent as it stands; `+N` becomes the HTTP date of N seconds later. Vendors that say it
    in another way than the header say seconds in theirs.
    """

    kind: Kind
    chance: float = 1.0
    vendor: str = "*"
    operation: str = "*"
    step: str = "*"
    status: int | None = None
    retry_after: str | None = None
    times: int | None = None
    part: float = 0.5
    body: str | None = None
    location: str = "https://elsewhere.invalid/"

    def concerns(self, vendor: str, operation: str, step: Step) -> bool:
        """Whether the fault can hit this step of this operation."""
        return (
            self.vendor in ("*", vendor)
            and self.operation in ("*", operation)
            and self.step in ("*", step)
            and step in AT.get(self.kind, STEPS)
        )

    @property
    def code(self) -> int:
        """The status to answer with, the kind's usual one where none is ordered; 0 for a kind that has none."""
        return STATUSES.get(self.kind, (0,))[0] if self.status is None else self.status


NAMED: Final[Mapping[str, tuple[Fault, ...]]] = {
    "none": (),
    "rainy": (
        Fault("busy", 0.06, step="submit", retry_after="1", times=3),
        Fault("busy", 0.04, step="poll", times=3),
        Fault("error", 0.04, step="poll", status=502, times=3),
        Fault("error", 0.03, step="fetch", status=503, times=3),
        Fault("drop_before", 0.03, step="fetch", times=3),
        Fault("unknown_word", 0.05, times=2),
    ),
    "stormy": (
        Fault("busy", 0.10, step="submit", retry_after="1", times=4),
        Fault("busy", 0.05, step="submit", times=4),
        Fault("busy", 0.05, step="poll", retry_after="soon", times=4),
        Fault("error", 0.04, step="submit", status=500, times=4),
        Fault("error", 0.04, step="submit", status=503, times=4),
        Fault("drop_before", 0.02, step="submit", times=4),
        Fault("drop_after", 0.02, step="submit", times=4),
        Fault("error_after", 0.01, step="submit", status=504, times=4),
        Fault("html200", 0.02, times=4),
        Fault("broken_json", 0.02, times=4),
        Fault("error", 0.05, step="poll", status=504, times=4),
        Fault("unknown_word", 0.08, times=4),
        Fault("job_fails", 0.02),
        Fault("expired_link", 0.06, times=2),
        Fault("corrupt_picture", 0.05, step="fetch", times=2),
        Fault("drop_before", 0.05, step="fetch", times=4),
        Fault("busy", 0.02, step="submit", retry_after="+1", times=4),
        Fault("truncated", 0.02, times=4),
        Fault("gzip_bomb", 0.01, times=4),
        Fault("oversized", 0.01, step="fetch", times=2),
        Fault("huge_header", 0.01, times=4),
    ),
}
"""Weather by name: `rainy` costs patience and never money; `stormy` leaves requests uncertain."""


class Behaviour:
    """Draws faults. Counts the tries of each step of each request that a fault can hit, and nothing else."""

    def __init__(self, seed: int = 0, faults: tuple[Fault, ...] = (), tries: Tries | None = None) -> None:
        self._seed = seed
        self._faults = faults
        self._tries = tries or Tries()

    def draw(self, vendor: str, operation: str, step: Step, content: str) -> Fault | None:
        """The fault that hits this try, or None. `content` is the request's digest (for a fetch: the link's path)."""
        possible = [(n, fault) for n, fault in enumerate(self._faults) if fault.concerns(vendor, operation, step)]
        if not possible:
            return None
        about = (vendor, operation, step, content)
        nth = self._tries.count(*about)
        for place, fault in possible:
            if fault.times is not None and nth > fault.times:
                continue
            tries = 0 if fault.kind in LASTING else nth
            if chance(self._seed, place, fault.kind, *about, tries) < fault.chance:
                return fault
        return None

    def fate(self, vendor: str, operation: str, content: str) -> Fault | None:
        """The fault that belongs to this job for good, whatever poll it shows in first; None if it will end well."""
        for place, fault in enumerate(self._faults):
            if fault.kind not in LASTING or not fault.concerns(vendor, operation, "poll"):
                continue
            if chance(self._seed, place, fault.kind, vendor, operation, "poll", content, 0) < fault.chance:
                return fault
        return None


def load_faults(name: str) -> tuple[Fault, ...]:
    """Faults by name (`none`, `rainy`, `stormy`) or from a JSON file: a list of objects with the fields of `Fault`.

    Raises `Usage` naming the file and the entry if it is not that.
    """
    if name in NAMED:
        return NAMED[name]
    try:
        entries = orjson.loads(Path(name).read_bytes())
    except FileNotFoundError as error:
        raise Usage(f"--faults {name}: no such file, and not one of {', '.join(NAMED)}") from error
    except OSError as error:
        raise Usage(f"--faults {name}: cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise Usage(f"{name}: not valid JSON: {error}") from error
    if not isinstance(entries, list):
        raise Usage(f'{name}: a fault file is a JSON list of objects such as {{"kind": "busy", "chance": 0.1}}')
    return tuple(_read_fault(f"{name}: entry {number}", entry) for number, entry in enumerate(entries, 1))


def _read_fault(place: str, entry: Any) -> Fault:
    known = {spec.name for spec in dataclasses.fields(Fault)}
    if not isinstance(entry, dict) or not set(entry) <= known:
        raise Usage(f"{place}: takes the fields {', '.join(sorted(known))}; got {entry!r}")
    fault = Fault(**{"kind": "", **entry})
    if fault.kind not in KINDS:
        raise Usage(f"{place}: kind {fault.kind!r} is not one of {', '.join(KINDS)}")
    if fault.step not in STEPS:
        raise Usage(f"{place}: step {fault.step!r} is not one of {', '.join(STEPS)}")
    _check_numbers(place, fault)
    for name in ("vendor", "operation", "retry_after", "body", "location"):
        value = getattr(fault, name)
        if value is not None and not isinstance(value, str):
            raise Usage(f"{place}: {name} {value!r} is not a text; put quotes around it")
    return fault


def _check_numbers(place: str, fault: Fault) -> None:
    for name in ("chance", "part"):
        value = getattr(fault, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise Usage(f"{place}: {name} {value!r} is not a number from 0 to 1")
    if fault.times is not None and (type(fault.times) is not int or fault.times < 1):
        raise Usage(f"{place}: times {fault.times!r} is not a whole number from 1 on")
    if fault.status is None:
        return
    _, lowest, highest = STATUSES.get(fault.kind, (0, 500, 599))
    if type(fault.status) is not int or not lowest <= fault.status <= highest:
        raise Usage(f"{place}: status {fault.status!r} is not a number from {lowest} to {highest}")
