"""Whether nothing at all has moved since the last run ended: then its results are this run's, and only files are looked at.

What a run leaves is a function of job, project file, templates, feed, pictures, this program, and the facts in the journal. A run
that left nothing open notes how far the journal reached and what it told (`note_rest`). If the next one finds all of that as it was
and results.jsonl byte for byte as it was written, there is nothing to ask and nothing to tell anew; only the published files are
looked at. Anything else (an import, an edited line, a result that has become too old) leads to the whole pass.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import orjson

from runner.causes import cause_of
from runner.edge.journal import Run
from runner.edge.outputs import RESULTS, Written
from runner.frozen import frozen
from runner.loom import Outcome
from runner.records import Artifact, Json, Made
from runner.results import KINDS, Results


@frozen
class Rest:
    """What the last run left: how many facts the journal had, its results, and the moment of the oldest of them.

    `reused` counts the different requests by lane; all of them are settled.
    """

    facts: int
    oldest: float
    results: Results
    reused: Counter[str]


class Restlessness:
    """Notes, outcome by outcome, whether a run leaves everything at rest."""

    def __init__(self) -> None:
        self.oldest = float("inf")
        self.is_restless = False

    def see(self, outcome: Outcome) -> None:
        """Note a step as it is told. What failed on our side, and what is uncertain, may go otherwise though no fact has come."""
        if outcome.artifacts:
            self.oldest = min(self.oldest, outcome.at)
        elif outcome.left or outcome.status in ("failed", "uncertain"):
            self.is_restless = True


def note_rest(results: Results, reused: Mapping[str, int], oldest: float, facts: int) -> dict[str, Json]:
    """What a run that leaves everything at rest notes of itself in the journal."""
    file: dict[str, Json] = {"sha256": results.file.sha256, "bytes": results.file.size, "lines": results.file.lines}
    causes: list[Json] = [cause.told() for cause in results.troubles]
    told: dict[str, Json] = {"counts": dict(results.counts), "causes": causes, "reused": dict(reused)}
    return {"facts": facts, "oldest": min(oldest, 1e12), "file": file, **told}


def find_rest(runs: Sequence[Run], facts: int) -> Rest | None:
    """What the last run noted, if it ended and the journal has heard nothing since."""
    told = runs[-1].meta.get("rest") if runs and runs[-1].ended is not None else None
    if not isinstance(told, dict) or told["facts"] != facts or "causes" not in told:
        return None
    file = told["file"]
    written = Written(file["sha256"], file["bytes"], file["lines"])
    causes = tuple(map(cause_of, told["causes"]))
    return Rest(facts, told["oldest"], Results(told["counts"], causes, written), Counter(told["reused"]))


def read_rest(folder: Path, file: Written) -> Iterator[tuple[str, Artifact]] | None:
    """Each published file that results.jsonl in `folder` names, and its path; None where that is not what was written then.

    A text or a JSON value comes with what its line says of it, which is not what its file holds where the step gave several.
    """
    try:
        handle = os.open(folder / RESULTS, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as results:
        found = os.fstat(results.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size != file.size:
            return None
        if hashlib.file_digest(results, "sha256").hexdigest() != file.sha256:
            return None
    return _files(folder / RESULTS)


def _files(results: Path) -> Iterator[tuple[str, Artifact]]:
    with results.open("rb") as lines:
        for line in lines:
            if b'"files":[' in line:
                for step in orjson.loads(line)["steps"].values():
                    for file in step.get("files", ()):
                        kind, size = KINDS.get(file["media_type"], "file"), file["bytes"]
                        made = Made(file["source"]) if "source" in file else None
                        yield file["path"], Artifact(kind, step.get("text"), step.get("json"), file["sha256"], size, made=made)
