"""A request is what it asks for, at scale: one picture for five hundred rows, many variants in little memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from tests.acceptance.conftest import Project

ROWS: Final = 100_000 if os.environ.get("ADBATCH_SOAK") else 5_000

CUTOUT = """\
version: 1
name: shared
feed: {path: feed.csv}
steps:
  cutout: {use: jivox/remove-background, with: {image: "{{ row.image }}"}, save: "{{ row.id }}/cutout"}
output: {dir: out}
"""
MILLION = """\
version: 1
name: million
feed: {path: feed.csv}
matrix:
  locale: [en-US, de-DE, fr-FR, es-ES, it-IT]
  season: [summer, winter]
steps:
  headline:
    use: jivox/text
    with: {prompt: "Headline for {{ row.title }} in {{ matrix.locale }}, {{ matrix.season }}, price {{ row.price }}"}
output: {dir: out}
"""
CHILD = """\
from pathlib import Path
from runner.cli import adbatch
try:
    adbatch.main(["check", "job.yaml"])
finally:
    print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


def test_five_hundred_rows_share_one_purchase(tmp_path: Path) -> None:
    """A picture that five hundred rows name is sent to background removal once, and all five hundred get the file."""
    (tmp_path / "adbatch.yaml").write_text('version: 1\nproviders: {jivox: {account: "1"}}\n')
    (tmp_path / "job.yaml").write_text(CUTOUT)
    picture = Image.new("RGB", (80, 80), "white")
    picture.paste("navy", (20, 20, 60, 60))
    picture.save(tmp_path / "same.png")
    (tmp_path / "feed.csv").write_text("id,image\n" + "".join(f"p{n},same.png\n" for n in range(500)))
    project = Project(tmp_path)
    project.adbatch("run", "job.yaml", "--sandbox")
    assert [entry["operation"] for entry in project.ledger()] == ["removeBg"]
    assert len(list((tmp_path / "out").rglob("cutout.png"))) == 500


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.soak
def test_many_variants_are_checked_in_little_memory(tmp_path: Path) -> None:
    """`check` of many rows × 10 cells (a million in the long version) stays under 300 MB, 100 when they are fewer."""
    (tmp_path / "adbatch.yaml").write_text('version: 1\nproviders: {jivox: {account: "1"}}\n')
    (tmp_path / "job.yaml").write_text(MILLION)
    with (tmp_path / "feed.csv").open("w") as feed:
        feed.write("id,title,price\n")
        feed.writelines(f"sku-{n:06},Thing number {n},{n % 90}.99 USD\n" for n in range(ROWS))
    done = subprocess.run([sys.executable, "-c", CHILD], cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False)
    said, peak = done.stdout.strip().splitlines()
    assert f"{ROWS} rows, {ROWS * 10} variants" in said, done.stderr
    assert int(peak) < (300 if os.environ.get("ADBATCH_SOAK") else 100) * 1024, peak
