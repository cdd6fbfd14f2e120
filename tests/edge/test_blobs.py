"""The blob store: whole or absent, once, private."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.edge.blobs import Blobs, Sink, make_private_folder
from runner.errors import OurSide

HELLO = hashlib.sha256(b"hello").hexdigest()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    """An empty store."""
    return Blobs(tmp_path / "blobs")


def torn(blobs: Blobs) -> list[Path]:
    """Temporary files that are still there."""
    return list(blobs.root.glob(".torn-*"))


def test_put_names_bytes_by_their_sha256(blobs: Blobs) -> None:
    """What is put can be read back under the sha256 of its bytes."""
    blob = blobs.put(b"hello")
    assert (blob.sha256, blob.size) == (HELLO, 5)
    assert blobs.read(HELLO) == b"hello"
    assert blobs.path(HELLO) == blobs.root / HELLO[:2] / HELLO
    assert blobs.has(HELLO)
    assert blobs.size(HELLO) == 5


def test_put_again_writes_nothing(blobs: Blobs) -> None:
    """Bytes that are held keep their file."""
    blobs.put(b"hello")
    before = blobs.path(HELLO).stat()
    blobs.put(b"hello")
    assert (blobs.path(HELLO).stat().st_ino, blobs.path(HELLO).stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_everything_is_private(blobs: Blobs) -> None:
    """Files are 0600 and folders 0700, whatever the umask."""
    before = os.umask(0)
    try:
        blobs.put(b"hello")
    finally:
        os.umask(before)
    assert stat.S_IMODE(blobs.path(HELLO).stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (blobs.root, blobs.path(HELLO).parent)} == {0o700}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(pieces=st.lists(st.binary(max_size=300), max_size=8))
def test_a_sink_is_a_put_in_pieces(blobs: Blobs, pieces: list[bytes]) -> None:
    """However bytes are cut, the sink gives the same blob as putting them at once."""
    with blobs.sink() as sink:
        for piece in pieces:
            sink.write(piece)
        blob = sink.finish()
    assert blob == blobs.put(b"".join(pieces))
    assert blobs.read(blob.sha256) == b"".join(pieces)
    assert torn(blobs) == []


def test_a_sink_that_is_not_finished_leaves_nothing(blobs: Blobs) -> None:
    """Leaving the block without `finish` removes what was written."""
    with blobs.sink() as sink:
        sink.write(b"half of it")
        assert len(torn(blobs)) == 1
    assert torn(blobs) == []
    assert not blobs.has(hashlib.sha256(b"half of it").hexdigest())


def test_a_sink_that_ended_takes_no_more(blobs: Blobs) -> None:
    """A write that a cancelled task left behind in its thread cannot reach another file."""
    sink = blobs.sink()
    sink.abort()
    for late in (lambda: sink.write(b"x"), sink.finish):
        with pytest.raises(ValueError, match="ended"):
            late()


def test_aborting_while_a_thread_writes_is_safe(blobs: Blobs) -> None:
    """Abort waits for the write that is under way and closes the handle only then."""
    sink = blobs.sink()
    ended: list[str] = []

    def write() -> None:
        try:
            while True:
                sink.write(b"x" * 100_000)
        except ValueError:
            ended.append("refused")

    thread = threading.Thread(target=write)
    thread.start()
    sink.abort()
    thread.join(10)
    assert (ended, torn(blobs)) == (["refused"], [])


def test_two_sinks_of_the_same_bytes_agree(blobs: Blobs) -> None:
    """Two downloads of one picture at the same time end as one blob."""
    with blobs.sink() as one, blobs.sink() as other:
        one.write(b"hello")
        other.write(b"hello")
        assert one.finish() == other.finish()
    assert [path.name for path in blobs.root.rglob("*") if path.is_file()] == [HELLO]


@pytest.mark.parametrize("name", ["", "abc", "../../etc/passwd", HELLO.upper(), HELLO + "0", HELLO[:-1] + "g", HELLO[:-1] + "/"])
def test_only_a_sha256_is_a_name(blobs: Blobs, name: str) -> None:
    """Nothing but 64 lower-case hex digits reaches the file system."""
    with pytest.raises(ValueError, match="is not a sha256"):
        blobs.path(name)


@pytest.mark.parametrize("use", [Blobs.read, Blobs.size, Blobs.set_aside])
def test_a_missing_blob_is_our_failure(blobs: Blobs, use: object) -> None:
    """Reading what is gone names the file and the remedy."""
    with pytest.raises(OurSide, match=f"{HELLO}: a stored result cannot be read .*restore the state folder"):
        use(blobs, HELLO)  # type: ignore[operator]


def test_set_aside_keeps_the_file_out_of_use(blobs: Blobs) -> None:
    """A file that is not what it claims stays for inspection but is no blob any more."""
    blobs.put(b"hello")
    aside = blobs.set_aside(HELLO)
    assert (blobs.has(HELLO), aside.name, aside.read_bytes()) == (False, f"{HELLO}.rejected", b"hello")


def test_sweep_removes_what_a_killed_run_left(blobs: Blobs) -> None:
    """A process killed in the middle of a write leaves a temporary file, which is swept once it is old; blobs stay."""
    code = f"""
