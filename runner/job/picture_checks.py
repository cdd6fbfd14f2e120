"""Checks of pictures and videos, on what was measured when they arrived.

What a check cannot measure is not as wanted, but for what a video does not have: a look.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Final

from runner.frozen import frozen
from runner.job.expect import Check, Expected
from runner.records import Artifact, Look

BLANK_SPREAD: Final = 8
"""Up to this difference of a colour (of 255) a picture seen from afar shows nothing."""
VIDEO: Final = "video/"


@frozen
class Compared:
    """The dHashes a picture is held against: of its siblings, and of the pictures it was made from."""

    siblings: Sequence[int] = ()
    sources: Sequence[int] = ()


def file_checks(expected: Expected, file: Artifact, look: Look | None, compared: Compared) -> Iterator[Check]:
    """Every check of a file that is asked for, met or not."""
    yield from _pixels(expected, file)
    yield from _shape(expected, file)
    yield from _weight(expected, file)
    if expected.formats:
        short = (file.media_type or "").rpartition("/")[2]
        wrong = "" if short in expected.formats else f"format is {short or 'unknown'}, {' or '.join(expected.formats)} wanted"
        yield Check("format", list(expected.formats), short or None, wrong)
    if not (file.media_type or "").startswith(VIDEO):
        yield from _looks(expected, look)
        yield from _likeness(expected, look, compared)


def _pixels(expected: Expected, file: Artifact) -> Iterator[Check]:
    for side, got in (("width", file.width), ("height", file.height)):
        shown = got if got is not None else "unknown"
        exact, least, most = (getattr(expected, name) for name in (side, f"min_{side}", f"max_{side}"))
        if exact is not None:
            yield Check(side, exact, got, "" if got == exact else f"{side} is {shown}, {exact} wanted")
        if least is not None:
            small = got is None or got < least
            yield Check(f"min_{side}", least, got, f"{side} is {shown}, at least {least} wanted" if small else "")
        if most is not None:
            large = got is None or got > most
            yield Check(f"max_{side}", most, got, f"{side} is {shown}, at most {most} wanted" if large else "")


def _shape(expected: Expected, file: Artifact) -> Iterator[Check]:
    known = bool(file.width and file.height)
    if expected.sizes:
        size = f"{file.width}x{file.height}" if known else None
        wanted = [f"{width}x{height}" for width, height in expected.sizes]
        fits = (file.width, file.height) in expected.sizes
        yield Check("sizes", list(wanted), size, "" if fits else f"size is {size or 'unknown'}, {_or(wanted)} wanted")
    if expected.ratios:
        got = Fraction(file.width or 0, file.height) if file.height else None
        fits = got is not None and any(
            abs(got - ratio.value) <= Fraction(str(expected.tolerance)) * ratio.value for ratio in expected.ratios
        )
        wanted = [ratio.written for ratio in expected.ratios]
        shown = None if got is None else round(float(got), 4)
        said = f"ratio is {shown if known else 'unknown'}:1, {_or(wanted)} within {expected.tolerance * 100:g}% wanted"
        yield Check("ratio", list(wanted), shown, "" if fits else said)


def _weight(expected: Expected, file: Artifact) -> Iterator[Check]:
    size = file.size or 0
    limit = expected.sizes.get((file.width or 0, file.height or 0))
    most = min((each for each in (expected.max_kb, limit) if each is not None), default=None)
    if most is not None:
        wrong = f"{size / 1000:.15g} kB, at most {most:.15g} wanted" if size > most * 1000 else ""
        yield Check("max_kb", most, size / 1000, wrong)
    if expected.min_kb is not None:
        light = size < expected.min_kb * 1000
        yield Check(
            "min_kb",
            expected.min_kb,
            size / 1000,
            f"{size / 1000:.15g} kB, at least {expected.min_kb:.15g} wanted" if light else "",
        )


def _looks(expected: Expected, look: Look | None) -> Iterator[Check]:
    if expected.modes:
        mode = None if look is None else look.mode
        wrong = "" if mode in expected.modes else f"colours are {mode or 'unknown'}, {_or(expected.modes)} wanted"
        yield Check("mode", list(expected.modes), mode, wrong)
    if expected.alpha != "allowed":
        clear = None if look is None else look.clear
        said = {None: "transparency is unknown", True: "has transparent pixels", False: "has no transparent pixel"}[clear]
        wrong = "" if clear is (expected.alpha == "required") else f"{said}, alpha is {expected.alpha}"
        yield Check("alpha", expected.alpha, clear, wrong)
    if expected.animation != "allowed":
        frames = None if look is None else look.frames
        moves = frames is not None and frames > 1
        fits = frames is not None and moves is (expected.animation == "required")
        said = f"has {frames if frames is not None else 'unknown'} frame{'' if frames == 1 else 's'}"
        yield Check("animation", expected.animation, frames, "" if fits else f"{said}, animation is {expected.animation}")
    if expected.blank == "forbidden":
        spread = None if look is None else look.spread
        empty = spread is None or spread <= BLANK_SPREAD
        yield Check("blank", "forbidden", spread, "shows nothing but one colour" if empty else "")


def _likeness(expected: Expected, look: Look | None, compared: Compared) -> Iterator[Check]:
    for name, most, others, whom in (
        ("unlike_siblings", expected.unlike_siblings, compared.siblings, "a sibling"),
        ("unlike_source", expected.unlike_source, compared.sources, "the picture it was made from"),
    ):
        if most is None:
            continue
        nearest = None if look is None else min(((look.dhash ^ other).bit_count() for other in others), default=None)
        alike = nearest is not None and nearest <= most
        yield Check(
            name, most, nearest, f"looks like {whom}: {nearest} of 64 bits differ, more than {most} wanted" if alike else ""
        )


def _or(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
