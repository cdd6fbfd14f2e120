"""Everything that can be known of a job without the network, found at once.

A mistake in one place does not hide those in another: what is wrong with the YAML, the project, the fields, the templates, the feed
and its rows is told together. A job whose form is wrong is mended first, and the rest of it inspected all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from runner.budgets import check_budgets
from runner.desk import Desk, catalog_of, lay_desk, load_noting, look_over, project_mistakes
from runner.errors import Complaint, Invalid
from runner.job.check import Checked
from runner.job.load import load_job, load_mended, load_project


def check_job(path: Path) -> Checked | None:
    """What the plan amounts to; None for a feed at an https address, which is not read.

    Raises `Invalid` with every mistake there is, `Usage` where a file cannot be read, or `OurSide`.
    """
    wrong: list[Complaint] = []
    checked = _inspect(path, wrong)
    if wrong:
        raise Invalid(_in_order(wrong))
    return checked


def _inspect(path: Path, wrong: list[Complaint]) -> Checked | None:
    project_file, job_file = load_noting(load_project, path, wrong), load_noting(load_job, path, wrong)
    cut: frozenset[str] = frozenset()
    if job_file is None:
        job_file, cut = load_mended(path)
    if project_file is None or job_file is None:
        wrong += project_mistakes(project_file, catalog_of(project_file)) if project_file else ()
        return None
    desk, settings, complaints = lay_desk((project_file, job_file))
    wrong += [*settings, *complaints]
    try:
        check_budgets(desk, allow_unpriced=True)
    except Invalid as mistakes:
        wrong += mistakes.complaints
    checked = _check_rows(desk, wrong)
    found = desk.plan.complaints if checked is None else checked.complaints
    wrong += [complaint for complaint in found if not ("matrix" in cut and "matrix" in complaint.message)]
    return checked


def _check_rows(desk: Desk, wrong: list[Complaint]) -> Checked | None:
    """The plan over all rows; None where the rows cannot be read, and why among the mistakes."""
    if "://" in desk.job_file.job.feed.path:
        return None
    try:
        source = desk.local_source()
    except Invalid as mistakes:
        wrong += mistakes.complaints
        return None
    surveyed, checked = look_over(desk, source)
    wrong += desk.feed_mistakes(surveyed)
    return checked


def _in_order(complaints: Iterable[Complaint]) -> list[Complaint]:
    """Each mistake once: file by file as they were found, and within a file from its top."""
    once = list(dict.fromkeys(complaints))
    files = list(dict.fromkeys(complaint.place.file if complaint.place else "" for complaint in once))

    def where(complaint: Complaint) -> tuple[int, int, int]:
        place = complaint.place
        return (files.index(place.file), place.line, place.column) if place else (files.index(""), 0, 0)

    return sorted(once, key=where)
