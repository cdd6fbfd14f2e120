"""When a job has to run again, and what a scheduler needs to know of it.

A job is due when a moment of its cron expression has passed since its last run began, when a result has grown older than `max_age`
since then, when it never ran to its end, or when the last run left something that the same command finishes. Only whole runs that
ended count: one that was killed, refused by a guard, or restricted to a few rows leaves the job due. Nothing is written, and a job
that was never run gets no state folder.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from runner.desk import catalog_of, load_files, output_of
from runner.edge.journal import Journal, Run
from runner.edge.rehearsal import Stage
from runner.errors import EXITS, Held, Usage
from runner.frozen import frozen
from runner.job.load import JobFile, ProjectFile
from runner.job.model import Refresh
from runner.job.project import SecretRef
from runner.providers.registry import Reference
from runner.reading.study import Study, open_study
from runner.schedule import Scheduled, Timetable
from runner.schedule.scheduled import JITTER

UNFINISHED: Final = (6, 129, 130, 143)
"""Ends of a run after which the same command goes on where it stopped."""
SETUP: Final = '; say when in the job, such as refresh: {cron: "15 5 * * *"}'


@frozen
class Verdict:
    """Whether a job is due and why, when its last run that ended began, and when it will be due next; moments in its own zone."""

    job: str
    path: str
    due: bool
    why: str
    last: datetime | None
    next: datetime | None


def judge(path: Path, stage: Stage | None, now: float) -> Verdict:
    """Whether the job at `path` is due at the moment `now`, live, or with a `stage` in the sandbox.

    Raises `Usage` for a job that never says when, `Invalid` for one with mistakes, `OurSide` for a damaged journal.
    """
    _, job_file = load_files(path)
    _refresh_of(job_file)
    try:
        with open_study(path, stage) as study:
            return weigh(study, now)
    except Held as held:
        return Verdict(job_file.job.name, str(path), False, f"a run is at work: {held}", None, None)


def weigh(study: Study, now: float) -> Verdict:
    """The same of a job whose papers are open. Raises `Usage` for one that never says when."""
    job_file = study.job_file
    refresh, run = _refresh_of(job_file), _last_run(study.pages.runs(), now)
    why = _why(refresh, run, study.journal, now)
    ages = _oldest(study.journal, now - refresh.max_age, now) if study.journal and refresh.max_age else None
    coming = _next(refresh, ages, now)
    began = None if run is None else _moment(refresh, run.started)
    return Verdict(job_file.job.name, job_file.document.file, bool(why), why or _still_fresh(began), began, coming)


def _still_fresh(began: datetime | None) -> str:
    return f"the last run began {shown(began)}" if began else "nothing is old"


def _refresh_of(job_file: JobFile) -> Refresh:
    refresh = job_file.job.refresh
    if refresh is None:
        raise Usage(f"{job_file.document.file} has no refresh:, so it is never due{SETUP}")
    return refresh


def _last_run(runs: list[Run], now: float) -> Run | None:
    """The last whole run that ended; one that is still to come, as a clock was wrong, only where there is no other."""
    whole = (run for run in runs if run.ended is not None and _is_whole(run))
    return max(whole, key=lambda run: (run.started <= now, run.started), default=None)


def _is_whole(run: Run) -> bool:
    """Whether the run was over all of the plan, or over this machine's share of it."""
    manifest = run.meta.get("manifest")
    chosen = manifest.get("selection") if isinstance(manifest, dict) else None
    return not (isinstance(chosen, dict) and chosen.keys() - {"shard"})


