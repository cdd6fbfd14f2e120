"""Feeds written beside the outputs by a run, and again by a rebuild."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from runner.edge.blobs import Blobs
from runner.edge.outputs import Outputs, result_line
from runner.edge.rehearsal import Stage
from runner.exports.feeds import Exported, write_exports
from runner.upkeep.rebuilding import rebuild_outputs
from runner.upkeep.verification import verify_output
from runner.workflow import Order, run_job
from tests.exports.readings import done, reading
from tests.fakes import make_rows
from tests.projects import FEED, Listener, open_stage_here, write_project

TABLE = "format: csv, columns: {id: '{{ row.id }}', copy: '{{ steps.copy.text }}'}"
EXPORT = """\
output: {dir: out}
export:
  google: {format: merchant, images: [], title: "{{ steps.copy.text }}"}
  sheet: {format: csv, columns: {id: "{{ row.id }}", file: "{{ steps.copy.text }}", where: "{{ steps.copy.json.x }}"}}
"""


def test_feeds_that_are_as_they_were_left_are_not_made_again(tmp_path: Path) -> None:
    """If nothing has moved, neither rows nor results are read; a feed that was edited or is gone is made again."""
    plan, root = reading(tmp_path, TABLE).plan, tmp_path / "out"
    outputs = Outputs(root, Blobs(tmp_path / "blobs"))
    outputs.write_results([result_line(done("r1|size=s|1"))])
    first = write_exports(plan, lambda: make_rows(1), outputs)
    assert list(first.files) == ["export/shop.csv"]
    assert write_exports(plan, lambda: pytest.fail("read"), outputs, first.told()).told() == first.told()
    (root / "export/shop.csv").write_text("mine")
    assert write_exports(plan, lambda: make_rows(1), outputs, first.told()).files == first.files
    assert (root / "export/shop.csv").read_text() == "id,copy\nr1,Buy\n"
    assert Exported({"a": "b"}, ["left out"]).told() == {}


async def test_feeds_follow_the_results(tmp_path: Path) -> None:
    """The first run writes them, the second touches nothing, a row that left is in none, and a rebuild gives the same bytes.

    What a run noted of its feeds does not outlive what they were made from.
    """
    job = write_project(tmp_path, top=EXPORT)
    google = tmp_path / "out/export/google.tsv"
    listener = Listener()
    async with open_stage_here(tmp_path / "vendors") as stage:
        await run_job(Order(job, sandbox=True, stage=stage), listener)
        first = google.read_bytes()
        assert [line.split(b"\t")[0] for line in first.splitlines()] == [b"id", b"mug", b"hat"]
        assert b"trained_algorithmic_media" in first
        assert (tmp_path / "out/export/sheet.csv").read_bytes() == b"id,file,where\n"
        assert any("export/sheet.csv: " in line and "job.yaml:" in line and "left out" in line for line in listener.lines)
        there = google.stat()
        await run_job(Order(job, sandbox=True, stage=stage), Listener())
        assert (google.stat().st_ino, google.stat().st_mtime_ns) == (there.st_ino, there.st_mtime_ns)
        (tmp_path / "feed.csv").write_text(FEED.replace("mug,Mug,mug.png\n", ""), encoding="utf-8")
        await run_job(Order(job, sandbox=True, stage=stage), Listener())
        assert [line.split(b"\t")[0] for line in google.read_bytes().splitlines()] == [b"id", b"hat"]
        job.write_text(re.sub("  sheet: .*\n", "", job.read_text()))
        for feed, ids in ((None, [b"hat"]), (None, [b"hat"]), (FEED, [b"mug", b"hat"])):
            (tmp_path / "feed.csv").write_text(feed or (tmp_path / "feed.csv").read_text(), encoding="utf-8")
            await run_job(Order(job, sandbox=True, stage=stage), Listener())
            assert [line.split(b"\t")[0] for line in google.read_bytes().splitlines()] == [b"id", *ids]
    last = google.read_bytes()
    assert verify_output(tmp_path / "out").strangers == []
    shutil.rmtree(tmp_path / "out")
    assert rebuild_outputs(job, Stage("http://127.0.0.1", "", stage.vendors)).whole
    assert google.read_bytes() == last
