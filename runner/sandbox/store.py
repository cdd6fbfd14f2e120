"""The sandbox's folder: orders of queued jobs, the pictures posted with them, and results with their links.

Everything is written to a temporary name and renamed, so a SIGKILL leaves whole files or none. A result's place is derived from its
order's content, so the same order made twice is one set of files.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from runner.sandbox.intake import HELD, Made, Order

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost"})
TOKEN: Final = re.compile(r"[a-z]+-[0-9a-f]{32}")
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
INDEX: Final = "index.json"


class Store:
    """Reads and writes one state folder. `salt` makes links unguessable; they stay the same as long as it does."""

    def __init__(self, root: Path, salt: str) -> None:
        self._root = root
        self._salt = salt.encode()
        for folder in ("files", "inputs", "orders", "deleted"):
            (root / folder).mkdir(parents=True, exist_ok=True, mode=0o700)

    def token(self, vendor: str, digest: str) -> str:
        """The unguessable folder name of an order's results; begins with the vendor's name."""
        return f"{vendor}-{hashlib.blake2b(digest.encode(), key=self._salt, digest_size=16).hexdigest()}"

    def save_order(self, order: Order) -> None:
        """Keep what a queued job needs, so that it can still be made after a restart."""
        for reference, data in order.inputs.items():
            self._write(self._root / "inputs" / reference.removeprefix(HELD), data)
        content = {"vendor": order.vendor, "operation": order.operation, "params": order.params, "inputs": sorted(order.inputs)}
        self._write(self._root / "orders" / f"{order.digest}.json", orjson.dumps(content))

    def load_order(self, digest: str) -> Order:
        """A kept order with its pictures."""
        content: Mapping[str, Any] = orjson.loads((self._root / "orders" / f"{digest}.json").read_bytes())
        inputs = {name: (self._root / "inputs" / name.removeprefix(HELD)).read_bytes() for name in content["inputs"]}
        return Order(content["vendor"], content["operation"], content["params"], inputs)

    def save_results(self, token: str, made: Sequence[Made]) -> None:
        """Keep an order's results; the index is written last and makes them valid."""
        for item in made:
            self._write(self._root / "files" / token / item.name, item.data)
        index = [[item.name, item.media_type, item.width, item.height] for item in made]
        self._write(self._root / "files" / token / INDEX, orjson.dumps(index))

    def load_results(self, token: str) -> tuple[Made, ...] | None:
        """An order's results, None if it has not been made yet."""
        folder = self._root / "files" / token
        if not (folder / INDEX).exists():
            return None
        index = orjson.loads((folder / INDEX).read_bytes())
        return tuple(Made(name, kind, (folder / name).read_bytes(), width, height) for name, kind, width, height in index)

    def load_file(self, token: str, name: str) -> Made | None:
        """One result file, None if there is none of that name."""
        if not TOKEN.fullmatch(token) or not NAME.fullmatch(name):
            return None
        return next((item for item in self.load_results(token) or () if item.name == name), None)

    def own(self, url: str) -> bytes | None:
        """The bytes behind one of our own result links, whichever port we had when we gave it out; None for any other URL."""
        parts = urlsplit(url)
        steps = parts.path.split("/")
        if parts.hostname not in LOOPBACK or len(steps) != 4 or steps[1] != "files":
            return None
        found = self.load_file(steps[2], steps[3])
        return found.data if found else None

    def delete(self, vendor: str, ticket: str) -> None:
        """Remember that a job was deleted by its owner."""
        self._write(self._root / "deleted" / f"{vendor}-{ticket}", b"")

    def is_deleted(self, vendor: str, ticket: str) -> bool:
        """Whether the job was deleted."""
        return (self._root / "deleted" / f"{vendor}-{ticket}").exists()

    def cancel(self, vendor: str, ticket: str) -> None:
        """Remember that a job was cancelled by its owner."""
        self._write(self._root / "canceled" / f"{vendor}-{ticket}", b"")

    def is_canceled(self, vendor: str, ticket: str) -> bool:
        """Whether the job was cancelled."""
        return (self._root / "canceled" / f"{vendor}-{ticket}").exists()

    def _write(self, path: Path, data: bytes) -> None:
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.{threading.get_ident()}.part")
        draft.write_bytes(data)
        draft.replace(path)
