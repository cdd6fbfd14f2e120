"""The finisher: finished pictures as blobs, made once.

What was made of which picture by which wishes is written down beside the blobs, one small file each, so a later run reads a name
instead of decoding a picture. Losing any of it costs work and no money: it is made again from what was bought. It all blocks: call
it from a thread.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from runner.edge.blobs import PRIVATE_FILE, PRIVATE_FOLDER, Blobs
from runner.edge.finish import finish, states
from runner.edge.marks import has_credentials
from runner.edge.media import HEAD_BYTES, Bad, inspect, sniff
from runner.job.finishing import Finishing, Unfinished
from runner.records import Artifact, Made

FOLDER: Final = "finished"
MOST_KNOWN: Final = 20_000
MOST_HELD: Final = 8 << 20
"""Bytes of marked pictures that wait in memory to be put on the disk together."""


@dataclass(slots=True)
class _Lot:
    """What was made, or why not, by key; and what is marked, all but its name and size, with the `held` bytes to be stored."""

    made: dict[str, Artifact | str] = field(default_factory=dict)
    marked: dict[str, tuple[Artifact, bytes]] = field(default_factory=dict)
    held: int = 0


class Finisher:
    """Makes finished artifacts of artifacts, and remembers the latest. May be used by several threads."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs, self._folder = blobs, blobs.root.parent / FOLDER
        self._known: OrderedDict[str, Artifact] = OrderedDict()
        self._folders: set[str] = set()
        self._store = str(self._folder)

    def knows(self, artifacts: Sequence[Artifact], wish: Finishing) -> bool:
        """Whether nothing would have to be made."""
        return all(artifact.kind != "file" or self._recall(_key(artifact, wish)) is not None for artifact in artifacts)

    def __call__(self, artifacts: Sequence[Artifact], wish: Finishing) -> tuple[Artifact, ...]:
        """The artifacts with their files finished; a file whose bytes are not here stays as it is. Raises `Unfinished`."""
        [made] = self.finish_all([(artifacts, wish)])
        if isinstance(made, str):
            raise Unfinished(made)
        return made

    def finish_all(self, many: Sequence[tuple[Sequence[Artifact], Finishing]]) -> list[tuple[Artifact, ...] | str]:
        """What comes of each of `many`, or why nothing does; those that are only marked go to the disk together."""
        lot = _Lot()
        for artifact, wish in ((artifact, wish) for artifacts, wish in many for artifact in artifacts if artifact.kind == "file"):
            key = _key(artifact, wish)
            if key not in lot.made and key not in lot.marked:
                try:
                    self._finish(key, artifact, wish, lot)
                except Unfinished as reason:
                    lot.made[key] = str(reason)
            if lot.held > MOST_HELD:
                self._put(lot)
        self._put(lot)
        return [_gathered(artifacts, wish, lot.made) for artifacts, wish in many]

    def _finish(self, key: str, artifact: Artifact, wish: Finishing, lot: _Lot) -> None:
        source = str(artifact.sha256)
        if (known := self._recall(key)) is not None or not self._blobs.has(source):
            lot.made[key] = known or artifact
            return
        data = self._blobs.read(source)
        finished, sealed = finish(data, wish), has_credentials(data)
        if finished == data:
            origin = Made(source, states(data, wish) or wish.source_type, sealed, sealed)
            lot.made[key] = self._note(key, replace(artifact, made=origin))
            return
        origin = Made(source, states(finished, wish), sealed, sealed and has_credentials(finished))
        if wish.is_mark_only and sniff(finished[:HEAD_BYTES]) == sniff(data[:HEAD_BYTES]):
            lot.marked[key] = replace(artifact, made=origin), finished
            lot.held += len(finished)
            return
        [blob] = self._blobs.put_all([finished])
        media = inspect(self._blobs.path(blob.sha256))
        if isinstance(media, Bad):
            raise Unfinished(f"what came of it is not usable: {media.why}")
        look = None if media.look is None else str(media.look)
        whole = Artifact("file", None, None, blob.sha256, blob.size, media.media_type, media.width, media.height, look, origin)
        lot.made[key] = self._note(key, whole)

    def _put(self, lot: _Lot) -> None:
        blobs = self._blobs.put_all([data for _, data in lot.marked.values()])
        for (key, (artifact, _)), blob in zip(lot.marked.items(), blobs, strict=True):
            lot.made[key] = self._note(key, replace(artifact, sha256=blob.sha256, size=blob.size))
        lot.marked, lot.held = {}, 0

    def _note(self, key: str, made: Artifact) -> Artifact:
        self._write(key, made)
        self._remember(key, made)
        return made

    def _recall(self, key: str) -> Artifact | None:
        if (known := self._known.get(key)) is None:
            try:
                with open(self._path(key), "rb") as file:  # noqa: PTH123 - a million Paths take their time
                    told = orjson.loads(file.read())
                known = Artifact(**{**told, "made": Made(**told["made"])})
            except (OSError, ValueError, TypeError, KeyError):
                return None
            if not self._blobs.has(str(known.sha256)):
                return None
            self._remember(key, known)
        return known

    def _remember(self, key: str, made: Artifact) -> None:
        self._known[key] = made
        while len(self._known) > MOST_KNOWN:
            with suppress(KeyError):
                self._known.popitem(last=False)

    def _write(self, key: str, made: Artifact) -> None:
        """One small file. Half of it is no JSON; that it cannot be written, or read, costs nothing but doing the work again."""
        with suppress(OSError):
            if key[:2] not in self._folders:
                (self._folder / key[:2]).mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
                self._folders.add(key[:2])
            handle = os.open(self._path(key), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, PRIVATE_FILE)
            try:
                os.write(handle, orjson.dumps(_told(made)))
            finally:
                os.close(handle)

    def _path(self, key: str) -> str:
        return f"{self._store}/{key[:2]}/{key}"


def derived(blobs: Blobs) -> Iterator[tuple[str, str]]:
    """What was made of what, as far as it is written down: the sha256 of each finished file and of what it was made of."""
    for path in sorted((blobs.root.parent / FOLDER).glob("??/*")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = orjson.loads(path.read_bytes())
            yield str(told["sha256"]), str(told["made"]["source"])


def _gathered(artifacts: Sequence[Artifact], wish: Finishing, made: Mapping[str, Artifact | str]) -> tuple[Artifact, ...] | str:
    """The artifacts with what was made of their files, or the first reason why it was not."""
    told = [made[_key(artifact, wish)] if artifact.kind == "file" else artifact for artifact in artifacts]
    whole = tuple(each for each in told if not isinstance(each, str))
    return whole if len(whole) == len(told) else next(each for each in told if isinstance(each, str))


def _key(artifact: Artifact, wish: Finishing) -> str:
    return f"{artifact.sha256}-{wish.digest[:32]}"


def _told(made: Artifact) -> dict[str, Any]:
    names = ("kind", "sha256", "size", "media_type", "width", "height", "look")
    assert made.made is not None
    origin = {name: getattr(made.made, name) for name in ("source", "source_type", "sealed", "seal_kept")}
    return {**{name: getattr(made, name) for name in names}, "made": origin}
