"""A service and a timer for systemd.

A oneshot service is never started twice, `Persistent=` catches up on what was missed while the machine was off, and the delay
drawn by systemd stays the same from day to day. Cron's "either day" needs one `OnCalendar=` line for each way, since systemd asks
that all parts of one line hold. Syntax: systemd.time(7), systemd.timer(5), systemd.service(5), systemd.syntax(7).
"""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_letters, digits
from typing import Final

from runner.schedule.cron import DAYS, HOURS, MINUTES, MONTHS, WEEKDAYS, DayRule, compact, read_cron
from runner.schedule.scheduled import HELD, Scheduled, comment, exit_lines

PLAIN: Final = frozenset(ascii_letters + digits + "/._-+@:")
NAMES: Final = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
ENV: Final = "/usr/bin/env"
LANDING: Final = "15min"
"""How long a stopped run may take to let what flies land."""


def write_systemd(scheduled: Scheduled) -> Mapping[str, str]:
    """The service and the timer. Raises `Usage` for what systemd cannot say."""
    return {f"{scheduled.title}.service": _service(scheduled), f"{scheduled.title}.timer": _timer(scheduled)}


def calendar_lines(cron: str, zone: str) -> list[str]:
    """What `OnCalendar=` has to say for a cron expression; the timer elapses when any of the lines does."""
    read = read_cron(cron)
    hours, minutes = (_numbers(part, whole) for part, whole in ((read.hours, HOURS), (read.minutes, MINUTES)))
    months = _numbers(read.months, MONTHS)
    return [f"{_day(rule, months)} {hours}:{minutes}:00 {zone}" for rule in read.days]


def _day(rule: DayRule, months: str) -> str:
    weekdays = "" if rule.weekdays == WEEKDAYS else ",".join(NAMES[day] for day in sorted(rule.weekdays)) + " "
    days = _numbers(rule.days, DAYS)
    if "/" in days:  # systemd 252 skips some of the days of `01/4` where weekdays are named too
        days = ",".join(f"{day:02}" for day in sorted(rule.days))
    return f"{weekdays}*-{months}{rule.tail or '-' + days}"


def _numbers(numbers: frozenset[int], whole: frozenset[int]) -> str:
    return compact(numbers, whole, dash="..", digits=2, open_steps=True)


def _service(scheduled: Scheduled) -> str:
    keys = [f"EnvironmentFile={_value(scheduled.env_file)}"] if scheduled.keys else []
    how = f"copy both files to /etc/systemd/system, then: systemctl enable --now {scheduled.title}.timer"
    about = [*scheduled.heading(how), *_about_keys(scheduled), *_about_user(scheduled), *exit_lines()]
    lines = [
        "[Unit]",
        f"Description=adbatch refresh of {scheduled.name}",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        "Type=oneshot",
        *([f"User={scheduled.user}"] if scheduled.user else []),
        f"WorkingDirectory={_value(str(scheduled.root))}",
        *keys,
        f"ExecStart={_program(str(scheduled.command))} run {_word(str(scheduled.job))}",
        "# Another run at work, and a run that was stopped and will go on, are no failures.",
        f"SuccessExitStatus={HELD} 143",
        "# The first signal lets what flies land.",
        "KillMode=mixed",
        f"TimeoutStopSec={LANDING}",
        "NoNewPrivileges=yes",
        "PrivateTmp=yes",
        f"SyslogIdentifier={scheduled.title}",
    ]
    return comment(*about) + "\n".join(lines) + "\n"


def _timer(scheduled: Scheduled) -> str:
    calendar = calendar_lines(scheduled.timetable.cron, scheduled.timetable.zone)
    skipped = "on the night they go forward, systemd skips a time that does not exist; cron would run it an hour later."
    about = [f"{scheduled.title}.timer: {scheduled.timetable.cron} ({scheduled.timetable.zone})", *scheduled.clock_change(skipped)]
    lines = [
        "[Unit]",
        f"Description=When {scheduled.name} is refreshed",
        "",
        "[Timer]",
        *(f"OnCalendar={line}" for line in calendar),
        "# A time that was missed while the machine was off is made up for.",
        "Persistent=true",
        f"RandomizedDelaySec={scheduled.jitter}",
        "FixedRandomDelay=true",
        "AccuracySec=1min",
        f"Unit={scheduled.title}.service",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return comment(*about) + "\n".join(lines) + "\n"


def _about_keys(scheduled: Scheduled) -> list[str]:
    if not scheduled.keys:
        return []
    return [f"Keys: {scheduled.env_file} (chmod 600) has a line NAME='value' for each of {', '.join(scheduled.keys)}."]


def _about_user(scheduled: Scheduled) -> list[str]:
    return [] if scheduled.user else [f"It runs as root; better is a user of its own (User=) who may write {scheduled.root}."]


def _value(path: str) -> str:
    """A path that is a setting's whole value: only specifiers are special there."""
    return path.replace("%", "%%")


def _program(path: str) -> str:
    """The program as the first word of a command line, where systemd takes no special character."""
    return path if not set(path) - PLAIN else f"{ENV} {_word(path)}"


def _word(path: str) -> str:
    """A path as one word of a command line: specifiers, variables, quotes and backslashes are special."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if set(path) - PLAIN else escaped
