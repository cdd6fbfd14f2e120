"""What a worker does: looks at pictures, marks them, publishes files. A program of its own, asked and answering in lines of JSON.

The first line it reads names the folders; each after it is a numbered question, with the bytes of texts behind it where there are
any. Each has one answer, in any order: a list with a place for each file, or why our own side failed. It is given no key, and ends
with its input.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock
from typing import IO, Any, Final, TypeAlias

import orjson

import runner.edge.looks  # noqa: F401 - Pillow is imported before anybody waits
from runner.edge.blobs import Blobs
from runner.edge.finisher import Finisher, from_told, told_of
from runner.edge.lately import Lately
from runner.edge.media import Bad, Media, inspect, inspect_bytes
from runner.edge.outputs import Outputs
from runner.edge.remaking import Remade, remake
from runner.edge.worker import READY
from runner.errors import OurSide
from runner.job.finishing import Finishing

Said: TypeAlias = list[Any]

SMALL: Final = 1 << 20
"""Bytes of a file up to which it is read at once."""
MOST_LATELY: Final = 32 << 20
"""Bytes of marked pictures that wait to be published; what has no room is marked again."""


class Duties:
    """The duties, by name, for the files of one output folder and of one store."""

    def __init__(self, folders: Sequence[Any]) -> None:
        output, store, others = folders
        self._blobs = Blobs(Path(store))
        self._blobs.lately = Lately(MOST_LATELY)
        self._finisher = Finisher(self._blobs)
        self._outputs = Outputs(Path(output), self._blobs, [Blobs(Path(other)) for other in others])

    def look(self, digests: Sequence[str]) -> Said:
        """What each blob is: a reason if it is bad, None if it is not here."""
        return [self._look(sha256) for sha256 in digests]

    def mark(self, pictures: Sequence[tuple[Mapping[str, Any], Sequence[Any]]]) -> Said:
        """What is made of each picture by its wish, or why nothing is."""
        made = self._finisher.make_all([(from_told(told), Finishing(*wish)) for told, wish in pictures])
        return [each if isinstance(each, str) else told_of(each) for each in made]

    def publish(self, files: Sequence[tuple[str, str]], marked: Sequence[Mapping[str, Any]], texts: Mapping[str, bytes]) -> Said:
        """What was done with each file; those only marked and the texts need be no blobs."""
        again = {str(told["sha256"]): Remade(told["size"], partial(remake, self._blobs, from_told(told))) for told in marked}
        again |= {sha256: Remade(len(data), partial(bytes, data)) for sha256, data in texts.items()}
        return [*self._outputs.publish_all(files, again)]

    def _look(self, sha256: str) -> list[str | int | None] | None:
        try:
            media = self._inspect(sha256)
        except OSError:
            return None
        if isinstance(media, Bad):
            return [media.why]
        return [media.media_type, media.ext, media.width, media.height, None if media.look is None else str(media.look)]

    def _inspect(self, sha256: str) -> Media | Bad:
        """Small files stay at hand: most are marked next."""
        path = self._blobs.path(sha256)
        if path.stat().st_size > SMALL:
            return inspect(path)
        data = path.read_bytes()
        media = inspect_bytes(data)
        if isinstance(media, Media):
            self._blobs.lately.put(sha256, data)
        return media


class Answers:
    """Where answers go out, each with its question's number, whoever gives them."""

    def __init__(self, told: IO[bytes]) -> None:
        self._told, self._lock = told, Lock()

    def give(self, number: int, do: Callable[..., Said], given: Sequence[Any]) -> None:
        """Do what is asked and say what came of it."""
        try:
            said: Said | dict[str, str] = do(*given)
        except OurSide as failure:
            said = {"failed": str(failure)}
        with self._lock:
            self._told.write(orjson.dumps([number, said], option=orjson.OPT_APPEND_NEWLINE))
            self._told.flush()


def work(asked: IO[bytes], told: IO[bytes]) -> None:
    """A worker's day: do what each line asks, until none comes any more. Files are published beside: that is to wait for a disk."""
    duties, answers = Duties(orjson.loads(asked.readline())), Answers(told)
    told.write(READY)
    told.flush()
    with ThreadPoolExecutor(1) as beside:
        for line in asked:
            number, name, *given = orjson.loads(line)
            if name == "publish":
                *given, lengths = given
                texts = {sha256: asked.read(length) for sha256, length in lengths}
                beside.submit(answers.give, number, duties.publish, [*given, texts]).add_done_callback(_end_if_broken)
            else:
                answers.give(number, duties.look if name == "look" else duties.mark, given)


def _end_if_broken(work: Future[None]) -> None:
    """Whoever waits for an answer that nobody gives hears that this process is no more."""
    if work.exception() is not None:
        os._exit(1)


if __name__ == "__main__":
    gc.set_threshold(50_000)
    work(sys.stdin.buffer, sys.stdout.buffer)
