"""Chance that is the same everywhere: numbers drawn from a hash of what they are drawn for.

A sandbox that answers differently on another machine cannot prove anything. Nothing here depends on the process, the order of
requests or the Python version, which `random` does not promise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def fingerprint(*parts: object) -> bytes:
    """32 bytes that stand for the parts, taken as text, in this order."""
    return hashlib.blake2b("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=32).digest()


def chance(*parts: object) -> float:
    """A number in [0, 1) that is always the same for the same parts."""
    return int.from_bytes(fingerprint(*parts)[:7], "big") / (1 << 56)


class Dice:
    """A stream of seeded choices: the same parts give the same stream."""

    def __init__(self, *parts: object) -> None:
        self._parts = parts
        self._drawn = 0

    def unit(self) -> float:
        """The next number in [0, 1)."""
        self._drawn += 1
        return chance(*self._parts, self._drawn)

    def between(self, low: float, high: float) -> float:
        """The next number in [low, high)."""
        return low + (high - low) * self.unit()

    def whole(self, low: int, high: int) -> int:
        """The next whole number from low to high, both included."""
        return low + int(self.unit() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        """The next choice out of `options`, which must not be empty."""
        return options[int(self.unit() * len(options))]
