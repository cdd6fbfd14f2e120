"""Draws the product pictures of the demo feed: `python examples/feeds/draw.py [ID …]`.

The pictures are committed, so nothing needs this script to run; it is here because a picture that cannot be made again cannot be
mended. `studio` has the tools, `beach` and `trail` have one function per product, `PRODUCTS` says which feed id it belongs to.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import beach
import trail
from studio import Picture

FOLDER: Final = Path(__file__).parent / "pictures"

PRODUCTS: Final[Mapping[str, Callable[[Picture], None]]] = {
    "mug-4711": trail.mug,
    "007": beach.sunglasses,
    "towel-1204": beach.towel,
    "bottle-0815": trail.bottle,
    "hat-2300": beach.hat,
    "cooler-5500": trail.cooler,
    "lantern-3141": trail.lantern,
    "sandals-4200": beach.sandals,
    "backpack-1800": trail.backpack,
    "chair-6021": trail.chair,
    "suncream-0050": beach.suncream,
    "hammock-7007": beach.hammock,
    "speaker-2024": trail.speaker,
    "parasol-9000": beach.parasol,
}


def main(wanted: list[str]) -> None:
    """Draw the products named, or all of them, into `pictures/`."""
    FOLDER.mkdir(exist_ok=True)
    for name in wanted or PRODUCTS:
        picture = Picture()
        PRODUCTS[name](picture)
        picture.save(FOLDER / f"{name}.png")


if __name__ == "__main__":
    main(sys.argv[1:])
