"""`adbatch init`: a working project to start from.

The files lie beside this one as they will lie in the project; only `.gitignore` has no dot here, so that git does not obey it.
Nothing that is there already is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click


@click.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> None:
    """Write a small project whose first `run --sandbox` makes something to look at.

    Refuses to overwrite: a file that is there already is named, and nothing is written.
    """
    from runner.cli.render import give, say, shown
    from runner.errors import Usage

    written = {folder / name: text for name, text in starter_files()}
    taken = [path for path in written if path.exists()]
    if taken:
        raise Usage(f"{', '.join(map(shown, map(Path.resolve, taken)))} is there already; choose another folder")
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        give(str(path))
    say(f"try: {'' if folder == Path() else f'cd {folder} && '}adbatch run jobs/first.yaml --sandbox")


def starter_files() -> Iterator[tuple[str, str]]:
    """Name, relative to the project, and text of every file of the starting project."""
    for path, resource in sorted(_walk(files("runner.cli") / "starter", "")):
        yield path.replace("gitignore", ".gitignore"), resource.read_text("utf-8")


def _walk(folder: Traversable, above: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{above}{entry.name}/")
        else:
            yield f"{above}{entry.name}", entry
