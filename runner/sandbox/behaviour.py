"""How the emulated vendors misbehave, to order: faults with a probability, drawn from a hash so that a run can be repeated.

A draw depends on the seed, the fault's place in the list, the vendor, operation, step, the request's content and how often exactly
this was tried, never on the clock or on what else is going on. So a storm hits the same requests the same way each time,
whatever order they come in, and a request that is tried again gets a new draw.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

import orjson

from runner.errors import Usage
from runner.sandbox.dice import chance

Step: TypeAlias = Literal["submit", "poll", "fetch"]
Kind: TypeAlias = Literal[
    "busy",  # 429; with Retry-After if `retry_after` is set
    "error",  # a 5xx (`status`), not accepted
    "no_credit",  # the vendor's word for an empty account
    "drop_before",  # the connection breaks before anything was accepted
    "drop_after",  # accepted and billed, then the connection breaks
    "error_after",  # accepted and billed, then a 5xx (`status`) all the same
    "stall",  # accepted and billed, then silence
    "html200",  # accepted, answered with an HTML page and 200
    "broken_json",  # accepted, answered with half a JSON document and 200
    "expired_link",  # fetch: 403, as an expired signed link answers
    "corrupt_picture",  # the second half of the picture is missing
    "job_fails",  # poll: the job ends as failed, for good
    "job_never_ends",  # poll: the job stays as it is, for good
    "unknown_word",  # poll: a status word that no document knows
]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
STEPS: Final[tuple[str, ...]] = (*get_args(Step), "*")
BEFORE: Final = frozenset({"busy", "error", "no_credit", "drop_before"})
"""Kinds after which nothing has been accepted; a submit with any other is in the ledger."""
LASTING: Final = frozenset({"job_fails", "job_never_ends"})
"""Kinds that belong to the job and not to one try of it."""
AT: Final[Mapping[str, tuple[str, ...]]] = {
    "no_credit": ("submit",),
    "drop_after": ("submit",),
    "error_after": ("submit",),
    "expired_link": ("fetch",),
    "corrupt_picture": ("submit", "fetch"),
    "job_fails": ("poll",),
    "job_never_ends": ("poll",),
    "unknown_word": ("poll",),
}
"""Steps at which a kind makes sense; all three where it is not listed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of misbehaviour. `chance` is 0 to 1; `*` means any; `times` ends it after that many tries of the same request.

    `vendor` is `jivox`, `sivi`, `vyro` or `placewise`; `operation` the vendor's own path, as the ledger has it. `retry_after` is
    sent as it stands: seconds, an HTTP date or nonsense.
    """

    kind: Kind
    chance: float = 1.0
    vendor: str = "*"
    operation: str = "*"
    step: str = "*"
    status: int = 503
    retry_after: str | None = None
    times: int | None = None

    def concerns(self, vendor: str, operation: str, step: Step) -> bool:
        """Whether the fault can hit this step of this operation."""
        return (
            self.vendor in ("*", vendor)
            and self.operation in ("*", operation)
            and self.step in ("*", step)
            and step in AT.get(self.kind, STEPS)
        )


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
    ),
}
"""Weather by name: `rainy` costs patience and never money; `stormy` leaves requests uncertain."""


class Behaviour:
    """Draws faults. Counts the tries of each step of each request, and nothing else."""

    def __init__(self, seed: int = 0, faults: tuple[Fault, ...] = ()) -> None:
        self._seed = seed
        self._faults = faults
        self._tries: Counter[tuple[str, str, str, str]] = Counter()

    def draw(self, vendor: str, operation: str, step: Step, content: str) -> Fault | None:
        """The fault that hits this try, or None. `content` is the request's digest (for a fetch: the link's path)."""
        about = (vendor, operation, step, content)
        nth = self._tries[about] = self._tries[about] + 1
        for place, fault in enumerate(self._faults):
            if not fault.concerns(vendor, operation, step) or (fault.times is not None and nth > fault.times):
                continue
            tries = 0 if fault.kind in LASTING else nth
            if chance(self._seed, place, fault.kind, *about, tries) < fault.chance:
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
    if isinstance(fault.chance, bool) or not isinstance(fault.chance, int | float) or not 0 <= fault.chance <= 1:
        raise Usage(f"{place}: chance {fault.chance!r} is not a number from 0 to 1")
    if not isinstance(fault.status, int) or not 500 <= fault.status <= 599:
        raise Usage(f"{place}: status {fault.status!r} is not a number from 500 to 599")
    return fault
