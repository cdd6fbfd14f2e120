"""The desk: everything that is known of a job before anything is asked of the network.

Project file, job, catalog and compiled plan, and the feed as a source of rows. All mistakes found on the way are collected and
raised together, in the user's terms: a wrong option points into adbatch.yaml, a wrong field into the job.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from runner.decisions import Approvals, decisions_of
from runner.edge.blobs import Blobs
from runner.edge.finisher import Finisher
from runner.edge.fonts import bring_fonts
from runner.edge.inputs import InputFiles
from runner.edge.journal import Run
from runner.edge.rehearsal import Stage
from runner.edge.sights import Looks
from runner.edge.snapshots import Download, Snapshot, find_files, take_snapshot
from runner.errors import Complaint, Invalid
from runner.feed import Source, Survey, Surveying, read_rows, survey
from runner.fields import Problem
from runner.frozen import frozen
from runner.job.check import Checked, check
from runner.job.document import Document, dotted
from runner.job.load import JobFile, ProjectFile, load_job, load_project
from runner.job.plan import Plan
from runner.job.project import ProviderSpec
from runner.providers.registry import LOCAL, Account, Catalog, as_documented, everywhere, is_local, kind_of, open_catalog
from runner.records import Limits, Money

File = TypeVar("File", JobFile, ProjectFile)

WRONG_NAMES: Final = ("not an option", "not a secret", "nothing is called")
"""How complaints begin that are about a name in the project file, not about the value behind it."""

STAGED: Final = Limits(concurrent=8)
"""The pace against emulated vendors: an account's limits protect an account, and here there is none. Its deadline stays."""


@frozen
class Desk:
    """A job with everything it stands on. `plan` is compiled and free of complaints; `pictures` knows which it has brought."""

    job_file: JobFile
    project_file: ProjectFile
    catalog: Catalog
    plan: Plan
    pictures: InputFiles | None = None

    @property
    def folder(self) -> Path:
        """The folder of the job file: what the paths in a job are relative to."""
        return self.job_file.path.parent

    @property
    def output(self) -> Path:
        """The folder that files, results and manifest go to."""
        return output_of(self.project_file, self.job_file)

    def source(self, files: tuple[Path, ...], names: tuple[str, ...]) -> Source:
        """The feed, read from these local files, which people know by `names`."""
        feed = self.job_file.job.feed
        reading = {"format": feed.format, "encoding": feed.encoding, "delimiter": feed.delimiter}
        return Source(files, names, feed.key, header_line=feed.header_line, fields=feed.fields, **reading)  # type: ignore[arg-type]

    def local_source(self) -> Source:
        """The feed's files as they lie there. Raises `Invalid` at the job's line where there are none that may be read."""
        spec = self.job_file.job.feed.path
        try:
            files = find_files(spec, self.folder, [self.project_file.root])
        except Invalid as mistakes:
            raise self._located(mistakes) from None
        names = (spec if file == self.folder / spec else os.path.relpath(file, self.folder) for file in files)
        return self.source(tuple(files), tuple(names))

    async def take_snapshot(self, feeds: Path, download: Download) -> Snapshot:
        """The feed held still, copied or downloaded into `feeds`. Raises `Invalid` at the job's line, and `OurSide`."""
        try:
            return await take_snapshot(self.job_file.job.feed.path, self.folder, [self.project_file.root], feeds, download)
        except Invalid as mistakes:
            raise self._located(mistakes) from None

    def complaint(self, message: str, *path: str | int) -> Complaint:
        """A complaint about the value at `path` of the job file."""
        return _complaint(Problem(path, message), self.job_file.document)

    def located(self, complaint: Complaint) -> Complaint:
        """The complaint about the feed as people who named the job would: with its place in the job file, where it has none."""
        place = complaint.place
        if place is not None:
            return replace(complaint, place=replace(place, file=self.job_file.document.beside(place.file)))
        return self.complaint(complaint.message, *complaint.path.split(".")) if complaint.path else complaint

    def _located(self, mistakes: Invalid) -> Invalid:
        return Invalid([self.located(complaint) for complaint in mistakes.complaints])

    def feed_mistakes(self, surveyed: Survey) -> list[Complaint]:
        """What is wrong with the feed as a whole: what its survey found, or that it has too few rows."""
        complaints = [self.located(complaint) for complaint in surveyed.complaints]
        least = self.job_file.job.feed.guard.min_rows
        if not complaints and surveyed.rows < least:
            why = f"the feed has {surveyed.rows} rows, at least {least} are wanted; nothing was sent, nothing retired"
            complaints.append(self.complaint(why, "feed", "guard", "min_rows"))
        return complaints