import os, signal
from pathlib import Path
from runner.edge.blobs import Blobs
blobs = Blobs(Path({str(blobs.root)!r}))
blobs.put(b"hello")
blobs.sink().write(b"never finished")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert len(torn(blobs)) == 1
    touched_at = torn(blobs)[0].stat().st_mtime
    assert (blobs.sweep(before=touched_at), len(torn(blobs))) == (0, 1)
    assert (blobs.sweep(before=touched_at + 1), torn(blobs), blobs.has(HELLO)) == (1, [], True)


def test_a_full_disk_is_our_failure_and_leaves_nothing(blobs: Blobs) -> None:
    """A write beyond what the system allows names the folder and the remedy, and its temporary file is gone."""
    code = f"""
import resource
from pathlib import Path
from runner.edge.blobs import Blobs
from runner.errors import OurSide
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    Blobs(Path({str(blobs.root)!r})).put(b"x" * 5000)
except OurSide as failure:
    print(failure)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "cannot write (File too large); free some space" in done.stdout
    assert torn(blobs) == []


def test_a_file_in_the_way_is_our_failure(tmp_path: Path) -> None:
    """A store that cannot be made says which folder and why."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(OurSide, match=r"file/blobs: cannot make this folder \(Not a directory\)"):
        Blobs(tmp_path / "file" / "blobs")


def test_private_folders_are_made_with_their_parents(tmp_path: Path) -> None:
    """Every folder that is made is private; those that were there keep their mode."""
    tmp_path.chmod(0o755)
    made = make_private_folder(tmp_path / "a" / "b")
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (tmp_path, made.parent, made)] == [0o755, 0o700, 0o700]


def test_a_sink_may_name_its_file_otherwise(tmp_path: Path) -> None:
    """The caller decides where a finished file goes."""
    with Sink(tmp_path, lambda sha256: tmp_path / "feeds" / f"{sha256}.csv") as sink:
        sink.write(b"hello")
        sink.finish()
    assert (tmp_path / "feeds" / f"{HELLO}.csv").read_bytes() == b"hello"


def test_many_texts_are_stored_with_one_wait(tmp_path: Path) -> None:
    """Every one is there under its hash, private, each once however often it is given; what is there already is left alone."""
    blobs = Blobs(tmp_path)
    first = blobs.put(b"text 0")
    kept = blobs.path(first.sha256).stat().st_ino
    texts = [f"text {number % 150}".encode() for number in range(200)]
    blobs.put_all(texts)
    found = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {hashlib.sha256(text).hexdigest(): text for text in texts}
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_file()} == {0o600}
    assert blobs.path(first.sha256).stat().st_ino == kept
    blobs.put_all([])


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """A folder that is gone is an error with a remedy."""
    blobs = Blobs(tmp_path / "blobs")
    (tmp_path / "blobs").rmdir()
    with pytest.raises(OurSide, match="cannot write"):
        blobs.put_all([b"text"])


@pytest.mark.parametrize("name", ["", "AB" * 32, "ab" * 31, "../" * 21 + "x", "ab" * 32 + "\n"])
def test_only_a_digest_is_a_place(tmp_path: Path, name: str) -> None:
    """Whatever else is given leads nowhere."""
    with pytest.raises(ValueError, match="is not a sha256"):
        Blobs(tmp_path).place(name)
