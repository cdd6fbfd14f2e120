"""Scheduled jobs to write files for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.schedule import Scheduled, Timetable

AT = 1_792_000_000.0
"""2026-10-14 18:26:40 UTC."""


def scheduled(cron: str = "15 5 * * *", zone: str = "UTC", **more: Any) -> Scheduled:
    """A job called offers in /srv/offers, with what `more` says of it."""
    root = Path(more.pop("root", "/srv/offers"))
    settings = {
        "name": "offers",
        "job": root / "jobs/offers.yaml",
        "root": root,
        "output": root / "out/offers",
        "command": Path("/usr/local/bin/adbatch"),
        "timetable": Timetable(cron, zone),
        "env_file": "/etc/adbatch/offers.env",
        "image": "adbatch:0.1.0",
        "version": "0.1.0",
        "at": AT,
        **more,
    }
    return Scheduled(**settings)


KEYS: dict[str, Any] = {"keys": ("JIVOX_API_KEY", "SIVI_API_KEY"), "key_files": {"PLACEWISE_KEY": "/run/secrets/placewise"}}
CRONS = (
    "15 5 * * *",
    "0 0 1 1 *",
    "*/15 * * * *",
    "*/7 */5 * * *",
    "5/15 8-18 * * MON-FRI",
    "0 6 1,15 * 1",
    "0 6 1,15 * */2",
    "0 6 */2 * MON",
    "0 6 * * 7",
    "0 6 * * 0,7",
    "0 6 1-31 * MON",
    "30 4 29 2 *",
    "0 12 * JAN,jul SUN",
    "59 23 31 * *",
    "0,1,2,3,10 0 * * *",
    "0 6 13 * FRI",
    "* * * * *",
    "0 22 * 1-3,11 1-5",
)
SPECIAL = (
    "0 6 L * *",
    "0 6 LW * *",
    "0 6 15,L * *",
    "0 6 * * 5L",
    "0 6 * * MON#2",
    "0 6 * * 1#1,3#5",
    "0 6 L * FRI",
    "0 6 L * */2",
    "0 6 LW * */2",
    "0 6 */2 * MON#2",
    "0 6 13 * 5L",
    "0 6 LW,1 2,6 *",
)
