"""Whose output folder is this: drawings give way to what was bought, never the other way round."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from runner.edge.blobs import Blobs
from runner.edge.claim import MARK, claim_output
from runner.edge.journal import Mode
from runner.edge.outputs import MANIFEST, RESULTS, Outputs, result_line
from runner.errors import Complaint, Held, Invalid, OurSide, Usage

FILES = {"mug/ad.png": b"a mug", "mug/de/ad-1.png": b"ein Becher", "hat.png": b"a hat"}


class Folder:
    """An output folder as a finished run leaves it, with the store its files came from."""

    def __init__(self, place: Path) -> None:
        self.root = place / "out"
        self.blobs = Blobs(place / "blobs")
        self.outputs = Outputs(self.root, self.blobs)

    def finish(self, mode: str, files: dict[str, bytes], named: dict[str, bytes] | None = None) -> None:
        """Publish `files`, and results and manifest that name them (or `named` instead)."""
        told = [
            {"path": path, "sha256": self.blobs.put(data).sha256, "bytes": len(data), "media_type": "image/png"}
            for path, data in (files if named is None else named).items()
        ]
        for path, data in files.items():
            self.outputs.publish(self.blobs.put(data).sha256, path)
        lines: list[dict[str, Any]] = [
            {"key": "a", "status": "done", "steps": {"ad": {"status": "done", "files": told}}},
            {"key": "b", "status": "failed", "steps": {"copy": {"status": "done", "text": "Mugs"}, "ad": {"status": "failed"}}},
        ]
        self.outputs.write_results(map(result_line, lines))
        self.outputs.write_manifest({"mode": mode})

    def tree(self) -> set[str]:
        """Everything in the folder, files and folders."""
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*")}


def claim(folder: Path, mode: Mode) -> None:
    """Claim the folder and leave it at once, as a run without requests would."""
    with claim_output(folder, mode):
        pass


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty output folder."""
    return Folder(tmp_path)


@pytest.mark.parametrize("mode", ["live", "sandbox"])
def test_a_folder_of_nobody_is_anybodys(folder: Folder, tmp_path: Path, mode: Mode) -> None:
    """An empty folder, one with a stranger's files, and one that is not there yet, are taken as they are."""
    claim(tmp_path / "not" / "yet", mode)
    assert not list((tmp_path / "not" / "yet").iterdir())
    (folder.root / "notes.txt").write_text("mine")
    claim(folder.root, mode)
    assert folder.tree() == {"notes.txt"}


@pytest.mark.parametrize("mode", ["live", "sandbox"])
def test_a_run_of_the_same_mode_goes_on(folder: Folder, mode: Mode) -> None:
    """What an earlier run of this mode left stays, to be reused."""
    folder.finish(mode, FILES)
    before = folder.tree()
    claim(folder.root, mode)
    assert folder.tree() == before


def test_the_sandbox_never_draws_over_what_was_bought(folder: Folder) -> None:
    """A sandbox run that finds live results is refused with a remedy, and touches nothing."""
    folder.finish("live", FILES)
    before = folder.tree()
    with pytest.raises(
        Usage, match=r"out holds results of a live run; give the job another output\.dir to play with, or move them away"
    ):
        claim(folder.root, "sandbox")
    assert folder.tree() == before


def test_drawings_give_way_to_a_live_run(folder: Folder) -> None:
    """Files, results, manifest and the folders left empty are gone; the output folder itself stays."""
    folder.finish("sandbox", FILES)
    claim(folder.root, "live")
    assert folder.tree() == set()
    assert folder.root.is_dir()


def test_what_somebody_edited_stays(folder: Folder) -> None:
    """A drawing that was changed, and files that no run made, survive with their folders."""
    folder.finish("sandbox", FILES)
    (folder.root / "mug" / "ad.png").write_bytes(b"retouched by hand")
    (folder.root / "mug" / "de" / "notes.txt").write_text("mine")
    claim(folder.root, "live")
    assert folder.tree() == {"mug", "mug/ad.png", "mug/de", "mug/de/notes.txt"}
    assert (folder.root / "mug" / "ad.png").read_bytes() == b"retouched by hand"


def test_what_is_gone_already_is_no_matter(folder: Folder) -> None:
    """Drawings that somebody removed or replaced by a folder do not stop the rest from going."""
    folder.finish("sandbox", FILES)
    (folder.root / "hat.png").unlink()
    (folder.root / "hat.png").mkdir()
    (folder.root / "mug" / "ad.png").unlink()
    claim(folder.root, "live")
    assert folder.tree() == {"hat.png"}


def test_without_results_only_the_manifest_goes(folder: Folder) -> None:
    """Without results.jsonl nobody knows which files were drawn; the manifest goes, and the folder is claimed."""
    folder.finish("sandbox", FILES)
    (folder.root / RESULTS).unlink()
    claim(folder.root, "live")
    assert MANIFEST not in folder.tree()
    assert set(FILES) <= folder.tree()


