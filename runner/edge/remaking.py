"""What can be made again needs no blob: texts are in the journal, and a picture that is only marked is what was bought and a mark.

Whoever wants such a file where it was published has it made, and what comes of it is believed only if it has the name it should.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from runner.edge.blobs import SHA256, Blobs
from runner.errors import OurSide
from runner.frozen import frozen
from runner.records import Artifact, Made


@frozen
class Remade:
    """A file that needs no blob: its size in bytes, and how they are made again; `marked` is a picture that is only that."""

    size: int
    make: Callable[[], bytes]
    marked: Artifact | None = None


def mark_again(blobs: Blobs, sha256: str, made: Made) -> bytes | None:
    """The bytes of a picture of that name, if it is only marked: they need no blob. None where they do not come out the same."""
    from runner.edge.marks import mark  # noqa: PLC0415 - for runs that have pictures

    if made.source_type is None or SHA256.fullmatch(made.source) is None or not blobs.has(made.source):
        return None
    data = mark(blobs.read(made.source), made.source_type)
    return data if data is not None and hashlib.sha256(data).hexdigest() == sha256 else None


def remake(blobs: Blobs, file: Artifact) -> bytes:
    """The bytes of a file that is known to be only marked. Raises `OurSide` where what it was made of is gone or damaged."""
    assert file.made is not None
    data = mark_again(blobs, str(file.sha256), file.made)
    if data is None:
        why = f"picture {file.sha256} cannot be made again of it"
        raise OurSide(f"{blobs.path(file.made.source)}: {why}; restore the state folder from its backup")
    return data


def restore(blobs: Blobs, sha256: str, made: Made) -> bool:
    """Whether the store has this finished picture, perhaps only now, as it is no more than marked. Raises `OurSide`."""
    if blobs.has(sha256):
        return True
    data = mark_again(blobs, sha256, made)
    return data is not None and blobs.put(data).sha256 == sha256
