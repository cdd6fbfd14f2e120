from __future__ import annotations

import pytest

from runner.errors import Place
from runner.job.nodes import Node, dotted, place_of


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ((), ""),
        (("steps", "scene", "with", "styel"), "steps.scene.with.styel"),
        (("matrix", "size", 0, "width"), "matrix.size[0].width"),
        ((0, 1), "[0][1]"),
        (("with", "a.b"), "with.'a.b'"),
        (("with", "two words"), "with.'two words'"),
        (("with", "line\nbreak"), r"with.'line\nbreak'"),
        (("with", ""), "with.''"),
        (("with", "größe"), "with.größe"),
        (("with", "X-Locale"), "with.X-Locale"),
        (("x" * 100,), "'" + "x" * 58 + "…"),
    ],
)
def test_dotted(path, shown):
    """A path is written with dots and indices; what would be ambiguous is quoted, what is long is cut."""
    assert dotted(path) == shown


def test_place_is_counted_from_one():
    """A mark counts from zero, a place from one; the line comes along for the caret."""
    assert place_of("x.yaml", ("a: 1", "b: 2"), (1, 3)) == Place("x.yaml", 2, 4, "b: 2")


def test_place_after_the_last_line():
    """A mark past the end of the file has a place with an empty line."""
    assert place_of("x.yaml", ("a: 1",), (1, 0)) == Place("x.yaml", 2, 1, "")


def test_adopt_counts_weight_and_height():
    """A node weighs what its children weigh and stands one level above the highest; an aliased child counts each time."""
    leaf = Node((0, 0), (0, 1))
    branch = Node((0, 0), (0, 9))
    branch.adopt("a", leaf)
    branch.adopt("b", leaf)
    root = Node((0, 0), (0, 20))
    root.adopt(0, branch)
    root.adopt(1, leaf)
    assert (branch.weight, branch.height) == (3, 2)
    assert (root.weight, root.height) == (5, 3)
    assert root.children[0].children["b"] is leaf
