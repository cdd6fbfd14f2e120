"""The demo's banner at every size that display networks take: whatever its shape, it can be laid out and nothing is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.compose.drawing import Sheet, read_drawing
from runner.compose.typeface import read_typeface
from runner.feed.prices import read_price
from runner.job.fence import WORK, Fence
from runner.job.templates import Templates
from runner.packs.shelf import load_pack

ROOT = Path(__file__).parents[2]
FACES = [read_typeface(path.read_bytes()) for path in sorted((ROOT / "templates/fonts").glob("*.otf"))]
JOB = yaml.safe_load((ROOT / "jobs/summer-sale.yaml").read_text("utf-8"))
UPLOADED: Any = load_pack("google-display").roles["banner"].limits["sizes"]
SIZES = [*UPLOADED, "1200x628", "1080x1080", "1080x1350", "1080x1920"]
FENCE = Fence(Templates(ROOT / "templates", "templates"))
BANNER = FENCE.get_template("banner.svg.j2")


def lay_out(width: int, height: int, **row: Any) -> str:
    """The drawing for one product, as plain SVG."""
    FENCE.purse.left = WORK
    size = {"width": width, "height": height}
    scope = {"vars": JOB["vars"], "variant": 1, "matrix": {"locale": "fr-FR", "size": size}}
    svg = BANNER.render(row=row, steps={"headline": {"text": "Sac & <rando>"}}, **scope)
    pictures = dict.fromkeys(("scene", "cutout"), lambda *_: ("image/png", b""))
    return read_drawing(svg.strip(), Sheet(width, height, pictures, FACES))


@pytest.mark.parametrize("size", SIZES)
def test_every_size_shows_headline_price_and_button(size: str) -> None:
    """Escaped once, with the old price and the saving where there is a sale, and without them where there is none."""
    width, height = map(int, size.split("x"))
    svg = lay_out(width, height, price=read_price("44.90 USD"), sale_price=read_price("34.90 USD"))
    said = "".join(svg.split("<tspan")[1:])
    assert "&lt;rando&gt;" in said
    assert all(f">{words}" in said for words in ("Acme", "Découvrir", "34,90"))
    assert "line-through" in svg
    plain = lay_out(width, height, price=read_price("44.90 USD"))
    assert ">44,90" in plain
    assert "line-through" not in plain
    assert "−" not in plain
    assert ("−22%" in svg) == (width / height < 5)
