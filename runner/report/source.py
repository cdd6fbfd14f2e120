"""From a job to what its gallery is made from: the journal, the store and the feed of its last run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from runner.decisions import decisions_of
from runner.desk import catalog_of, output_of
from runner.edge.published import load_manifest
from runner.edge.rehearsal import Stage
from runner.errors import AdbatchError, Usage
from runner.feed import read_rows
from runner.providers.registry import Catalog
from runner.reading.study import Study, open_study
from runner.records import Money, Row
from runner.report.asked import Prices
from runner.report.gallery import Gallery, Material, read_titles, write_gallery, write_single


def make_report(job: Path, stage: Stage | None, out: Path | None = None, single: Path | None = None) -> Gallery:
    """Make the gallery of the job at this path; with a `stage`, of its sandbox runs. Sends nothing and reads no key.

    Raises `Invalid` for mistakes in job, project or decisions, `Usage` where there are no results, `Held` while a run has the job.
    """
    with open_study(job, stage) as study:
        material = material_of(study)
        return write_gallery(material, out) if single is None else write_single(material, single)


def material_of(study: Study) -> Material:
    """What the gallery of this job is made from. Raises `Usage` if its output folder holds another mode's results."""
    output = output_of(study.project_file, study.job_file)
    _check_mode(output, study)
    return Material(
        study.job_file.job.name,
        study.job_file.document.file,
        study.mode,
        tuple(study.job_file.job.steps),
        output,
        study.blobs,
        study.pages.histories,
        prices_in(catalog_of(study.project_file, study.stage)),
        study.journal.last() if study.journal is not None else 0,
        decisions_of(study.job_file),
        lambda: _titles(study, output),
    )


def prices_in(catalog: Catalog) -> Prices:
    """What a submit costs, by `provider/operation`."""

    def price(use: str) -> Money | None:
        offer = catalog.offers.get(use)
        return None if offer is None else offer.operation.price

    return price


def _check_mode(output: Path, study: Study) -> None:
    mode = (load_manifest(output) or {}).get("mode")
    if mode in ("live", "sandbox") and mode != study.mode:
        cure = "add --sandbox" if mode == "sandbox" else "leave out --sandbox"
        raise Usage(f"{output} holds the results of a {mode} run; {cure}")


def _titles(study: Study, output: Path) -> Mapping[str, str]:
    """What the rows are called in the feed of the last run; nothing where that cannot be read any more."""
    with suppress(AdbatchError):
        return read_titles(_rows(study, (load_manifest(output) or {}).get("feed") or {}))
    return {}


def _rows(study: Study, feed: Mapping[str, object]) -> Iterator[Row]:
    digest, names = feed.get("sha256"), feed.get("files")
    held = sorted(study.state.feeds.glob(f"{digest}*")) if study.state is not None and isinstance(digest, str) else []
    if len(held) == 1 and isinstance(names, list) and len(names) == 1:
        return read_rows(study.desk.source((held[0],), (str(names[0]),)))
    return read_rows(study.source())
