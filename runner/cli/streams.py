"""The process's own streams: nothing that Python itself prints shows a key, and nobody listening is no reason to stop.

A traceback can leave in more ways than through the door in `runner.cli`: by the log of a library, out of a thread, from an object
that fails as it is collected. Each of these hooks is set only where nobody else has set it, so a test or a debugger keeps its own.
A core dump would hold every key, so none is made.
"""

from __future__ import annotations

import errno
import logging
import os
import resource
import sys
import threading
import traceback
from types import TracebackType
from typing import Final, Literal

from runner.edge.redaction import redact

NOBODY_LISTENS: Final = frozenset({errno.EPIPE, errno.EIO, errno.EBADF})
"""What writing fails with when the reader of a pipe, or a terminal, is gone."""


class RedactedFormatter(logging.Formatter):
    """A log line, its traceback included, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return redact(super().format(record))


def guard_streams() -> None:
    """Have whatever Python prints of itself redacted, warnings dropped, and no core dumped. Harmless when done twice."""
    _fill_places()
    logging.captureWarnings(capture=True)  # Pillow warns of odd pictures; what is wrong with one is told as its verdict
    root = logging.getLogger()
    if not root.handlers:
        logging.getLogger("py.warnings").propagate = False
        handler = logging.StreamHandler()
        handler.setFormatter(RedactedFormatter("%(name)s: %(message)s"))
        root.addHandler(handler)
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _tell
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _tell_of_thread
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _tell_of_object
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def hang_up(name: Literal["stdout", "stderr"]) -> None:
    """From now on, what is written to this stream is written to nobody."""
    setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - it lives as long as the process


def flush_streams() -> None:
    """Write out what is still held back; where nobody listens, drop it. The interpreter would end with a code of its own."""
    for name in ("stdout", "stderr"):
        try:
            stream = getattr(sys, name)
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            hang_up(name)


def _fill_places() -> None:
    """Put nothing where a stream was closed, or the next file we open, a journal even, would be taken for it."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one


def _tell(kind: type[BaseException], failure: BaseException, trace: TracebackType | None) -> None:
    if sys.stderr is not None:
        sys.stderr.write(redact("".join(traceback.format_exception(kind, failure, trace))))


def _tell_of_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None:
        _tell(told.exc_type, told.exc_value, told.exc_traceback)


def _tell_of_object(told: sys.UnraisableHookArgs) -> None:
    if told.exc_value is not None:
        _tell(told.exc_type, told.exc_value, told.exc_traceback)
