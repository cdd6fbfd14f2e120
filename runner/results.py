"""What a run leaves to read: the lines of `results.jsonl` and the paths of the files.

A line is derived from plan and outcome alone and holds no time and no run id, so a run that changes nothing changes no byte. The
path of a file is the step's `save:` stem, `-n` where the step gave several, and the extension its content has.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from runner.causes import Cause, Causes
from runner.edge.blobs import Blobs
from runner.edge.outputs import Outputs, Written, result_line
from runner.edge.remaking import Remade, remake
from runner.frozen import frozen
from runner.job.asking import Asking
from runner.job.plan import Plan
from runner.loom import LookUp, Loom, Outcome, Status, Woven, result_of
from runner.records import Artifact, Made, Variant

EXTENSIONS: Final = MappingProxyType(
    {
        "text/plain": "txt",
        "application/json": "json",
        "image/jpeg": "jpg",
        "image/png": "png",
        "image/webp": "webp",
        "image/gif": "gif",
        "image/avif": "avif",
        "video/mp4": "mp4",
    }
)
"""The only kinds of file that are published, by media type."""

TYPES: Final[Mapping[Literal["text", "json", "file"], str]] = MappingProxyType({"text": "text/plain", "json": "application/json"})
"""The media type under which an artifact is published that was not bought as a file."""
KINDS: Final = MappingProxyType({media_type: kind for kind, media_type in TYPES.items()})
"""What such an artifact is, by that media type."""

BATCH: Final = 500
"""Variants looked up at once when the results are written."""


@frozen
class Results:
    """What there is after a run: variants per status, the commonest reasons for what is not there, and the file as written."""

    counts: Mapping[str, int]
    troubles: Sequence[Cause]
    file: Written


Asked: TypeAlias = Plan | Asking
"""Whoever knows where files go: the plan, or for many variants what remembers a row of it."""
Files: TypeAlias = Mapping[str, Mapping[str, Artifact]]
"""The files of a variant's done steps: by step and by path below the output folder."""


def write_results(plan: Plan, variants: Iterator[Variant], look_up: LookUp, outputs: Outputs) -> Results:
    """results.jsonl in plan order, from plan and journal alone, streamed."""
    counts: Counter[str] = Counter()
    causes = Causes()
    asking = Asking(plan)

    def lines() -> Iterator[bytes]:
        for woven in weave(Loom(plan), variants, look_up):
            counts[woven.status] += 1
            causes.note(woven.outcomes)
            yield variant_line(asking, woven)

    file = outputs.write_results(lines())
    return Results(counts, causes.worst(), file)


def weave(loom: Loom, variants: Iterator[Variant], look_up: LookUp) -> Iterator[Woven]:
    """Every variant in plan order with what is known of its steps; nothing is asked of anybody, what is unknown is waiting."""
    while batch := list(islice(variants, BATCH)):
        yield from loom.weave(batch, look_up)


def file_paths(plan: Asked, variant: Variant, step: str, outcome: Outcome) -> dict[str, Artifact]:
    """Where each file of a done step goes, relative to the output folder, in the step's order.

    Pictures and videos are always published; a text or a JSON value becomes a file only where `save:` names one.
    """
    saved = plan.job.steps[step].save is not None
    files = [_as_file(artifact) for artifact in outcome.artifacts if artifact.kind == "file" or saved]
    if not files:
        return {}
    stem = plan.save_path(variant, step)
    numbers = [""] if len(files) == 1 else [f"-{number}" for number in range(1, len(files) + 1)]
    return {f"{stem}{number}.{EXTENSIONS[file.media_type or '']}": file for number, file in zip(numbers, files, strict=True)}


def published_files(plan: Asked, variant: Variant, step: str, outcome: Outcome) -> dict[str, Artifact]:
    """Those of `file_paths` that are published: all, or the approved ones where the job says so."""
    files, approves = file_paths(plan, variant, step, outcome), plan.approves
    if approves is None:
        return files
    return {path: file for path, file in files.items() if approves(variant.key, step, str(file.sha256))}


def files_of(plan: Asked, woven: Woven) -> Files:
    """Where the files of all done steps of the variant go; nobody works out again where they have just been published."""
    return {
        step: woven.files[step] if step in woven.files else published_files(plan, woven.variant, step, outcome)
        for step, outcome in woven.outcomes.items()
        if outcome.status == "done"
    }


