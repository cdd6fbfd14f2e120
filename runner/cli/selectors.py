"""The options that choose what a verb is about; the same words for every verb that takes them.

`--only`, `--shard` and `--limit` choose variants, `--step` steps, `--status` what became of them. All that is said must hold.
`only_jobs` is for verbs that take many jobs, which a shell's `jobs/*.yaml` names together with the decisions kept beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from runner.selection import Choice

Verb = TypeVar("Verb", bound=Callable[..., Any])

STATUSES: Final = ("failed", "refused", "uncertain", "flagged")

OPTIONS: Final = (
    click.option("--only", metavar="EXPR", help="Only variants this holds of (\"row.id in ['a', 'b']\"), or the word `approved`."),
    click.option("--step", "steps", multiple=True, metavar="NAME", help="Only this step and those it reads; may be repeated."),
    click.option(
        "--status",
        "statuses",
        multiple=True,
        type=click.Choice(STATUSES),
        help="Only variants with a step that came to this. What failed or was refused is asked again, which may cost again.",
    ),
    click.option(
        "--shard",
        metavar="I/N",
        help="Only this share of the rows, such as 1/4. What rows of two shares have in common, each buys for itself.",
    ),
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N variants of those."),
)


def selectors(verb: Verb) -> Verb:
    """The verb with these options; `read_choice` makes a choice of what they were given."""
    for option in reversed(OPTIONS):
        verb = option(verb)
    return verb


def read_choice(chosen: dict[str, Any]) -> Choice:
    """The choice that the options amount to; they are taken out of `chosen`. Raises `Usage`."""
    from runner.selection import Choice, read_shard

    shard = chosen.pop("shard")
    return Choice(
        chosen.pop("only"),
        chosen.pop("steps"),
        chosen.pop("statuses"),
        None if shard is None else read_shard(shard),
        chosen.pop("limit"),
    )


def only_jobs(_context: click.Context, _parameter: click.Parameter, named: tuple[Path, ...]) -> tuple[Path, ...]:
    """The jobs among the files that were named, for click to call. Raises `Usage` where only decisions are named."""
    from runner.errors import Usage
    from runner.records import DECISIONS

    jobs = tuple(path for path in named if path.name != DECISIONS)
    if named and not jobs:
        raise Usage(f"{named[0]} holds decisions about results and is no job; name a job beside it")
    return jobs
