"""The forecast: everything `adbatch plan` tells, as one document; and whether what it told still holds.

The document says what a run would do and what that rests on: digests of job, project file, templates, feed and pictures, the
journal and its last run, the version of this program, and what was selected. A run that is given the document compares all of it
with what it finds, and in the end the fingerprint of what it would ask; if anything has moved, it names that and sends nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import orjson

from runner.decisions import approved_keys
from runner.desk import Desk, survey_feed
from runner.edge.clock import Clock, SystemClock
from runner.edge.journal import Run
from runner.edge.outputs import RESULTS
from runner.edge.published import results_digest
from runner.edge.rehearsal import Stage
from runner.edge.secrets import load_secrets
from runner.edge.snapshots import Snapshot
from runner.errors import OurSide, Usage
from runner.feed import read_rows
from runner.fields import suggest
from runner.footing import checked_before
from runner.frozen import frozen
from runner.manifest import moment
from runner.planning.beside import checked_beside
from runner.planning.estimate import SAMPLE, Estimate, Span, Usual, estimate, usual_paces
from runner.planning.past import Past, open_past
from runner.planning.preview import Known, Preview, Previewer, StepCount
from runner.planning.prospects import PROSPECTS, Wish
from runner.reading.study import Study, open_study
from runner.selection import Choice, Selection
from runner.standing import look_up
from runner.upkeep.neighbours import find_neighbour
from runner.upkeep.strangers import is_own

FORMAT: Final = 1
"""The version of the document."""
SCHEMA: Final = "urn:adbatch:schema:plan:1"
MOST_TROUBLES: Final = 3
MOST_PICTURES: Final = 1_000
"""Pictures that are named one by one; of more, only how many there are."""


EVERYTHING: Final = Choice()


@frozen
class Question:
    """Which run is asked about: the job at `path`, live or on a `stage`, the steps bought anew, and what is selected."""

    path: Path
    stage: Stage | None = None
    fresh: frozenset[str] | None = None
    choice: Choice = EVERYTHING

    def wants_fresh(self, step: str) -> bool:
        """Whether this step is to be bought anew."""
        return self.fresh is not None and (not self.fresh or step in self.fresh)


@frozen
class Forecast:
    """What a run would do. `document` is all of it as JSON; `remarks` are what a selection has to say."""

    preview: Preview
    estimate: Estimate
    document: dict[str, Any]
    remarks: tuple[str, ...] = ()


@frozen
class Ground:
    """What a forecast rests on."""

    desk: Desk
    snapshot: Snapshot
    mode: str
    journal: str | None
    runs: tuple[Run, ...]


async def make_forecast(question: Question, clock: Clock | None = None) -> Forecast:
    """What a run would do. A feed is held still as for a run, so one at an address is downloaded; nothing else leaves.

    Raises what a run would raise before it sends: `Invalid`, `Usage`, `OurSide`, or `Held` while a run holds the job.
    """
    clock = clock or SystemClock()
    with open_study(question.path, question.stage, clock) as study:
        _check_fresh(question, study)
        desk = study.desk
        snapshot = await study.take_snapshot(clock)
        journal = None if study.journal is None else study.journal.id
        ground = Ground(desk, snapshot, study.mode, journal, tuple(study.pages.runs()))
        return await asyncio.to_thread(_look, question, study, ground, clock.now())


def _check_fresh(question: Question, study: Study) -> None:
    steps = study.job_file.job.steps
    for step in sorted((question.fresh or frozenset()) - steps.keys()):
        raise Usage(f"{question.path} has no step {step} to buy anew{suggest(step, steps)}")


def _look(question: Question, study: Study, ground: Ground, now: float) -> Forecast:
    desk, snapshot = ground.desk, ground.snapshot
    source = desk.source(snapshot.files, snapshot.names)
    survey_feed(desk, source, ground.runs)
    past = open_past(study)
    selection = select(question, desk)
    wish = Wish(now, question.wants_fresh, selection)
    with _checked(study, ground):
        preview = preview_of(ground, known_of(study), wish, past)
    latest = [] if study.journal is None else study.journal.latest(SAMPLE)
    usual = usual_paces(study.pages.histories(latest).values())
    amount = estimate(desk, preview, usual)
    document = {**_told(ground, preview, amount, past, usual), "rests_on": rests_on(question, ground)}
    remarks = selection.review(preview.variants, partial(read_rows, source)) if selection else ()
    return Forecast(preview, amount, document, tuple(remarks))


def _checked(study: Study, ground: Ground) -> AbstractContextManager[None]:
    """Every row is right at the end of the block: the last run has seen that, or it is checked. Raises `Invalid`."""
    desk, snapshot = ground.desk, ground.snapshot
    if study.blobs is not None and checked_before(desk, snapshot, ground.runs, study.blobs) is not None:
        return nullcontext()
    return checked_beside(desk, desk.source(snapshot.files, snapshot.names), study.stage, snapshot.size)


def known_of(study: Study) -> Known:
    """What the journal knows; a job that was never run has none."""
    journal = study.journal
    return Known(lambda ids: {} if journal is None else look_up(journal, ids, study.holds), study.pages.histories)


def select(question: Question, desk: Desk) -> Selection | None:
    """The choice made in the plan; None where everything is chosen. Raises `Usage` or `Invalid` for one that cannot be."""
    if not question.choice:
        return None
    selection = Selection(question.choice, desk.plan, partial(approved_keys, desk.job_file, desk.output))
    selection.check_fresh(question.fresh)
    return selection


def preview_of(ground: Ground, known: Known, wish: Wish, past: Past | None) -> Preview:
    """What a run would do with every variant of the plan."""
    desk, snapshot = ground.desk, ground.snapshot
    previewer = Previewer(desk, known, wish, past, snapshot.sha256)
    try:
        return previewer.look(desk.plan.variants(read_rows(desk.source(snapshot.files, snapshot.names))))
    finally:
        previewer.close()


def _told(ground: Ground, preview: Preview, amount: Estimate, past: Past | None, usual: Mapping[str, Usual]) -> dict[str, Any]:
    job_file = ground.desk.job_file
    return {
        "$schema": SCHEMA,
        "format": FORMAT,
        "job": {"name": job_file.job.name, "path": os.path.relpath(job_file.path.resolve(), job_file.root)},
        "mode": ground.mode,
        "since": None if past is None else {"run": past.run.number, "ended": moment(past.run.ended or past.run.started)},
        "rows": preview.rows,
        "variants": preview.variants,
        "counts": {prospect: preview.total(prospect) for prospect in PROSPECTS},
        "steps": [_step(ground.desk, name, step) for name, step in preview.steps.items()],
        "lanes": list(_lanes(ground, preview, amount)),
        "retired": {"variants": preview.retired, "keys": list(preview.retired_keys)},
        "requests": _counted(amount.requests),
        "cost": {currency: _span(span) for currency, span in sorted(amount.cost.items())},
        "unpriced": _counted(amount.unpriced),
        "budgets": list(amount.budgets),
        "notes": [] if preview.idle else [*([amount.otherwise] if amount.otherwise else []), *_notes(ground)],
        "time": {"seconds": round(amount.seconds, 3), "at_least": amount.at_least, "observed": sorted(usual)},
        "nothing_to_do": preview.idle,
        "fingerprint": preview.fingerprint,
    }


def _step(desk: Desk, name: str, step: StepCount) -> dict[str, Any]:
    use = desk.job_file.job.steps[name].use
    price = desk.catalog.offers[use].by(desk.job_file.job.steps[name].lane).price
    causes = sorted(step.causes.items(), key=lambda item: -item[1].count)
    return {
        "step": name,
        "use": use,
        "price": None if price is None else str(price),
        "counts": {prospect: step.counts[prospect] for prospect in PROSPECTS},
        "why": [
            {
                "reason": what,
                "requests": cause.count,
                "examples": [{"key": key, "change": change} for key, change in cause.examples],
            }
            for what, cause in causes
        ],
        "troubles": [{"why": why, "requests": count} for why, count in step.troubles.most_common(MOST_TROUBLES)],
    }


def _lanes(ground: Ground, preview: Preview, amount: Estimate) -> Iterator[dict[str, Any]]:
    steps = ground.desk.job_file.job.steps
    last = next((run.meta for run in reversed(ground.runs) if run.ended is not None), {})
    closed = last.get("closed")
    for lane, seconds in amount.lanes.items():
        counts = [step.counts for name, step in preview.steps.items() if steps[name].provider == lane]
        told = {prospect: sum(count[prospect] for count in counts) for prospect in PROSPECTS}
        yield {
            "lane": lane,
            "counts": told,
            "seconds": round(seconds, 3),
            "blocked": _lacking(ground, lane),
            "closed_last_run": closed.get(lane) if isinstance(closed, Mapping) else None,
        }


def _notes(ground: Ground) -> Iterator[str]:
    """Why the run might refuse: this is another job's folder, or results lie here that this journal did not buy."""
    desk, output = ground.desk, ground.desk.output
    if neighbour := find_neighbour(desk.project_file, desk.job_file):
        yield neighbour
    digest = results_digest(output)
    if digest is None:
        return
    if not is_own(ground.runs, digest):
        folder = os.path.relpath(output, desk.project_file.place)
        yield (
            f"{folder}/{RESULTS} was not written by a run with this state folder; where it names what would be bought, "
            "the run refuses until `adbatch adopt` takes it in"
        )


