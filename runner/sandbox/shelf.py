"""Where files that were uploaded, and batches made of them, are kept: a folder, so that both outlive the process.

A record is JSON beside its data, written last and renamed into place; what has no record is not there. Nothing here knows a vendor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from runner.sandbox.dice import fingerprint

ID: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


class Shelf:
    """Records by kind (`file`, `batch`) and id. `salt` makes ids unguessable; they stay the same as long as it does."""

    def __init__(self, root: Path, salt: str) -> None:
        self._root = root
        self._salt = salt
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._counts = {kind: sum(1 for _ in root.glob(f"{kind}?*.json")) for kind in ("file", "batch")}

    def new_id(self, kind: str) -> str:
        """An id nobody had: `file-…` or `batch_…`."""
        self._counts[kind] += 1
        return self.id_for(kind, self._counts[kind])

    def id_for(self, kind: str, *about: object) -> str:
        """The id that belongs to `about`, the same each time."""
        return f"{kind}{'-' if kind == 'file' else '_'}{fingerprint(self._salt, kind, *about).hex()[:24]}"

    def path(self, name: str, part: str) -> Path:
        """Where a part of a record is: `data` of a file, `lines` of a batch."""
        return self._root / f"{name}.{part}"

    def save(self, record: Mapping[str, Any], part: str = "json") -> None:
        """Keep a record under its `id`, whole or not at all."""
        draft = self.path(record["id"], f"{part}.part")
        draft.write_bytes(orjson.dumps(record))
        draft.replace(self.path(record["id"], part))

    def load(self, name: str, part: str = "json") -> dict[str, Any] | None:
        """A record; None if there is none of that id."""
        if not set(name) <= ID or not self.path(name, part).exists():
            return None
        record: dict[str, Any] = orjson.loads(self.path(name, part).read_bytes())
        return record

    def list(self, kind: str) -> list[dict[str, Any]]:
        """All records of a kind, the newest first."""
        found = [orjson.loads(path.read_bytes()) for path in self._root.glob(f"{kind}?*.json")]
        return sorted(found, key=lambda record: (-record["created_at"], record["id"]))

    def delete(self, name: str) -> None:
        """Forget a record; its data goes with it."""
        for part in ("json", "data"):
            self.path(name, part).unlink(missing_ok=True)


def offsets(path: Path) -> list[int]:
    """Where the lines of a file begin that hold anything."""
    places, at = [], 0
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                places.append(at)
            at += len(line)
    return places


def read_at(path: Path, places: Sequence[int]) -> Iterator[bytes]:
    """The lines of a file that begin at these places, in that order."""
    with path.open("rb") as file:
        for place in places:
            file.seek(place)
            yield file.readline()
