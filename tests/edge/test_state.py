"""The state folder: private, writable, and one run per job."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from runner.edge.journal import Journal, Mode
from runner.edge.state import State, read_holder
from runner.errors import Held, OurSide

SINCE = 1_700_000_000.0


def test_the_layout_is_the_documented_one(tmp_path: Path) -> None:
    """Sandbox and live have folders of their own for blobs, feeds and each job."""
    state = State(tmp_path / ".adbatch", "sandbox")
    home = tmp_path / ".adbatch" / "sandbox"
    assert (state.blobs().root, state.feeds, state.journal("sale")) == (
        home / "blobs",
        home / "feeds",
        home / "jobs/sale/journal.db",
    )
    assert State(tmp_path / ".adbatch", "live").journal("sale").is_relative_to(tmp_path / ".adbatch" / "live")


def test_git_never_sees_it(tmp_path: Path) -> None:
    """A `.gitignore` in the folder ignores all of it, and one that somebody changed is left alone."""
    State(tmp_path / "s", "live")
    assert (tmp_path / "s" / ".gitignore").read_text() == "*\n"
    (tmp_path / "s" / ".gitignore").write_text("mine\n")
    State(tmp_path / "s", "live")
    assert (tmp_path / "s" / ".gitignore").read_text() == "mine\n"


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077])
def test_everything_below_is_private(tmp_path: Path, umask: int) -> None:
    """Folders are 0700 and files 0600, whatever the umask."""
    before = os.umask(umask)
    try:
        state = State(tmp_path / "s", "live")
        state.blobs().put(b"x")
        assert state.feeds.is_dir()
        with state.lock("sale", SINCE), Journal.open(state.journal("sale"), "live"):
            modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "s").rglob("*")}
    finally:
        os.umask(before)
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert {"lock", "holder", "journal.db"} <= {path.name for path in modes}


def test_making_it_leaves_no_probe(tmp_path: Path) -> None:
    """The proof that the folder can be written is removed again."""
    state = State(tmp_path / "s", "live")
    assert list(state.home.iterdir()) == []


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\\b", "a\0b"])
def test_a_job_is_one_folder(tmp_path: Path, name: str) -> None:
    """A job's name never leads out of the folder of jobs."""
    with pytest.raises(OurSide, match="cannot be the name of a folder; rename the job"):
        State(tmp_path / "s", "live").journal(name)


def test_a_held_job_says_who_and_since_when(tmp_path: Path) -> None:
    """A second run of a job is told the process, the host and the moment; another job goes on."""
    state = State(tmp_path / "s", "live")
    with state.lock("sale", SINCE):
        with pytest.raises(Held) as held, state.lock("sale", SINCE):
            pytest.fail("two runs hold one job")
        with state.lock("other", SINCE):
            pass
    assert str(held.value) == (
        f"job sale is held by process {os.getpid()} on {os.uname().nodename} since 2023-11-14T22:13:20Z; "
        "wait for it to end, or let --wait SECONDS do it"
    )


def test_a_lock_is_free_afterwards(tmp_path: Path) -> None:
    """Leaving the block, however, frees the job and forgets its holder."""
    state = State(tmp_path / "s", "live")
    with pytest.raises(RuntimeError, match="bug"), state.lock("sale", SINCE):
        raise RuntimeError("bug")
    with state.lock("sale", SINCE):
        assert json.loads((state.journal("sale").parent / "holder").read_text())["pid"] == os.getpid()
    assert not (state.journal("sale").parent / "holder").exists()


