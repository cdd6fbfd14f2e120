"""No key on a command line: there is no flag that would take one."""

from __future__ import annotations

import re

import click
import pytest

from runner.cli import VERBS, adbatch
from runner.sandbox.serve import main


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_takes_a_key(verb: str) -> None:
    """A key on a command line would stand in the process list and in the shell's history."""
    command = adbatch.get_command(click.Context(adbatch), verb)
    assert command is not None
    named = " ".join(option for param in command.params for option in (*param.opts, *param.secondary_opts))
    assert not re.search(r"key|token|secret|password|credential|auth", named, re.IGNORECASE)


def test_the_sandbox_takes_none_either(capsys: pytest.CaptureFixture[str]) -> None:
    """The emulated vendors make their one key themselves and tell it on standard output."""
    with pytest.raises(SystemExit):
        main(["--help"])
    assert not re.search(r"--\S*(key|token|secret|password)", capsys.readouterr().out)
