"""`adbatch resolve`: settle uncertain requests: billed, not billed, or ask again."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from runner.edge.rehearsal import Stage
    from runner.upkeep.resolution import Clerk, Doubt, How, Word

ANSWERS: Final[dict[str, How]] = {"b": "billed", "n": "not_billed", "a": "again"}


@click.command()
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--as", "how", type=click.Choice(["billed", "not-billed", "again"]), help="What became of the request.")
@click.option("--request", "start", metavar="ID", help="The request, by the beginning of its id; `all` for every one.")
@click.option("--ticket", metavar="TEXT", help="With --as billed: the vendor's id of the job; the next run asks for it.")
@click.option("--file", type=click.Path(path_type=Path), help="With --as billed: what the vendor made.")
@click.option("--why", default="", metavar="TEXT", help="For the record: how you know.")
@click.option("--sandbox", is_flag=True, help="The requests of sandbox runs.")
def command(job: Path, start: str | None, why: str, sandbox: bool, **said: Any) -> int:
    """List the requests nobody can tell were accepted, and settle them.

    On a terminal each is shown and asked about. Without one, --as and --request settle one (or `all`); with neither, they are
    listed. Exit 4 while some are left.
    """
    from runner.cli.render import say
    from runner.desk import catalog_of, load_files, state_of
    from runner.edge.clock import SystemClock
    from runner.edge.journal import Journal
    from runner.edge.state import State
    from runner.upkeep.resolution import Clerk, most_cost, read_doubts

    word = _read_word(start, why, **said)
    (project_file, job_file), clock = load_files(job), SystemClock()
    catalog, name = catalog_of(project_file, _stage() if sandbox else None), job_file.job.name
    state = State(state_of(project_file), "sandbox" if sandbox else "live")
    with state.lock(name, clock.now()), Journal.open(state.journal(name), state.mode) as journal:
        clerk = Clerk(journal, state.blobs(), catalog, clock)
        doubts = list(read_doubts(journal, catalog))
        if word and start:
            _settle_named(clerk, doubts, start, word)
        else:
            _settle_each(clerk, doubts, why, state.blobs().path)
        left = list(read_doubts(journal, catalog))
    if len(left) < len(doubts):
        say(f"{len(doubts) - len(left)} settled; the next run goes on from there")
    say(f"{len(left)} uncertain, at most {most_cost(left)}" if left else "no request is uncertain")
    return 4 if left else 0


def _read_word(start: str | None, why: str, how: str | None, ticket: str | None, file: Path | None) -> Word | None:
    """What the command line says, None where it says nothing. Raises `Usage` for half of it."""
    from runner.errors import Usage
    from runner.upkeep.resolution import Word

    if bool(how) != bool(start) or (not how and (ticket is not None or file is not None)):
        raise Usage("--as and --request go together: --as billed|not-billed|again --request ID (or all)")
    if start == "all" and (ticket is not None or file is not None):
        raise Usage("--ticket and --file settle one request; name it with --request ID")
    return Word(how.replace("-", "_"), name_of_user(), why, ticket, file) if how else None  # type: ignore[arg-type]


def _settle_named(clerk: Clerk, doubts: list[Doubt], start: str, word: Word) -> None:
    from runner.upkeep.resolution import find_doubt

    clerk.settle(doubts if start == "all" else [find_doubt(doubts, start)], word)


def _settle_each(clerk: Clerk, doubts: list[Doubt], why: str, path_of: Callable[[str], Path]) -> None:
    """Show each; on a terminal, ask about it."""
    from runner.cli.render import give, say
    from runner.errors import Usage

    for doubt in doubts:
        give("\n".join(_lines(doubt, path_of)))
        while sys.stdin.isatty():
            try:
                word = _ask(clerk, doubt, why)
                if word is not None:
                    clerk.settle([doubt], word)
                break
            except Usage as mistake:
                say(str(mistake))
    if doubts and not sys.stdin.isatty():
        say("settle one with: --as billed|not-billed|again --request ID")


def _ask(clerk: Clerk, doubt: Doubt, why: str) -> Word | None:
    """What the person at the terminal says; None to leave it as it is."""
    from runner.upkeep.resolution import Word

    choice = click.prompt("billed, not billed, ask again, or skip?", type=click.Choice(["b", "n", "a", "s"]), err=True)
    if choice == "s":
        return None
    ticket = file = ""
    if choice == "b":
        ticket = "" if clerk.takes_ticket(doubt) else _ask_for("the vendor's ticket of it")
        file = "" if ticket else _ask_for("the path of what the vendor made")
    return Word(ANSWERS[choice], name_of_user(), why, ticket or None, Path(file) if file else None)


def _ask_for(what: str) -> str:
    return str(click.prompt(f"{what}, or Enter if there is none", default="", show_default=False, err=True)).strip()


def _lines(doubt: Doubt, path_of: Callable[[str], Path]) -> Iterator[str]:
    from runner.cli.render import printable, shown
    from runner.manifest import moment
    from runner.upkeep.resolution import most_cost

    request = doubt.life.request
    yield f"{request.id[:16]}  {request.use}  at most {most_cost([doubt])}"
    yield f"    sent {moment(doubt.sent_at)}: {printable(doubt.life.why)}"
    yield "    " + printable(", ".join(f"{name}={str(value)[:60]!r}" for name, value in request.params.items()))
    if doubt.raw:
        yield f"    what the vendor answered is in {shown(path_of(doubt.raw))}"


def _stage() -> Stage:
    """The emulated vendors as they are described; nobody is asked, so nobody needs to be there."""
    from runner.edge.rehearsal import Stage
    from runner.sandbox.serve import describe

    nowhere = "http://127.0.0.1"
    return Stage(nowhere, "", describe(nowhere, "")["vendors"])


def name_of_user() -> str:
    """The name of whoever is at the keyboard; a container may know its user by number only."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return f"uid {os.getuid()}"
