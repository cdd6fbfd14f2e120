"""Units for systemd, held against systemd itself where it is installed, and against a second reading of its rules everywhere."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
from cronsim import CronSim
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runner.schedule.systemd import calendar_lines, write_systemd
from tests.schedule.samples import AT, CRONS, KEYS, SPECIAL, scheduled
from tests.schedule.timers import elapses

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
STRANGE = '/srv/50% off $HOME "now" it\'s \\ here'
LAST_YEAR = 2060
"""Leap days and Mondays that are the first of January are rare: fifty of them reach beyond what systemd counts to."""
SAYABLE = (*CRONS, *SPECIAL)


def by_cron(cron: str, count: int) -> list[datetime]:
    """The next moments by cronsim."""
    moments = islice(CronSim(cron, datetime.fromtimestamp(AT, UTC)), count)
    return [moment for moment in moments if moment.year <= LAST_YEAR]


def by_our_reading(cron: str, count: int) -> list[datetime]:
    """The next moments by the second reading."""
    return list(islice(elapses(calendar_lines(cron, "UTC"), datetime.fromtimestamp(AT, UTC), LAST_YEAR), count))


def by_systemd(lines: Sequence[str], count: int) -> list[datetime]:
    """The next moments by systemd itself; two lines that elapse at once elapse once."""
    base = datetime.fromtimestamp(AT, UTC).strftime("%Y-%m-%d %H:%M:%S")
    argv = [str(ANALYZE), "calendar", f"--iterations={count}", f"--base-time={base}", *lines]
    told = subprocess.run(argv, env={**os.environ, "TZ": "UTC"}, capture_output=True, text=True, check=True, timeout=60).stdout
    found = re.findall(r"(?:Next elapse|Iter\. #\d+): \w+ (\d+-\d+-\d+ \d+:\d+:\d+) UTC", told)
    moments = sorted({datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in found})[:count]
    return [moment for moment in moments if moment.year <= LAST_YEAR]


@pytest.mark.parametrize(
    ("cron", "lines"),
    [
        ("15 5 * * *", ["*-*-* 05:15:00 UTC"]),
        ("*/15 * * * *", ["*-*-* *:00/15:00 UTC"]),
        ("0 6 1,15 * 1", ["*-*-01,15 06:00:00 UTC", "Mon *-*-* 06:00:00 UTC"]),
        ("0 6 */10 * MON", ["Mon *-*-01,11,21,31 06:00:00 UTC"]),
        ("0 6 * 1-3,11 7", ["Sun *-01..03,11-* 06:00:00 UTC"]),
        ("0 6 * * 5L", ["Fri *-*~07/1 06:00:00 UTC"]),
        ("0 6 LW * *", ["Mon,Tue,Wed,Thu,Fri *-*~01 06:00:00 UTC", "Fri *-*~02 06:00:00 UTC", "Fri *-*~03 06:00:00 UTC"]),
        ("0 6 * * MON#2", ["Mon *-*-08..14 06:00:00 UTC"]),
    ],
)
def test_calendar_lines(cron: str, lines: list[str]) -> None:
    """Either day needs two lines, both days one; the last and the nth weekday are said as systemd does."""
    assert calendar_lines(cron, "UTC") == lines


@pytest.mark.parametrize("cron", SAYABLE)
def test_the_lines_elapse_when_cron_would(cron: str) -> None:
    """The next fifty moments by a second reading of systemd's rules are cronsim's."""
    assert by_our_reading(cron, 50) == by_cron(cron, 50)


@needs_systemd
@pytest.mark.parametrize("cron", SAYABLE)
def test_systemd_agrees(cron: str) -> None:
    """The next fifty moments by systemd itself are cronsim's."""
    assert by_systemd(calendar_lines(cron, "UTC"), 50) == by_cron(cron, 50)


def field(first: int, last: int, stars: bool = True) -> st.SearchStrategy[str]:
    """One field of a cron expression."""
    number = st.integers(first, last)
    span = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    listed = st.lists(st.one_of(number.map(str), span), min_size=1, max_size=3).map(",".join)
    stepped = st.tuples(st.one_of(st.just("*"), span), st.integers(1, last)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    return st.one_of(listed, stepped, *([st.just("*")] if stars else []))


EXPRESSIONS = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7)).map(" ".join)


