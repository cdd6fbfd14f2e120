"""Artists: processes of their own that draw with resvg, so that a run goes on while a picture is drawn.

resvg's binding keeps the interpreter's lock as long as it draws (measured with resvg_py 0.5.0: a thread beside it stands still), so
a thread is not enough: every transfer of the run would wait, and so would Ctrl-C. An artist is this very file, run as a script; it
imports nothing of ours, reads drawings from its input, and ends with it, even if whoever asked was killed. One that takes too long
is dismissed, and one that broke takes nobody with it.
"""

from __future__ import annotations

import atexit
import json
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Final

LONGEST: Final = 60.0
"""Seconds one drawing may take."""
HEAD: Final = struct.Struct(">?Q")
"""Before each message: whether it is a drawing rather than a reason, and how many bytes follow."""


class NotDrawn(Exception):
    """Why there is no picture, for a person."""


class Studio:
    """Artists, hired as they are needed and kept for the next drawing. May be used by several threads."""

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._idle: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def draw(self, svg: str, width: int, height: int, fonts: Sequence[str]) -> bytes:
        """The drawing as PNG; `fonts` are files. Blocks, and lets other threads work. Raises `NotDrawn`."""
        artist = self._hire()
        alarm = threading.Timer(self._longest, artist.kill)
        alarm.start()
        try:
            assert artist.stdin is not None
            assert artist.stdout is not None
            wish = {"svg_string": svg, "width": width, "height": height, "font_files": list(fonts), "skip_system_fonts": True}
            _say(artist.stdin, True, json.dumps(wish).encode())
            heard = _hear(artist.stdout)
        except OSError:
            heard = None
        finally:
            alarm.cancel()
        if heard is None:
            _dismiss(artist)
            raise NotDrawn(f"it broke off, or took longer than {self._longest:g} s; make the drawing simpler")
        with self._lock:
            self._idle.append(artist)
        drawn, data = heard
        if not drawn:
            raise NotDrawn(data.decode())
        return data

    def close(self) -> None:
        """Let all go that have nothing to do."""
        with self._lock:
            idle, self._idle = self._idle, []
        for artist in idle:
            _dismiss(artist)

    def _hire(self) -> subprocess.Popen[bytes]:
        with self._lock:
            while self._idle:
                if (artist := self._idle.pop()).poll() is None:
                    return artist
                _dismiss(artist)
        # Its own session: Ctrl-C is for the run, which decides what becomes of a drawing that was begun.
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        return subprocess.Popen([sys.executable, "-I", __file__], stdin=pipe, stdout=pipe, stderr=nowhere, start_new_session=True)


def _dismiss(artist: subprocess.Popen[bytes]) -> None:
    artist.kill()
    artist.wait()
    for pipe in (artist.stdin, artist.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _say(pipe: IO[bytes], good: bool, data: bytes) -> None:
    pipe.write(HEAD.pack(good, len(data)))
    pipe.write(data)
    pipe.flush()


def _hear(pipe: IO[bytes]) -> tuple[bool, bytes] | None:
    """The next message; None where there is none any more."""
    head = pipe.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    good, size = HEAD.unpack(head)
    data = pipe.read(size)
    return (good, data) if len(data) == size else None


def _work() -> None:
    """An artist's day: draw what comes, until nothing comes any more."""
    import resvg_py  # noqa: PLC0415 - only who draws needs it

    while (heard := _hear(sys.stdin.buffer)) is not None:
        try:
            _say(sys.stdout.buffer, True, bytes(resvg_py.svg_to_bytes(**json.loads(heard[1]))))
        except (ValueError, RuntimeError) as wrong:
            _say(sys.stdout.buffer, False, str(wrong).encode())


STUDIO: Final = Studio()
atexit.register(STUDIO.close)

if __name__ == "__main__":
    _work()
