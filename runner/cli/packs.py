"""`adbatch packs`: the limits of ad platforms that `expect: {pack: NAME}` brings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from runner.packs.shelf import Pack


@click.command()
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """List the packs, or all limits of one (`google-responsive`) with their date and the page that has the latest."""
    from runner.cli.render import give
    from runner.errors import Usage
    from runner.fields import suggest
    from runner.packs.shelf import PACKS, load_pack

    if name is None:
        packs = [load_pack(each) for each in PACKS]
        give("\n".join(f"{pack.name:<20} {pack.title}: {', '.join(pack.roles)}" for pack in packs))
        return
    if name not in PACKS:
        raise Usage(f"there is no pack {name}{suggest(name, PACKS)}")
    give("\n".join(_lines(load_pack(name))))


def _lines(pack: Pack) -> Iterator[str]:
    yield f"{pack.name}: {pack.title}"
    for source in pack.sources:
        yield f"  as of {pack.dated}: {source}"
    for role in pack.roles.values():
        yield f"\n  {role.name} ({role.gives}{f'; {role.note}' if role.note else ''})"
        for limit, value in role.limits.items():
            yield f"    {limit}: {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{size} {most} kB" for size, most in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