def load_files(path: Path) -> tuple[ProjectFile, JobFile]:
    """The job at `path` and its project. Raises `Invalid` with the mistakes of both files, `Usage` where one cannot be read."""
    wrong: list[Complaint] = []
    project_file = load_noting(load_project, path, wrong)
    job_file = load_noting(load_job, path, wrong)
    if project_file is not None and job_file is not None:
        return project_file, job_file
    if project_file is not None:
        wrong[:0] = project_mistakes(project_file, catalog_of(project_file))
    raise Invalid(wrong)


def state_of(project_file: ProjectFile) -> Path:
    """The project's state folder."""
    return (project_file.place / project_file.project.state).resolve()


def output_of(project_file: ProjectFile, job_file: JobFile) -> Path:
    """The job's output folder; of a job read from a commit, the one it has in the work tree."""
    folder = (job_file.path.parent / job_file.job.output.dir).resolve()
    if project_file.home is None or not folder.is_relative_to(project_file.root):
        return folder
    return (project_file.home / folder.relative_to(project_file.root)).resolve()


def catalog_of(
    project_file: ProjectFile, stage: Stage | None = None, blobs: Blobs | None = None, fonts: Sequence[str] | None = None
) -> Catalog:
    """What the project's accounts offer, with whatever is wrong or missing about them; with a `stage` they are emulated ones."""
    problems: list[Problem] = []
    if fonts is None:
        fonts, problems = bring_fonts(project_file.root, project_file.project.fonts, blobs)
    catalog = open_catalog(_with_fonts(_accounts(project_file, stage), fonts), _prices(project_file))
    return replace(catalog, problems=(*catalog.problems, *problems))


def _with_fonts(accounts: dict[str, Account], fonts: Sequence[str]) -> dict[str, Account]:
    """The accounts, where those that are this very machine know the project's fonts."""
    ours = {name: account for name, account in accounts.items() if account.provider is None and is_local(kind_of(name, account))}
    told = {name: replace(account, options={**account.options, "fonts": tuple(fonts)}) for name, account in ours.items()}
    return {LOCAL: Account(options={"fonts": tuple(fonts)}), **accounts, **told}


def open_desk(files: tuple[ProjectFile, JobFile], stage: Stage | None = None, blobs: Blobs | None = None) -> Desk:
    """The desk of a job and its project (`load_files`).

    With a `stage` every account is an emulated one; with `blobs`, pictures that the job names are copied there as they are hashed.
    Raises `Invalid` with every mistake that needs no row to be seen.
    """
    desk, settings, complaints = lay_desk(files, stage, blobs)
    complaints += desk.plan.complaints
    if settings or complaints:
        raise Invalid([*sorted(settings, key=_where), *sorted(complaints, key=_where)])
    return desk


def lay_desk(
    files: tuple[ProjectFile, JobFile], stage: Stage | None = None, blobs: Blobs | None = None
) -> tuple[Desk, list[Complaint], list[Complaint]]:
    """The desk as far as it can be laid, what is wrong with the project's settings, and what with the job.

    What is wrong with the plan is the plan's to tell (`Desk.plan.complaints`).
    """
    project_file, job_file = files
    catalog = catalog_of(project_file, stage, blobs)
    pictures = InputFiles(job_file.path.parent, project_file.root, blobs)
    desk = Desk(job_file, project_file, catalog, Plan(job_file, project_file, catalog.offers, pictures), pictures)
    if blobs is not None:
        desk.plan.look_at = Looks(blobs)
        desk.plan.finisher = Finisher(blobs)
    if job_file.job.output.publish == "approved":
        desk.plan.approves = Approvals(job_file.job.name, decisions_of(job_file)).has
    settings = [*project_mistakes(project_file, catalog), *_missing_settings(desk)]
    complaints = list(_unstaged(desk, stage))
    if not desk.output.is_relative_to(project_file.place):
        complaints.append(desk.complaint(f"lies outside the project folder {project_file.place}", "output", "dir"))
    elif desk.output.is_relative_to(state_of(project_file)) or ".git" in desk.output.relative_to(project_file.place).parts:
        complaints.append(desk.complaint("lies where git or adbatch keep their own; choose another folder", "output", "dir"))
    return desk, settings, complaints


