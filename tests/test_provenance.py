"""The provenance is a statement that others' tools read, derived from manifest and results alone."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import rfc8785

from runner.edge.blobs import Blobs
from runner.edge.outputs import Outputs
from runner.errors import OurSide
from runner.provenance import predicate_of, state_provenance, write_told
from tests.schemas import misfits

SCHEMA: Final = json.loads(Path(__file__).with_name("intoto.schema.json").read_text("utf-8"))
SHA: Final = "ab" * 32
MANIFEST: Final[dict[str, Any]] = {
    "mode": "live",
    "journal": "f00d",
    "run": 7,
    "job": {"name": "sale", "path": "jobs/sale.yaml", "sha256": SHA},
    "project": {"sha256": SHA},
    "feed": {"files": ["feed.csv"], "sha256": SHA, "bytes": 3, "rows": 1},
    "templates": {"b.j2": SHA, "a.j2": SHA},
    "git": {"commit": "c0ffee", "dirty": True},
    "versions": {"adbatch": "0.1.0", "python": "3.11.2"},
    "seed": "a rule",
    "started": "2026-01-05T06:00:00Z",
    "ended": "2026-01-05T06:01:00Z",
    "results": {"path": "results.jsonl", "sha256": SHA, "bytes": 9, "lines": 1},
}


def line(*paths: str) -> dict[str, Any]:
    """A line of results whose one step has these files."""
    return {"steps": {"scene": {"files": [{"path": path, "sha256": SHA} for path in paths]}, "copy": {"text": "x"}}}


def state(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The statement as its readers see it."""
    told: dict[str, Any] = json.loads(b"".join(state_provenance({**MANIFEST, **changes}, SHA, lines)))
    return told


def test_it_is_a_statement_by_the_book() -> None:
    """It fits the schema that the two specifications make, and is canonical JSON."""
    text = b"".join(state_provenance(MANIFEST, SHA, [line("a.png", "ü/b.png")]))
    told = json.loads(text)
    assert list(misfits(told, {**SCHEMA})) == []
    assert text == rfc8785.dumps(told) + b"\n"


def test_every_file_is_a_subject_once() -> None:
    """results.jsonl and each published file, in the order of the lines, however many variants share one."""
    told = state(line("a.png", "b.png"), line("b.png", "c.png"), line())
    assert [subject["name"] for subject in told["subject"]] == ["results.jsonl", "a.png", "b.png", "c.png"]
    assert all(subject["digest"] == {"sha256": SHA} for subject in told["subject"])


def test_what_was_read_is_a_dependency() -> None:
    """Job, project, templates, feed and commit, each with its digest; an edited work tree is noted."""
    names = [made["name"] for made in state()["predicate"]["buildDefinition"]["resolvedDependencies"]]
    assert names == ["job jobs/sale.yaml", "project file", "template a.j2", "template b.j2", "feed feed.csv", "commit"]
    commit = state()["predicate"]["buildDefinition"]["resolvedDependencies"][-1]
    assert (commit["digest"], commit["annotations"]) == ({"gitCommit": "c0ffee"}, {"dirty": True})


def test_a_downloaded_feed_has_its_address() -> None:
    """Where it came from, as the manifest tells it: without a query."""
    told = state(feed={**MANIFEST["feed"], "url": "https://shop.example/feed.xml"}, git=None)
    assert told["predicate"]["buildDefinition"]["resolvedDependencies"][-1]["uri"] == "https://shop.example/feed.xml"
    assert list(misfits(told, {**SCHEMA})) == []


def test_a_run_is_named_and_timed() -> None:
    """Two runs never share an invocation; what was asked is the job, the mode and the selection."""
    predicate = predicate_of(MANIFEST, SHA)
    assert predicate["runDetails"]["metadata"] == {
        "invocationId": "urn:adbatch:journal:f00d:run:7",
        "startedOn": "2026-01-05T06:00:00Z",
        "finishedOn": "2026-01-05T06:01:00Z",
    }
    assert predicate["runDetails"]["byproducts"] == [{"name": "manifest.json", "digest": {"sha256": SHA}}]
    assert predicate["buildDefinition"]["externalParameters"] == {"job": "jobs/sale.yaml", "mode": "live"}
    asked = predicate_of({**MANIFEST, "selection": {"limit": 3}}, SHA)["buildDefinition"]["externalParameters"]
    assert asked["selection"] == {"limit": 3}


def test_it_is_written_beside_the_manifest(tmp_path: Path) -> None:
    """Both files at once; the byproduct is the manifest as it is on disk, and no output may take the name."""
    outputs = Outputs(tmp_path / "out", Blobs(tmp_path / "blobs"))
    outputs.write_results([json.dumps(line("a.png")).encode() + b"\n"])
    write_told(outputs, MANIFEST)
    told = json.loads((tmp_path / "out" / "provenance.intoto.json").read_bytes())
    assert [subject["name"] for subject in told["subject"]] == ["results.jsonl", "a.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "manifest.json",
        "provenance.intoto.json",
        "results.jsonl",
    ]
    with pytest.raises(OurSide, match="keeps for itself"):
        outputs.publish(SHA, "Provenance.intoto.json")


def test_memory_does_not_grow_with_the_files() -> None:
    """Twenty thousand files cost a fingerprint each, not their names."""

    def lines() -> Iterator[dict[str, Any]]:
        for number in range(4_000):
            yield line(*(f"{'folder' * 40}/{number}-{repeat}.png" for repeat in range(5)))

    tracemalloc.start()
    size = sum(map(len, state_provenance(MANIFEST, SHA, lines())))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 6_900_000
    assert peak < 5_000_000
