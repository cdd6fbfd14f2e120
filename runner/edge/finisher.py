"""The finisher: finished pictures as blobs, made once.

What was made of which picture by which wishes is written down beside the blobs, one small file each, so a later run reads a name
instead of decoding a picture. Losing any of it costs work and no money: it is made again from what was bought. It all blocks: call
it from a thread.
"""

from __future__ import annotations

import os
import secrets
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson

from runner.edge.blobs import PRIVATE_FILE, Blobs, make_private_folder
from runner.edge.finish import finish, states
from runner.edge.marks import has_credentials
from runner.edge.media import HEAD_BYTES, Bad, inspect, sniff
from runner.job.finishing import Finishing, Unfinished
from runner.records import Artifact, Made

FOLDER: Final = "finished"
MOST_KNOWN: Final = 20_000


class Finisher:
    """Makes finished artifacts of artifacts, and remembers the latest. May be used by several threads."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs, self._folder = blobs, blobs.root.parent / FOLDER
        self._known: OrderedDict[str, Artifact] = OrderedDict()

    def knows(self, artifacts: Sequence[Artifact], wish: Finishing) -> bool:
        """Whether nothing would have to be made."""
        return all(artifact.kind != "file" or self._recall(_key(artifact, wish)) is not None for artifact in artifacts)

    def __call__(self, artifacts: Sequence[Artifact], wish: Finishing) -> tuple[Artifact, ...]:
        """The artifacts with their files finished; a file whose bytes are not here stays as it is. Raises `Unfinished`."""
        return tuple(self._finish(artifact, wish) if artifact.kind == "file" else artifact for artifact in artifacts)

    def _finish(self, artifact: Artifact, wish: Finishing) -> Artifact:
        key, source = _key(artifact, wish), str(artifact.sha256)
        if (known := self._recall(key)) is not None:
            return known
        if not self._blobs.has(source):
            return artifact
        made = self._made(artifact, wish, self._blobs.read(source))
        self._write(key, made)
        self._remember(key, made)
        return made

    def _made(self, artifact: Artifact, wish: Finishing, data: bytes) -> Artifact:
        source, finished = str(artifact.sha256), finish(data, wish)
        sealed = has_credentials(data)
        if finished == data:
            return replace(artifact, made=Made(source, states(data, wish) or wish.source_type, sealed, sealed))
        blob = self._blobs.put(finished)
        origin = Made(source, states(finished, wish), sealed, sealed and has_credentials(finished))
        if wish.is_mark_only and sniff(finished[:HEAD_BYTES]) == sniff(data[:HEAD_BYTES]):
            return replace(artifact, sha256=blob.sha256, size=blob.size, made=origin)
        media = inspect(self._blobs.path(blob.sha256))
        if isinstance(media, Bad):
            raise Unfinished(f"what came of it is not usable: {media.why}")
        look = None if media.look is None else str(media.look)
        return Artifact("file", None, None, blob.sha256, blob.size, media.media_type, media.width, media.height, look, origin)

    def _recall(self, key: str) -> Artifact | None:
        if (known := self._known.get(key)) is None:
            try:
                told = orjson.loads(self._path(key).read_bytes())
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
        """One small file, whole or not at all; that it cannot be written costs nothing but doing the work again."""
        path = self._path(key)
        with suppress(OSError):
            make_private_folder(path.parent)
            temp = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
            with os.fdopen(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "wb") as file:
                file.write(orjson.dumps(_told(made)))
            temp.replace(path)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key


def derived(blobs: Blobs) -> Iterator[tuple[str, str]]:
    """What was made of what, as far as it is written down: the sha256 of each finished file and of what it was made of."""
    for path in sorted((blobs.root.parent / FOLDER).glob("??/*")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = orjson.loads(path.read_bytes())
            yield str(told["sha256"]), str(told["made"]["source"])


def _key(artifact: Artifact, wish: Finishing) -> str:
    return f"{artifact.sha256}-{wish.digest[:32]}"


def _told(made: Artifact) -> dict[str, Any]:
    names = ("kind", "sha256", "size", "media_type", "width", "height", "look")
    assert made.made is not None
    origin = {name: getattr(made.made, name) for name in ("source", "source_type", "sealed", "seal_kept")}
    return {**{name: getattr(made, name) for name in names}, "made": origin}
