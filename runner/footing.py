"""What a run stands on, kept for the next: the bytes of job, project file, templates and pictures, and that its rows were checked.

The journal's note of a run says by digest what it was made from (`inputs`), and the store holds those bytes: so the job of then can
be compiled again, whatever has become of the files since. The check of all rows is a function of the same things and of this
program; where none of them has changed since it was passed (`checked`), it need not be made again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from runner.desk import Desk
from runner.edge.blobs import Blobs
from runner.edge.journal import Run
from runner.edge.snapshots import Snapshot
from runner.errors import Usage
from runner.frozen import frozen
from runner.job.check import Checked
from runner.job.load import PROJECT_FILE
from runner.providers.registry import LOCAL
from runner.records import BLOB_SCHEME, Json


def keep_inputs(desk: Desk, snapshot: Snapshot, blobs: Blobs) -> dict[str, Json]:
    """What the run is made from, as the journal notes it; the bytes are in the store afterwards.

    Raises `Usage` for a file that is not what was read a moment ago.
    """
    root, project = desk.project_file.root, desk.project_file
    folder, templates = root / project.project.templates, desk.plan.template_digests()
    job = desk.job_file.path.resolve()
    _keep(job, desk.job_file.digest, blobs)
    if project.document is not None:
        _keep(root / PROJECT_FILE, project.digest, blobs)
    for name, digest in templates.items():
        _keep(folder / name, digest, blobs)
    for name, digest in project.vendor_digests.items():
        _keep(root / name, digest, blobs)
    inputs: dict[str, Json] = {
        "job": [os.path.relpath(job, root), desk.job_file.digest],
        "project": None if project.document is None else [PROJECT_FILE, project.digest],
        "templates": templates,
        "feed": {
            "files": [[path.name, name] for path, name in zip(snapshot.files, snapshot.names, strict=True)],
            "sha256": snapshot.sha256,
        },
    }
    if fonts := fonts_of(desk):
        inputs["fonts"] = fonts
    if project.vendors:
        inputs["vendors"] = project.vendor_digests
    if desk.pictures is not None and (pictures := desk.pictures.seen()):
        inputs["pictures"] = blobs.put(orjson.dumps(pictures, option=orjson.OPT_SORT_KEYS)).sha256
    return inputs


def fonts_of(desk: Desk) -> list[str]:
    """The fonts that the project's drawings are made with, as `blob:<sha256>`."""
    lane = desk.catalog.lanes.get(LOCAL)
    fonts: Any = () if lane is None else lane.options.get("fonts") or ()
    return list(fonts)


def note_checked(desk: Desk, snapshot: Snapshot, checked: Checked) -> dict[str, Json]:
    """That the rows were checked, as the journal notes it."""
    told: dict[str, Json] = {"rows": checked.rows, "variants": checked.variants, "requests": dict(checked.requests)}
    return {"digest": _digest(desk, snapshot), **told}


@frozen
class Found:
    """What a run finds in the feed: how many `rows` it has, of what `kinds` its columns are, and what the check came to."""

    rows: int
    kinds: Mapping[str, Json]
    checked: Checked


def checked_before(desk: Desk, snapshot: Snapshot, runs: Sequence[Run], blobs: Blobs) -> Found | None:
    """What the last run found, if this one would find the same: nothing it looked at has changed. None if there is none.

    The guard that stands in the job let that run pass, so it would let this one.
    """
    meta = runs[-1].meta if runs else {}
    told, inputs, rows, kinds = (meta.get(name) for name in ("checked", "inputs", "rows", "kinds"))
    if not isinstance(told, dict) or told.get("digest") != _digest(desk, snapshot) or not isinstance(inputs, dict):
        return None
    if not isinstance(rows, int) or not isinstance(kinds, dict):
        return None
    if not _are_same(desk, _load_pictures(inputs.get("pictures"), blobs)):
        return None
    return Found(rows, kinds, Checked((), told["rows"], told["variants"], told["requests"]))


def _digest(desk: Desk, snapshot: Snapshot) -> str:
    """Of everything that the check of the rows looks at, but for pictures."""
    files = [desk.job_file.digest, desk.project_file.digest, *sorted(desk.plan.template_digests().items())]
    files += sorted(desk.project_file.vendor_digests.items())
    looked_at = [version("adbatch"), files, fonts_of(desk), snapshot.sha256, snapshot.names]
    return hashlib.sha256(orjson.dumps(looked_at)).hexdigest()


def _load_pictures(sha256: Any, blobs: Blobs) -> Mapping[str, str] | None:
    """Pictures by the path the job gives; none where none were noted, None where the note is gone."""
    if sha256 is None:
        return {}
    if not isinstance(sha256, str) or not blobs.has(sha256):
        return None
    told: dict[str, str] = orjson.loads(blobs.read(sha256))
    return told


def _are_same(desk: Desk, pictures: Mapping[str, str] | None) -> bool:
    """Whether every picture still holds the bytes it held. They are read for that, and then known to whoever asks for them."""
    try:
        return pictures is not None and all(desk.plan.files(path) == BLOB_SCHEME + held for path, held in pictures.items())
    except ValueError:
        return False


def _keep(path: Path, digest: str, blobs: Blobs) -> None:
    """Put the file into the store if it is not there."""
    if blobs.has(digest):
        return
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Usage(f"{path}: cannot be read any more ({error.strerror}); run again") from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise Usage(f"{path}: was edited while the run began; nothing was sent, run again")
    blobs.put(data)
