"""Disks that are full, fail or cannot be written, and journals that are damaged: real runs, real limits, real system calls."""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from runner.edge.journal import Journal
from runner.edge.recovery import recover, swap
from runner.errors import OurSide
from runner.facts import Sent
from tests.crash.harness import ENDED, Forge, Sandbox, faults_of, make_job, statuses

SYNC: Final = ("headline", "cutout", "packshot")
"""Steps that answer at once."""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Vendors for all tests here; each test asks for something else."""
    with Sandbox(tmp_path_factory.mktemp("vendors")) as opened:
        yield opened


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Vendors for the jobs that are left in peace."""
    with Sandbox(tmp_path_factory.mktemp("twin")) as opened:
        yield opened


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    """The process that forks the runs."""
    with Forge(tmp_path_factory.mktemp("forge") / "runs.log") as opened:
        yield opened


class Case:
    """A job of its own, the vendors, and the process that runs it."""

    def __init__(self, folder: Path, seed: int, forge: Forge, sandbox: Sandbox) -> None:
        self.root, self.seed, self.forge, self.sandbox = folder / "project", seed, forge, sandbox
        self.job = make_job(self.root, seed, 4, SYNC)
        self.journal = self.root / ".adbatch/sandbox/jobs/mugs/journal.db"
        self._before = len(sandbox.bills())
        self.log = folder / "runs.log"

    def run(self, forge: Forge | None = None, **limits: int) -> int:
        """The exit code of one run under these resource limits."""
        return (forge or self.forge).run(self.job, self.sandbox.stage, limits=limits, log=str(self.log))

    @property
    def told(self) -> str:
        """What the runs of this case said."""
        return self.log.read_text("utf-8")

    def bills(self) -> list[dict[str, object]]:
        """What was billed for this case."""
        return self.sandbox.bills(self._before)

    def sent(self) -> Counter[str]:
        """Submits that the journal knows to have left, by vendor."""
        with Journal.open(self.journal, "sandbox") as journal:
            facts = list(journal.facts())
        lanes = {fact.id: fact.request.provider for fact in facts if hasattr(fact, "request")}
        return Counter(lanes[fact.id] for fact in facts if isinstance(fact, Sent) and fact.step == "submit")

    def check_nothing_unsent_was_billed(self) -> None:
        """Whatever a vendor billed stood in the journal before it left."""
        billed, sent = Counter(str(bill["vendor"]) for bill in self.bills()), self.sent()
        assert all(count <= sent[vendor] for vendor, count in billed.items()), (billed, sent)

    def finish(self, twin: Sandbox) -> None:
        """With the trouble gone, the next run finishes; nothing was billed twice, nothing is lost or different."""
        assert self.run() in ENDED, self.told
        peace = self.root.parent / "peace"
        assert self.forge.run(make_job(peace, self.seed, 4, SYNC), twin.stage) == 0
        assert not list(faults_of(self.root, peace, self.bills()))


def strace(path: Path, calls: str, error: str, when: str) -> list[str]:
    """A prefix that makes these system calls on `path` fail. Skips where the system does not let us."""
    probe = ["strace", "-qq", "-o", os.devnull, "true"]
    if shutil.which("strace") is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("needs strace and the right to trace a process")
    inject = f"inject={calls}:error={error}:when={when}"
    return ["strace", "-f", "-qq", "--seccomp-bpf", "-o", os.devnull, "-P", str(path), "-e", f"trace={calls}", "-e", inject]


@pytest.mark.parametrize(
    ("seed", "calls", "error", "when", "says"),
    [
        (1001, "fdatasync", "EIO", "2", "check the disk"),
        (1002, "fdatasync", "EIO", "3+", "check the disk"),
        (1003, "pwrite64", "ENOSPC", "9", "the disk is full"),
        (1004, "pwrite64", "ENOSPC", "14+", "the disk is full"),
        (1005, "pwrite64", "EIO", "5", "check the disk"),
    ],
)
def test_a_failing_journal_disk_stops_the_run(
    tmp_path: Path, forge: Forge, sandbox: Sandbox, twin: Sandbox, *, seed: int, calls: str, error: str, when: str, says: str
) -> None:
    """A commit that the disk refuses ends the run with 3, naming journal and remedy; the next run finds all that was bought."""
    case = Case(tmp_path, seed, forge, sandbox)
    under = strace(case.journal.with_name("journal.db-wal"), calls, error, when)
    with Forge(tmp_path / "strace.log", *under) as troubled:
        assert case.run(troubled) == 3, case.told
        assert "journal.db: " in case.told
        assert says in case.told
    case.check_nothing_unsent_was_billed()
    case.finish(twin)


@pytest.mark.parametrize(("seed", "most"), [(1010, 40_000), (1011, 52_000), (1012, 60_000), (1013, 20_000)])
def test_a_file_that_may_not_grow_stops_the_run(
    tmp_path: Path, forge: Forge, sandbox: Sandbox, twin: Sandbox, *, seed: int, most: int
) -> None:
    """Where journal or results cannot grow, the run ends with 3 and a remedy; nothing left unnoted, and the next run is whole."""
    case = Case(tmp_path, seed, forge, sandbox)
    assert case.run(RLIMIT_FSIZE=most) == 3, case.told
    assert re.search(
        r"(journal\.db: .*(check the disk|disk is full|check the permissions and the disk)|free some space)", case.told
    )
    if case.journal.exists():
        case.check_nothing_unsent_was_billed()
    case.finish(twin)


