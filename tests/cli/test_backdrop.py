"""The painted backdrop: emulated vendors that nobody plays."""

from __future__ import annotations

from runner.cli.backdrop import NOWHERE, paint_stage
from runner.providers.registry import LOCAL, PROVIDERS


def test_every_vendor_is_described_and_none_is_there() -> None:
    """The backdrop names an address on loopback for each vendor and holds no key; live runs need none."""
    stage = paint_stage()
    assert stage is not None
    assert stage.key == ""
    assert stage.vendors.keys() == PROVIDERS.keys() - {LOCAL}
    assert all(str(vendor["base_url"]).startswith(NOWHERE) for vendor in stage.vendors.values())
    assert paint_stage(sandbox=False) is None
