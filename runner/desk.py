"""The desk: everything that is known of a job before anything is asked of the network.

Project file, job, catalog and compiled plan, and the feed as a source of rows. All mistakes found on the way are collected and
raised together, in the user's terms: a wrong option points into adbatch.yaml, a wrong field into the job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from runner.edge.blobs import Blobs
from runner.edge.inputs import InputFiles
from runner.edge.journal import Run
from runner.edge.rehearsal import Stage
from runner.errors import Complaint, Invalid
from runner.feed import Source, read_rows, survey
from runner.fields import Problem
from runner.job.check import Checked, check
from runner.job.document import Document, dotted
from runner.job.load import JobFile, ProjectFile, load_job, load_project
from runner.job.plan import Plan
from runner.job.project import ProviderSpec
from runner.providers.registry import PROVIDERS, Account, Catalog, open_catalog
from runner.records import Limits, Money

STAGED: Final = Limits(concurrent=8)
"""The pace against emulated vendors: an account's limits protect an account, and here there is none."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A job with everything it stands on. `plan` is compiled and free of complaints."""

    job_file: JobFile
    project_file: ProjectFile
    catalog: Catalog
    plan: Plan

    @property
    def state(self) -> Path:
        """The state folder of the project."""
        return self.project_file.root / self.project_file.project.state

    @property
    def folder(self) -> Path:
        """The folder of the job file: what the paths in a job are relative to."""
        return self.job_file.path.parent

    @property
    def output(self) -> Path:
        """The folder that files, results and manifest go to."""
        return (self.folder / self.job_file.job.output.dir).resolve()

    def source(self, files: tuple[Path, ...], names: tuple[str, ...]) -> Source:
        """The feed, read from these local files, which people know by `names`."""
        feed = self.job_file.job.feed
        reading = {"format": feed.format, "encoding": feed.encoding, "delimiter": feed.delimiter}
        return Source(files, names, feed.key, header_line=feed.header_line, fields=feed.fields, **reading)  # type: ignore[arg-type]

    def complaint(self, message: str, *path: str | int) -> Complaint:
        """A complaint about the value at `path` of the job file."""
        return _complaint(Problem(path, message), self.job_file.document)

    def located(self, complaint: Complaint) -> Complaint:
        """The complaint with its place in the job file, where it has none in the feed."""
        if complaint.place or not complaint.path:
            return complaint
        return self.complaint(complaint.message, *complaint.path.split("."))


def open_desk(path: Path, stage: Stage | None = None, blobs: Blobs | None = None) -> Desk:
    """The desk of the job at `path`.

    With a `stage` every account is an emulated one; with `blobs`, pictures that the job names are copied there as they are hashed.
    Raises `Invalid` with every mistake that needs no row to be seen, `Usage` where a file cannot be read.
    """
    project_file, job_file = _load_both(path)
    catalog = open_catalog(_accounts(project_file, stage), _prices(project_file))
    complaints = [_complaint(problem, project_file.document) for problem in catalog.problems]
    used = {step.use.partition("/")[0] for step in job_file.job.steps.values()}
    for lane in sorted(used & catalog.lacking.keys()):
        complaints += [_complaint(problem, project_file.document) for problem in catalog.lacking[lane]]
    files = InputFiles(job_file.path.parent, project_file.root, blobs)
    desk = Desk(job_file, project_file, catalog, Plan(job_file, project_file, catalog.offers, files))
    complaints += desk.plan.complaints
    if not desk.output.is_relative_to(project_file.root):
        complaints.append(desk.complaint(f"lies outside the project folder {project_file.root}", "output", "dir"))
    if complaints:
        raise Invalid(complaints)
    return desk


def check_feed(desk: Desk, source: Source) -> tuple[int, Checked]:
    """Number of rows, and what the plan amounts to. Raises `Invalid` with every mistake of the feed or of a rendered row."""
    surveyed = survey(source)
    complaints = [desk.located(complaint) for complaint in surveyed.complaints]
    least = desk.job_file.job.feed.guard.min_rows
    if not complaints and surveyed.rows < least:
        why = f"the feed has {surveyed.rows} rows, at least {least} are wanted; nothing was sent, nothing retired"
        complaints.append(desk.complaint(why, "feed", "guard", "min_rows"))
    if complaints:
        raise Invalid(complaints)
    checked = check(desk.plan, partial(read_rows, source))
    if checked.complaints:
        raise Invalid(checked.complaints)
    return surveyed.rows, checked


def guard_drop(desk: Desk, rows: int, runs: Sequence[Run]) -> None:
    """Raise `Invalid` if the feed lost more of its rows since the last run that ended than the job's guard allows."""
    most = desk.job_file.job.feed.guard.max_drop
    before = next((count for run in reversed(runs) if run.ended and isinstance(count := run.meta.get("rows"), int)), 0)
    if most is not None and rows < before * (1 - most):
        why = f"the feed has {rows} rows, it had {before}: more than {most:.0%} are gone; nothing was sent, nothing retired"
        raise Invalid([desk.complaint(why, "feed", "guard", "max_drop")])


def _load_both(path: Path) -> tuple[ProjectFile, JobFile]:
    """Project and job, with the mistakes of both files told together."""
    try:
        project_file = load_project(path)
    except Invalid as wrong_project:
        try:
            load_job(path)
        except Invalid as wrong_job:
            raise Invalid(wrong_project.complaints + wrong_job.complaints) from None
        raise
    return project_file, load_job(path)


def _accounts(project_file: ProjectFile, stage: Stage | None) -> dict[str, Account]:
    specs = project_file.project.providers
    accounts = {name: _account(spec) for name, spec in specs.items()}
    if stage is None:
        return accounts
    everyone = {**{kind: Account() for kind in PROVIDERS}, **accounts}
    return {name: _staged(account, stage.vendors.get(account.kind or name)) for name, account in everyone.items()}


def _account(spec: ProviderSpec) -> Account:
    limits = {} if spec.limits is None else {"limits": spec.limits.over}
    return Account(spec.kind, spec.base_url, spec.options, spec.secrets, **limits)


def _staged(account: Account, vendor: Mapping[str, object] | None) -> Account:
    """The account as the emulated vendor serves it: its address, no secret of ours, and settings where we gave none."""
    if vendor is None:
        return account
    ours = {name: value for name, value in account.options.items() if value is not None}
    options = {**vendor.get("options", {}), **ours}  # type: ignore[dict-item]
    return Account(account.kind, str(vendor["base_url"]), options, {}, lambda _: STAGED)


def _prices(project_file: ProjectFile) -> dict[str, Money]:
    return {use: Money(price.each, price.currency) for use, price in project_file.project.prices.items()}


def _complaint(problem: Problem, document: Document | None) -> Complaint:
    place = document.place(problem.path) if document is not None else None
    return Complaint(problem.message, dotted(problem.path), place)
