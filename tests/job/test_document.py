from __future__ import annotations

import json
import time
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Complaint, Invalid, Place
from runner.job.document import Path, dotted, read_document
from tests.job.samples import FULL

TEXT = """\
# a job
version: 1
steps:
  scene:
    use: vyro/ai-background
    with: {prompt: "a beach", seed: 7}
matrix:
  size:
    - {name: mpu, width: 300}
    - name: board
      width: 728
text: |
  one
  two
empty:
"""
DOCUMENT = read_document(TEXT, "jobs/x.yaml")


def _spot(path: Path, of: Literal["key", "value"] = "value") -> tuple[int, int]:
    place = DOCUMENT.place(path, of)
    assert place.file == "jobs/x.yaml"
    return place.line, place.column


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("../feeds/a.csv", "feeds/a.csv"),
        ("a.csv", "jobs/a.csv"),
        ("/a.csv", "/a.csv"),
        ("https://a.example/b//c", "https://a.example/b//c"),
    ],
)
def test_what_a_file_names_is_called_as_from_where_it_is_named(name: str, called: str) -> None:
    """A path in a message can be opened from the folder the command was given in."""
    assert DOCUMENT.beside(name) == called


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ((), (2, 1), (2, 1)),
        (("version",), (2, 1), (2, 10)),
        (("steps",), (3, 1), (4, 3)),
        (("steps", "scene"), (4, 3), (5, 5)),
        (("steps", "scene", "use"), (5, 5), (5, 10)),
        (("steps", "scene", "with"), (6, 5), (6, 11)),
        (("steps", "scene", "with", "prompt"), (6, 12), (6, 20)),
        (("steps", "scene", "with", "seed"), (6, 31), (6, 37)),
        (("matrix", "size"), (8, 3), (9, 5)),
        (("matrix", "size", 0), (9, 7), (9, 7)),
        (("matrix", "size", 0, "width"), (9, 19), (9, 26)),
        (("matrix", "size", 1, "width"), (11, 7), (11, 14)),
        (("text",), (12, 1), (12, 7)),
        (("empty",), (15, 1), (15, 7)),
    ],
)
def test_place(path, key, value):
    """Every path has the place of its key and of its value; an item of a list is its own key."""
    assert (_spot(path, "key"), _spot(path)) == (key, value)


@pytest.mark.parametrize(
    ("path", "spot_above"),
    [
        (("output",), (2, 1)),
        (("steps", "scene", "whn"), (4, 3)),
        (("steps", "scene", "with", "image", "deep", 3), (6, 5)),
        (("matrix", "size", 7), (8, 3)),
        (("matrix", "size", "0"), (8, 3)),
        (("version", "x"), (2, 1)),
        (("nowhere", 0, "x"), (2, 1)),
    ],
)
def test_place_of_what_is_missing(path, spot_above):
    """What is not there is looked for at the key of the nearest part above it, asked for as key or as value."""
    assert _spot(path) == _spot(path, "key") == spot_above


def test_place_has_the_source_line():
    """A place brings the line itself, so that whoever prints it needs no file."""
    assert DOCUMENT.place(("steps", "scene", "use")) == Place("jobs/x.yaml", 5, 10, "    use: vyro/ai-background")


def test_place_in_an_empty_document():
    """Where there is nothing at all, the place is the beginning of the file."""
    assert read_document("", "x.yaml").place(("a", 0)) == Place("x.yaml", 1, 1, "")


def test_columns_count_characters():
    """Columns count characters, not bytes: an umlaut and an emoji before a key are one each."""
    document = read_document('{"ä😀": 1, b: 2}', "x.yaml")
    assert document.place(("b",), "key").column == 11


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_of_every_kind(newline):
    """Line numbers hold for every line ending YAML knows."""
    document = read_document(newline.join(["a: 1", "", "b:", "  c: 2"]), "x.yaml")
    assert document.place(("b", "c"), "key") == Place("x.yaml", 4, 3, "  c: 2")


def test_alias_points_to_what_it_means():
    """Inside an aliased value the place is where the value is written."""
    document = read_document("a: &x\n  b: 1\nc: *x\n", "x.yaml")
    assert document.place(("c", "b"), "key").line == 2
    assert document.place(("c",), "key").line == 3


def test_node():
    """A node is found by its path, and nothing is found where there is nothing."""
    node = DOCUMENT.node(("matrix", "size", 1, "width"))
    assert node is not None
    assert node.data == 728
    assert DOCUMENT.node(("matrix", "size", 2, "width")) is None


@pytest.mark.parametrize(
    ("text", "path", "lines"),
    [
        ("a: {key: test-key, b: 1}", ("a", "key"), ["a: {key: ***************"]),
        ('key: "test-key"  # mine', ("key",), ["key: ******************"]),
        ("key: |\n  one\n  two\nb: 1", ("key",), ["key: *", "*****", "*****", "b: 1"]),
        ("key: [one,\n  two]", ("key",), ["key: *****", "******"]),
        ("key: one", ("other",), ["key: one"]),
    ],
)
def test_hide(text, path, lines):
    """A hidden value is starred out of the lines and nothing moves; what is not there hides nothing."""
    assert list(read_document(text, "x.yaml").hide(path).lines) == lines


def test_data_of_a_whole_job():
    """Every value of a job is found at its own path, with the data that stands there."""
    document = read_document(FULL, "x.yaml")

    def walk(path: Path, data: Any) -> None:
        node = document.node(path)
        assert node is not None, dotted(path)
        assert node.data is data
        for name, inner in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
            walk((*path, name), inner)

    walk((), document.data)


def test_pure_python_parser_agrees():
    """Where libyaml is missing, PyYAML's own parser gives the same data and the same places."""
    pure = read_document(FULL, "x.yaml", yaml.SafeLoader)
    document = read_document(FULL, "x.yaml")
    assert pure.data == document.data
    for path in [("steps", "scene", "with", "seed"), ("matrix", "size", 1), ("refresh", "cron")]:
        assert pure.place(path) == document.place(path)
        assert pure.place(path, "key") == document.place(path, "key")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc-_ ", min_size=1).filter(str.strip), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_json_is_yaml(value):
    """A JSON text is read as the value it says."""
    assert read_document(json.dumps(value), "x.yaml").data == value


@given(st.text(st.sampled_from(" \n\t:-[]{}&*!|>'\"#%@`,?ab01.~<é\u2028\x85\x00\ufeff"), max_size=200))
def test_any_text_is_read_or_refused(text):
    """Whatever is written is read, or refused with a place, and never takes long."""
    began = time.process_time()
    complaints = _refusal(text)
    assert complaints is None or complaints
    assert all(complaint.place is not None and complaint.place.line >= 1 for complaint in complaints or ())
    assert time.process_time() - began < 2


def _refusal(text: str) -> tuple[Complaint, ...] | None:
    """The complaints of a text that cannot be read; None for one that can, whose data JSON can then say."""
    try:
        json.dumps(read_document(text, "x.yaml").data, allow_nan=False)
    except Invalid as error:
        return error.complaints
    return None
