"""The manifest traces results to job, feed, templates and commit, and keeps three figures of money apart."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from collections import Counter
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from runner.core.tally import Cost, LaneTally
from runner.desk import load_files, open_desk
from runner.edge.blobs import Blobs
from runner.edge.git import Revision
from runner.edge.outputs import Outputs, Written, load_schema
from runner.edge.snapshots import Snapshot
from runner.engine import Ending
from runner.manifest import SEED_RULE, Told, manifest_of, moment, note_of
from runner.records import Row
from runner.results import Results
from tests.projects import write_project
from tests.schemas import misfits

DIGEST = "ab" * 32
TEMPLATED = "  copy: {use: jivox/text, with: {prompt: {template: copy.j2}}}\n"
SPENT = LaneTally(
    planned=9,
    reused=1,
    done=2,
    refused=1,
    failed=1,
    spoiled=1,
    uncertain=1,
    overdue=1,
    queued=1,
    submits=7,
    polls=5,
    fetches=3,
    retries=2,
    unpriced=4,
    cost={"USD": Cost(Decimal("0.30"), Decimal("0.10")), "credits": Cost(Decimal(5), Decimal(0))},
)


def told(**more: Any) -> Told:
    """A run that ended well, but for `more`."""
    results = Results({"done": 2}, (), Written(DIGEST, 300, 2))
    snapshot = Snapshot((Path("/state/feeds/x.csv"),), ("feed.csv",), DIGEST, 40)
    whole = Told("live", "j-1", snapshot, Revision("c0ffee", False), 1.0e9, 1.0e9 + 61.9, 0, 2, results, {}, Ending())
    return dataclasses.replace(whole, **more)


def tell(folder: Path, run: Told) -> dict[str, Any]:
    """The manifest of that run as it is read again, after it was held against its schema."""
    (folder / "templates").mkdir(exist_ok=True)
    (folder / "templates" / "copy.j2").write_text("Copy for {{ row.title }}", encoding="utf-8")
    desk = open_desk(load_files(write_project(folder, TEMPLATED)))
    Outputs(folder / "out", Blobs(folder / "blobs")).write_manifest(manifest_of(desk, run))
    manifest: dict[str, Any] = json.loads((folder / "out" / "manifest.json").read_bytes())
    assert list(misfits(manifest, load_schema("manifest"))) == []
    return manifest


def test_a_manifest_traces_a_run(tmp_path: Path) -> None:
    """Job, project, feed and templates are told by their digests, results by theirs, moments in UTC."""
    manifest = tell(tmp_path, told())
    assert manifest["mode"] == "live"
    assert manifest["journal"] == "j-1"
    assert manifest["job"] == {"name": "small", "path": "job.yaml", "sha256": digest_of(tmp_path / "job.yaml")}
    assert manifest["project"] == {"sha256": digest_of(tmp_path / "adbatch.yaml")}
    assert manifest["templates"] == {"copy.j2": digest_of(tmp_path / "templates" / "copy.j2")}
    assert manifest["feed"] == {"files": ["feed.csv"], "sha256": DIGEST, "bytes": 40, "rows": 2}
    assert manifest["git"] == {"commit": "c0ffee", "dirty": False}
    assert manifest["results"] == {"path": "results.jsonl", "sha256": DIGEST, "bytes": 300, "lines": 2}
    assert (manifest["started"], manifest["ended"]) == ("2001-09-09T01:46:40Z", "2001-09-09T01:47:41Z")
    assert (manifest["exit"], manifest["counts"], manifest["providers"]) == (0, {"done": 2}, {})


def digest_of(path: Path) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_versions_are_told(tmp_path: Path) -> None:
    """What made the results is named with its version."""
    versions = tell(tmp_path, told())["versions"]
    assert (versions["adbatch"], versions["python"]) == (version("adbatch"), platform.python_version())
    assert versions.keys() == {"adbatch", "python", "sqlite"}


def test_the_seed_rule_is_what_the_plan_does(tmp_path: Path) -> None:
    """The rule that the manifest states gives the seeds of the plan."""
    desk = open_desk(load_files(write_project(tmp_path, top="variants: 2\noutput: {dir: out}\n")))
    variants = list(desk.plan.variants([Row("mug", {"id": "mug", "title": "Mug"}, "feed.csv", 2)]))
    assert SEED_RULE == "sha256(job name, row key, cell, number), first 8 bytes modulo 2^31-1, plus 1"
    for variant in variants:
        digest = hashlib.sha256(f"small\nmug||{variant.number}".encode()).digest()
        assert variant.seed == int.from_bytes(digest[:8], "big") % (2**31 - 1) + 1
    assert len({variant.seed for variant in variants}) == 2


def test_lanes_are_told_in_calls_and_money(tmp_path: Path) -> None:
    """Per lane: calls, requests by their end, exact amounts as text; a price nobody told is counted and not summed."""
    ending = Ending(reused=Counter(jivox=3))
    assert tell(tmp_path, told(tallies={"jivox": SPENT}, ending=ending))["providers"]["jivox"] == {
        "sent": 7,
        "reused": 4,
        "polls": 5,
        "downloads": 3,
        "retries": 2,
        "done": 2,
        "refused": 1,
        "failed": 2,
        "uncertain": 1,
        "queued": 2,
        "unpriced": 4,
        "cost": {"USD": {"estimated": "0.30", "accrued": "0.10"}, "credits": {"estimated": "5", "accrued": "0"}},
    }


@pytest.mark.parametrize(
    ("tallies", "reused", "lanes"),
    [
        ({"vyro": LaneTally(), "jivox": LaneTally(planned=1)}, {}, ["jivox"]),
        ({"vyro": LaneTally(), "jivox": LaneTally()}, {"vyro": 2}, ["vyro"]),
        ({"vyro": LaneTally(planned=1), "jivox": LaneTally(planned=1)}, {}, ["jivox", "vyro"]),
        ({"vyro": LaneTally()}, {}, []),
    ],
)
def test_lanes_with_nothing_to_tell_are_left_out(
    tmp_path: Path, tallies: dict[str, LaneTally], reused: dict[str, int], lanes: list[str]
) -> None:
    """A lane is told if something was planned or reused there, by name."""
    manifest = tell(tmp_path, told(tallies=tallies, ending=Ending(reused=Counter(reused))))
    assert list(manifest["providers"]) == lanes


def test_what_went_wrong_is_told(tmp_path: Path) -> None:
    """Exit code, closed lanes and files that somebody edited are in the manifest; without git there is nothing to say of it."""
    ending = Ending(closed={"jivox": "401: bad key"}, interrupted=130)
    manifest = tell(tmp_path, told(exit_code=130, ending=ending, kept=("mug/copy.txt",), revision=None, mode="sandbox"))
    assert (manifest["exit"], manifest["closed"], manifest["kept"]) == (130, {"jivox": "401: bad key"}, ["mug/copy.txt"])
    assert (manifest["git"], manifest["mode"]) == (None, "sandbox")


def test_the_journal_keeps_what_a_run_sent_and_spent() -> None:
    """Calls per lane that sent any, what was accrued in each currency with what has no price, and what stopped the run."""
    ending = Ending(closed={"jivox": "401: bad key"}, failing={"sivi": "502"}, spent=("the run: 7 requests",))
    assert note_of(told(tallies={"jivox": SPENT, "sivi": LaneTally(planned=2)}, ending=ending)) == {
        "sent": {"jivox": 7},
        "cost": "0.10 USD + 4 of unknown price",
        "closed": {"jivox": "401: bad key"},
        "failing": {"sivi": "502"},
        "spent": ["the run: 7 requests"],
    }
    assert note_of(told())["cost"] == "nothing"


def test_the_origin_of_a_download_is_told(tmp_path: Path) -> None:
    """A feed from an address is told with it and with what its server said of its version."""
    origin = {"url": "https://shop.example/feed.csv", "etag": '"v7"'}
    feed = tell(tmp_path, told(snapshot=Snapshot((), ("https://shop.example/feed.csv",), DIGEST, 40, origin)))["feed"]
    assert (feed["url"], feed["etag"]) == ("https://shop.example/feed.csv", '"v7"')


@pytest.mark.parametrize(
    ("at", "text"),
    [(0.0, "1970-01-01T00:00:00Z"), (1_700_000_000.999, "2023-11-14T22:13:20Z"), (951_782_400.0, "2000-02-29T00:00:00Z")],
)
def test_moments_are_rfc3339_in_utc(at: float, text: str) -> None:
    """A moment is told to the second and never lies after it."""
    assert moment(at) == text
