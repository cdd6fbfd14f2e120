"""The journal through a power cut: what was acknowledged is there, whatever the disk had not written yet."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from runner.edge.journal import SETTINGS, Journal
from runner.facts import Fact, Planned, Sent
from runner.records import make_request
from tests.crash.power import VFS, Drive, commit, connect, give_birth, survives

CUTS: Final = 10_000 if os.environ.get("ADBATCH_SOAK") else 2_000
FULL: Final = "PRAGMA synchronous=FULL"


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_what_was_acknowledged_survives_every_cut() -> None:
    """Of 2,000 power cuts with torn and reordered writes, none loses an acknowledged fact and none damages the journal."""
    assert Counter(survives(seed) for seed in range(CUTS)) == {"": CUTS}


@pytest.mark.parametrize(("lowered", "worst"), [("NORMAL", "lost"), ("OFF", "damaged")])
def test_the_same_cuts_catch_a_lowered_setting(lowered: str, worst: str) -> None:
    """With `synchronous` lowered, the same simulation loses acknowledged facts, so it would notice if ours were."""
    settings = [setting.replace(FULL, f"PRAGMA synchronous={lowered}") for setting in SETTINGS]
    assert settings != list(SETTINGS)
    ends = Counter(survives(seed, settings).partition(":")[0] for seed in range(60))
    assert ends[worst] > 15, ends


def test_what_was_never_synced_is_gone() -> None:
    """The drive forgets what it should: unsynced sectors are old or new, synced ones are always new."""
    drive = Drive(sector=512)
    VFS.drive = drive
    file = VFS.xOpen("a", [0, 0])
    file.xWrite(b"s" * 2048, 0)
    file.xSync(0)
    file.xWrite(b"n" * 2048, 0)
    seen = set()
    for _ in range(40):
        after = bytes(drive.after_cut()["a"])
        seen |= {after[start : start + 512] for start in range(0, 2048, 512)}
    assert seen == {b"s" * 512, b"n" * 512}
    assert file.xRead(4, 0) == b"nnnn"


def test_the_workload_is_the_journals_own(tmp_path: Path) -> None:
    """What the simulation writes by the journal's SQL is what the journal itself writes."""
    request = make_request("house", "image", {"prompt": "mug"})
    facts: list[Fact] = [Planned(1.0, request), Sent(2.0, request.id, "submit")]
    with Journal.open(tmp_path / "journal.db", "live") as journal:
        journal.commit(facts)
        ours = journal._connection.execute("SELECT request, at, kind, body FROM fact ORDER BY n").fetchall()
    drive = Drive()
    give_birth(drive)
    connection = connect(drive)
    commit(connection, [(bytes.fromhex(request.id), at, kind, body) for _, at, kind, body in ours])
    assert list(connection.execute("SELECT request, at, kind, body FROM fact ORDER BY n")) == ours
    connection.close()
