"""What a run stands on is kept whole, and a check is made again exactly if something that it looks at has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from runner.desk import Desk, load_files, open_desk
from runner.edge.blobs import Blobs
from runner.edge.journal import Run
from runner.edge.rehearsal import Stage
from runner.edge.snapshots import Snapshot
from runner.errors import Usage
from runner.footing import Found, checked_before, keep_inputs, note_checked
from runner.job.check import Checked
from runner.records import Json
from runner.sandbox.serve import describe
from tests.projects import COPY, write_project

STAGE: Final = Stage("http://127.0.0.1:5", "test-key", describe("http://127.0.0.1:5", "test-key")["vendors"])
SNAPSHOT: Final = Snapshot((Path("feeds/ab.csv"),), ("feed.csv",), "ab" * 32, 9)
CUT: Final = '  cut: {use: jivox/remove-background, with: {image: "{{ row.picture }}"}}\n'
CHECKED: Final = Checked((), 2, 2, {"copy": 2})
SEEN: Final[dict[str, Json]] = {"rows": 3, "kinds": {"title": ["text"]}}
TEMPLATE: Final = "  copy: {use: jivox/text, with: {prompt: {template: head.j2}}}\n"


def lay(folder: Path, steps: str = TEMPLATE + CUT) -> Desk:
    """The desk of a project with a template and a picture."""
    path = write_project(folder, steps)
    (folder / "templates").mkdir(exist_ok=True)
    (folder / "templates" / "head.j2").write_text("For {{ row.title }}\n")
    Image.new("RGB", (8, 8), "teal").save(folder / "mug.png")
    return open_again(path)


def open_again(path: Path) -> Desk:
    """The desk as a new run opens it; the picture is asked for, as a check does."""
    desk = open_desk(load_files(path), STAGE)
    if (path.parent / "mug.png").exists():
        desk.plan.files("mug.png")
    return desk


def test_inputs_are_kept_by_their_bytes(tmp_path: Path) -> None:
    """Job, project, templates and pictures can be had again from the store, by the digests that the note gives."""
    desk, blobs = lay(tmp_path), Blobs(tmp_path / "blobs")
    told: Any = keep_inputs(desk, SNAPSHOT, blobs)
    for name, digest in (told["job"], told["project"], ("templates/head.j2", told["templates"]["head.j2"])):
        assert blobs.read(digest) == (tmp_path / name).read_bytes()
    assert told["feed"] == {"files": [["ab.csv", "feed.csv"]], "sha256": "ab" * 32}
    assert hashlib.sha256((tmp_path / "mug.png").read_bytes()).hexdigest().encode() in blobs.read(told["pictures"])
    assert keep_inputs(desk, SNAPSHOT, blobs) == told


def test_a_project_without_a_file_has_none_to_keep(tmp_path: Path) -> None:
    """Where everything is default nothing is noted of the project, and no pictures where there are none."""
    path = write_project(tmp_path, COPY, project=None)
    told = keep_inputs(open_desk(load_files(path), STAGE), SNAPSHOT, Blobs(tmp_path / "blobs"))
    assert told["project"] is None
    assert "pictures" not in told


def test_a_file_edited_meanwhile_stops_the_run(tmp_path: Path) -> None:
    """What would be noted is what was read; a file that has become another is told."""
    desk = lay(tmp_path)
    (tmp_path / "templates" / "head.j2").write_text("Other")
    with pytest.raises(Usage, match=r"head\.j2: was edited while the run began"):
        keep_inputs(desk, SNAPSHOT, Blobs(tmp_path / "blobs"))
    (tmp_path / "templates" / "head.j2").unlink()
    with pytest.raises(Usage, match="cannot be read any more"):
        keep_inputs(desk, SNAPSHOT, Blobs(tmp_path / "blobs"))


def nothing(folder: Path) -> None:
    """No change."""


def edit_picture(folder: Path) -> None:
    """Another picture of the same name."""
    Image.new("RGB", (8, 8), "red").save(folder / "mug.png")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (nothing, True),
        (lambda folder: (folder / "other.txt").write_text("x"), True),
        (lambda folder: (folder / "job.yaml").write_text((folder / "job.yaml").read_text() + "# a word\n"), False),
        (lambda folder: (folder / "adbatch.yaml").write_text("version: 1\nproviders:\n  jivox: {account: '7'}\n"), False),
        (lambda folder: (folder / "templates" / "head.j2").write_text("Now for {{ row.title }}"), False),
        (edit_picture, False),
        (lambda folder: (folder / "mug.png").unlink(), False),
    ],
)
def test_a_check_is_spared_only_where_nothing_changed(tmp_path: Path, change: Callable[[Path], object], same: bool) -> None:
    """Any edit of job, project, template or picture, be it a comment, has the rows checked again; other files do not matter."""
    desk, blobs = lay(tmp_path), Blobs(tmp_path / "blobs")
    meta = {"inputs": keep_inputs(desk, SNAPSHOT, blobs), "checked": note_checked(desk, SNAPSHOT, CHECKED), **SEEN}
    change(tmp_path)
    known = checked_before(open_again(tmp_path / "job.yaml"), SNAPSHOT, [Run(1, 1.0, 2.0, meta)], blobs)
    assert known == (Found(3, {"title": ["text"]}, CHECKED) if same else None)


def test_another_feed_or_an_older_note_has_the_rows_checked(tmp_path: Path) -> None:
    """A feed of other bytes, a journal without runs, a run that noted nothing, or a note whose blob is gone: check."""
    desk, blobs = lay(tmp_path), Blobs(tmp_path / "blobs")
    inputs = keep_inputs(desk, SNAPSHOT, blobs)
    told = {"inputs": inputs, "checked": note_checked(desk, SNAPSHOT, CHECKED)}
    run = Run(1, 1.0, 2.0, {**told, **SEEN})
    assert checked_before(desk, replace(SNAPSHOT, sha256="cd" * 32), [run], blobs) is None
    assert checked_before(desk, SNAPSHOT, [], blobs) is None
    assert checked_before(desk, SNAPSHOT, [Run(1, 1.0, 2.0, told)], blobs) is None
    assert checked_before(desk, SNAPSHOT, [run], blobs) is not None
    assert checked_before(desk, SNAPSHOT, [run, Run(2, 3.0, 4.0, {})], blobs) is None
    blobs.path(str(inputs["pictures"])).unlink()
    assert checked_before(desk, SNAPSHOT, [run], blobs) is None
