"""A file for a vendor, written as it will be sent: a multipart body that grows line by line in the store.

A file of fifty thousand requests with pictures in them is too large to be held in memory, and it is known only at its end which
requests it has. So what goes over the wire lies on the disk from its first line on, and the transport sends it from there.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Final

from runner.edge.blobs import Blobs
from runner.records import FileBody, Part

PIECE: Final = 256 * 1024
"""Bytes gathered before they are written."""
LONGEST_NAME: Final = 70
"""Characters a boundary may have (RFC 2046 §5.1.1)."""


class Upload:
    """A multipart/form-data body (RFC 7578) with the text parts `fields` and one file of lines. Ends with `finish` or `abort`.

    Lines are JSON, which never begins with a dash, so none of them can be taken for the boundary.
    """

    def __init__(self, blobs: Blobs, fields: Iterable[Part], name: str = "batch.jsonl") -> None:
        self._blobs = blobs
        self._sink = blobs.sink()
        self._boundary = f"adbatch-{secrets.token_hex(16)}"[:LONGEST_NAME]
        self._waiting: list[bytes] = []
        self._waits = 0
        self.size = 0
        for part in fields:
            head = f'--{self._boundary}\r\nContent-Disposition: form-data; name="{part.name}"'
            self._gather(f"{head}\r\n\r\n{part.value}\r\n".encode())
        head = f'--{self._boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        self._gather(f"{head}Content-Type: application/jsonl\r\n\r\n".encode())

    def write(self, line: bytes) -> None:
        """Add a line, with its line break. Raises `OurSide` when the disk is full or gone."""
        self.size += len(line)
        self._gather(line)

    def finish(self) -> FileBody:
        """Write what is left and make it durable; blocks. The body is a blob then, until `discard`. Raises as `write` does."""
        self._gather(f"\r\n--{self._boundary}--\r\n".encode())
        self._flush()
        blob = self._sink.finish()
        return FileBody(blob.sha256, f"multipart/form-data; boundary={self._boundary}")

    def abort(self) -> None:
        """Leave nothing behind; harmless after `finish`."""
        self._waiting.clear()
        self._sink.abort()

    def discard(self, body: FileBody) -> None:
        """Forget what was sent: it is made of requests that are all kept elsewhere."""
        self._blobs.path(body.sha256).unlink(missing_ok=True)

    def _gather(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waits += len(data)
        if self._waits >= PIECE:
            self._flush()

    def _flush(self) -> None:
        self._sink.write(b"".join(self._waiting))
        self._waiting.clear()
        self._waits = 0
