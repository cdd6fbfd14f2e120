"""The demo, through the real command and real HTTP: what it leaves, and what a second run costs."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from runner.edge.media import Media, inspect
from tests.acceptance.conftest import Project

JOB = "jobs/summer-sale.yaml"
OUT = "out/summer-sale"
TOLD = ("manifest.json", "provenance.intoto.json")
"""What tells of the run itself, its moments included."""


def files_of(project: Project) -> Iterator[dict[str, Any]]:
    """Every file that results.jsonl names."""
    for line in project.results(OUT):
        for step in line["steps"].values():
            yield from step.get("files", ())


def test_every_named_file_is_there_whole_and_as_stated(demo: Project) -> None:
    """Each file of results.jsonl exists, has the stated sha256 and bytes, decodes, and measures what is stated."""
    named = list(files_of(demo))
    assert len(named) > 20
    for file in named:
        path = demo.root / OUT / file["path"]
        data = path.read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (file["sha256"], file["bytes"])
        if file["media_type"] != "text/plain":
            measured = inspect(path)
            assert isinstance(measured, Media)
            assert (measured.media_type, measured.width, measured.height) == (file["media_type"], file["width"], file["height"])
            with Image.open(io.BytesIO(data)) as picture:
                picture.load()


def test_nothing_but_the_named_files_is_published(demo: Project) -> None:
    """The output folder holds the files of results.jsonl, the results, the manifest, the provenance, and no leftovers."""
    there = {str(path.relative_to(demo.root / OUT)) for path in (demo.root / OUT).rglob("*") if path.is_file()}
    assert there == {file["path"] for file in files_of(demo)} | {"results.jsonl", "manifest.json", "provenance.intoto.json"}


def test_the_ads_have_the_sizes_asked(demo: Project) -> None:
    """Every ad is exactly as wide and high as its cell says."""
    for line in demo.results(OUT):
        size = line["matrix"]["size"]
        for file in line["steps"]["ad"]["files"]:
            assert (file["width"], file["height"]) == (size["width"], size["height"])


def test_all_four_vendors_billed_and_nothing_was_billed_twice(demo: Project) -> None:
    """The vendors' own ledger has each different request once, from each of the four."""
    ledger = demo.ledger()
    assert {entry["vendor"] for entry in ledger} == {"jivox", "sivi", "vyro", "placewise"}
    counts = Counter((entry["vendor"], entry["operation"], entry["digest"]) for entry in ledger)
    assert set(counts.values()) == {1}


def test_the_same_command_again_sends_nothing_and_changes_no_byte(demo: Project) -> None:
    """A second run bills nothing, leaves results.jsonl byte-identical, and touches no published file."""
    results = demo.root / OUT / "results.jsonl"
    before, billed = results.read_bytes(), len(demo.ledger())
    stats = {path: path.stat() for path in (demo.root / OUT).rglob("*") if path.is_file() and path.name not in TOLD}
    demo.adbatch("run", JOB, "--sandbox")
    assert len(demo.ledger()) == billed
    assert results.read_bytes() == before
    for path, stat in stats.items():
        now = path.stat()
        assert (now.st_ino, now.st_mtime_ns) == (stat.st_ino, stat.st_mtime_ns), path


def test_a_column_that_no_template_reads_costs_nothing(demo: Project) -> None:
    """Editing descriptions in the feed sends no request."""
    billed = len(demo.ledger())
    feed = demo.root / "examples/feeds/products.xml"
    text = feed.read_text("utf-8")
    assert "</g:description>" in text or "</description>" in text
    feed.write_text(text.replace("description>", "description><!-- edited -->"), "utf-8")
    demo.adbatch("run", JOB, "--sandbox")
    assert len(demo.ledger()) == billed


def test_a_new_size_buys_only_that_size(demo: Project) -> None:
    """After one size is added, only ads of that size are billed."""
    billed = len(demo.ledger())
    new = "    - {name: square, width: 250, height: 250, subtype: displayAds-square}\n"
    demo.edit(JOB, ("  exclude:  ", f"{new}  exclude:  "))
    demo.adbatch("run", JOB, "--sandbox")
    fresh = demo.ledger()[billed:]
    assert {(entry["vendor"], entry["operation"]) for entry in fresh} == {("sivi", "designs-from-prompt")}
    squares = [line for line in demo.results(OUT) if line["matrix"]["size"]["name"] == "square"]
    assert len(fresh) == len(squares) == 4


def test_an_edited_picture_is_kept(demo: Project) -> None:
    """A published file that somebody edited is left alone and reported."""
    [path] = [demo.root / OUT / file["path"] for file in files_of(demo)][:1]
    path.write_bytes(b"retouched by hand")
    told = demo.adbatch("run", JOB, "--sandbox").stderr
    assert path.read_bytes() == b"retouched by hand"
    assert "edited" in told


def test_a_live_run_without_keys_says_which_and_sends_nothing(demo: Project) -> None:
    """Without --sandbox and without keys the run ends with 3, naming the variable, and the sandbox's results stay."""
    results = Path(demo.root / OUT / "results.jsonl").read_bytes()
    told = demo.adbatch("run", JOB, expect=3).stderr
    assert "JIVOX_API_KEY" in told
    assert Path(demo.root / OUT / "results.jsonl").read_bytes() == results
