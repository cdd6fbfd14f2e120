"""`adbatch sandbox`: all vendors on loopback, to build a job against without keys or money."""

from __future__ import annotations

import click


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Serve all vendors on 127.0.0.1 until Ctrl-C; `adbatch sandbox --help` lists what can be ordered.

    Prints one line of JSON when ready: address, key, and each vendor's base_url for a project file. Without `--state FOLDER` all is
    forgotten when it ends.
    """
    import tempfile

    from runner.sandbox.serve import main

    with tempfile.TemporaryDirectory(prefix="adbatch-sandbox-") as forgotten:
        return main(["--state", forgotten, *arguments])