def _why(refresh: Refresh, run: Run | None, journal: Journal | None, now: float) -> str:
    """Why a run is due; empty where none is."""
    if run is None:
        return "no run has ended yet"
    if run.started > now:
        return f"the last run began {shown(_moment(refresh, run.started))}, which is still to come: a clock was wrong"
    code = run.meta.get("exit")
    if code in UNFINISHED:
        return f"the last run ended with {code} ({EXITS[int(str(code))]})"
    missed = Timetable(refresh.cron, refresh.timezone).last(now) if refresh.cron else None
    if missed is not None and missed.timestamp() > run.started:
        return f"{shown(missed)} has passed since the last run began"
    age = refresh.max_age
    if age and journal and _oldest(journal, run.started - age, now - age) is not None:
        return f"a result has grown older than max_age ({age_in_words(age)}) since the last run began"
    return ""


def _oldest(journal: Journal, after: float, until: float) -> float | None:
    """When the oldest result came of those that came after one moment and not after another."""
    [(at,)] = journal.select("oldest_result", after, until)
    return None if at is None else float(at)


def _next(refresh: Refresh, oldest: float | None, now: float) -> datetime | None:
    moments: list[datetime] = []
    if refresh.cron:
        moments += [moment for moment in [next(Timetable(refresh.cron, refresh.timezone).after(now), None)] if moment]
    if refresh.max_age and oldest is not None:
        moments.append(_moment(refresh, oldest + refresh.max_age))
    return min(moments, default=None)


def _moment(refresh: Refresh, at: float) -> datetime:
    return datetime.fromtimestamp(at, Timetable("* * * * *", refresh.timezone).tzinfo)


def shown(moment: datetime) -> str:
    """A moment for a person: to the minute, with its zone."""
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname()}"


def age_in_words(seconds: int) -> str:
    """A duration as a job says it: `7d`, `12h`, `90m`, `45s`."""
    return next(
        f"{seconds // size}{unit}" for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)) if seconds % size == 0
    )


def schedule_of(path: Path, command: Path, now: float, env_file: str | None = None, image: str | None = None) -> Scheduled:
    """The job at `path` as a scheduler needs to know it; `command` is the adbatch to start.

    `env_file` is where the keys will be, `image` a container with adbatch. Raises `Usage` for a job without a time, `Invalid`.
    """
    project_file, job_file = load_files(path.resolve())
    refresh, name = _refresh_of(job_file), job_file.job.name
    if not refresh.cron:
        raise Usage(f"{path} says how old results may grow, not when to run{SETUP}")
    keys = dict(_keys(project_file, job_file))
    return Scheduled(
        name=name,
        job=path.resolve(),
        root=project_file.place,
        output=output_of(project_file, job_file),
        command=command,
        timetable=Timetable(refresh.cron, refresh.timezone),
        jitter=JITTER if refresh.jitter is None else refresh.jitter,
        keys=tuple(dict.fromkeys(ref.env for ref in keys.values() if ref.env)),
        key_files={name: ref.file for name, ref in keys.items() if ref.file},
        env_file=env_file or f"/etc/adbatch/{name}.env",
        user="" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name,
        repository=next(
            (folder for folder in (project_file.place, *project_file.place.parents) if (folder / ".git").exists()), None
        ),
        image=image or f"adbatch:{version('adbatch')}",
        version=version("adbatch"),
        at=now,
    )


def _keys(project_file: ProjectFile, job_file: JobFile) -> Iterator[tuple[str, Reference]]:
    """Where the secrets are that a run of the job needs, by a name for each: those of its accounts, and of `notify:`."""
    lanes = catalog_of(project_file).lanes
    for lane in dict.fromkeys(step.provider for step in job_file.job.steps.values()):
        for secret, reference in lanes[lane].secrets.items() if lane in lanes else ():
            words = lane if secret == "key" else f"{lane} {secret.removesuffix('_key')}"
            yield re.sub(r"[^A-Z0-9]+", "_", words.upper()) + "_KEY", reference
    notify = project_file.project.notify
    for name, place in (("webhook", notify.webhook), ("ping", notify.ping)) if notify else ():
        if isinstance(place, SecretRef):
            yield f"NOTIFY_{name.upper()}", place
