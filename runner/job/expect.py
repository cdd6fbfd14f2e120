"""What a job expects of an answer, and what was found of it: the nouns of `expect:`.

An expectation is no part of what is asked, so changing one buys nothing: the same stored result is judged again. Every check says
what was wanted and what was measured, whether it was met or not, so a result can be sorted by how near it came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from runner.frozen import frozen
from runner.records import Json

if TYPE_CHECKING:
    from runner.job.figures import Figure

Must: TypeAlias = Literal["required", "forbidden", "allowed"]


@frozen
class Ratio:
    """Width to height, as written (`1.91:1`)."""

    written: str
    value: Fraction


@frozen
class Expected:
    """A rendered `expect:`; None, empty or `allowed`: anything will do.

    Characters and columns of a text, pixels and kB (1000 bytes) of a file, formats as `jpeg`, `png`, …. `max_width` and `min_width`
    are columns of a text and pixels of a picture. `sizes` are (width, height) with the kB such a picture may weigh, or None.
    `tolerance` is a fraction of the ratio. `facts` are the numbers that the row states, of the columns called `fact_names`;
    `locale` says how numbers are written in the copy. `unlike_siblings` and `unlike_source` are bits of a dHash, of 64.
    """

    max_chars: int | None = None
    min_chars: int | None = None
    width: int | None = None
    height: int | None = None
    max_kb: float | None = None
    formats: tuple[str, ...] = ()
    min_kb: float | None = None
    min_width: int | None = None
    max_width: int | None = None
    min_height: int | None = None
    max_height: int | None = None
    ratios: tuple[Ratio, ...] = ()
    tolerance: float = 0.01
    sizes: Mapping[tuple[int, int], float | None] = field(default_factory=dict)
    modes: tuple[str, ...] = ()
    alpha: Must = "allowed"
    animation: Must = "allowed"
    blank: Must = "allowed"
    unlike_siblings: int | None = None
    unlike_source: int | None = None
    forbidden: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    facts: tuple[Figure, ...] | None = None
    fact_names: tuple[str, ...] = ()
    locale: str | None = None


@frozen
class Check:
    """One thing that was looked at: what was wanted, what was measured; `said` tells a person what is wrong, empty if nothing is.

    `of` names the artifact where a step gave several.
    """

    name: str
    wanted: Json
    got: Json
    said: str = ""
    of: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is as wanted."""
        return not self.said

    def told(self) -> dict[str, Any]:
        """The check as results.jsonl has it."""
        fields: dict[str, Any] = {"name": self.name, "ok": self.ok, "wanted": self.wanted, "got": self.got}
        return {**fields, "of": self.of} if self.of else fields


def complaint_of(checks: Sequence[Check]) -> str:
    """What is not as expected, in one line; empty if all is."""
    return "; ".join(f"{check.of}: {check.said}" if check.of else check.said for check in checks if check.said)
