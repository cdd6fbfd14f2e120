"""The emulated vendors, by name: the visible registry. A new one is a file here and a line below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runner.sandbox.vendor import Vendor
from runner.sandbox.vendors import bfl, fal, gemini, jivox, openai, placewise, replicate, sivi, stability, vyro

EVERYONE: Final = (jivox, sivi, vyro, placewise, replicate, fal, bfl, stability, gemini, openai)
VENDORS: Final[Mapping[str, Vendor]] = {each.VENDOR.name: each.VENDOR for each in EVERYONE}
