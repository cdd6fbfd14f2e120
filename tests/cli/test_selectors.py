"""The options that choose: what they amount to, and how they are shown."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from runner.cli.selectors import STATUSES, read_choice, selectors
from runner.errors import Usage
from runner.selection import STATUSES as MEANT
from runner.selection import Choice, Shard


def chosen(*words: str) -> tuple[Choice, dict[str, Any]]:
    """The choice that these words make, and what is left for the verb."""

    @click.command()
    @selectors
    @click.option("--other", default="kept")
    def verb(**given: Any) -> tuple[Choice, dict[str, Any]]:
        return read_choice(given), given

    made: tuple[Choice, dict[str, Any]] = verb.main(list(words), standalone_mode=False)
    return made


@pytest.mark.parametrize(
    ("words", "choice"),
    [
        ((), Choice()),
        (("--only", "row.id == 'a'"), Choice("row.id == 'a'")),
        (("--step", "copy", "--step", "ad"), Choice(steps=("copy", "ad"))),
        (("--status", "failed", "--status", "refused"), Choice(statuses=("failed", "refused"))),
        (("--shard", "2/4", "--limit", "3"), Choice(shard=Shard(2, 4), limit=3)),
    ],
)
def test_words_make_a_choice(words: tuple[str, ...], choice: Choice) -> None:
    """Each option is a part of the choice; what is not a selector is the verb's."""
    assert chosen(*words) == (choice, {"other": "kept"})


@pytest.mark.parametrize("words", [("--status", "done"), ("--limit", "0"), ("--step",)])
def test_a_word_that_cannot_be_is_refused(words: tuple[str, ...]) -> None:
    """A status nobody would ask for again, no variant at all, and a step without a name are mistakes of usage."""
    with pytest.raises(click.UsageError):
        chosen(*words)


def test_a_shard_that_cannot_be_is_refused() -> None:
    """A wrong share is told as everywhere."""
    with pytest.raises(Usage, match="write which share"):
        chosen("--shard", "half")


def test_the_statuses_are_those_that_are_meant() -> None:
    """The words that the options offer are those that a selection knows."""
    assert STATUSES == MEANT


def test_help_tells_what_is_bought_twice() -> None:
    """Whoever reads the help learns that shards share nothing and that another try may cost again."""
    shown = " ".join(CliRunner().invoke(click.command()(selectors(lambda **_: None)), ["--help"]).output.split())
    assert "each buys for itself" in shown
    assert "may cost again" in shown
