"""Progress is bars on a terminal and plain lines anywhere else, and never in the way of the run."""

from __future__ import annotations

import asyncio
import io
import os
import pty
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from runner.causes import Advice, Cause
from runner.cli.progress import NARROW, SPOKEN, Narrator, line_of, picture_of, spoken_here
from runner.headway import Headway, Progress
from tests.cli.conftest import ENVIRON, open_slow, start

REFUSED = Advice(Cause("scene", "refused", "422: style unknown", "vyro", count=3), "jobs/x.yaml:31", "change it, then run again")
BUSY = Progress(done=3, failed=3, total=10, out=3, waiting=1, pace=1.25, left=72.0)
THROUGH = Progress(done=4, failed=0, total=4, out=0, waiting=0, pace=0.0, left=None)
HEADWAY = Headway({"jivox": BUSY, "vyro": THROUGH}, {"USD": Decimal("0.60")}, {"USD": Decimal("1.80")}, 2, 72.0, (REFUSED,))
NARROWEST = 40


def drawn(headway: Headway, width: int = NARROW, unicode: bool = True) -> list[str]:
    """What a terminal of this width without colour shows, blanks at the end cut."""
    file = io.StringIO()
    Console(file=file, width=width).print(picture_of(headway, width, unicode))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_the_picture_has_a_bar_for_each_lane_and_says_what_goes_wrong() -> None:
    """Per lane a bar, done of all, failed, out, pace and time left; then money and time, then the worst causes."""
    assert drawn(HEADWAY) == [
        "lane                         done  failed  out  per second        left",
        "jivox  ██████▒▒▒▒▒▒········  3/10       3    3         1.2  1 min 12 s",
        "vyro   ████████████████████   4/4",
        "cost: 0.60 of about 1.80 USD, 2 of unknown price · about 1 min 12 s left",
        "3 refused by vyro (scene): 422: style unknown; jobs/x.yaml:31: change it, then …",
    ]


def test_a_narrow_or_plain_terminal_gets_what_it_can_show() -> None:
    """Below 80 columns there is no bar, and no line is wider than the terminal; without Unicode bars are ASCII."""
    long = replace(HEADWAY, lanes={"a-very-long-account-of-ours": BUSY})
    assert all(len(line) <= NARROWEST for line in drawn(long, NARROWEST))
    assert "█" not in "".join(drawn(long, NARROWEST))
    assert drawn(HEADWAY, 100, unicode=False)[1] == "jivox  ######xxxxxx........  3/10       3    3         1.2  1 min 12 s"
    assert all(len(line) <= NARROW for line in drawn(long))


@pytest.mark.parametrize(
    ("done", "failed", "total", "bar"),
    [
        (0, 0, 5_000, "·" * 20),
        (4_999, 0, 5_000, "█" * 19 + "·"),
        (4_999, 1, 5_000, "█" * 19 + "▒"),
        (0, 1, 5_000, "▒" + "·" * 19),
        (0, 9, 9, "▒" * 20),
        (7, 2, 9, "█" * 16 + "▒" * 4),
        (5_000, 0, 5_000, "█" * 20),
    ],
)
def test_a_bar_hides_nothing(done: int, failed: int, total: int, bar: str) -> None:
    """One failure in thousands is seen, and only a lane that is through has a full bar."""
    lane = Progress(done, failed, total, 0, 0, 0.0, None)
    assert drawn(Headway({"jivox": lane}))[1].split()[1] == bar


def test_a_plain_line_says_the_same() -> None:
    """In a pipe the run is one line; what goes wrong is told when it is news."""
    plain = "jivox 3/10 (3 out, 3 failed) · vyro 4/4 · cost: 0.60 of about 1.80 USD, 2 of unknown price · about 1 min 12 s left"
    worst = "3 refused by vyro (scene): 422: style unknown; jobs/x.yaml:31: change it, then run again"
    assert (line_of(HEADWAY), line_of(HEADWAY, news=True)) == (plain, f"{plain} · {worst}")
    assert line_of(Headway({})) == "nothing to do so far"


def test_what_a_vendor_says_cannot_forge_the_picture() -> None:
    """Escape sequences and markup in a reason are shown as what they are."""
    evil = Advice(Cause("copy", "refused", "\x1b[2J[red]no[/red]", "jivox"), "x.yaml:3", "mend")
    assert drawn(replace(HEADWAY, causes=(evil,)))[-1] == "1 refused by jivox (copy): �[2J[red]no[/red]; x.yaml:3: mend"


class Counts:
    """Counts that tell when they have been read so many times."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.enough = asyncio.Event()

    def __call__(self) -> Headway:
        """The counts; the last reading rings."""
        self.left -= 1
        if self.left <= 0:
            self.enough.set()
        return HEADWAY


async def test_lines_come_again_and_again_until_closed(capsys: pytest.CaptureFixture[str]) -> None:
    """Where stderr is no terminal, a plain line is said every so many seconds, on stderr, and none after the end."""
    narrator, counts = Narrator(spoken=0.001), Counts(3)
    narrator.say("begun")
    narrator.watch(counts)
    await asyncio.wait_for(counts.enough.wait(), 10)
    await narrator.close()
    told = capsys.readouterr()
    lines = told.err.splitlines()
    assert (told.out, lines[0], len(lines) >= 3, lines[1], set(lines[2:])) == (
        "",
        "begun",
        True,
        line_of(HEADWAY, news=True),
        {line_of(HEADWAY)},
    )
    await narrator.close()
    assert capsys.readouterr().err == ""


async def test_cron_gets_no_progress(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal lines come in CI or where somebody typed the command; cron would mail them, and gets three lines."""
    monkeypatch.delenv("CI", raising=False)
    narrator, counts = Narrator(spoken=spoken_here()), Counts(1)
    narrator.watch(counts)
    await narrator.close()
    assert (capsys.readouterr().err, counts.enough.is_set(), narrator.skipped()) == ("", False, 1)
    terminal, theirs = pty.openpty()
    with os.fdopen(theirs) as keyboard:
        monkeypatch.setattr("sys.stdin", keyboard)
        assert spoken_here() == SPOKEN
    os.close(terminal)
    monkeypatch.undo()
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

    def broken() -> Headway:
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
async def test_a_terminal_gets_a_picture(tmp_path: Path, colour: bool) -> None:
    """On a terminal the picture is drawn while the run goes on, failures in red unless NO_COLOR is set; then it is taken away."""
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
    assert "▒".encode() in seen
    assert b"variants: 2 refused" in seen
