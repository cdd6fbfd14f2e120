"""The finisher: finished pictures as blobs, made once.

What was made of which picture by which wishes is written down beside the blobs (`runner.edge.makings`), so a later run reads a name
instead of decoding a picture. Losing any of it costs work and no money: it is made again from what was bought. It all blocks: call
it from a thread.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from runner.edge.blobs import Blobs
from runner.edge.makings import Makings, all_told
from runner.edge.media import HEAD_BYTES, Bad, inspect, sniff
from runner.job.finishing import Finishing, Unfinished
from runner.records import Artifact, Made

FOLDER: Final = "finished"
MOST_KNOWN: Final = 4_000
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

    def finish_all(self, many: Sequence[tuple[Sequence[Artifact], Finishing]]) -> list[tuple[Artifact, ...] | str]:
        """What comes of each of `many`, or why nothing does; those that are only marked go to the disk together."""
        wanted = {
            _key(artifact, wish): (artifact, wish) for artifacts, wish in many for artifact in artifacts if artifact.kind == "file"
        }
        lot = _Lot({**self._recall(wanted)})
        known = set(lot.made)
        for key in [key for key in wanted if key not in known]:
            try:
                self._finish(key, *wanted[key], lot)
            except Unfinished as reason:
                lot.made[key] = str(reason)
            if lot.held > MOST_HELD:
                self._put(lot)
        self._put(lot)
        self._note({key: made for key, made in lot.made.items() if key not in known and isinstance(made, Artifact) and made.made})
        return [_gathered(artifacts, wish, lot.made) for artifacts, wish in many]

    def _finish(self, key: str, artifact: Artifact, wish: Finishing, lot: _Lot) -> None:
        from runner.edge.finish import finish, states  # noqa: PLC0415 - Pillow is for runs that have pictures
        from runner.edge.marks import has_credentials  # noqa: PLC0415

        source = str(artifact.sha256)
        data = self._blobs.lately.take(source)
        if data is None and not self._blobs.has(source):
            lot.made[key] = artifact
            return
        data = self._blobs.read(source) if data is None else data
        finished, sealed = finish(data, wish), has_credentials(data)
        if finished == data:
            origin = Made(source, states(data, wish) or wish.source_type, sealed, sealed)
            lot.made[key] = replace(artifact, made=origin)
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
        side = media.width, media.height
        lot.made[key] = Artifact("file", None, None, blob.sha256, blob.size, media.media_type, *side, look, origin)

    def _put(self, lot: _Lot) -> None:
        blobs = self._blobs.put_all([data for _, data in lot.marked.values()])
        for (key, (artifact, _)), blob in zip(lot.marked.items(), blobs, strict=True):
            lot.made[key] = replace(artifact, sha256=blob.sha256, size=blob.size)
        lot.marked, lot.held = {}, 0

    def _note(self, fresh: Mapping[str, Artifact]) -> None:
        """That it cannot be written costs nothing but doing the work again."""
        if fresh:
            self._makings.note({key: orjson.dumps(_told(made)) for key, made in fresh.items()})
        for key, made in fresh.items():
            self._remember(key, made)

    def _recall(self, keys: Iterable[str]) -> dict[str, Artifact]:
        """What was made by these keys, as far as it is known and still there."""
        found = {key: known for key in keys if (known := self._known.get(key)) is not None}
        for key, told in self._makings.find([key for key in keys if key not in found]).items():
            with suppress(ValueError, TypeError, KeyError):
                fields = orjson.loads(told)
                known = Artifact(**{**fields, "made": Made(**fields["made"])})
                if self._blobs.has(str(known.sha256)):
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


def _told(made: Artifact) -> dict[str, Any]:
    names = ("kind", "sha256", "size", "media_type", "width", "height", "look")
    assert made.made is not None
    origin = {name: getattr(made.made, name) for name in ("source", "source_type", "sealed", "seal_kept")}
    return {**{name: getattr(made, name) for name in names}, "made": origin}
