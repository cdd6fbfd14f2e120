"""`adbatch retry`: `adbatch run --status failed`, in a word."""

from __future__ import annotations

from typing import Any, Final

import click

from runner.cli.run import command as run

SAID: Final = frozenset({"statuses", "fresh", "plan", "replay"})
"""Options of a run that the word already says, or that mean something else."""


@click.pass_context
def _retry(context: click.Context, /, **chosen: Any) -> int:
    code: int = context.invoke(run, statuses=("failed",), fresh=(), **chosen)
    return code


command: Final = click.Command(
    "retry",
    callback=_retry,
    params=[option for option in run.params if option.name not in SAID],
    help="""Ask again for what has failed: `adbatch run --status failed`.

    What was bought but is damaged or not as expected is bought once more. What succeeded is not touched; what was refused stays so
    (`run --status refused`), and what is uncertain is for `adbatch resolve`.
    """,
)
"""Takes the options of a run but those that are about something else than what failed."""
