"""The censor between vendors and everything that is kept: what a vendor quotes of our keys goes no further than here.

Verdicts, raw answers, manifests and results are all made from replies, so replies are the one place to mask them: the reason of a
failure, the headers and the body. A body that goes straight to the store is masked on its way, piece by piece, unless it is a
picture or a video: whoever quotes a key does it in text, and a picture's bytes are what was paid for.
"""

from __future__ import annotations

from dataclasses import replace

from runner.edge.blobs import Blobs, Sink
from runner.edge.media import sniff
from runner.edge.redaction import Redactor
from runner.records import Answer, Blob, NoAnswer, Reply


def censor(reply: Reply, redactor: Redactor) -> Reply:
    """The reply without secrets."""
    if isinstance(reply, NoAnswer):
        return replace(reply, why=redactor.redact(reply.why))
    is_picture = reply.blob is not None and sniff(reply.body) is not None  # as in the store, and its head is 64 KiB
    body = reply.body if is_picture else redactor.redact_bytes(reply.body)
    told = "\n".join(reply.headers.values())
    if body is reply.body and redactor.redact(told) is told:
        return reply
    headers = {name: redactor.redact(value) for name, value in reply.headers.items()}
    return Answer(reply.status, headers, body, reply.blob)


class CensoredSink(Sink):
    """A blob being written, without secrets unless it is a picture or a video."""

    def __init__(self, blobs: Blobs, redactor: Redactor) -> None:
        super().__init__(blobs.root, blobs.path, blobs.sync)
        self._redactor = redactor
        self._rest = b""
        self._is_text: bool | None = None

    def write(self, data: bytes) -> None:
        """Append `data`. Raises as `Sink.write` does."""
        if self._is_text is None:
            self._is_text = sniff(data) is None
        if self._is_text:
            data, self._rest = self._redactor.redact_piece(self._rest + data)
        super().write(data)

    def clean(self, data: bytes) -> bytes:
        """`data` without secrets, unless it is a picture or a video."""
        return data if sniff(data) is not None else self._redactor.redact_bytes(data)

    def finish(self) -> Blob:
        """Write what was held back, and end as `Sink.finish` does."""
        super().write(self._redactor.redact_bytes(self._rest))
        self._rest = b""
        return super().finish()
