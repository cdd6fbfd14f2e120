"""A recording: all that was said between a job and its vendors, as files that can be reviewed, committed and replayed.

    recording.json                   which job and mode, the feed it read, what its results were; `whole` once the run has ended
    exchanges/ab/abcdef…/poll-2.json one exchange of a request: the call, the reply, its body by sha256
    known/ab/abcdef….json            a request's facts, where its exchanges alone do not lead to what is known of it
    bodies/ab/abcdef…                the bytes of replies and files, whole

Exchanges are named by the request, not by when they happened, so a replay does not depend on who was faster. A file appears whole
or not at all. Nothing is synced: the journal and the blobs are what money depends on, a torn recording is told by its digests and
made again. A recording in the state folder is its owner's alone, like all there; one in another folder, which may be meant to be
shared, has the modes of the user's umask.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import Any, Final

from runner.edge.blobs import PRIVATE_FILE, PRIVATE_FOLDER
from runner.edge.exchanges import Place, read_name, write_text
from runner.errors import OurSide, Usage
from runner.facts import Fact, from_json, kind_of, to_json
from runner.frozen import frozen
from runner.records import Blob, Step

INDEX: Final = "recording.json"
FORMAT: Final = 1
TEMP: Final = ".torn-"
PIECE: Final = 1 << 20


@frozen
class Index:
    """What `recording.json` says.

    `mode` is that of the run, `vendors` are the emulated ones it had, `feed` is what it read: names and digest and, where that was
    downloaded, `headers` and the `body` that came. `results` is the sha256 of its results.jsonl; a run that was killed never said
    one, nor that its recording is `whole`.
    """

    job: str
    mode: str
    whole: bool = False
    vendors: Mapping[str, Any] | None = None
    feed: Mapping[str, Any] = field(default_factory=dict)
    results: str = ""


class Recording:
    """A recording in `folder`. Reading makes nothing; every method may raise `OurSide` naming what cannot be read or written."""

    def __init__(self, folder: Path, private: bool = False) -> None:
        self.folder = folder
        self._modes = (PRIVATE_FOLDER, PRIVATE_FILE) if private else (0o777, 0o666)

    def load_index(self) -> Index | None:
        """What the recording says of itself; None where there is none. Raises `OurSide` for a damaged one or a newer version's."""
        path = self.folder / INDEX
        told = self._load(path)
        if told is None:
            return None
        if told.pop("format", None) != FORMAT:
            raise OurSide(f"{path}: not a recording this version can read; record again into another folder")
        try:
            return Index(**told)
        except TypeError as error:
            raise OurSide(f"{path}: not the index of a recording ({error}); record again into another folder") from error

    def check(self, index: Index) -> None:
        """Raise `Usage` where the folder holds anything but a recording of that job and mode; an empty one will become it."""
        found = self.load_index()
        if found is None and self.folder.is_dir() and any(self.folder.iterdir()):
            raise Usage(f"{self.folder} holds something else than a recording; name an empty or a new folder with --recording")
        if found is not None and (found.job, found.mode) != (index.job, index.mode):
            told = f"a {found.mode} run of job {found.job}"
            raise Usage(f"{self.folder} holds the recording of {told}; name another folder with --recording")

    def write_index(self, index: Index) -> None:
        """Say what this recording is."""
        told: dict[str, Any] = {
            name: value for name in Index.__match_args__ if (value := getattr(index, name)) not in (None, {}, "")
        }
        self._write(self.folder / INDEX, write_text({"format": FORMAT, **told}))

    def numbers(self, id: str) -> Counter[tuple[Step, int]]:
        """How many exchanges of each step and part there are of a request."""
        try:
            names = [entry.name for entry in self._exchanges(id).iterdir()]
        except FileNotFoundError:
            return Counter()
        except OSError as error:
            raise _unreadable(self._exchanges(id), error) from error
        places = [read_name(id, name.removesuffix(".json")) for name in names if name.endswith(".json")]
        return Counter((place.step, place.part) for place in places if place is not None)

    def write_exchange(self, place: Place, told: Mapping[str, Any]) -> None:
        """Keep an exchange; its body is kept already."""
        self._write(self._exchanges(place.id) / f"{place.name}.json", write_text(told))

    def load_exchange(self, place: Place) -> dict[str, Any] | None:
        """The exchange, None where there is none."""
        return self._load(self._exchanges(place.id) / f"{place.name}.json")

    def forget(self, id: str) -> None:
        """Drop all exchanges of a request."""
        shutil.rmtree(self._exchanges(id), ignore_errors=True)

    def write_known(self, id: str, facts: Sequence[Fact]) -> None:
        """Keep a request's facts in place of those kept before."""
        told = [{"at": fact.at, "kind": kind_of(fact), "body": to_json(fact)} for fact in facts]
        self._write(self._known(id), write_text({"request": id, "facts": told}))

    def drop_known(self, id: str) -> None:
        """Say no more of the request than its exchanges do."""
        self._known(id).unlink(missing_ok=True)

    def known(self) -> Iterator[list[Fact]]:
        """The facts of each request whose facts are kept, by id."""
        for path in sorted((self.folder / "known").glob("*/*.json")):
            told = self._load(path) or {}
            try:
                yield [from_json(fact["kind"], fact["at"], told["request"], fact["body"]) for fact in told["facts"]]
            except (KeyError, TypeError, ValueError) as error:
                raise OurSide(f"{path}: not the facts of a request ({error}); record again") from error

    def keep_body(self, data: bytes) -> Blob:
        """Keep the bytes of a reply."""
        blob = Blob(hashlib.sha256(data).hexdigest(), len(data))
        path = self.body_path(blob.sha256)
        if not _holds(path, blob):
            self._write(path, data)
        return blob

    def keep_file(self, source: Path, blob: Blob) -> Blob:
        """Keep a copy of a blob of the state folder, in its own bytes: what happens to one must not happen to the other."""
        path = self.body_path(blob.sha256)
        if not _holds(path, blob):
            try:
                with source.open("rb") as file:
                    self._write(path, iter(lambda: file.read(PIECE), b""))
            except OSError as error:
                raise _unreadable(source, error) from error
        return blob

    def body_path(self, sha256: str) -> Path:
        """Where these bytes are or would be."""
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise OurSide(f"{self.folder}: {sha256[:80]!r} is not the name of a body; record again")
        return self.folder / "bodies" / sha256[:2] / sha256

    def load_body(self, sha256: str) -> bytes:
        """The bytes. Raises `OurSide` where they are missing or not what they were."""
        path = self.body_path(sha256)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise OurSide(f"{path}: not the bytes that were recorded; fetch this file again from where the recording came from")
        return data

    def tidy(self, wanted: set[str], bodies: Sequence[str]) -> None:
        """Drop what is of no request in `wanted`, and bodies that neither an exchange nor `bodies` names."""
        for path in [*self.folder.glob("exchanges/*/*"), *self.folder.glob("known/*/*.json")]:
            if path.name.removesuffix(".json") not in wanted:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        used = {*bodies, *self._bodies_used()}
        for path in self.folder.glob("bodies/*/*"):
            if path.name not in used:
                path.unlink(missing_ok=True)
        for path in [*self.folder.glob("exchanges/*"), *self.folder.glob("known/*"), *self.folder.glob("bodies/*")]:
            with suppress(OSError):  # only what is empty can be removed so
                path.rmdir()

    def _bodies_used(self) -> Iterator[str]:
        for path in self.folder.glob("exchanges/*/*/*.json"):
            body = ((self._load(path) or {}).get("reply") or {}).get("body")
            if body is not None:
                yield str(body)
        for path in self.folder.glob("known/*/*.json"):
            for fact in (self._load(path) or {}).get("facts", ()):
                yield from (str(artifact.get("sha256")) for artifact in fact["body"].get("artifacts", ()))

    def _exchanges(self, id: str) -> Path:
        return self.folder / "exchanges" / id[:2] / id

    def _known(self, id: str) -> Path:
        return self.folder / "known" / id[:2] / f"{id}.json"

    def _load(self, path: Path) -> dict[str, Any] | None:
        try:
            told = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from error
        if not isinstance(told, dict):
            raise OurSide(f"{path}: not a JSON object; record again")
        return told

    def _write(self, path: Path, data: bytes | Iterator[bytes]) -> None:
        temp = path.with_name(f"{TEMP}{secrets.token_hex(8)}")
        try:
            for missing in reversed([folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]):
                missing.mkdir(self._modes[0], exist_ok=True)
            try:
                with os.fdopen(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self._modes[1]), "wb") as file:
                    file.writelines([data] if isinstance(data, bytes) else data)
                temp.replace(path)
            finally:
                temp.unlink(missing_ok=True)
        except OSError as error:
            why = f"{path.parent}: the recording cannot be written ({error.strerror})"
            raise OurSide(f"{why}; free some space or mend the permissions, then run again") from error


def _holds(path: Path, blob: Blob) -> bool:
    try:
        return path.stat().st_size == blob.size
    except OSError:
        return False


def _unreadable(path: Path, error: Exception) -> OurSide:
    return OurSide(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); is the recording whole?")
