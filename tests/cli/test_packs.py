"""`adbatch packs` tells the limits of ad platforms."""

from __future__ import annotations

from click.testing import CliRunner

from runner.cli.packs import command
from runner.errors import Usage
from runner.packs.shelf import PACKS


def test_packs_are_listed_with_their_roles() -> None:
    """One line each."""
    lines = CliRunner().invoke(command).output.splitlines()
    assert [line.split()[0] for line in lines] == list(PACKS)
    assert lines[1].endswith("headline, long_headline, description, business_name, landscape, square, logo, wide_logo")


def test_a_pack_tells_every_limit() -> None:
    """With its day and page."""
    told = CliRunner().invoke(command, ["iab-2017"]).output
    assert "as of 20" in told
    assert "https://www.iab.com/" in told
    assert "300x250 150 kB, 728x90 150 kB" in told


def test_an_unknown_pack_is_named() -> None:
    """With the nearest there is."""
    failure = CliRunner().invoke(command, ["iab-2018"]).exception
    assert isinstance(failure, Usage)
    assert str(failure) == "there is no pack iab-2018; did you mean iab-2017?"
