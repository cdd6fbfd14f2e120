"""Lines for a crontab.

Two lines per job: one at the job's own time, one every hour for what was missed while the machine was off. Both ask `adbatch due`
first, so a job runs once however many lines wake it, and also under a cron that ignores CRON_TZ (Debian's) at most an hour late. A
run that is still at work is left alone by exit 75.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from runner.schedule.cron import delay_of, plain_fields, read_cron
from runner.schedule.scheduled import Scheduled, comment, exit_lines


def write_crontab(scheduled: Scheduled) -> Mapping[str, str]:
    """The lines for this job; they are appended to a user's crontab. Raises `Usage` for what cron cannot say."""
    cron = read_cron(scheduled.timetable.cron)
    later = delay_of(cron, scheduled.delay // 60)
    command = _command(scheduled)
    text = (
        comment(
            *scheduled.heading(f"(crontab -l; cat {scheduled.title}.crontab) | crontab -"),
            "Most crons read the times below in CRON_TZ. Debian's reads them in the machine's zone: there the hourly line starts",
            "the run, up to an hour late. Neither line runs what `adbatch due` does not call due, and a run that is still at work",
            "is not started twice (exit 75). cron mails what a run prints: three lines when all is well.",
            *_keys(scheduled),
            *scheduled.clock_change("a time that is skipped in spring comes as soon as there is a time again."),
            *exit_lines(),
        )
        + f"CRON_TZ={scheduled.timetable.zone}\n"
        + f"{plain_fields(cron, later, 'cron', starred=True)}\t{command}\n"
        + f"{scheduled.delay % 60} * * * *\t{command}\n"
    )
    return {f"{scheduled.title}.crontab": text}


def _command(scheduled: Scheduled) -> str:
    """The shell command; in a crontab a `%` would end it."""
    adbatch, job = shlex.quote(str(scheduled.command)), shlex.quote(str(scheduled.job))
    keys = f"set -a; . {shlex.quote(scheduled.env_file)}; set +a; " if scheduled.keys else ""
    line = f"cd {shlex.quote(str(scheduled.root))} && {adbatch} due --quiet {job} && {{ {keys}{adbatch} run {job}; }}"
    return line.replace("%", r"\%")


def _keys(scheduled: Scheduled) -> list[str]:
    if not scheduled.keys:
        return []
    names = ", ".join(scheduled.keys)
    return [f"Keys: {scheduled.env_file} (chmod 600) has a line NAME='value' for each of {names}."]
