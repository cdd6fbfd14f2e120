"""Rebuilding: every output once more, from the state folder alone.

The journal knows what was bought, the store has its bytes, and the last run that ended noted which job, templates and feed it was
made from; so its results are written again without network, key or feed server, byte for byte. Files that somebody edited are left
alone, and files that are not approved are held where only the approved are published, as in a run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.census import fingerprint
from runner.decisions import Approvals, decisions_of
from runner.edge.claim import claim_output
from runner.edge.outputs import Outputs
from runner.edge.rehearsal import Stage
from runner.errors import Usage
from runner.exports.feeds import write_exports
from runner.feed import Source, read_rows
from runner.job.asking import Asking
from runner.loom import Loom, Woven
from runner.planning.past import Past, open_past
from runner.provenance import write_told
from runner.reading.study import Study, open_study
from runner.results import files_of, variant_line, weave, without_blobs

UNKNOWN = frozenset({"waiting", "blocked", "skipped"})
"""Statuses that say nothing of a variant; a run of a selection leaves such lines out."""


@dataclass(slots=True)
class Rebuilt:
    """What was made in the folder `output`. `written` files were missing or outdated, `unchanged` ones were right already.

    `kept` were edited by somebody and left alone. `same` says whether results.jsonl has the digest the run noted, `run` which run.
    """

    output: Path
    run: int
    written: int = 0
    unchanged: int = 0
    kept: dict[str, None] = field(default_factory=dict)
    lines: int = 0
    same: bool = False

    @property
    def whole(self) -> bool:
        """Whether everything is again as the run left it."""
        return self.same and not self.kept

    def as_json(self) -> dict[str, Any]:
        """The same for machines."""
        counts = {"run": self.run, "written": self.written, "unchanged": self.unchanged, "lines": self.lines}
        return {**counts, "kept": list(self.kept), "same": self.same}


def rebuild_outputs(path: Path, stage: Stage | None = None) -> Rebuilt:
    """Make what the last ended run of the job at `path` published; with a `stage`, its last sandbox run.

    Raises `Usage` where no run can be rebuilt, `OurSide` where the disk fails or a journal is damaged, `Held` while a run holds it.
    """
    with open_study(path, stage) as study:
        past = open_past(study)
        if past is None:
            raise Usage(
                f"{path}: no run of this job has ended yet, or the state folder has lost what it was made from; run it again"
            )
        if past.source is None:
            raise Usage(f"{path}: the snapshot of the feed is gone from the state folder; run the job again")
        return Rebuilder(study, past, past.source).rebuild()


class Rebuilder:
    """Weaves the plan of then over what the journal knows now."""

    def __init__(self, study: Study, past: Past, source: Source) -> None:
        assert study.state is not None
        assert study.blobs is not None
        self._study, self._past, self._source = study, past, source
        self._plan, self._blobs = past.desk.plan, study.blobs
        job = past.desk.job_file.job
        if job.output.publish == "approved":
            self._plan.approves = Approvals(job.name, decisions_of(study.job_file)).has
        self._asking = Asking(self._plan)
        self._mode, self._others = study.state.mode, study.state.drawings()
        self._seen: set[int] = set()
        self.made = Rebuilt(past.desk.output, past.run.number)

    def rebuild(self) -> Rebuilt:
        """Publish every file, write results.jsonl, and what was told of the run if these are its results."""
        noted = self._past.run.meta.get("results")
        with claim_output(self.made.output, self._mode):
            outputs = Outputs(self.made.output, self._blobs, self._others)
            outputs.sweep()
            selected = self._publish_all(outputs) == noted
            file = outputs.write_results(
                variant_line(self._asking, woven) for woven in self._woven() if not selected or _is_known(woven)
            )
            self.made.lines, self.made.same = file.lines, noted == file.sha256
            manifest = self._past.run.meta.get("manifest")
            if self.made.same and isinstance(manifest, Mapping):
                write_told(outputs, manifest)
                write_exports(self._plan, lambda: read_rows(self._source), outputs)
        return self.made

    def _publish_all(self, outputs: Outputs) -> str:
        """Publish what is there; the digest of those lines of which something is known, as a run of a selection writes them."""
        known = hashlib.sha256()
        for woven in self._woven():
            self._publish(outputs, woven)
            if _is_known(woven):
                known.update(variant_line(self._asking, woven))
        return known.hexdigest()

    def _publish(self, outputs: Outputs, woven: Woven) -> None:
        for files in files_of(self._asking, woven).values():
            for path, file in files.items():
                [told] = outputs.publish_all([(str(file.sha256), path)], without_blobs([file], self._blobs))
                self._note(path, told)

    def _note(self, path: str, how: str) -> None:
        """Count what was done, once for each path however many variants share it."""
        if (mark := fingerprint(path)) in self._seen:
            return
        self._seen.add(mark)
        self.made.written += how == "written"
        self.made.unchanged += how == "unchanged"
        if how == "kept":
            self.made.kept.setdefault(path)

    def _woven(self) -> Iterator[Woven]:
        return weave(Loom(self._plan), self._plan.variants(read_rows(self._source)), self._study.look_up)


def _is_known(woven: Woven) -> bool:
    return any(outcome.status not in UNKNOWN for outcome in woven.outcomes.values())
