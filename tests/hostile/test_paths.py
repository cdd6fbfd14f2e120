"""No path of a stranger leaves the output folder or is a name some system cannot have: planned, checked, and really written."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from runner.edge.blobs import Blobs
from runner.edge.inputs import InputFiles
from runner.edge.outputs import Outputs
from runner.errors import Complaint, Invalid, OurSide
from runner.job.paths import clean_path, fold
from runner.job.plan import Plan
from tests.hostile.corpora import long_paths, read_corpus
from tests.job.plans import checked, make_plan, make_row

PATHS = [*read_corpus("paths"), *long_paths()]
STEP = (
    'steps:\n  ad:\n    use: brush/paint\n    with: {prompt: "{{ row.number | default(0) }} {{ variant }} {{ matrix | tojson }}"}\n'
)
FORBIDDEN = re.compile(r'[\x00-\x1f<>:"/\\|?*]|[. ]$')
"""What no name may hold on Windows (https://learn.microsoft.com/windows/win32/fileio/naming-a-file)."""
DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\.|$)", re.IGNORECASE)
DATA = b"a picture"


class Tree:
    """A folder with an output folder in it, and beside it what must not change."""

    def __init__(self, folder: Path) -> None:
        self.outside, self.root = folder / "outside", folder / "project" / "out"
        self.outside.mkdir()
        (self.outside / "precious").write_text("untouched")
        self.blobs = Blobs(folder / "blobs")
        self.sha256 = self.blobs.put(DATA).sha256
        self.outputs = Outputs(self.root, self.blobs)
        self._around = set(self._all(folder))
        self._folder = folder

    def published(self) -> list[Path]:
        """Every file below the output folder, relative to it."""
        return sorted(path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file() and not path.is_symlink())

    def is_untouched(self) -> bool:
        """Whether nothing appeared, changed or went outside the output folder."""
        here = {path for path in self._all(self._folder) if not path.is_relative_to(self.root)}
        return here == self._around - {self.root} and (self.outside / "precious").read_text() == "untouched"

    @staticmethod
    def _all(folder: Path) -> Iterator[Path]:
        return (path for path in folder.rglob("*") if "blobs" not in path.parts)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """An output folder that knows its surroundings."""
    (tmp_path / "tree").mkdir()
    return Tree(tmp_path / "tree")


def assert_fit_for_all(path: Path) -> None:
    """A published path is one that Linux, macOS and Windows can have, and that hides nothing."""
    assert len(os.fsencode(path)) <= 1024
    for name in path.parts:
        assert len(name.encode()) <= 255
        assert not FORBIDDEN.search(name), name
        assert not DEVICE.match(name), name
        assert not name.startswith("."), name
        assert unicodedata.is_normalized("NFC", name)
        assert all(unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for char in name), name


def publish_all(plan: Plan, tree: Tree, rows: list[object]) -> int:
    """Publish what every variant asks to save; how many there were."""
    count = 0
    for variant in plan.variants(rows):  # type: ignore[arg-type]
        tree.outputs.publish(tree.sha256, f"{plan.save_path(variant, 'ad')}.png")
        count += 1
    return count


def is_text(text: str) -> bool:
    """Whether a file can hold the text: half a surrogate pair is only to be had by an escape."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def is_collision(complaint: Complaint) -> bool:
    """Whether the complaint is about two results on one path."""
    return "would" in complaint.message or "more paths are shared" in complaint.message


def test_there_are_three_hundred() -> None:
    """The corpus is as large as it was meant to be, and no entry stands in it twice."""
    assert len(PATHS) >= 300
    assert len(set(PATHS)) >= 295


@pytest.mark.parametrize("save", ['    save: "{{ row.path }}"\n', '    save: "a/{{ row.path }}/{{ row.path }}"\n', ""])
def test_a_cell_of_the_feed_leads_nowhere(tmp_path: Path, tree: Tree, save: str) -> None:
    """Every payload as a column that `save:` reads, inside a path, and as the row's key: published inside, under a decent name."""
    plan = make_plan(tmp_path, STEP + save)
    rows = [
        make_row(f"row {number}" if save else path, path=path, number=number)
        for number, path in enumerate(PATHS)
        if path.strip(" /") or not save
    ]
    assert all(map(is_collision, checked(plan, rows).complaints))
    assert publish_all(plan, tree, rows) == len(rows)  # type: ignore[arg-type]
    found = tree.published()
    assert len(found) > 180
    for path in found:
        assert_fit_for_all(path)
    assert tree.is_untouched()


