"""Packs by name: what an ad platform wants of each text and picture, with the page that says so and the day it is known of.

A pack is a file beside this one, so a limit that has changed is a change of data. Its roles are limits in the words of `expect:`,
each for a text or for a picture. Platforms tell hard limits (an ad is refused) from soft ones (a text is cut off); here is what
keeps an ad whole.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import yaml

from runner.frozen import frozen
from runner.records import Json

FOLDER: Final = Path(__file__).parent
PACKS: Final = ("google-display", "google-responsive", "iab-2017", "meta-feed", "meta-story", "merchant")
"""The packs there are, as `pack:` names them."""


@frozen
class Role:
    """One part of an ad: a `text` or a `picture`, its limits as `expect:` writes them, and what else is to be known."""

    name: str
    gives: Literal["text", "picture"]
    limits: Mapping[str, Json]
    note: str = ""


@frozen
class Pack:
    """The limits of one platform as of the day `dated` (ISO 8601); `sources` are the platform's pages that have the latest."""

    name: str
    title: str
    dated: str
    sources: tuple[str, ...]
    roles: Mapping[str, Role]


@functools.cache
def load_pack(name: str) -> Pack:
    """The pack called `name`, one of `PACKS`."""
    told = yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))
    roles = {role: _read_role(role, dict(limits)) for role, limits in told["roles"].items()}
    return Pack(name, told["title"], str(told["dated"]), tuple(told["sources"]), roles)


def _read_role(name: str, limits: dict[str, Json]) -> Role:
    gives, note = limits.pop("gives"), limits.pop("note", "")
    return Role(name, "text" if gives == "text" else "picture", limits, str(note))


def role_of(pack: Pack, asked: str | None, step: str, gives: Literal["text", "picture"] | None) -> Role:
    """The role that is asked for by name; else the one called like the step, or the only one for what the step gives.

    Raises `ValueError` saying which there are. `gives` is None where that is not known.
    """
    if asked is not None:
        if asked in pack.roles:
            return _fitting(pack, pack.roles[asked], gives)
        raise ValueError(f"{pack.name} has no role {asked}; it has {', '.join(pack.roles)}")
    for name in (step, step.replace("-", "_").lower()):
        if name in pack.roles:
            return _fitting(pack, pack.roles[name], gives)
    able = [role for role in pack.roles.values() if gives in (None, role.gives)]
    if len(able) == 1:
        return able[0]
    if not able:
        raise ValueError(f"{pack.name} says nothing of a {gives}; its roles are {', '.join(pack.roles)}")
    raise ValueError(f"says which: add role: {' or '.join(role.name for role in able)}")


def _fitting(pack: Pack, role: Role, gives: Literal["text", "picture"] | None) -> Role:
    """The role, if it is one for what the step gives: columns of a headline are no pixels of a picture."""
    if gives in (None, role.gives):
        return role
    raise ValueError(f"{pack.name} has {role.name} for a {role.gives}, and the step gives a {gives}")
