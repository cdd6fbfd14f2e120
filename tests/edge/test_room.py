"""Room on the disk: a warning where it may be short, a stop where there is none."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from runner.edge.room import FILE, size_of, tight_disks
from runner.errors import OurSide


def test_room_enough_is_not_mentioned(tmp_path: Path) -> None:
    """Where everything fits nothing is said."""
    assert not list(tight_disks({tmp_path: 1000}))


def test_folders_of_one_disk_share_its_room(tmp_path: Path) -> None:
    """Two needs that fit alone but not together are one warning, which names both figures."""
    other = tmp_path / "other"
    other.mkdir()
    most = shutil.disk_usage(tmp_path).free * 2 // 3
    assert not list(tight_disks({tmp_path: most}))
    (warning,) = tight_disks({tmp_path: most, other: most})
    assert warning.startswith(f"{tmp_path}: ")
    assert "are free on this disk, the results may take" in warning


def test_a_folder_that_may_not_be_written_stops_the_run() -> None:
    """A read-only folder is told before anything is sent."""
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        with pytest.raises(OurSide, match="cannot be written; check the permissions and the disk, nothing was sent"):
            list(tight_disks({folder: 0}))
        folder.chmod(0o700)


@pytest.mark.parametrize(
    ("gives", "least"), [("text", 1 << 10), ("json", 1 << 10), ("file", FILE), ("files", FILE), ("task", FILE)]
)
def test_what_may_be_a_file_is_reckoned_as_one(gives: str, least: int) -> None:
    """A text takes kilobytes; a file, several, or a task that may give one, takes megabytes."""
    assert size_of(gives) >= least  # type: ignore[arg-type]
