"""How often each thing was tried, remembered beyond the process.

A fault that ends after the second try has to know which try this is, also when the sandbox was stopped in between; otherwise it
would begin anew with every start and never end. One line per try in a file of the state folder; a line that a power cut tore is cut
off.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from runner.sandbox.dice import fingerprint
from runner.sandbox.ledger import whole_lines

KEY_BYTES: Final = 12
"""Bytes of the digest that stands for what was tried: no two of a billion are alike."""


class Tries:
    """Counts tries; in `path` where one is given, otherwise for as long as the object lives."""

    def __init__(self, path: Path | None = None) -> None:
        self._counts = Counter(whole_lines(path)) if path is not None else Counter[bytes]()
        self._file = path.open("ab", buffering=0) if path is not None else None

    def count(self, *about: object) -> int:
        """Note one more try of `about`; which one it is, 1 for the first. On disk when this returns."""
        key = fingerprint(*about)[:KEY_BYTES].hex().encode()
        self._counts[key] += 1
        if self._file is not None:
            self._file.write(key + b"\n")
        return self._counts[key]

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