def check_feed(desk: Desk, source: Source, runs: Sequence[Run] = ()) -> tuple[Survey, Checked]:
    """What the feed holds, and what the plan amounts to; `runs` are those the feed is compared with.

    Raises `Invalid` with every mistake of the feed or of a rendered row.
    """
    surveyed, checked = look_over(desk, source)
    _accept(desk, surveyed, runs)
    assert checked is not None
    return surveyed, _flawless(checked)


def look_over(desk: Desk, source: Source) -> tuple[Survey, Checked | None]:
    """What the feed holds, and what the plan amounts to, found in one reading; None where a row cannot be read."""
    surveying = Surveying(source)
    try:
        checked = check(desk.plan, surveying.rows)
    except Invalid:  # the survey tells all that is wrong with the rows
        checked = None
    return surveying.finish(), checked


def survey_feed(desk: Desk, source: Source, runs: Sequence[Run] = ()) -> Survey:
    """What the feed holds as a whole. Raises `Invalid` with what is wrong with it, or if the job's guard refuses it."""
    surveyed = survey(source)
    _accept(desk, surveyed, runs)
    return surveyed


def _accept(desk: Desk, surveyed: Survey, runs: Sequence[Run]) -> None:
    complaints = desk.feed_mistakes(surveyed)
    if complaints:
        raise Invalid(complaints)
    guard_drop(desk, surveyed.rows, runs)
    guard_kinds(desk, surveyed.kinds, runs)


def check_rows(desk: Desk, source: Source) -> Checked:
    """What the plan amounts to, every row rendered. Raises `Invalid` with every mistake."""
    return _flawless(check(desk.plan, partial(read_rows, source)))


def _flawless(checked: Checked) -> Checked:
    if checked.complaints:
        raise Invalid(checked.complaints)
    return checked


def guard_drop(desk: Desk, rows: int, runs: Sequence[Run]) -> None:
    """Raise `Invalid` if the feed lost more of its rows since the last run that ended than the job's guard allows."""
    most = desk.job_file.job.feed.guard.max_drop
    before = next((count for run in reversed(runs) if run.ended and isinstance(count := run.meta.get("rows"), int)), 0)
    if most is not None and before - rows > round(before * most, 6):
        why = f"the feed has {rows} rows, it had {before}: more than {most:.0%} are gone; nothing was sent, nothing retired"
        raise Invalid([desk.complaint(why, "feed", "guard", "max_drop")])


def kinds_read(desk: Desk, kinds: Mapping[str, frozenset[str]]) -> dict[str, list[str]]:
    """What the columns that templates read hold, as a run remembers it; a column of which nothing is known is left out."""
    wanted = desk.plan.columns()
    return {name: sorted(held) for name, held in kinds.items() if held and (name in wanted or "*" in wanted)}


def guard_kinds(desk: Desk, kinds: Mapping[str, frozenset[str]], runs: Sequence[Run]) -> None:
    """Raise `Invalid` if a column that templates read holds nothing of the kind it held in the last run that ended."""
    if not desk.job_file.job.feed.guard.same_kinds:
        return
    before = next((told for run in reversed(runs) if run.ended and isinstance(told := run.meta.get("kinds"), dict)), {})
    changed = [
        f"row.{name} held {' and '.join(before[name])} in the last run and holds {' and '.join(held)} now"
        for name, held in kinds_read(desk, kinds).items()
        if name in before and not set(before[name]) & set(held)
    ]
    cure = "nothing was sent, nothing retired; if that is meant, write guard: {same_kinds: false} for one run"
    if changed:
        raise Invalid([desk.complaint(f"{change}; {cure}", "feed", "guard", "same_kinds") for change in changed])


