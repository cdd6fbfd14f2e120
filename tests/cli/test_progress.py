"""Progress is a table on a terminal and plain lines anywhere else, and never in the way of the run."""

from __future__ import annotations

import asyncio
import io
import os
import pty
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console

from runner.cli.progress import COLUMNS, SPOKEN, Narrator, duration, line_of, spoken_here, table_of
from runner.core.tally import LaneTally
from tests.cli.conftest import ENVIRON, open_slow, start

BUSY = LaneTally(
    planned=10, reused=1, done=2, refused=1, spoiled=1, uncertain=1, flying=2, queued=1, waiting=1, pace=1.25, eta=72.0
)
TALLIES = {"jivox": BUSY, "sivi": LaneTally(), "vyro": LaneTally(planned=4, done=4)}


def drawn(tallies: Mapping[str, LaneTally]) -> list[str]:
    """The table as text, a line a row, blanks squeezed."""
    file = io.StringIO()
    Console(file=file, width=100).print(table_of(tallies))
    return [" ".join(line.split()) for line in file.getvalue().splitlines()]


def test_the_table_has_a_line_for_each_lane_with_work() -> None:
    """Per lane: done of planned, flying, queued, waiting, failed, pace and time left; nothing stands where there is none."""
    assert drawn(TALLIES) == [" ".join(COLUMNS), "jivox 3/10 2 1 1 3 1.2 1 min 12 s", "vyro 4/4"]


def test_a_plain_line_says_the_same() -> None:
    """In a pipe the lanes are one line."""
    assert line_of(TALLIES) == ("jivox 3/10 done, 2 flying, 1 queued, 3 failed · vyro 4/4 done, 0 flying, 0 queued, 0 failed")
    assert line_of({"sivi": LaneTally()}) == "nothing to do so far"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.0, "0 s"),
        (9.4, "9 s"),
        (59.6, "1 min 00 s"),
        (72, "1 min 12 s"),
        (3599.7, "1 h 00 min"),
        (3661, "1 h 01 min"),
        (90_000, "25 h 00 min"),
    ],
)
def test_durations_are_short(seconds: float | None, text: str) -> None:
    """A duration is told in its two largest units."""
    assert duration(seconds) == text


class Counts:
    """Counts that tell when they have been read so many times."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.enough = asyncio.Event()

    def __call__(self) -> Mapping[str, LaneTally]:
        """The counts; the last reading rings."""
        self.left -= 1
        if self.left <= 0:
            self.enough.set()
        return TALLIES


async def test_lines_come_again_and_again_until_closed(capsys: pytest.CaptureFixture[str]) -> None:
    """Where stderr is no terminal, a plain line is said every so many seconds, on stderr, and none after the end."""
    narrator, counts = Narrator(spoken=0.001), Counts(3)
    narrator.say("begun")
    narrator.watch(counts)
    await asyncio.wait_for(counts.enough.wait(), 10)
    await narrator.close()
    told = capsys.readouterr()
    lines = told.err.splitlines()
    assert (told.out, lines[0], len(lines) >= 3, set(lines[1:])) == ("", "begun", True, {line_of(TALLIES)})
    await narrator.close()
    assert capsys.readouterr().err == ""


async def test_cron_gets_no_progress(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal lines come only in CI: cron would mail them; one of three lines was said then, of a quiet run none."""
    monkeypatch.delenv("CI", raising=False)
    narrator, counts = Narrator(spoken=spoken_here()), Counts(1)
    narrator.watch(counts)
    await narrator.close()
    assert (capsys.readouterr().err, counts.enough.is_set(), narrator.skipped()) == ("", False, 1)
    monkeypatch.setenv("CI", "true")
    assert spoken_here() == SPOKEN
    quiet = Narrator(quiet=True)
    quiet.warn("nobody was told")
    assert (capsys.readouterr().err, quiet.skipped()) == ("nobody was told\n", 0)


async def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """A quiet narrator neither speaks nor reads the counts."""
    narrator, counts = Narrator(quiet=True, spoken=0.0), Counts(1)
    narrator.say("begun")
    narrator.watch(counts)
    await narrator.close()
    assert capsys.readouterr().err == ""
    assert not counts.enough.is_set()


async def test_a_progress_that_cannot_be_shown_is_no_failure() -> None:
    """Counts that cannot be shown end the display, not the run."""

    def broken() -> Mapping[str, LaneTally]:
        asked.set()
        raise OSError("no terminal any more")

    asked = asyncio.Event()
    narrator = Narrator(spoken=0.0)
    narrator.watch(broken)
    await asyncio.wait_for(asked.wait(), 10)
    await narrator.close()
    assert asked.is_set()


async def read_until(terminal: int, seen: bytearray, word: bytes, times: int = 1) -> None:
    """Read from the terminal until the word was shown so many times in all."""
    while seen.count(word) < times:
        seen += await asyncio.wait_for(asyncio.to_thread(os.read, terminal, 4096), 20)


@pytest.mark.parametrize("colour", [True, False])
async def test_a_terminal_gets_a_table(tmp_path: Path, colour: bool) -> None:
    """On a terminal the table is drawn while the run goes on, failures in red unless NO_COLOR is set; then it is taken away."""
    environ = {**ENVIRON, "TERM": "xterm", **({} if colour else {"NO_COLOR": "1"})}
    terminal, theirs = pty.openpty()
    seen = bytearray()
    async with open_slow(tmp_path) as slow:
        process = start(tmp_path, "run", "job.yaml", stderr=theirs, env=environ)
        os.close(theirs)
        await slow.next_hit()
        slow.status = 422
        slow.release.set()
        slow.release.clear()
        await slow.next_hit()
        await read_until(terminal, seen, b"per second", seen.count(b"per second") + 3)
        slow.release.set()
        await read_until(terminal, seen, b"results.jsonl")
        process.communicate(timeout=20)
    os.close(terminal)
    assert process.returncode == 1
    assert (b"\x1b[31m" in seen) == colour
    assert b"flying" in seen
    assert b"variants: 2 refused" in seen
