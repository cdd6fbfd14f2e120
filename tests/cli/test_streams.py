"""The process's streams: no key leaves by any way Python has of printing, and nobody listening stops nothing.

Each case is a process of its own with a verb that looks up a key and goes wrong with it.
"""

from __future__ import annotations

import base64
import html
import json
import os
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest

from runner.errors import EXITS

KEY = "test-key/0123+4567=89ab <cdef> & 'more'"
SPELLINGS = (
    KEY,
    base64.b64encode(KEY.encode()).decode(),
    urllib.parse.quote(KEY, safe=""),
    json.dumps(KEY),
    html.escape(KEY),
    KEY.encode().hex(),
)

PROGRAM = """
import asyncio, logging, os, resource, sys, threading, warnings
import click
from runner.cli import main
from runner.cli.render import give, say
from runner.edge.secrets import SecretRef, load_secrets
from runner.errors import OurSide
from tests.cli.test_streams import SPELLINGS

WORDS = " | ".join(SPELLINGS)

class Spiteful:
    def __del__(self):
        raise RuntimeError(WORDS)

def lost_task():
    async def fail():
        raise RuntimeError(WORDS)
    async def forget():
        task = asyncio.ensure_future(fail())
        await asyncio.wait([task])
    asyncio.run(forget())

def in_thread():
    def fail():
        raise RuntimeError(WORDS)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()

def chained():
    try:
        raise ValueError(WORDS)
    except ValueError as error:
        raise KeyError("no key in here") from error

def fail(failure):
    raise failure

WAYS = {
    "bug": lambda: fail(RuntimeError(WORDS)),
    "chained": chained,
    "failure": lambda: fail(OurSide(WORDS)),
    "log": lambda: logging.getLogger("aiohttp").error("sent %s", WORDS),
    "log of a failure": lambda: logging.getLogger("asyncio").error("oh", exc_info=RuntimeError(WORDS)),
    "lost task": lost_task,
    "thread": in_thread,
    "object": lambda: Spiteful() and None,
    "warning": lambda: warnings.warn(WORDS),
    "hook": lambda: sys.excepthook(RuntimeError, RuntimeError(WORDS), None),
    "narration": lambda: say(WORDS),
    "data": lambda: give(WORDS),
    "core": lambda: give(str(resource.getrlimit(resource.RLIMIT_CORE)[0])),
    "open": lambda: give(str(os.open("/", os.O_RDONLY))),
    "much": lambda: [give("x" * 1000) or say("y" * 1000) for _ in range(100)],
    "quiet": lambda: None,
}

@click.command()
@click.argument("way")
def crash(way):
    load_secrets("lane", {"key": SecretRef(env="CANARY")}, os.environ)
    WAYS[way]()
    return 0

main([sys.argv[1]], crash)
"""


def go_wrong(
    way: str, folder: Path, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run the verb; its temporary files are made in `folder`."""
    environ = {**os.environ, "CANARY": KEY, "TMPDIR": str(folder), "PYTHONPATH": str(Path.cwd())}
    argv = [sys.executable, "-c", PROGRAM, way]
    return subprocess.run(argv, env=environ, text=True, timeout=30, check=False, stdout=stdout, stderr=stderr)


WAYS = [
    "bug",
    "chained",
    "failure",
    "log",
    "log of a failure",
    "lost task",
    "thread",
    "object",
    "warning",
    "hook",
    "narration",
    "data",
]


@pytest.mark.parametrize("way", WAYS)
def test_no_key_leaves_by_any_way(way: str, tmp_path: Path) -> None:
    """Whatever goes wrong with a key in its words, none of its spellings is printed or written."""
    ended = go_wrong(way, tmp_path)
    told = ended.stdout + ended.stderr + "".join(path.read_text() for path in tmp_path.iterdir())
    assert not [spelling for spelling in SPELLINGS if spelling.strip('"') in told]
    assert ("***" in told) == (way != "warning"), told
    assert ended.returncode in EXITS


def test_a_bug_leaves_a_log_for_its_report(tmp_path: Path) -> None:
    """A mistake of ours ends with 3, one line that names the log, and the traceback in it, for nobody else to read."""
    ended = go_wrong("bug", tmp_path)
    [log] = tmp_path.glob("adbatch-*.log")
    assert ended.returncode == 3
    assert str(log) in ended.stderr
    assert "Traceback" not in ended.stderr
    assert log.read_text().startswith("Traceback")
    assert log.stat().st_mode & 0o077 == 0


def test_no_core_is_dumped(tmp_path: Path) -> None:
    """The process asks for core dumps of no size."""
    assert go_wrong("core", tmp_path).stdout == "0\n"


@pytest.mark.parametrize("way", ["much", "data", "narration", "log", "quiet"])
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_nobody_listening_changes_no_exit_code(way: str, name: str, tmp_path: Path) -> None:
    """Where the reader of a pipe has gone, the rest is said to nobody and the verb ends as it would have."""
    reader, writer = os.pipe()
    os.close(reader)
    ended = go_wrong(way, tmp_path, writer) if name == "stdout" else go_wrong(way, tmp_path, stderr=writer)
    os.close(writer)
    assert ended.returncode == 0
    assert not (ended.stderr or "").count("Traceback")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_data_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    """Output onto a full disk ends with 3 and says so; it is not taken for a reader who has gone."""
    with Path("/dev/full").open("w") as full:
        ended = go_wrong("data", tmp_path, stdout=full.fileno())
    assert (ended.returncode, ended.stderr) == (
        3,
        "adbatch: standard output cannot be written (No space left on device); free some space or write it elsewhere\n",
    )


@pytest.mark.parametrize(("closed", "told"), [(">&- 2>&-", ""), ("2>&-", "x"), ("<&-", "x")])
def test_closed_streams_are_nobody(closed: str, told: str, tmp_path: Path) -> None:
    """A verb that is started without some of its streams runs as ever."""
    ended = _start_with("much", closed, tmp_path)
    assert (ended.returncode, ended.stdout[:1], ended.stderr[:1]) == (0, told, "y" if closed == "<&-" else "")


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_no_file_takes_the_place_of_a_closed_stream(closed: str, tmp_path: Path) -> None:
    """What is opened later is never standard input, output or error."""
    assert int(_start_with("open", closed, tmp_path).stdout) > 2


def _start_with(way: str, closed: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "CANARY": KEY, "TMPDIR": str(folder), "PYTHONPATH": str(Path.cwd())}
    argv = ["/bin/sh", "-c", f'exec "$0" -c "$1" "$2" {closed}', sys.executable, PROGRAM, way]
    return subprocess.run(argv, env=environ, text=True, capture_output=True, timeout=30, check=False)
