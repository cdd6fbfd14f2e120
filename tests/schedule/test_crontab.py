"""Lines for a crontab, executed by a shell as cron would."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from runner.errors import Usage
from runner.schedule.crontab import write_crontab
from tests.schedule.samples import KEYS, scheduled

LINE = re.compile(r"(?P<when>(\S+ ){4}\S+)\t(?P<command>.+)")


def lines(**more: Any) -> list[re.Match[str]]:
    """The crontab's lines that run something."""
    [text] = write_crontab(scheduled(**more)).values()
    found = [LINE.fullmatch(line) for line in text.splitlines() if line and not line.startswith("#") and "\t" in line]
    return [line for line in found if line is not None]


def as_cron_does(command: str) -> str:
    """The command that cron gives to the shell: it ends at a bare percent sign, and an escaped one is one."""
    assert not re.search(r"(?<!\\)%", command)
    return command.replace(r"\%", "%")


def test_one_line_at_its_time_and_one_for_what_was_missed() -> None:
    """The zone, the job's time within its jitter, and an hourly line that runs the same guarded command."""
    [text] = write_crontab(scheduled("15 5 * * *", "Europe/Berlin")).values()
    assert "\nCRON_TZ=Europe/Berlin\n" in text
    own, hourly = lines()
    assert re.fullmatch(r"(1[5-9]|20) 5 \* \* \*", own["when"])
    assert re.fullmatch(r"[0-9]+ \* \* \* \*", hourly["when"])
    assert own["command"] == hourly["command"]


@pytest.mark.parametrize("folder", ["plain", '50% off $HOME "now" it\'s'])
@pytest.mark.parametrize("due", [0, 1])
def test_the_command_runs_what_is_due(folder: str, due: int, tmp_path: Path) -> None:
    """A shell given the line asks whether the job is due, and only then runs it, with the keys, in the project's folder."""
    root = tmp_path / folder
    (root / "bin").mkdir(parents=True)
    command, log, keys = root / "bin/adbatch", tmp_path / "log", root / "keys.env"
    keys.write_text("JIVOX_API_KEY='test key'\n")
    command.write_text(f'#!/bin/sh\necho "$PWD|$JIVOX_API_KEY|$*" >> {log}\n[ "$1" != due ] || exit {due}\n')
    command.chmod(0o755)
    line = lines(root=root, command=command, env_file=str(keys), keys=("JIVOX_API_KEY",))[0]["command"]
    subprocess.run(["/bin/sh", "-c", as_cron_does(line)], cwd="/", env={"PATH": os.environ["PATH"]}, check=False)
    job = f"{root}/jobs/offers.yaml"
    told = [f"{root}||due --quiet {job}", f"{root}|test key|run {job}"]
    assert log.read_text().splitlines() == told[: 2 - due]


def test_keys_are_named_and_never_written() -> None:
    """Which variables the file of keys needs is said; without keys no such file is read."""
    [text] = write_crontab(scheduled(**KEYS)).values()
    assert "JIVOX_API_KEY, SIVI_API_KEY" in text
    assert ". /etc/adbatch/offers.env" in text
    assert "offers.env" not in "".join(write_crontab(scheduled()).values())


def test_words_that_only_some_crons_know() -> None:
    """A weekday on certain dates is said with the star it needs; L and # are refused."""
    assert lines(cron="0 6 */2 * MON", jitter=1)[0]["when"] == "0 6 */2 * 1"
    assert lines(cron="0 6 1,15 * */2", jitter=1)[0]["when"] == "0 6 1,15 * */2"
    with pytest.raises(Usage, match="uses L, LW or #"):
        write_crontab(scheduled("0 6 L * *"))


def test_the_exit_codes_are_told() -> None:
    """Whoever reads the crontab finds what a code means, and that summer time is thought of."""
    [text] = write_crontab(scheduled("15 5 * * *", "Europe/Berlin")).values()
    assert "#    75  another run holds this job" in text
    assert "Europe/Berlin changes its clocks" in text
    assert "changes its clocks" not in "".join(write_crontab(scheduled()).values())