def test_sandbox_and_live_do_not_hold_each_other(tmp_path: Path) -> None:
    """A rehearsal of a job may run beside the job."""
    live, sandbox = State(tmp_path / "s", "live"), State(tmp_path / "s", "sandbox")
    with live.lock("sale", SINCE), sandbox.lock("sale", SINCE):
        assert live.journal("sale").parent != sandbox.journal("sale").parent


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    """The kernel frees the lock of a process that was killed; what it wrote about itself is not believed."""
    code = f"""
import os
from pathlib import Path
from runner.edge.state import State
with State(Path({str(tmp_path / "s")!r}), "live").lock("sale", 1.0):
    print("held", flush=True)
    input()
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    state = State(tmp_path / "s", "live")
    with pytest.raises(Held, match=f"process {child.pid} "), state.lock("sale", SINCE):
        pytest.fail("two processes hold one job")
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()
    with state.lock("sale", SINCE):
        assert json.loads((state.journal("sale").parent / "holder").read_text())["pid"] == os.getpid()


@pytest.mark.parametrize("told", ["", "{}", "[]", "not json"])
def test_a_holder_that_says_nothing_is_another_process(tmp_path: Path, told: str) -> None:
    """A note that cannot be read costs no more than its contents."""
    state = State(tmp_path / "s", "live")
    with state.lock("sale", SINCE):
        (state.journal("sale").parent / "holder").write_text(told)
        with pytest.raises(Held, match="held by another process"), state.lock("sale", SINCE):
            pytest.fail("two runs hold one job")


def test_a_folder_everybody_may_write_is_refused(tmp_path: Path) -> None:
    """Nobody else may be able to plant results."""
    (tmp_path / "s").mkdir()
    (tmp_path / "s").chmod(0o777)
    with pytest.raises(OurSide, match="everybody may write to this state folder; run: chmod 700"):
        State(tmp_path / "s", "live")


def test_a_file_in_the_way_is_our_failure(tmp_path: Path) -> None:
    """A state folder that cannot be made is named before anything is sent."""
    (tmp_path / "s").write_text("x")
    with pytest.raises(OurSide, match=r"s: cannot make this folder \(|s/live: cannot make this folder \("):
        State(tmp_path / "s", "live")


def test_a_folder_that_cannot_be_written_is_our_failure(tmp_path: Path) -> None:
    """A disk that takes no bytes is found out by writing some, not by looking at permissions."""
    code = f"""
import resource, signal
from pathlib import Path
from runner.edge.state import State
from runner.errors import OurSide
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    State(Path({str(tmp_path / "s")!r}), "live")
except OurSide as failure:
    print(failure)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "s/live: cannot write here (File too large); check the permissions and the disk" in done.stdout
    assert not list((tmp_path / "s" / "live").iterdir())


@pytest.mark.parametrize(("mode", "others"), [("live", ["sandbox", "replay"]), ("sandbox", ["replay"]), ("replay", ["sandbox"])])
def test_only_what_was_never_bought_may_be_replaced(tmp_path: Path, mode: Mode, others: list[str]) -> None:
    """A run may replace what a rehearsal or a replay published; what a live run published is replaced by live runs only."""
    root = tmp_path / "state"
    stores: tuple[Mode, ...] = ("live", "sandbox", "replay")
    for name in stores:
        State(root, name).blobs()
    assert [store.root for store in State(root, mode).drawings()] == [root / other / "blobs" for other in others]


def test_only_a_replays_journal_is_ever_thrown_away(tmp_path: Path) -> None:
    """A replay starts from nothing each time; the journal of a run that bought or played is not to be had that way."""
    replay, live = State(tmp_path / "state", "replay"), State(tmp_path / "state", "live")
    for state in (replay, live):
        Journal.open(state.journal("mugs"), state.mode).close()
    replay.start_afresh("mugs")
    assert not replay.journal("mugs").exists()
    with pytest.raises(ValueError, match="never thrown away"):
        live.start_afresh("mugs")
    assert live.journal("mugs").exists()


def test_who_holds_a_job_can_be_read(tmp_path: Path) -> None:
    """While a job is held its folder says by whom and since when; before and after it says nobody."""
    state = State(tmp_path / "state", "live")
    folder = state.journal("mugs").parent
    assert read_holder(folder) is None
    with state.lock("mugs", 5.0):
        assert read_holder(folder) == {"pid": os.getpid(), "host": os.uname().nodename, "since": "1970-01-01T00:00:05Z"}
    assert read_holder(folder) is None
    (folder / "holder").write_text("[]")
    assert read_holder(folder) is None


def test_a_folder_of_other_things_is_not_hidden_from_git(tmp_path: Path) -> None:
    """Where other files lie beside the state, no `.gitignore` is written; where nothing but a state lies, it is."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "notes.txt").write_text("mine")
    State(tmp_path / "shared", "live")
    assert not (tmp_path / "shared" / ".gitignore").exists()
    (tmp_path / "s" / "live").mkdir(parents=True)
    State(tmp_path / "s", "sandbox")
    assert (tmp_path / "s" / ".gitignore").exists()


def test_a_state_has_one_store(tmp_path: Path) -> None:
    """What one who asks for it has just written is at hand for the next."""
    state = State(tmp_path / "state", "sandbox")
    [blob] = state.blobs().put_all([b"fresh"])
    assert state.blobs().lately.get(blob.sha256) == b"fresh"