def variant_line(plan: Asked, woven: Woven, files: Files | None = None, status: Status | None = None) -> bytes:
    """The variant's line of results.jsonl; `files` are those of `files_of`, `status` is its own, for whoever has them already."""
    variant, files = woven.variant, files_of(plan, woven) if files is None else files
    steps = {step: _step_fields(outcome, files.get(step)) for step, outcome in woven.outcomes.items()}
    if plan.approves is not None:
        for step, outcome in woven.outcomes.items():
            steps[step] |= _held_fields(plan, variant, step, outcome)
    return result_line(
        {
            "key": variant.key,
            "row": variant.row.key,
            "matrix": variant.cell,
            "variant": variant.number,
            "status": status or woven.status,
            "steps": steps,
        }
    )


def written(artifact: Artifact) -> bytes:
    """A text or a JSON value as the file that `save:` makes of it: UTF-8 without half surrogate pairs, ending in a newline."""
    text = artifact.text if artifact.kind == "text" else json.dumps(artifact.data, ensure_ascii=False, indent=2)
    return ((text or "").rstrip("\n") + "\n").encode("utf-8", "replace")


def size_without_blob(file: Artifact) -> int | None:
    """The size in bytes of a file that can be made again from journal and store; None for one that is what was bought."""
    return None if file.kind == "file" and (file.made is None or file.made.source == file.sha256) else file.size


def without_blobs(files: Iterable[Artifact], blobs: Blobs) -> dict[str, Remade]:
    """By sha256 those of these files that need no blob: texts, JSON values, and pictures that are only marked."""
    found = {}
    for file in files:
        if file.kind != "file":
            found[str(file.sha256)] = Remade(file.size or 0, partial(written, file))
        elif file.made is not None and file.made.marked:
            found[str(file.sha256)] = Remade(file.size or 0, partial(remake, blobs, file), file)
    return found


def _as_file(artifact: Artifact) -> Artifact:
    if artifact.kind == "file":
        return artifact
    data = written(artifact)
    return Artifact(artifact.kind, artifact.text, artifact.data, hashlib.sha256(data).hexdigest(), len(data), TYPES[artifact.kind])


def _step_fields(outcome: Outcome, files: Mapping[str, Artifact] | None) -> dict[str, Any]:
    fields: dict[str, Any] = {"status": outcome.status}
    if outcome.request is not None:
        fields["request"] = outcome.request.id
        fields["provider"] = outcome.request.provider
        fields["operation"] = outcome.request.operation
    if outcome.why:
        fields["why"] = outcome.why
    if outcome.checks:
        fields["checks"] = [check.told() for check in outcome.checks]
    if outcome.number > 1:
        fields["try"] = outcome.number
    if outcome.flagged:
        fields["flagged"] = True
    if outcome.artifacts:
        given = result_of(outcome.artifacts)
        if given.text is not None:
            fields["text"] = given.text
        if given.json is not None:
            fields["json"] = given.json
    if files:
        fields["files"] = [_file_fields(path, file) for path, file in files.items()]
    return fields


def _held_fields(plan: Asked, variant: Variant, step: str, outcome: Outcome) -> dict[str, Any]:
    """The files that are made and not published, where the job publishes only what is approved."""
    if plan.approves is None or outcome.status != "done":
        return {}
    files = file_paths(plan, variant, step, outcome).values()
    held = [file for file in files if not plan.approves(variant.key, step, str(file.sha256))]
    told = [{name: value for name, value in _file_fields("", file).items() if name != "path"} for file in held]
    return {"held": told} if told else {}


def _made_fields(made: Made, sha256: str) -> dict[str, Any]:
    """What the file was made of, where that is something else, what it states, and what became of the vendor's seal."""
    fields = {"source": made.source} if made.source != sha256 else {}
    if made.source_type is not None:
        fields["source_type"] = made.source_type
    return {**fields, "c2pa": "kept" if made.seal_kept else "lost"} if made.sealed else fields


def _file_fields(path: str, file: Artifact) -> dict[str, Any]:
    fields = {"path": path, "sha256": file.sha256, "bytes": file.size, "media_type": file.media_type}
    if file.width is not None:
        fields |= {"width": file.width, "height": file.height}
    if file.made is not None:
        fields |= _made_fields(file.made, str(file.sha256))
    return fields