@pytest.mark.parametrize("gone", [["hat.png"], ["hat.png", "mug/ad.png"], list(FILES), [*FILES, RESULTS]], ids=len)
def test_a_claim_that_was_killed_is_finished_by_the_next(folder: Folder, gone: list[str]) -> None:
    """The manifest goes last: wherever a claim was killed, the next one clears what is left."""
    folder.finish("sandbox", FILES)
    for path in gone:
        (folder.root / path).unlink()
    claim(folder.root, "live")
    assert not [path for path in folder.root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("path", ["../precious.png", "mug/../../precious.png", "ABSOLUTE", "mug/ad.png\0", "x" * 5000])
def test_results_cannot_lead_out_of_the_folder(folder: Folder, tmp_path: Path, path: str) -> None:
    """A results.jsonl that was tampered with removes nothing outside, whatever path it names, and the run is told of no bug."""
    precious = tmp_path / "precious.png"
    precious.write_bytes(b"precious")
    folder.finish("sandbox", {"hat.png": b"a hat"}, {path.replace("ABSOLUTE", str(precious)): b"precious"})
    if len(path) > 1000:
        with pytest.raises(OurSide, match="cannot be removed"):
            claim(folder.root, "live")
    else:
        claim(folder.root, "live")
    assert precious.read_bytes() == b"precious"


def _link_to_file(root: Path, outside: Path) -> None:
    (root / "hat.png").unlink()
    (root / "hat.png").symlink_to(outside / "hat.png")


def _link_to_itself(root: Path, outside: Path) -> None:
    (root / "hat.png").unlink()
    (root / "hat.png").symlink_to("hat.png")


def _link_to_folder_outside(root: Path, outside: Path) -> None:
    (root / "mug").rename(outside / "mug")
    (root / "mug").symlink_to(outside / "mug")


def _link_to_folder_inside(root: Path, outside: Path) -> None:
    (root / "mug").rename(root / "cup")
    (root / "mug").symlink_to("cup")


@pytest.mark.parametrize(
    ("plant", "kept"),
    [
        (_link_to_file, {"hat.png"}),
        (_link_to_itself, {"hat.png"}),
        (_link_to_folder_outside, {"mug"}),
        (_link_to_folder_inside, {"mug", "cup", "cup/ad.png", "cup/de", "cup/de/ad-1.png"}),
    ],
)
def test_no_link_is_followed(folder: Folder, tmp_path: Path, plant: Callable[[Path, Path], None], kept: set[str]) -> None:
    """What lies behind a symbolic link was not published by us and stays, and so does the link; the rest goes."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "hat.png").write_bytes(FILES["hat.png"])
    folder.finish("sandbox", FILES)
    plant(folder.root, outside)
    behind = {path: path.read_bytes() for path in outside.rglob("*.png")}
    claim(folder.root, "live")
    assert {path: path.read_bytes() for path in outside.rglob("*.png")} == behind
    assert folder.tree() == kept


def test_the_output_folder_may_itself_be_a_link(tmp_path: Path) -> None:
    """A user who keeps results on another disk has them cleared there."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to("disk")
    folder = Folder(tmp_path)
    folder.finish("sandbox", FILES)
    claim(folder.root, "live")
    assert list((tmp_path / "disk").iterdir()) == []
    assert folder.root.is_symlink()


@pytest.mark.parametrize("mode", ["live", "sandbox"])
@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b'{"mode": "live"', b'{"mode": NaN}'])
def test_a_manifest_that_cannot_be_read_stops_the_run(folder: Folder, text: bytes, mode: Mode) -> None:
    """Whether it spoke of a live run is not known, so nothing is written over; the message names file and remedy."""
    folder.finish("live", FILES)
    (folder.root / MANIFEST).write_bytes(text)
    before = folder.tree()
    with pytest.raises(OurSide, match=r"manifest\.json: cannot be read \(.+\); move it away, it is written anew by the next run"):
        claim(folder.root, mode)
    assert folder.tree() == before


def test_a_folder_in_the_manifests_place_stops_the_run(folder: Folder) -> None:
    """What is no file cannot be read either."""
    (folder.root / MANIFEST).mkdir()
    with pytest.raises(OurSide, match=r"manifest\.json: cannot be read \(.*Is a directory"):
        claim(folder.root, "live")


@pytest.mark.parametrize("text", ["{}", "[]", '"live"', "null", '{"mode": null}', '{"mode": "rehearsal"}', '{"MODE": "live"}'])
def test_a_manifest_that_says_no_mode_claims_nothing(folder: Folder, text: str) -> None:
    """Somebody else's manifest.json is no results of ours; nothing is cleared and nobody is refused."""
    (folder.root / MANIFEST).write_text(text)
    for mode in ("live", "sandbox"):
        claim(folder.root, mode)
    assert folder.tree() == {MANIFEST}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{\n", "results.jsonl:3: not JSON"),
        (b"[]\n", "results.jsonl:3: not a JSON object"),
        (b"{}\n", "results.jsonl:3: not a line of results"),
        (b'{"steps": []}\n', "results.jsonl:3: not a line of results"),
        (b'{"steps": {"ad": 5}}\n', "results.jsonl:3: not a line of results"),
        (b'{"steps": {"ad": {"files": [{"path": "x"}]}}}\n', "results.jsonl:3: not a line of results"),
        (b'{"steps": {"ad": {"files": 5}}}\n', "results.jsonl:3: not a line of results"),
    ],
)
def test_results_that_cannot_be_read_stop_the_run(folder: Folder, line: bytes, message: str) -> None:
    """A line that is not one of results is our side's failure, named by file and line; the manifest still tells whose they are."""
    folder.finish("sandbox", FILES)
    with (folder.root / RESULTS).open("ab") as file:
        file.write(line)
    with pytest.raises(OurSide, match=message):
        claim(folder.root, "live")
    assert MANIFEST in folder.tree()


