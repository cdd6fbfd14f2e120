"""The book of accepted submits: what a real vendor would bill, written down before it is answered.

One JSON line per accepted submit, appended and flushed to the operating system, so that a SIGKILL of the sandbox loses none. A test
holds the runner's journal against it: whatever stands here twice was paid for twice.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from runner.frozen import frozen


@frozen
class Entry:
    """One accepted submit. `n` counts from 1; the moments are seconds since 1970; `digest` stands for the request's content.

    `ticket` is set for queued jobs, which begin at `starts_at` and are done at `ends_at`. `charge` is in the vendor's credits.
    """

    n: int
    at: float
    vendor: str
    operation: str
    digest: str
    ticket: str | None = None
    starts_at: float | None = None
    ends_at: float | None = None
    charge: float = 1.0

    def plain(self) -> dict[str, Any]:
        """The entry as JSON says it; fields that are None are left out."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


class Ledger:
    """The entries of a state folder, in order, and the queued jobs among them by vendor and ticket."""

    def __init__(self, path: Path) -> None:
        self.entries: list[Entry] = []
        self._jobs: dict[tuple[str, str], Entry] = {}
        for line in whole_lines(path):
            self._note(Entry(**orjson.loads(line)))
        self._file = path.open("ab", buffering=0)

    def accept(self, entry: Entry) -> Entry:
        """Write the entry down; when this returns, it survives the process."""
        self._file.write(orjson.dumps(entry.plain(), option=orjson.OPT_APPEND_NEWLINE))
        self._note(entry)
        return entry

    def accept_all(self, entries: Iterable[Entry]) -> None:
        """Write many down with one write."""
        taken = list(entries)
        self._file.write(b"".join(orjson.dumps(entry.plain(), option=orjson.OPT_APPEND_NEWLINE) for entry in taken))
        for entry in taken:
            self._note(entry)

    def job(self, vendor: str, ticket: str) -> Entry | None:
        """The queued job a ticket stands for, if the vendor gave it out."""
        return self._jobs.get((vendor, ticket))

    def spans(self, vendor: str) -> list[tuple[float, float]]:
        """Start and end of the vendor's queued jobs, oldest first."""
        jobs = (entry for (name, _), entry in self._jobs.items() if name == vendor)
        return [(entry.starts_at, entry.ends_at) for entry in jobs if entry.starts_at is not None and entry.ends_at is not None]

    def spent(self, vendor: str) -> float:
        """The credits the vendor has charged so far."""
        return sum(entry.charge for entry in self.entries if entry.vendor == vendor)

    def summary(self) -> list[dict[str, Any]]:
        """How often each content was bought: vendor, operation, digest and count, the most often first."""
        counts = Counter((entry.vendor, entry.operation, entry.digest) for entry in self.entries)
        return [
            {"vendor": vendor, "operation": operation, "digest": digest, "count": count}
            for (vendor, operation, digest), count in counts.most_common()
        ]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _note(self, entry: Entry) -> None:
        self.entries.append(entry)
        if entry.ticket is not None:
            self._jobs[entry.vendor, entry.ticket] = entry


def whole_lines(path: Path) -> list[bytes]:
    """The complete lines of the file; a last line that a power cut tore is cut off the file, for it was never answered."""
    if not path.exists():
        return []
    body = path.read_bytes()
    whole = body[: body.rfind(b"\n") + 1]
    if len(whole) < len(body):
        path.write_bytes(whole)
    return whole.splitlines()
