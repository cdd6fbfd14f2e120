"""The finisher: finished pictures, made once.

What was made of which picture by which wishes is written down beside the blobs (`runner.edge.makings`), so a later run reads a name
instead of decoding a picture. Losing any of it costs work and no money: it is made again from what was bought. What was decoded for
it is a blob of its own; what is only marked, as most are, would be the same bytes on the disk once more, so it goes from here to
its published file, and is marked again where it is wanted later. It all blocks: call it from a thread.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import orjson

from runner.edge.blobs import Blobs
from runner.edge.makings import Makings, all_told
from runner.edge.media import HEAD_BYTES, Bad, inspect, sniff
from runner.job.finishing import Finishing, MakeAll, Unfinished
from runner.records import Artifact, Blob, Made

FOLDER: Final = "finished"
MOST_KNOWN: Final = 4_000


class Finisher:
    """Makes finished artifacts of artifacts, and remembers the latest. May be used by several threads."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs, self._makings = blobs, Makings(blobs.root.parent / FOLDER)
        self._known: OrderedDict[str, Artifact] = OrderedDict()

    def knows(self, artifacts: Sequence[Artifact], wish: Finishing) -> bool:
        """Whether nothing would have to be made."""
        keys = {_key(artifact, wish) for artifact in artifacts if artifact.kind == "file"}
        return self._recall(keys).keys() == keys

    def __call__(self, artifacts: Sequence[Artifact], wish: Finishing) -> tuple[Artifact, ...]:
        """The artifacts with their files finished; a file whose bytes are not here stays as it is. Raises `Unfinished`."""
        [made] = self.finish_all([(artifacts, wish)])
        if isinstance(made, str):
            raise Unfinished(made)
        return made

    def finish_all(
        self, many: Sequence[tuple[Sequence[Artifact], Finishing]], elsewhere: MakeAll | None = None
    ) -> list[tuple[Artifact, ...] | str]:
        """What comes of each of `many`, or why nothing does. What is not known yet is made `elsewhere`, if somebody is there."""
        wanted = {
            _key(artifact, wish): (artifact, wish) for artifacts, wish in many for artifact in artifacts if artifact.kind == "file"
        }
        made: dict[str, Artifact | str] = {**self._recall(wanted)}
        fresh = {key: each for key, each in wanted.items() if key not in made}
        told = elsewhere([*fresh.values()]) if elsewhere is not None and fresh else None
        for key, each in zip(fresh, self.make_all([*fresh.values()]) if told is None else told, strict=True):
            made[key] = each
            if isinstance(each, Artifact) and each.made:
                self._remember(key, each)
        return [_gathered(artifacts, wish, made) for artifacts, wish in many]

    def make_all(self, wanted: Sequence[tuple[Artifact, Finishing]]) -> list[Artifact | str]:
        """What comes of each picture, or why nothing does, and a note of what was made."""
        made = [self._make(artifact, wish) for artifact, wish in wanted]
        notes = {
            _key(artifact, wish): orjson.dumps(told_of(each))
            for (artifact, wish), each in zip(wanted, made, strict=True)
            if isinstance(each, Artifact) and each.made
        }
        if notes:  # that they cannot be written costs nothing but doing the work again
            self._makings.note(notes)
        return made

    def _make(self, artifact: Artifact, wish: Finishing) -> Artifact | str:
        try:
            return self._finish(artifact, wish)
        except Unfinished as reason:
            return str(reason)

    def _finish(self, artifact: Artifact, wish: Finishing) -> Artifact:
        from runner.edge.finish import finish, only_marked, states  # noqa: PLC0415 - Pillow is for runs that have pictures
        from runner.edge.marks import has_credentials  # noqa: PLC0415

        source = str(artifact.sha256)
        data = self._blobs.lately.take(source)
        if data is None and not self._blobs.has(source):
            return artifact
        data = self._blobs.read(source) if data is None else data
        marked = only_marked(data, wish)
        finished, sealed = finish(data, wish) if marked is None else marked, has_credentials(data)
        if finished == data:
            return replace(artifact, made=Made(source, states(data, wish) or wish.source_type, sealed, sealed))
        origin = Made(source, states(finished, wish), sealed, sealed and has_credentials(finished), marked is not None)
        blob = self._blobs.put_all([finished])[0] if marked is None else self._hold(marked)
        if wish.is_mark_only and sniff(finished[:HEAD_BYTES]) == sniff(data[:HEAD_BYTES]):
            return replace(artifact, sha256=blob.sha256, size=blob.size, made=origin)
        media = inspect(self._blobs.path(blob.sha256))
        if isinstance(media, Bad):
            raise Unfinished(f"what came of it is not usable: {media.why}")
        look = None if media.look is None else str(media.look)
        side = media.width, media.height
        return Artifact("file", None, None, blob.sha256, blob.size, media.media_type, *side, look, origin)

    def _hold(self, data: bytes) -> Blob:
        """The name of what is only marked; its bytes are at hand for whoever publishes them next."""
        blob = Blob(hashlib.sha256(data).hexdigest(), len(data))
        self._blobs.lately.put(blob.sha256, data)
        return blob

    def _recall(self, keys: Iterable[str]) -> dict[str, Artifact]:
        """What was made by these keys, as far as it is known and still there."""
        found = {key: known for key in keys if (known := self._known.get(key)) is not None}
        for key, told in self._makings.find([key for key in keys if key not in found]).items():
            with suppress(ValueError, TypeError, KeyError):
                known = from_told(orjson.loads(told))
                if (known.made is not None and known.made.marked) or self._blobs.has(str(known.sha256)):
                    found[key] = known
                    self._remember(key, known)
        return found

    def _remember(self, key: str, made: Artifact) -> None:
        self._known[key] = made
        while len(self._known) > MOST_KNOWN:
            with suppress(KeyError):
                self._known.popitem(last=False)


def derived(blobs: Blobs) -> Iterator[tuple[str, str]]:
    """What was made of what, as far as it is written down: the sha256 of each finished file and of what it was made of."""
    for line in all_told(blobs.root.parent / FOLDER):
        with suppress(ValueError, KeyError, TypeError):
            told = orjson.loads(line)
            yield str(told["sha256"]), str(told["made"]["source"])


def _gathered(artifacts: Sequence[Artifact], wish: Finishing, made: Mapping[str, Artifact | str]) -> tuple[Artifact, ...] | str:
    """The artifacts with what was made of their files, or the first reason why it was not."""
    told = [made[_key(artifact, wish)] if artifact.kind == "file" else artifact for artifact in artifacts]
    whole = tuple(each for each in told if not isinstance(each, str))
    return whole if len(whole) == len(told) else next(each for each in told if isinstance(each, str))


def _key(artifact: Artifact, wish: Finishing) -> str:
    return f"{artifact.sha256}-{wish.digest[:32]}"


def told_of(artifact: Artifact) -> dict[str, Any]:
    """A file as JSON, for `from_told`."""
    told = {name: getattr(artifact, name) for name in ("kind", "sha256", "size", "media_type", "width", "height", "look")}
    made = artifact.made
    return told if made is None else {**told, "made": {name: getattr(made, name) for name in made.__match_args__}}


def from_told(told: Mapping[str, Any]) -> Artifact:
    """The file of which this was told. Raises `TypeError` for anything else."""
    return Artifact(**{**told, "made": Made(**told["made"])} if "made" in told else told)