@given(EXPRESSIONS)
@settings(max_examples=60, deadline=None)
def test_any_expression_elapses_when_cron_would(cron: str) -> None:
    """Whatever five fields say, the units say the same: by a second reading of systemd's rules."""
    assert by_our_reading(cron, 50) == by_cron(cron, 50)


@needs_systemd
@given(EXPRESSIONS)
@example("*/20 0 */4 */1 */5")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_systemd_agrees_on_any_expression(cron: str) -> None:
    """Whatever five fields say, systemd itself elapses when cron would."""
    assert by_systemd(calendar_lines(cron, "UTC"), 20) == by_cron(cron, 20)


@needs_systemd
def test_systemd_knows_the_zone() -> None:
    """A line in a zone elapses at that zone's time, in summer and in winter."""
    assert [moment.hour for moment in by_systemd(calendar_lines("15 5 1 * *", "Europe/Berlin"), 12)] == [4] * 5 + [3] * 7


@needs_systemd
@pytest.mark.parametrize("folder", ["plain", 'it\'s 50% $HOME "here"'])
def test_systemd_takes_the_units(folder: str, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say about the service and the timer, also where paths hold what is special there."""
    root = tmp_path / folder
    (root / "bin").mkdir(parents=True)
    command = root / "bin/adbatch"
    command.symlink_to(sys.executable)
    files = write_systemd(scheduled("0 6 1,15 * 1", "Europe/Berlin", root=root, command=command, **KEYS))
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    argv = [str(ANALYZE), "verify", *(str(tmp_path / name) for name in files)]
    told = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    ours = [line for line in (told.stdout + told.stderr).splitlines() if "adbatch-offers" in line]
    assert ours == []


def read_unit(text: str) -> configparser.RawConfigParser:
    """The unit's sections and settings; a setting that is said twice keeps its last value."""
    parser = configparser.RawConfigParser(strict=False, comment_prefixes=("#",), delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def test_the_service() -> None:
    """A oneshot in the project's folder, with absolute paths and the keys' file; an overlap is no failure, a stop gets its time."""
    service = read_unit(write_systemd(scheduled(user="ads", **KEYS))["adbatch-offers.service"])["Service"]
    assert (service["Type"], service["User"], service["WorkingDirectory"]) == ("oneshot", "ads", "/srv/offers")
    assert service["ExecStart"] == "/usr/local/bin/adbatch run /srv/offers/jobs/offers.yaml"
    assert (service["EnvironmentFile"], service["SuccessExitStatus"]) == ("/etc/adbatch/offers.env", "75 143")
    assert (service["KillMode"], service["TimeoutStopSec"]) == ("mixed", "15min")


def test_the_timer() -> None:
    """It catches up, starts a little later and always the same, and belongs to the service."""
    text = write_systemd(scheduled("0 6 1 * 1", "Europe/Berlin", jitter=600))["adbatch-offers.timer"]
    timer = read_unit(text)
    assert text.count("OnCalendar=") == 2
    assert (timer["Timer"]["Persistent"], timer["Timer"]["RandomizedDelaySec"]) == ("true", "600")
    assert (timer["Timer"]["FixedRandomDelay"], timer["Timer"]["Unit"]) == ("true", "adbatch-offers.service")
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert "systemd skips a time that does not exist" in text


def test_without_keys_and_user() -> None:
    """A job without keys needs no file of them; who runs it is left open for root, and said."""
    text = write_systemd(scheduled())["adbatch-offers.service"]
    assert "EnvironmentFile" not in text
    assert "\nUser=" not in text
    assert "It runs as root" in text


def test_a_program_with_a_strange_name_is_started_by_env() -> None:
    """For systemd: it takes no special character in the name of a program, so another starts it."""
    command = Path("/opt/my tools/adbatch")
    service = read_unit(write_systemd(scheduled(command=command))["adbatch-offers.service"])["Service"]
    assert service["ExecStart"] == '/usr/bin/env "/opt/my tools/adbatch" run /srv/offers/jobs/offers.yaml'


def test_strange_paths_are_escaped() -> None:
    """Specifiers, variables, quotes and backslashes of a path reach the program as they are."""
    service = read_unit(write_systemd(scheduled(root=STRANGE))["adbatch-offers.service"])["Service"]
    assert service["WorkingDirectory"] == STRANGE.replace("%", "%%")
    word = service["ExecStart"].partition(" run ")[2]
    assert word == '"/srv/50%% off $$HOME \\"now\\" it\'s \\\\ here/jobs/offers.yaml"'