def test_a_path_that_is_no_text_is_no_file(folder: Folder) -> None:
    """A number for a path names nothing that was published."""
    line: dict[str, Any] = {"steps": {"ad": {"files": [{"path": 5, "sha256": None}]}}}
    folder.outputs.write_results([result_line(line)])
    folder.outputs.write_manifest({"mode": "sandbox"})
    claim(folder.root, "live")
    assert folder.tree() == set()


def test_a_folder_is_marked_while_a_run_writes_there(folder: Folder) -> None:
    """The mark says the mode, and is gone when the run has ended."""
    with claim_output(folder.root, "live"):
        assert (folder.root / MARK).read_text() == "live\n"
    assert not (folder.root / MARK).exists()


@pytest.mark.parametrize("other", ["live", "sandbox"])
def test_two_runs_never_write_to_one_folder(folder: Folder, other: Mode) -> None:
    """A second run of either mode is told to wait, and the first keeps its mark."""
    with claim_output(folder.root, "live"):
        with pytest.raises(Held, match="another run writes to"):
            claim(folder.root, other)
        assert (folder.root / MARK).read_text() == "live\n"


def test_a_live_run_that_was_killed_keeps_the_sandbox_out(folder: Folder) -> None:
    """Without a manifest the mark alone tells that what lies here was bought."""
    (folder.root / MARK).write_text("live\n")
    with pytest.raises(Usage, match="holds results of a live run"):
        claim(folder.root, "sandbox")
    assert (folder.root / MARK).read_text() == "live\n"
    claim(folder.root, "live")
    assert not (folder.root / MARK).exists()


def test_a_run_that_was_refused_leaves_no_mark(folder: Folder) -> None:
    """A run that ends before it wrote anything is as if it had not been."""
    with pytest.raises(Invalid), claim_output(folder.root, "live"):
        raise Invalid([Complaint("the feed is empty")])
    assert not (folder.root / MARK).exists()


def test_a_run_that_failed_leaves_its_mark(folder: Folder) -> None:
    """A run that broke off in the middle may have published something: the mark stays for the next."""
    with pytest.raises(OurSide), claim_output(folder.root, "live"):
        raise OurSide("disk full")
    assert (folder.root / MARK).read_text() == "live\n"


def replay(folder: Path, mode: Mode, recorded: str) -> None:
    """Claim the folder for a replay of a run in this mode."""
    with claim_output(folder, mode, recorded):
        pass


def results_of(folder: Folder) -> str:
    """The sha256 of the results there."""
    return hashlib.sha256((folder.root / RESULTS).read_bytes()).hexdigest()


def test_a_replay_goes_over_the_live_results_that_were_recorded_only(folder: Folder) -> None:
    """Live results that are the recorded ones may be written again; others, or ones nobody can compare, stay as they are."""
    folder.finish("live", FILES)
    before = folder.tree()
    replay(folder.root, "live", results_of(folder))
    for recorded in ("ab" * 32, ""):
        with pytest.raises(Usage, match="another live run than the recorded one"):
            replay(folder.root, "live", recorded)
    with pytest.raises(Usage, match=r"another live run|holds results of a live run"):
        replay(folder.root, "sandbox", results_of(folder))
    assert folder.tree() == before


def test_a_replay_may_be_repeated_and_followed_by_a_run(folder: Folder) -> None:
    """What a replay of a live run left, whatever it came to, may be replayed again and kept by a live run, never drawn over."""
    folder.finish("live", FILES)
    folder.outputs.write_manifest({"mode": "replay", "recorded": "live"})
    before = folder.tree()
    replay(folder.root, "live", "ab" * 32)
    claim(folder.root, "live")
    with pytest.raises(Usage, match="live run"):
        claim(folder.root, "sandbox")
    assert folder.tree() == before


def test_a_replay_of_a_sandbox_run_is_the_sandboxs(folder: Folder) -> None:
    """Its results give way to a live run's, and to a replay of one, as drawings do; another sandbox run goes on with them."""
    for mode, left in (("sandbox", True), ("live", False)):
        folder.finish("sandbox", FILES)
        folder.outputs.write_manifest({"mode": "replay", "recorded": "sandbox"})
        claim(folder.root, cast("Mode", mode))
        assert ((folder.root / "hat.png").exists(), (folder.root / RESULTS).exists()) == (left, left)
    folder.finish("sandbox", FILES)
    replay(folder.root, "live", "ab" * 32)
    assert folder.tree() == set()
