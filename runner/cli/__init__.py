"""The command. One verb, one file; `render` is the only room that prints; `main` is the only place where the program ends.

Verbs import what they need when they run, so `adbatch --help` and shell completion stay quick.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

import click

VERBS: Final = MappingProxyType(
    {
        "init": "runner.cli.init",
        "check": "runner.cli.check",
        "plan": "runner.cli.plan",
        "run": "runner.cli.run",
        "retry": "runner.cli.retry",
        "status": "runner.cli.status",
        "show": "runner.cli.show",
        "report": "runner.cli.report",
        "diff": "runner.cli.diff",
        "verify": "runner.cli.verify",
        "rebuild": "runner.cli.rebuild",
        "adopt": "runner.cli.adopt",
        "resolve": "runner.cli.resolve",
        "export-state": "runner.cli.export_state",
        "import-state": "runner.cli.import_state",
        "prune": "runner.cli.prune",
        "schedule": "runner.cli.schedule",
        "due": "runner.cli.due",
        "journal": "runner.cli.journal",
        "providers": "runner.cli.providers",
        "packs": "runner.cli.packs",
        "schema": "runner.cli.schema",
        "sandbox": "runner.cli.sandbox",
    }
)
"""Every verb and the module whose `command` it is, in the order the help lists them."""

STARTING: Final = 500_000
COLLECT_AFTER: Final = 50_000
"""New objects after which cycles are looked for: while things are imported, nearly all of which stay, and in a run.

We make next to no cycles. Python's own 700 cost a tenth of a start, and of a run.
"""
TURN: Final = 0.0005
"""Seconds after which a thread that computes hands on the interpreter. The event loop lets go of it with every call of the disk;
with Python's own 5 ms to have it back from the thread that writes the journal, a run of 5,000 texts took 7 % longer."""


class Verbs(click.Group):
    """A group that imports a verb's module when the verb is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order a newcomer needs them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command, None if there is no such verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(VERBS[cmd_name]).command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that `args` begin with. An unknown one ends with what is near it."""
        if args[0] not in VERBS:
            from runner.fields import suggest

            ctx.fail(f"there is no verb {args[0]}{suggest(args[0], VERBS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="adbatch", prog_name="adbatch")
def adbatch() -> None:
    """Turn a product feed and a YAML job into ads, through many vendors, without paying twice."""


def main(argv: Sequence[str] | None = None, command: click.Command = adbatch) -> None:
    """The one door: run a verb and end with its exit code. Every failure is told in a line to act on, and without a key."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # to find some it reads what is known of every package installed
    gc.set_threshold(STARTING)
    sys.setswitchinterval(TURN)
    from runner.cli.render import tell_bug, tell_failure
    from runner.cli.streams import flush_streams, guard_streams
    from runner.errors import AdbatchError

    guard_streams()
    try:
        code = command.main(args=argv, prog_name="adbatch", standalone_mode=False)
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as mistake:
        mistake.show()
        code = 2
    except AdbatchError as failure:
        tell_failure(failure)
        code = failure.exit_code
    except KeyboardInterrupt:
        code = 130
    except Exception as bug:  # noqa: BLE001 - the one door: whatever is left is a mistake of ours
        tell_bug(bug)
        code = 3
    flush_streams()
    if argv is None:  # the process ends here, and looking for cycles in all of it would be the last it does
        gc.freeze()
    sys.exit(code)