def test_a_value_of_the_matrix_leads_nowhere(tmp_path: Path, tree: Tree) -> None:
    """Every payload as the name of a cell, in the default path and in `save:`."""
    values = [path for path in dict.fromkeys(PATHS) if path.isprintable() and path.strip()]
    for number, save in enumerate(["", '    save: "{{ matrix.cell }}"\n', '    save: "x/{{ matrix.cell }}/{{ variant }}"\n']):
        folder = tmp_path / str(number)
        folder.mkdir()
        plan = make_plan(folder, f"matrix: {{cell: {json.dumps(values, ensure_ascii=False)}}}\n{STEP}{save}")
        usable = [value for value in values if value.strip(" /") or '{{ matrix.cell }}"' not in save]
        if usable == values:
            assert publish_all(plan, tree, [make_row()]) == len(values)
        else:
            with pytest.raises(Invalid, match="names no path"):
                publish_all(plan, tree, [make_row()])
    for path in tree.published():
        assert_fit_for_all(path)
    assert tree.is_untouched()


def test_a_job_that_names_a_path_leads_nowhere(tmp_path: Path, tree: Tree) -> None:
    """Every payload written into `save:` itself: refused as YAML or as a path, or published inside."""
    refused = 0
    for number, text in enumerate(PATHS):
        try:
            plan = make_plan(tmp_path, f"{STEP}    save: {json.dumps(text, ensure_ascii=number % 2 == 0 or not is_text(text))}\n")
            publish_all(plan, tree, [make_row()])
        except Invalid:
            refused += 1
    assert refused < 60  # no path at all, or one that says `..`
    for path in tree.published():
        assert_fit_for_all(path)
    assert tree.is_untouched()


def test_the_last_fence_stands_alone(tree: Tree) -> None:
    """Payloads that never saw `clean_path`: refused in words, or written inside the output folder."""
    for text in PATHS:
        try:
            tree.outputs.publish(tree.sha256, text)
        except OurSide:
            continue
    assert all(path.resolve().is_relative_to(tree.root.resolve()) for path in tree.root.rglob("*"))
    assert not {"results.jsonl", "manifest.json"} & {path.parts[0].casefold() for path in tree.published()}
    assert tree.is_untouched()


LINKS = ("../../outside", "../../outside/precious", "/etc", "/", ".", "..", "loop", "/dev/null", "/proc/self/cwd", "missing")


@pytest.mark.parametrize("target", LINKS)
@pytest.mark.parametrize("planted", ["a", "a/b", "a/b/ad.png", ".adbatch-tmp", "results.jsonl", "manifest.json"])
def test_links_planted_in_the_output_folder_lead_nowhere(tree: Tree, planted: str, target: str) -> None:
    """A symbolic link anywhere on the way is refused, left alone or replaced, but never written through."""
    link = tree.root / planted
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
    for write in (
        lambda: tree.outputs.publish(tree.sha256, "a/b/ad.png"),
        lambda: tree.outputs.write_results([b"{}\n"]),
        lambda: tree.outputs.write_manifest({"mode": "sandbox"}),
        tree.outputs.sweep,
    ):
        with suppress(OurSide):
            write()
    assert (tree.outside / "precious").read_text() == "untouched"
    assert [path.name for path in tree.outside.iterdir()] == ["precious"]
    assert tree.is_untouched()


ALIKE = [
    ("Mug", "mug"),
    ("STRASSE", "straße"),
    ("ẞ", "ss"),
    ("é", "e\u0301"),
    ("K", "\u212a"),
    ("ﬁ", "fi"),
    ("ſ", "s"),
    ("a:b", "a?b"),
    ("a/b", "a//b"),
    ("a", "a/"),
    ("a", "a."),
    ("a", " a "),
    ("../a", "?/a"),
    (".a", "-a"),
    ("CON", "CON-"),
    ("x\u200by", "x-y"),
    ("İ", "i\u0307"),
    ("Σ", "ς"),
    ("🎉", "🎂"),
    ("a\\b", "a-b"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_two_results_on_one_path_are_found_before_anything_is_sent(tmp_path: Path, one: str, other: str) -> None:
    """Names that are one file on some file system are a complaint of the check, over the whole plan."""
    plan = make_plan(tmp_path, f'{STEP}    save: "{{{{ row.path }}}}"\n')
    complaints = checked(plan, [make_row("r1", path=one, number=1), make_row("r2", path=other, number=2)]).complaints
    assert [is_collision(complaint) for complaint in complaints] == [True]
    assert fold(clean_path(one)) == fold(clean_path(other))


def test_no_path_of_a_row_brings_a_file_from_outside(tmp_path: Path) -> None:
    """Every payload as an input picture: not found, or outside the project, or no picture; never its bytes."""
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "x").write_bytes(b"\xff\xd8\xff secret")
    (project / "link").symlink_to(tmp_path)
    files = InputFiles(project, project)
    for text in [*PATHS, "link/x", str(tmp_path / "x"), "../x", "link/../x", f"{project}/../x"]:
        with pytest.raises(ValueError, match=r"there is no file|outside the project|not a picture"):
            files(text)
