"""The register finds a request's lines whatever order they are asked for in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.edge.register import open_register
from runner.errors import OurSide

A, B, C = "aa" * 32, "bb" * 32, "cc" * 32


def write(path: Path, *lines: dict[str, dict[str, object]]) -> Path:
    """A results.jsonl whose lines have these steps."""
    path.write_text("".join(json.dumps({"steps": steps}) + "\n" for steps in lines), "utf-8")
    return path


def test_a_request_is_found_by_its_id(tmp_path: Path) -> None:
    """What each line says of it comes in the order of the file, equal ones once."""
    one: dict[str, object] = {"status": "done", "request": A, "text": "ä"}
    other: dict[str, object] = {"status": "done", "request": A, "text": "ä", "files": []}
    path = write(tmp_path / "r.jsonl", {"x": one}, {"y": {"status": "done", "request": B}, "x": one}, {"x": other})
    with open_register(path) as register:
        assert register.find([C, B, A]) == {A, B}
        assert list(register.read(A)) == [one, other]
        assert list(register.read(C)) == []


@pytest.mark.parametrize(
    ("step", "has"),
    [
        ({"status": "done", "request": A}, True),
        ({"status": "failed", "request": A, "text": "too long a line"}, True),
        ({"status": "failed", "request": A, "json": None}, True),
        ({"status": "failed", "request": A}, False),
        ({"status": "refused", "request": A, "why": "no"}, False),
        ({"status": "uncertain", "request": A}, False),
        ({"status": "waiting", "request": A}, False),
        ({"status": "done", "request": "AA" * 32}, False),
        ({"status": "done", "request": 7}, False),
        ({"status": "skipped"}, False),
    ],
)
def test_only_results_are_registered(tmp_path: Path, step: dict[str, object], has: bool) -> None:
    """What is done, and words that came and were not as expected; nothing that was not bought."""
    with open_register(write(tmp_path / "r.jsonl", {"x": step})) as register:
        assert register.find([A]) == ({A} if has else set())


def test_half_a_surrogate_pair_is_read_too(tmp_path: Path) -> None:
    """A line that is ASCII with escapes, because UTF-8 cannot say its text, is a line like any other."""
    path = write(tmp_path / "r.jsonl", {"x": {"status": "done", "request": A, "text": "\ud83d"}})
    with open_register(path) as register:
        assert next(register.read(A))["text"] == "\ud83d"


@pytest.mark.parametrize("text", ["[]\n", "{}\n", '{"steps": [1]}\n', '{"steps": {"x": 1}}\n', "nonsense\n"])
def test_what_is_no_line_is_named(tmp_path: Path, text: str) -> None:
    """File and line of what is not a line of results."""
    (tmp_path / "r.jsonl").write_text('{"steps": {}}\n' + text)
    with pytest.raises(OurSide, match=r"r\.jsonl:2: "), open_register(tmp_path / "r.jsonl"):
        pass


def test_no_file_is_a_failure(tmp_path: Path) -> None:
    """A file that is not there cannot be read."""
    with pytest.raises(OurSide, match="cannot be read"), open_register(tmp_path / "none"):
        pass
