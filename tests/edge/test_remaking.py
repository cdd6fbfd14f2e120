"""What is only marked is made again from what was bought, byte for byte or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.edge.blobs import Blobs
from runner.edge.finisher import Finisher
from runner.edge.remaking import remake, restore
from runner.errors import OurSide
from runner.job.finishing import GENERATED, Finishing
from runner.records import Made
from tests.edge.test_finisher import bought


def test_a_mark_alone_is_no_blob_and_is_made_again(tmp_path: Path) -> None:
    """A later finisher knows it by its note alone; marked again it is the same bytes, or it is told what is damaged."""
    blobs, wish = Blobs(tmp_path / "blobs"), Finishing(source_type=GENERATED)
    source = bought(blobs)
    [made] = Finisher(blobs)([source], wish)
    assert made.made is not None
    held = blobs.lately.take(str(made.sha256))
    assert remake(blobs, made) == held
    assert Finisher(blobs).knows([source], wish)
    assert not blobs.has(str(made.sha256))
    assert restore(blobs, str(made.sha256), made.made)
    assert blobs.read(str(made.sha256)) == held
    blobs.path(str(source.sha256)).write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    with pytest.raises(OurSide, match="cannot be made again"):
        remake(blobs, made)


@pytest.mark.parametrize("source", ["", "../../etc/passwd", "0" * 64])
def test_what_results_say_of_a_source_is_only_a_claim(tmp_path: Path, source: str) -> None:
    """What is no name of a blob, or of none that is here, restores nothing."""
    assert not restore(Blobs(tmp_path / "blobs"), "ab" * 32, Made(source, GENERATED))
