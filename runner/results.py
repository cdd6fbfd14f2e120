"""What a run leaves to read: the lines of `results.jsonl` and the paths of the files.

A line is derived from plan and outcome alone and holds no time and no run id, so a run that changes nothing changes no byte. The
path of a file is the step's `save:` stem, `-n` where the step gave several, and the extension its content has.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from runner.edge.outputs import Outputs, Written, result_line
from runner.job.plan import Plan
from runner.loom import Loom, Outcome, Woven, result_of
from runner.records import Artifact, Variant

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

BATCH: Final = 500
"""Variants looked up at once when the results are written."""

TOLD: Final = 5
"""Reasons that are told by name."""


@dataclass(frozen=True, slots=True)
class Results:
    """What there is after a run: variants per status, the commonest reasons for what is not there, and the file as written."""

    counts: Mapping[str, int]
    troubles: Mapping[str, int]
    file: Written


LookUp: TypeAlias = Callable[[Sequence[str]], Mapping[str, Outcome]]
"""What is known of requests, by id."""


def write_results(plan: Plan, variants: Iterator[Variant], look_up: LookUp, outputs: Outputs) -> Results:
    """results.jsonl in plan order, from plan and journal alone, streamed."""
    counts: Counter[str] = Counter()
    troubles: Counter[str] = Counter()

    def lines() -> Iterator[bytes]:
        for woven in weave(Loom(plan), variants, look_up):
            counts[woven.status] += 1
            troubles.update(_troubles(woven))
            yield variant_line(plan, woven)

    file = outputs.write_results(lines())
    return Results(counts, dict(troubles.most_common(TOLD)), file)


def weave(loom: Loom, variants: Iterator[Variant], look_up: LookUp) -> Iterator[Woven]:
    """Every variant in plan order with what is known of its steps; nothing is asked of anybody, what is unknown is waiting."""
    while batch := list(islice(variants, BATCH)):
        for variant in batch:
            loom.take_up(variant)
        while asks := loom.asks():
            known = look_up([ask.request.id for ask in asks])
            for ask in asks:
                loom.settle(ask.request.id, known.get(ask.request.id) or Outcome("waiting", ask.request))
        loom.yields()
        yield from sorted(loom.finished(), key=lambda woven: woven.variant.index)


def _troubles(woven: Woven) -> Iterator[str]:
    for step, outcome in woven.outcomes.items():
        if outcome.status in ("failed", "refused", "uncertain"):
            yield f"{step} {outcome.status}: {outcome.why}"


def file_paths(plan: Plan, variant: Variant, step: str, outcome: Outcome) -> dict[str, Artifact]:
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


def variant_line(plan: Plan, woven: Woven) -> bytes:
    """The variant's line of results.jsonl."""
    variant = woven.variant
    return result_line(
        {
            "key": variant.key,
            "row": variant.row.key,
            "matrix": variant.cell,
            "variant": variant.number,
            "status": woven.status,
            "steps": {step: dict(_step_fields(plan, woven, step, outcome)) for step, outcome in woven.outcomes.items()},
        }
    )


def written(artifact: Artifact) -> bytes:
    """A text or a JSON value as the file that `save:` makes of it: UTF-8 without half surrogate pairs, ending in a newline."""
    text = artifact.text if artifact.kind == "text" else json.dumps(artifact.data, ensure_ascii=False, indent=2)
    return ((text or "").rstrip("\n") + "\n").encode("utf-8", "replace")


def _as_file(artifact: Artifact) -> Artifact:
    if artifact.kind == "file":
        return artifact
    data, media_type = written(artifact), "text/plain" if artifact.kind == "text" else "application/json"
    return replace(artifact, sha256=hashlib.sha256(data).hexdigest(), size=len(data), media_type=media_type)


def _step_fields(plan: Plan, woven: Woven, step: str, outcome: Outcome) -> Iterator[tuple[str, Any]]:
    yield "status", outcome.status
    if outcome.request is not None:
        yield "request", outcome.request.id
        yield "provider", outcome.request.provider
        yield "operation", outcome.request.operation
    if outcome.why:
        yield "why", outcome.why
    given = result_of(outcome.artifacts)
    if given.text is not None:
        yield "text", given.text
    if given.json is not None:
        yield "json", given.json
    if outcome.status == "done":
        files = file_paths(plan, woven.variant, step, outcome)
        if files:
            yield "files", [_file_fields(path, file) for path, file in files.items()]


def _file_fields(path: str, file: Artifact) -> dict[str, Any]:
    fields = {"path": path, "sha256": file.sha256, "bytes": file.size, "media_type": file.media_type}
    if file.width is not None:
        fields |= {"width": file.width, "height": file.height}
    return fields
