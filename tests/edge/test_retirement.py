"""Files that no result names any more: moved aside, never lost, and only when a whole run says so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from runner.edge.blobs import Blobs
from runner.edge.named import BEFORE, PENDING
from runner.edge.outputs import Outputs, result_line
from runner.edge.retirement import Retired, Retirement
from runner.errors import OurSide

NOW: Final = 1_800_000_000.0
Plan = Mapping[str, Mapping[str, str] | str]
"""Per variant its files and what is in them, or the status of its step."""


class Desk:
    """An output folder and the runs that write to it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "out"
        self.blobs = Blobs(folder / "blobs")
        self.outputs = Outputs(self.root, self.blobs)

    def line(self, key: str, files: Mapping[str, str] | str) -> bytes:
        """The variant's line; its files are published."""
        step: dict[str, object] = {"status": files}
        if not isinstance(files, str):
            named = []
            for path, text in files.items():
                blob = self.blobs.put(text.encode())
                self.outputs.publish(blob.sha256, path)
                named.append({"path": path, "sha256": blob.sha256})
            step = {"status": "done", "files": named}
        return result_line({"key": key, "status": "x", "steps": {"scene": step}})  # type: ignore[dict-item]

    def run(self, plan: Plan, complete: bool = True, killed: bool = False) -> Retired:
        """A run that ends with these results."""
        retirement = Retirement(self.outputs)
        lines = [self.line(key, files) for key, files in plan.items()]
        retirement.remember()
        self.outputs.write_results(lines)
        return Retired() if killed else retirement.settle(complete, NOW)

    def files(self) -> set[str]:
        """Everything in the output folder but the results."""
        found = (str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())
        return {path for path in found if path not in ("results.jsonl", ".retired/.gitignore")}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty output folder."""
    return Desk(tmp_path)


MUG: Final = {"mug": {"mug/scene.png": "a mug"}}
HAT: Final = {"hat": {"hat/scene.png": "a hat"}}


def test_what_left_the_plan_is_retired(desk: Desk) -> None:
    """The file of a variant that is gone moves, with the moment as its time; its empty folder goes, all else stays untouched."""
    desk.run({**MUG, **HAT})
    before = (desk.root / "mug/scene.png").stat()
    assert desk.run(MUG) == Retired(1)
    assert desk.files() == {"mug/scene.png", ".retired/hat/scene.png"}
    retired = desk.root / ".retired/hat/scene.png"
    assert (retired.read_text(), retired.stat().st_mtime, (desk.root / ".retired/.gitignore").read_text()) == ("a hat", NOW, "*\n")
    assert not (desk.root / "hat").exists()
    after = (desk.root / "mug/scene.png").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_nothing_gone_leaves_nothing_behind(desk: Desk) -> None:
    """A first run, the same again, and one that only adds retire nothing and leave no folder."""
    for plan in (MUG, MUG, {**MUG, **HAT}, {**HAT, **MUG}):
        assert desk.run(plan) == Retired()
    assert not (desk.root / ".retired").exists()


def test_an_old_path_is_retired_when_the_new_one_is_there(desk: Desk) -> None:
    """A changed `save:` moves the old file aside once the step is done again, and a skipped step's file too."""
    desk.run(MUG)
    assert desk.run({"mug": {"pictures/mug.png": "a mug"}}) == Retired(1)
    assert desk.files() == {"pictures/mug.png", ".retired/mug/scene.png"}
    assert desk.run({"mug": "skipped"}) == Retired(1)


def test_what_only_reads_alike_is_retired_where_it_is_another_file(desk: Desk) -> None:
    """A key that is written otherwise now leaves nothing behind; on a disk that takes both for one file, that file stays."""
    desk.run(MUG)
    desk.run({"Mug": {"Mug/scene.png": "a mug"}})
    found, is_one_file = sorted(path.lower() for path in desk.files()), (desk.root / "MUG").exists()
    assert found == ["mug/scene.png"] if is_one_file else [".retired/mug/scene.png", "mug/scene.png"]


def test_the_last_file_of_an_open_step_stays(desk: Desk) -> None:
    """While a step waits, failed or is uncertain, its last file stays; it is retired once the variant leaves."""
    desk.run(MUG)
    for status in ("waiting", "failed", "uncertain"):
        assert desk.run({"mug": status}) == Retired()
    assert desk.files() == {"mug/scene.png", ".retired/" + PENDING}
    assert desk.run(HAT) == Retired(1)
    assert desk.files() == {"hat/scene.png", ".retired/mug/scene.png"}


