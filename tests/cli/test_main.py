"""The one door: verbs, help, and what every failure ends in."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import click
import pytest

from runner.cli import VERBS, adbatch, main
from runner.errors import EXITS, AdbatchError, Held, Invalid, OurSide, Usage
from tests.cli.conftest import Adbatch, start


def test_every_verb_is_there_with_its_help() -> None:
    """The help lists each verb in order, and each says what it does."""
    context = click.Context(adbatch)
    assert adbatch.list_commands(context) == list(VERBS)
    for verb in VERBS:
        command = adbatch.get_command(context, verb)
        assert command is not None
        assert command.help
    assert adbatch.get_command(context, "bogus") is None


@pytest.mark.parametrize(
    ("argv", "code", "told"), [(["--version"], 0, f"adbatch, version {version('adbatch')}\n"), (["-h"], 0, "run ")]
)
def test_help_and_version_are_data(adbatch: Adbatch, argv: list[str], code: int, told: str) -> None:
    """What was asked for goes to stdout."""
    ended = adbatch(*argv)
    assert (ended.code, ended.err) == (code, "")
    assert told in ended.out


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["rnu"], "Error: there is no verb rnu; did you mean run?\n"),
        (["bogus"], f"Error: there is no verb bogus; it takes {', '.join(sorted(VERBS)[:12])}\n"),
        (["run", "--allow-unprised", "x"], "No such option '--allow-unprised'. Did you mean '--allow-unpriced'?"),
        (["--bogus"], "No such option '--bogus'."),
        ([], "Usage: adbatch [OPTIONS] COMMAND [ARGS]..."),
    ],
)
def test_what_is_no_command_ends_with_2(adbatch: Adbatch, argv: list[str], told: str) -> None:
    """A mistyped verb or option is told with what is near it, on stderr, in our own name."""
    ended = adbatch(*argv)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert "Usage: adbatch" in ended.err


@pytest.mark.parametrize(
    "failure", [Invalid([]), Usage("no"), OurSide("no"), Held("no")], ids=lambda failure: type(failure).__name__
)
def test_a_failure_ends_with_its_own_code(capsys: pytest.CaptureFixture[str], failure: AdbatchError) -> None:
    """Each of our failures ends the command with the code it carries, told in a line."""

    @click.command()
    def fail() -> None:
        raise failure

    with pytest.raises(SystemExit) as ended:
        main([], fail)
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (failure.exit_code, "")
    assert failure.exit_code in EXITS
    assert told.err in ("adbatch: no\n", "0 mistakes; nothing was sent.\n")


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), click.exceptions.Abort()], ids=lambda failure: type(failure).__name__)
def test_an_interruption_ends_with_130(capsys: pytest.CaptureFixture[str], failure: BaseException) -> None:
    """Ctrl-C outside a run is no failure to be told of."""

    @click.command()
    def fail() -> None:
        raise failure

    with pytest.raises(SystemExit) as ended:
        main([], fail)
    assert (ended.value.code, "Traceback" in capsys.readouterr().err) == (130, False)


def test_the_command_can_be_run_as_a_module(tmp_path: Path) -> None:
    """`python -m runner.cli` is the command under its own name."""
    process = start(tmp_path, "--help")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("Usage: adbatch [OPTIONS] COMMAND [ARGS]...")
