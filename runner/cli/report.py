"""`adbatch report`: the gallery of a job, to look through, judge and hand on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--sandbox", is_flag=True, help="What sandbox runs made of it.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="A folder of its own, all pictures in it.")
@click.option("--single-file", type=click.Path(path_type=Path), metavar="FILE", help="One HTML file with everything inside.")
@click.option("--serve", is_flag=True, help="Serve it on this machine, live during a run, and save decisions.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="With --serve: the port (0: a free one).")
def command(job: Path, sandbox: bool, serve: bool, port: int, **where: Any) -> None:
    """Write the gallery: everything a job made, as a page that opens from the disk, without network and without a key.

    The page is `report/index.html` in the output folder and shows the pictures that lie there. To hand it on, write it with --out
    (a folder that can be moved and served) or --single-file (a file that can be mailed). What is decided in it is saved as
    decisions.yaml, to be put beside the job; with --serve that is done at once.
    """
    from runner.cli.backdrop import paint_stage
    from runner.cli.render import counted, give, say, shown
    from runner.errors import Usage
    from runner.report.source import make_report

    out, single_file = where["out"], where["single_file"]
    if out is not None and single_file is not None:
        raise Usage("--out writes a folder and --single-file a file; give one of the two")
    if serve and (out is not None or single_file is not None):
        raise Usage("--serve shows the gallery in the output folder; it does not go with --out or --single-file")
    stage = paint_stage(sandbox)
    if serve:
        from runner.report.live import serve_report

        serve_report(job, stage, port, say)
        return
    made = make_report(job, stage, out, single_file)
    if made.current:
        say("nothing has changed since it was made")
    else:
        size = "" if made.whole else ", the small ones only: together the whole ones are too large to mail"
        say(f"{counted(made.variants, 'variant')}, {counted(made.pictures, 'picture')}{size}")
    give(shown(made.page))
