"""A worker: a process of its own for what is done to files, so that a run goes on meanwhile.

Whoever decodes, marks or publishes a file lets go of the interpreter a dozen times and waits for it as often, while transfers and
the journal want it, too: in a busy run that took a thread twice the processor time it takes alone. A worker (`runner.edge.duties`)
has an interpreter to itself. It shares nothing with the run but its folders, is given no key, and ends with its input, even if
whoever asked was killed. To start one takes as long as some hundred pictures, so it is hired when so much has come; until it is
ready, or if it breaks, whoever asks does the work himself: all of it may be done twice.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import IO, Any, Final, cast

import orjson

from runner.edge.finisher import from_told, told_of
from runner.edge.media import Bad, Media
from runner.edge.outputs import Outputs, Published
from runner.edge.remaking import Remade
from runner.errors import OurSide
from runner.job.finishing import Finishing
from runner.records import Artifact, read_look

READY: Final = b"ready\n"
MANY: Final = 150.0
"""Pictures from which on a worker is hired."""
BUSY: Final = 2
"""Questions that wait for an answer, from which on whoever wants pictures looked at does it himself."""
FILE: Final = 0.125
"""What it is to publish a file, of what it is to look at a picture."""


class Worker:
    """Sees to the files of `outputs` and of its store once they are `many`. May be used by several threads; close it in the end.

    What it says is None where nobody has done the work.
    """

    def __init__(self, outputs: Outputs, many: float = MANY) -> None:
        self._outputs = outputs
        self._left = many if (os.cpu_count() or 1) > 1 else float("inf")
        self._asking, self._ready = threading.Lock(), threading.Event()
        self._waiting: dict[int, Future[Any]] = {}
        self._asked = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._ear: threading.Thread | None = None
        self._is_over = False

    def expect(self, pictures: int, files: int) -> None:
        """So many pictures are to be looked at, and files published: whoever is needed for that gets ready in the meantime."""
        with self._asking:
            if pictures + FILE * files > self._left:
                self._left = -1.0
            self._at_work()

    def look(self, digests: Sequence[str]) -> list[Media | Bad | None] | None:
        """What `media.inspect` says of these blobs; None for one that is not there."""
        if len(self._waiting) >= BUSY:
            return None
        told = self._ask(["look", digests], len(digests))
        return None if told is None else [_seen(each) for each in told]

    def mark(self, pictures: Sequence[tuple[Artifact, Finishing]]) -> list[Artifact | str] | None:
        """What `Finisher.make_all` makes of each, or why it makes nothing."""
        asked = [[told_of(artifact), [getattr(wish, name) for name in wish.__match_args__]] for artifact, wish in pictures]
        told = self._ask(["mark", asked])
        return None if told is None else [each if isinstance(each, str) else from_told(each) for each in told]

    def publish(self, files: Sequence[tuple[str, str]], remade: Mapping[str, Remade]) -> list[Published] | None:
        """As `Outputs.publish_all`, which see. Texts are made here, and pictures there."""
        marked = [told_of(each.marked) for each in remade.values() if each.marked is not None]
        texts = {sha256: each.make() for sha256, each in remade.items() if each.marked is None}
        lengths = [[sha256, len(data)] for sha256, data in texts.items()]
        return self._ask(["publish", files, marked, lengths], FILE * len(files), b"".join(texts.values()))

    def close(self) -> None:
        """Have nobody work any more; whoever is waiting for an answer gets none."""
        self._is_over = True
        if self._child is not None and self._ear is not None:
            self._child.kill()
            self._child.wait()
            self._ear.join()
            for pipe in (self._child.stdin, self._child.stdout):
                with suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]

    def _ask(self, asked: Sequence[Any], much: float = 0.0, more: bytes = b"") -> list[Any] | None:
        """What the child answers, one for each; None if there is none. Raises the `OurSide` it met."""
        mine: Future[Any] = Future()
        with self._asking:
            self._left -= much
            child = self._at_work()
            if child is None:
                return None
            self._asked += 1
            self._waiting[self._asked] = mine
            _tell(child, [self._asked, *asked], more)
        told = mine.result()
        if isinstance(told, dict):
            raise OurSide(told["failed"])
        return cast("list[Any] | None", told)

    def _at_work(self) -> subprocess.Popen[bytes] | None:
        """The process, once it is ready."""
        if self._left < 0 and self._child is None and not self._is_over:
            self._hire()
        return self._child if self._ready.is_set() and not self._is_over else None

    def _listen(self, voice: IO[bytes]) -> None:
        """Hand each answer to who waits for it, and None to all once there will be none."""
        with suppress(OSError, ValueError):
            if voice.readline() == READY:
                self._ready.set()
            for line in voice:
                number, told = orjson.loads(line)
                self._waiting.pop(number).set_result(told)
        with self._asking:
            self._is_over = True
        while self._waiting:
            self._waiting.popitem()[1].set_result(None)

    def _hire(self) -> None:
        from runner.edge.rehearsal import without_keys  # noqa: PLC0415 - only where somebody is hired

        # -P: a folder named `runner` where the user happens to stand is not this program.
        # Its own session: Ctrl-C is for the run, which lands what it has paid for.
        argv, pipe, nowhere = [sys.executable, "-P", "-m", "runner.edge.duties"], subprocess.PIPE, subprocess.DEVNULL
        try:
            self._child = subprocess.Popen(
                argv, stdin=pipe, stdout=pipe, stderr=nowhere, env=without_keys(os.environ), start_new_session=True
            )
        except OSError:
            self._is_over = True
            return
        assert self._child.stdout is not None
        self._ear = threading.Thread(target=self._listen, args=[self._child.stdout], name="worker", daemon=True)
        self._ear.start()
        _tell(self._child, self._outputs.folders)


def _tell(child: subprocess.Popen[bytes], words: Sequence[Any], more: bytes = b"") -> None:
    """Write a line to the child. That it is no more shows where its answer is read."""
    assert child.stdin is not None
    with suppress(OSError, ValueError):
        child.stdin.write(orjson.dumps(words, option=orjson.OPT_APPEND_NEWLINE) + more)
        child.stdin.flush()


def _seen(told: list[str | int | None] | None) -> Media | Bad | None:
    if told is None:
        return None
    if len(told) == 1:
        return Bad(str(told[0]))
    media_type, ext, width, height, look = told
    wide, high = (None if side is None else int(side) for side in (width, height))
    return Media(str(media_type), str(ext), wide, high, None if look is None else read_look(str(look)))