def test_pictures_that_do_not_fit_cost_nothing_more(tmp_path: Path, forge: Forge, sandbox: Sandbox, twin: Sandbox) -> None:
    """An output folder that takes no byte ends the run with 3; what was bought is there for the next run."""
    case = Case(tmp_path, 1020, forge, sandbox)
    (case.root / "out").mkdir()
    (case.root / "out" / "r0").write_text("a file where a folder must be")
    assert case.run() == 3
    assert "out/r0/" in case.told
    (case.root / "out" / "r0").unlink()
    case.finish(twin)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 32 megabytes. Skips where we may not mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m,mode=700", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_without_room_is_seen_before_anything_is_bought(
    tmp_path: Path, forge: Forge, sandbox: Sandbox, small_disk: Path
) -> None:
    """The output folder's disk is looked at before the first submit."""
    case = Case(tmp_path, 1030, forge, sandbox)
    (case.root / "out").mkdir()
    subprocess.run(["mount", "--bind", str(small_disk), str(case.root / "out")], check=True)
    try:
        (case.root / "out" / "ballast").write_bytes(bytes(20 << 20))
        assert case.run() == 3
    finally:
        subprocess.run(["umount", str(case.root / "out")], check=True)
    assert "out: only 12 MB are free on this disk; free at least 16 MB, nothing was sent" in case.told
    assert not case.bills()


@pytest.mark.parametrize("which", [".adbatch", "out"])
def test_a_read_only_folder_is_seen_before_anything_is_bought(
    tmp_path: Path, forge: Forge, sandbox: Sandbox, small_disk: Path, which: str
) -> None:
    """A state or output folder on a read-only file system ends the run with 3, naming it, before the first submit."""
    case = Case(tmp_path, 1031 + len(which), forge, sandbox)
    (case.root / which).mkdir()
    subprocess.run(["mount", "--bind", str(small_disk), str(case.root / which)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(case.root / which)], check=True)
        assert case.run() == 3
    finally:
        subprocess.run(["umount", str(case.root / which)], check=True)
    assert re.search(rf"project/{re.escape(which)}\S*: .*check (its|the) permissions and the disk", case.told), case.told
    assert not case.bills()


def test_few_open_files_are_enough(tmp_path: Path, forge: Forge, sandbox: Sandbox, twin: Sandbox) -> None:
    """With 64 open files allowed, a run opens fewer connections and ends as ever."""
    case = Case(tmp_path, 1040, forge, sandbox)
    assert case.run(RLIMIT_NOFILE=64) == 0, case.told
    case.finish(twin)


def flip(journal: Path) -> None:
    """200 random bytes of the journal are others."""
    data, dice = bytearray(journal.read_bytes()), random.Random(5)
    for _ in range(200):
        data[dice.randrange(len(data))] ^= dice.randrange(1, 256)
    journal.write_bytes(data)


def cut(journal: Path) -> None:
    """The second half of the journal is gone."""
    os.truncate(journal, journal.stat().st_size // 2)


def blank(journal: Path) -> None:
    """The journal begins with nothing."""
    with journal.open("r+b") as file:
        file.write(bytes(200))


@pytest.mark.parametrize(("seed", "damage"), [(1050, flip), (1051, cut), (1052, blank)])
def test_a_damaged_journal_buys_nothing(
    tmp_path: Path, forge: Forge, sandbox: Sandbox, seed: int, damage: Callable[[Path], None]
) -> None:
    """A damaged journal ends the run with 3 and the way to recover it; recovered, it does not buy again what it still knows of."""
    case = Case(tmp_path, seed, forge, sandbox)
    assert case.run() == 0
    bought, known = len(case.bills()), set(statuses(case.root))
    damage(case.journal)
    assert case.run() == 3
    assert re.search(r"journal\.db: .*damaged.*adbatch journal recover", case.told)
    assert len(case.bills()) == bought
    recovered = recover(case.journal, "sandbox")
    assert recovered is not None
    assert case.run() == 3
    assert "adbatch journal recover JOB --yes" in case.told
    swap(case.journal)
    with Journal.open(case.journal, "sandbox") as journal:
        known -= journal.histories(sorted(known)).keys()
    assert case.run() in ENDED
    twice = [count for count in Counter(bill["digest"] for bill in case.bills()).values() if count > 1]
    assert len(twice) <= len(known) <= (2 if damage is flip else 0)


def test_a_newer_journal_is_left_alone(tmp_path: Path, forge: Forge, sandbox: Sandbox) -> None:
    """A journal of a later version ends the run with 3 and is neither read nor recovered."""
    case = Case(tmp_path, 1060, forge, sandbox)
    Journal.open(case.journal, "sandbox").close()
    with sqlite3.connect(case.journal) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE name = 'format'")
    connection.close()
    assert case.run() == 3
    assert "newer adbatch" in case.told
    with pytest.raises(OurSide, match="upgrade adbatch to recover it"):
        recover(case.journal, "sandbox")
    assert not case.bills()


def test_a_locked_journal_is_told_apart(tmp_path: Path, forge: Forge, sandbox: Sandbox) -> None:
    """A journal that another program has locked ends the run with 75, and nothing is sent."""
    case = Case(tmp_path, 1061, forge, sandbox)
    with Journal.open(case.journal, "sandbox"):
        assert case.run() == 75
    assert "another process has this journal open" in case.told
    assert not case.bills()
