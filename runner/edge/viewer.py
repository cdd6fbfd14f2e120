"""A viewer: a process of its own that decodes pictures, so that a run goes on while they are looked at.

Whoever decodes a picture lets go of the interpreter a dozen times and waits for it as often, while transfers and files want it,
too: in a busy run that took a thread twice the processor time it takes alone. A viewer shares nothing with the run but names of
files. It is this very module, imports little of ours, is given no key, and ends with its input, even if whoever asked was killed.
To start one takes as long as some hundred pictures, so it is hired when so many have come; until it is ready, or if it breaks,
whoever asks looks himself.
"""

from __future__ import annotations

import gc
import os
import select
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import orjson

from runner.edge.media import Bad, Media, inspect
from runner.records import read_look

MANY: Final = 150
"""Pictures after which a viewer is hired."""
READY: Final = b"ready\n"


class Viewer:
    """Looks at files of pictures once there were `many`. May be used by several threads; close it in the end."""

    def __init__(self, many: int = MANY) -> None:
        self._left = many if (os.cpu_count() or 1) > 1 else sys.maxsize
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._is_ready = self._is_over = False

    def see(self, paths: Sequence[Path]) -> list[Media | Bad | None]:
        """What `media.inspect` says of each file; None for those that nobody has looked at."""
        with self._lock:
            self._left -= len(paths)
            child = self._at_work()
            told = None if child is None else _ask(child, paths)
            if child is not None and told is None:
                self.close()
        return [None] * len(paths) if told is None else told

    def close(self) -> None:
        """Have nobody look any more; whoever is waiting for an answer gets none."""
        self._is_over = True
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                with suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]

    def _at_work(self) -> subprocess.Popen[bytes] | None:
        """The process, once it is ready."""
        if self._left >= 0 or self._is_over:
            return None
        if self._child is None:
            self._hire()
        elif not self._is_ready:
            self._listen(self._child)
        return self._child if self._is_ready else None

    def _listen(self, child: subprocess.Popen[bytes]) -> None:
        """Whether it has said by now that it is ready."""
        assert child.stdout is not None
        voice = select.poll()  # unlike `select`, also where a thousand connections are open
        voice.register(child.stdout)
        if voice.poll(0):
            self._is_ready = child.stdout.readline() == READY
            if not self._is_ready:
                self.close()

    def _hire(self) -> None:
        from runner.edge.rehearsal import without_keys  # noqa: PLC0415 - the viewer itself needs none of that

        # -P: a folder named `runner` where the user happens to stand is not this program.
        # Its own session: Ctrl-C is for the run, which lands what it has paid for.
        argv, pipe, nowhere = [sys.executable, "-P", "-m", __name__], subprocess.PIPE, subprocess.DEVNULL
        try:
            self._child = subprocess.Popen(
                argv, stdin=pipe, stdout=pipe, stderr=nowhere, env=without_keys(os.environ), start_new_session=True
            )
        except OSError:
            self._is_over = True


def _ask(child: subprocess.Popen[bytes], paths: Sequence[Path]) -> list[Media | Bad | None] | None:
    """What the child says of the files; None if it is no more."""
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(OSError, ValueError, TypeError):
        child.stdin.write(orjson.dumps([str(path) for path in paths]) + b"\n")
        child.stdin.flush()
        told = [_heard(each) for each in orjson.loads(child.stdout.readline())]
        return told if len(told) == len(paths) else None
    return None


def _heard(told: list[str | int | None] | None) -> Media | Bad | None:
    if told is None:
        return None
    if len(told) == 1:
        return Bad(str(told[0]))
    media_type, ext, width, height, look = told
    wide, high = (None if side is None else int(side) for side in (width, height))
    return Media(str(media_type), str(ext), wide, high, None if look is None else read_look(str(look)))


def _said(path: str) -> list[str | int | None] | None:
    try:
        media = inspect(Path(path))
    except OSError:
        return None
    if isinstance(media, Bad):
        return [media.why]
    return [media.media_type, media.ext, media.width, media.height, None if media.look is None else str(media.look)]


def look_on(asked: IO[bytes], told: IO[bytes]) -> None:
    """A viewer's day: say what it sees in each line of files, until none comes any more."""
    import runner.edge.looks  # noqa: PLC0415, F401 - Pillow is imported before anybody waits

    told.write(READY)
    told.flush()
    for line in asked:
        told.write(orjson.dumps([_said(path) for path in orjson.loads(line)], option=orjson.OPT_APPEND_NEWLINE))
        told.flush()


if __name__ == "__main__":
    gc.set_threshold(50_000)
    look_on(sys.stdin.buffer, sys.stdout.buffer)
