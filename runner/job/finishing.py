"""What a job wishes of a finished picture: the words of `finish:`, compiled and rendered, and how a picture came about.

Finishing is no part of what is asked of a vendor: changing it buys nothing, and what later steps read is what the vendor gave. How
a picture came about follows from the steps: what a vendor made from words alone is generated, what it made with a photo in hand is
a composite, and so is whatever is laid out here from either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

import orjson

from runner.fields import PENDING, Field
from runner.frozen import frozen
from runner.job.rendering import Prompt, Shape, prompts_in
from runner.records import Artifact

if TYPE_CHECKING:
    from runner.job.steps import StepPlan

Format: TypeAlias = Literal["jpeg", "png", "webp", "avif"]
Fit: TypeAlias = Literal["crop", "pad", "stretch"]
Metadata: TypeAlias = Literal["keep", "drop"]

GENERATED: Final = "trainedAlgorithmicMedia"
COMPOSITE: Final = "compositeWithTrainedAlgorithmicMedia"
WAYS: Final = 1
"""Counts the ways in which the same wishes gave other bytes; what was finished another way is finished again."""
LARGEST_SIDE: Final = 10_000


@frozen
class Finishing:
    """A rendered `finish:`. None: as it comes. `quality` is the most that is asked of a lossy format, of 100.

    `source_type` is the IPTC Digital Source Type that the file is to state; `metadata: drop` keeps nothing but that.
    """

    width: int | None = None
    height: int | None = None
    fit: Fit = "crop"
    background: str = "#ffffff"
    format: Format | None = None
    max_kb: float | None = None
    quality: int = 90
    metadata: Metadata = "keep"
    source_type: str | None = None

    @property
    def is_mark_only(self) -> bool:
        """Whether the pixels stay as they are whatever they are like."""
        return (self.width, self.height, self.format, self.max_kb, self.metadata) == (None, None, None, None, "keep")

    @property
    def digest(self) -> str:
        """What tells one way of finishing from any other."""
        return _digest(self)


@lru_cache(maxsize=1024)
def _digest(wish: Finishing) -> str:
    """A run has few wishes, and asks this several times for each picture."""
    return hashlib.sha256(orjson.dumps([WAYS, *(getattr(wish, name) for name in wish.__match_args__)])).hexdigest()


class Unfinished(Exception):
    """Why a picture cannot be finished as wished, for a person."""


MakeAll: TypeAlias = Callable[[Sequence[tuple[Artifact, Finishing]]], list[Artifact | str] | None]
"""What comes of each picture by its wish, or why nothing does; None where nobody is there to do it."""


class Finisher(Protocol):
    """Whoever makes finished pictures; only what has a store of bytes can."""

    def knows(self, artifacts: Sequence[Artifact], wish: Finishing) -> bool:
        """Whether nothing would have to be made."""

    def __call__(self, artifacts: Sequence[Artifact], wish: Finishing) -> tuple[Artifact, ...]:
        """The artifacts with their files finished. Blocks. Raises `Unfinished`."""

    def finish_all(
        self, many: Sequence[tuple[Sequence[Artifact], Finishing]], elsewhere: MakeAll | None = None
    ) -> list[tuple[Artifact, ...] | str]:
        """The same for each of `many`, or why not; made `elsewhere` if somebody is there. Blocks."""


def finishing_of(rendered: Mapping[str, Any], source_type: str | None) -> Finishing:
    """The rendered words of `finish:`. Raises `ValueError` saying which value is no size or weight."""
    for name in ("width", "height"):
        value = rendered.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LARGEST_SIDE):
            raise ValueError(f"finish.{name} must be a whole number of pixels, 1 to {LARGEST_SIDE}; it is {value!r}")
    weight = rendered.get("max_kb")
    if weight is not None and (isinstance(weight, bool) or not isinstance(weight, int | float) or not weight > 0):
        raise ValueError(f"finish.max_kb must be a number above 0; it is {weight!r}")
    return Finishing(**rendered, source_type=source_type)


def source_types(steps: Sequence[StepPlan]) -> dict[str, str | None]:
    """How the pictures of each step come about; None where nothing generated is in them. `steps` stand after what they read."""
    found: dict[str, str | None] = {}
    for step in steps:
        origins = list(_origins(step.shape, step.offer.operation.fields, found))
        if step.offer.operation.local:
            found[step.name] = COMPOSITE if any(origin in (GENERATED, COMPOSITE) for origin in origins) else None
        else:
            found[step.name] = COMPOSITE if any(origin != GENERATED for origin in origins) else GENERATED
    return found


def _origins(shape: Shape, fields: Mapping[str, Field], found: Mapping[str, str | None]) -> Iterator[str | None]:
    """How each picture that goes into a step came about: as that of the step it is read from; a photo is None."""
    parts = shape.items() if isinstance(shape, dict) else [("", shape)]
    for name, part in parts:
        yield from _pictures_of(part, fields.get(name), found)


def _pictures_of(part: Shape, spec: Field | None, found: Mapping[str, str | None]) -> Iterator[str | None]:
    if isinstance(part, dict):
        for name, inner in part.items():
            yield from _pictures_of(inner, None if spec is None else spec.fields.get(name, spec.item), found)
    elif isinstance(part, list):
        for inner in part:
            yield from _pictures_of(inner, None if spec is None else spec.item or spec, found)
    else:
        read = [step for prompt in prompts_in(part) for step in sorted(_files_read(prompt))]
        yield from (found.get(step) for step in read)
        if not read and spec is not None and spec.kind == "image" and part is not PENDING:
            yield None


def _files_read(prompt: Prompt) -> frozenset[str]:
    """The steps whose files a value names."""
    ways = (read.split(".") for read in prompt.reads)
    return frozenset(
        way[1] for way in ways if way[0] == "steps" and len(way) > 1 and (len(way) == 2 or way[2] in ("file", "files"))
    )