def test_an_edited_file_stays_and_is_told(desk: Desk) -> None:
    """What somebody changed is theirs; what somebody removed, or replaced by a link, is no matter."""
    desk.run({**MUG, **HAT, "cap": {"cap/scene.png": "a cap"}, "pin": {"pin/scene.png": "a pin"}})
    (desk.root / "hat/scene.png").write_text("my hat")
    (desk.root / "cap/scene.png").unlink()
    (desk.root / "pin").rename(desk.root / "real")
    (desk.root / "pin").symlink_to("real")
    assert desk.run(MUG) == Retired(0, ("hat/scene.png",))
    assert desk.files() >= {"mug/scene.png", "hat/scene.png", "real/scene.png"}


def test_a_taken_name_is_not_taken_again(desk: Desk) -> None:
    """What is retired twice under one name is there twice; a variant that returns is published anew."""
    desk.run({**MUG, **HAT})
    desk.run(MUG)
    assert desk.run({**MUG, **HAT}) == Retired()
    assert desk.files() == {"mug/scene.png", "hat/scene.png", ".retired/hat/scene.png"}
    desk.run({**MUG, "hat": {"hat/scene.png": "another hat"}})
    assert desk.run(MUG) == Retired(1)
    assert desk.files() == {"mug/scene.png", ".retired/hat/scene.png", ".retired/hat/scene~2.png"}


def test_half_a_run_retires_nothing_and_forgets_nothing(desk: Desk) -> None:
    """An interrupted or restricted run leaves every file; the next complete one moves them, be its own results the same."""
    desk.run({**MUG, **HAT})
    assert desk.run(MUG, complete=False) == Retired()
    assert "hat/scene.png" in desk.files()
    assert desk.run(MUG) == Retired(1)
    assert desk.files() == {"mug/scene.png", ".retired/hat/scene.png"}


def test_half_a_run_may_leave_out_what_is_still_there(desk: Desk) -> None:
    """What a restricted run did not tell of is not retired if the next complete run names it."""
    desk.run({**MUG, **HAT})
    desk.run(MUG, complete=False)
    assert desk.run({**MUG, **HAT}) == Retired()
    assert desk.files() == {"mug/scene.png", "hat/scene.png"}


@pytest.mark.parametrize("then", [MUG, {}])
def test_a_killed_run_forgets_nothing(desk: Desk, then: Plan) -> None:
    """Where a run was killed after its results were written, the next one retires what that run would have."""
    desk.run({**MUG, **HAT, "cap": {"cap/scene.png": "a cap"}})
    desk.run({**MUG, **HAT}, killed=True)
    assert (desk.root / ".retired" / BEFORE).exists()
    desk.run(then)
    kept = {path for files in then.values() for path in files}
    assert desk.files() == kept | {
        f".retired/{name}/scene.png" for name in ("mug", "hat", "cap") if f"{name}/scene.png" not in kept
    }


def test_unreadable_lines_retire_nothing(desk: Desk) -> None:
    """Lines that somebody's merge left in the results are no reason to touch a file, or to stop."""
    desk.run({**MUG, **HAT})
    with (desk.root / "results.jsonl").open("a") as results:
        results.write('<<<<<<< ours\n{"steps": []}\n[1]\n')
    assert desk.run(MUG) == Retired(1)


@pytest.mark.parametrize("path", ["../mine.txt", "/etc/hostname", "manifest.json", ".retired/x", 5, ""])
def test_no_path_leads_out(desk: Desk, tmp_path: Path, path: object) -> None:
    """Results that name what is never published move nothing, and do not stop the run."""
    (tmp_path / "mine.txt").write_text("a mug")
    blob = desk.blobs.put(b"a mug")
    named = {"status": "done", "files": [{"path": path, "sha256": blob.sha256}]}
    desk.outputs.write_results([result_line({"key": "x", "steps": {"scene": named}})])  # type: ignore[dict-item]
    assert desk.run(MUG) == Retired()
    assert (tmp_path / "mine.txt").exists()
    assert not (desk.root / ".retired").exists()


def test_a_link_in_the_place_of_the_shelf_is_refused(desk: Desk, tmp_path: Path) -> None:
    """Nothing is moved through a link called `.retired`."""
    desk.run({**MUG, **HAT})
    (tmp_path / "elsewhere").mkdir()
    (desk.root / ".retired").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OurSide, match="symbolic link is in the way"):
        desk.run(MUG)
    assert not list((tmp_path / "elsewhere").iterdir())