def _lacking(ground: Ground, name: str) -> str | None:
    """What a live run would miss before it could ask this lane anything."""
    if ground.mode != "live":
        return None
    lane = ground.desk.catalog.lanes[name]
    try:
        load_secrets(lane.name, lane.secrets, os.environ, lane.optional)
    except OurSide as lacking:
        return str(lacking)
    return None


def _span(span: Span) -> dict[str, str]:
    return {"least": f"{span.least:f}", "most": f"{span.most:f}"}


def _counted(span: Span) -> dict[str, int]:
    return {"least": int(span.least), "most": int(span.most)}


def rests_on(question: Question, ground: Ground) -> dict[str, Any]:
    """What must be as it was for the plan to hold; the order is that in which it is told."""
    desk, snapshot = ground.desk, ground.snapshot
    seen = {} if desk.pictures is None else desk.pictures.seen()
    files = [[file.name, name] for file, name in zip(snapshot.files, snapshot.names, strict=True)]
    return {
        "adbatch": version("adbatch"),
        "job": desk.job_file.digest,
        "project": desk.project_file.digest,
        **({"vendors": desk.project_file.vendor_digests} if desk.project_file.vendors else {}),
        "templates": desk.plan.template_digests(),
        "feed": {"sha256": snapshot.sha256, "bytes": snapshot.size, "files": files, "origin": dict(snapshot.origin)},
        "pictures": seen if len(seen) <= MOST_PICTURES else {},
        "journal": {"id": ground.journal, "runs": len(ground.runs)},
        "fresh": None if question.fresh is None else sorted(question.fresh),
        "selection": question.choice.told(),
    }


def plan_schema_text() -> str:
    """The JSON Schema (2020-12) of the document, as it is committed beside this file."""
    return Path(__file__).with_name("plan.schema.json").read_text("utf-8")


def write_document(document: Mapping[str, Any], path: Path) -> None:
    """Write the document to `path`, whole or not at all. Raises `OurSide`."""
    temp = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temp.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        temp.replace(path)
    except OSError as error:
        temp.unlink(missing_ok=True)
        raise OurSide(f"{path} cannot be written ({error.strerror}); name another file") from error


def load_document(path: Path) -> dict[str, Any]:
    """The document that `adbatch plan --out` wrote to `path`. Raises `Usage` for any other file."""
    remedy = f"`adbatch plan JOB --out {path}` writes it"
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise Usage(f"{path} cannot be read ({(error.strerror or str(error)).lower()}); {remedy}") from None
    except ValueError:
        raise Usage(f"{path} is not JSON; {remedy}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT or not isinstance(document.get("rests_on"), dict):
        raise Usage(f"{path} is no plan that this version of adbatch can read; {remedy}")
    return document
