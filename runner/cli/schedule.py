"""`adbatch schedule`: what the operating system needs to know to run a job on time."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from runner.cli.selectors import only_jobs


@click.command()
@click.argument("jobs", nargs=-1, required=True, type=click.Path(path_type=Path), callback=only_jobs)
@click.option(
    "--as",
    "kind",
    required=True,
    type=click.Choice(["crontab", "systemd", "github", "kubernetes"]),
    help="Who will start the runs.",
)
@click.option("--env-file", metavar="PATH", help="Where the keys will be on that machine [/etc/adbatch/JOB.env].")
@click.option("--image", metavar="IMAGE", help="For kubernetes: a container image with adbatch in it.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write the files into this folder instead.")
def command(jobs: tuple[Path, ...], kind: str, env_file: str | None, image: str | None, out: Path | None) -> int:
    """Print a ready file that runs the jobs at refresh.cron, in refresh.timezone (UTC where not given).

    Runs do not overlap, missed ones are caught up on, starts are spread by refresh.jitter, and exit codes are understood. Keys are
    named in it, never written. adbatch is no daemon: nothing is installed, the file says how to do it.
    """
    from runner.cli.render import give, say, shown
    from runner.edge.clock import SystemClock
    from runner.errors import Usage
    from runner.refresh import schedule_of
    from runner.schedule import WRITERS

    if kind == "github" and len(jobs) > 1 and out is None:
        raise Usage("GitHub wants one file for each job; name one job, or a folder for the files with --out")
    now, texts = SystemClock().now(), dict[str, str]()
    for path in jobs:
        texts |= WRITERS[kind](schedule_of(path, _command(), now, env_file, image))
    if out is None:
        give(_joined(texts, kind).rstrip("\n"))
        return 0
    _write(texts, out)
    say("\n".join(f"wrote {shown(out / name)}" for name in texts))
    return 0


def _joined(texts: Mapping[str, str], kind: str) -> str:
    """All files as one text; of units, which stay files of their own, with a line that says where each begins."""
    if kind == "systemd":
        return "\n".join(f"# ---- {name}\n{text}" for name, text in texts.items())
    return ("---\n" if kind == "kubernetes" else "\n").join(texts.values())


def _write(texts: Mapping[str, str], out: Path) -> None:
    from runner.errors import OurSide

    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OurSide(f"{out}: cannot write here ({error.strerror}); name another folder with --out") from error


def _command() -> Path:
    """The adbatch that runs just now, as others can start it."""
    beside = Path(sys.executable).with_name("adbatch")
    found = str(beside) if beside.exists() else shutil.which("adbatch")
    return Path(found or sys.argv[0]).absolute()
