"""A worker's day: it begins with the folders, ends with its input, and has an answer to each question."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import orjson
import pytest
from PIL import Image

from runner.edge.blobs import Blobs
from runner.edge.duties import Answers, work
from runner.edge.outputs import Outputs
from runner.edge.worker import READY
from runner.errors import OurSide


def test_a_day_ends_with_its_input(tmp_path: Path) -> None:
    """Ready is said first; then each question has its answer under its number, texts follow theirs, and no more is said."""
    blobs = Blobs(tmp_path / "blobs")
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3), "teal").save(buffer, "PNG")
    [sha256, text] = [blobs.put(buffer.getvalue()).sha256, hashlib.sha256(b"a\nb").hexdigest()]
    folders = Outputs(tmp_path / "out", blobs).folders
    questions = [folders, [7, "publish", [[text, "t.txt"]], [], [[text, 3]]], [8, "look", [sha256]], [9, "mark", []]]
    lines = [orjson.dumps(each) + b"\n" for each in questions]
    lines[1] += b"a\nb"
    told = io.BytesIO()
    work(io.BytesIO(b"".join(lines)), told)
    hello, *answers = told.getvalue().splitlines(keepends=True)
    assert hello == READY
    said = dict(map(orjson.loads, answers))
    assert (said[7], said[8][0][:4], said[9]) == (["written"], ["image/png", "png", 4, 3], [])
    assert (tmp_path / "out" / "t.txt").read_bytes() == b"a\nb"


def test_what_fails_on_our_side_is_an_answer_and_a_mistake_is_none() -> None:
    """A disk that fails is told; what nobody foresaw ends the day, for it must not look like work that was done."""
    told = io.BytesIO()

    def fail(failure: Exception) -> list[object]:
        raise failure

    Answers(told).give(1, fail, [OurSide("the disk is full")])
    assert orjson.loads(told.getvalue()) == [1, {"failed": "the disk is full"}]
    with pytest.raises(ValueError, match="unforeseen"):
        Answers(told).give(2, fail, [ValueError("unforeseen")])