def load_noting(load: Callable[[Path], File], path: Path, wrong: list[Complaint]) -> File | None:
    """What `load` makes of the file; None where it is wrong, and its mistakes among `wrong`."""
    try:
        return load(path)
    except Invalid as mistakes:
        wrong += mistakes.complaints
        return None


def project_mistakes(project_file: ProjectFile, catalog: Catalog) -> list[Complaint]:
    """What is wrong with the project file's accounts, options and prices, and with its state folder."""
    problems = list(catalog.problems)
    if project_file.place.is_relative_to(state_of(project_file)):
        problems.append(Problem(("state",), f"is a folder around {project_file.place}; name one of its own, such as .adbatch"))
    return [_complaint(problem, project_file.document) for problem in problems]


def _missing_settings(desk: Desk) -> Iterator[Complaint]:
    """Required settings that nobody gave, of the accounts this job uses."""
    used = {step.provider for step in desk.job_file.job.steps.values()}
    for lane in sorted(used & desk.catalog.lacking.keys()):
        yield from (_complaint(problem, desk.project_file.document) for problem in desk.catalog.lacking[lane])


def _unstaged(desk: Desk, stage: Stage | None) -> Iterator[Complaint]:
    """Steps that ask an account nobody emulates: on a stage they would reach the real one."""
    if stage is None:
        return
    for name, step in desk.job_file.job.steps.items():
        lane = desk.catalog.lanes.get(step.provider)
        if lane is not None and not is_local(lane.kind) and lane.kind not in stage.vendors:
            yield desk.complaint(f"the sandbox has no {lane.kind}; it knows {', '.join(stage.vendors)}", "steps", name, "use")


def _accounts(project_file: ProjectFile, stage: Stage | None) -> dict[str, Account]:
    specs = project_file.project.providers
    accounts = {name: _account(spec, project_file) for name, spec in specs.items()}
    if stage is None:
        return accounts
    everyone = {**{kind: Account() for kind in everywhere()}, **accounts}
    return {name: _staged(account, stage.vendors.get(kind_of(name, account))) for name, account in everyone.items()}


def _account(spec: ProviderSpec, project_file: ProjectFile) -> Account:
    limits = as_documented if spec.limits is None else spec.limits.over
    if spec.describe is None:
        return Account(spec.kind, spec.base_url, spec.options, spec.secrets, limits)
    from runner.providers.http import describe_provider  # noqa: PLC0415 - most projects describe no vendor, and start the sooner

    provider = describe_provider(project_file.vendors[spec.describe].vendor)
    return Account(spec.kind, spec.base_url, spec.options, spec.secrets, limits, provider)


def _staged(account: Account, vendor: Mapping[str, Any] | None) -> Account:
    """The account as the emulated vendor serves it: its addresses, no secret of ours, and settings where we gave none."""
    if vendor is None:
        return account
    ours = {name: value for name, value in account.options.items() if value is not None and not name.endswith("_url")}
    theirs = {name: value for name, value in vendor["options"].items() if account.takes(name)}
    pace = partial(_pace_on_stage, account)
    return Account(account.kind, str(vendor["base_url"]), {**theirs, **ours}, {}, pace, account.provider)


def _pace_on_stage(account: Account, documented: Limits) -> Limits:
    return replace(STAGED, deadline=account.limits(documented).deadline)


def _prices(project_file: ProjectFile) -> dict[str, Money]:
    return {use: Money(price.each, price.currency) for use, price in project_file.project.prices.items()}


def _where(complaint: Complaint) -> tuple[str, int, int]:
    place = complaint.place
    return ("", 0, 0) if place is None else (place.file, place.line, place.column)


def _complaint(problem: Problem, document: Document | None) -> Complaint:
    of: Literal["key", "value"] = "key" if problem.message.startswith(WRONG_NAMES) else "value"
    place = document.place(problem.path, of) if document is not None else None
    return Complaint(problem.message, dotted(problem.path), place)
