from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.job.matrix import cell_label, cells, count, escape, problems
from runner.job.model import Matrix

MPU = {"name": "mpu", "width": 300, "height": 250}
WIDE = {"name": "wide", "width": 728, "height": 90}


def matrix(include: Any = (), exclude: Any = (), **axes: Any) -> Matrix:
    """A matrix with these axes."""
    return Matrix(axes=axes, include=list(include), exclude=list(exclude))


def labels(given: Matrix) -> list[str]:
    """The labels of its cells, in order."""
    return [cell_label(cell) for cell in cells(given)]


def test_no_matrix_is_one_cell_without_names():
    """A job without a matrix makes every row once."""
    assert cells(matrix()) == ({},)
    assert cell_label({}) == ""


def test_cells_are_the_product_in_written_order():
    """The last axis turns fastest."""
    assert labels(matrix(a=["x", "y"], b=[1, 2])) == ["a=x|b=1", "a=x|b=2", "a=y|b=1", "a=y|b=2"]


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ([{"locale": "de", "size": {"name": "wide"}}], ["en mpu", "en wide", "de mpu"]),
        ([{"locale": "de"}], ["en mpu", "en wide"]),
        ([{"size": {"width": 300, "height": 250}}], ["en wide", "de wide"]),
        ([{"size": MPU}, {"locale": "en"}], ["de wide"]),
    ],
)
def test_exclude_matches_by_subset(exclude, left):
    """An entry removes every cell that has all it names; maps match by what they name."""
    kept = cells(matrix(exclude=exclude, locale=["en", "de"], size=[MPU, WIDE]))
    assert [f"{cell['locale']} {cell['size']['name']}" for cell in kept] == left


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ([{"a": "z"}], [{"a": "x"}, {"a": "y"}, {"a": "z"}]),
        ([{"a": "x", "tone": "dry"}], [{"a": "x", "tone": "dry"}, {"a": "y"}]),
        ([{"tone": "dry"}], [{"a": "x", "tone": "dry"}, {"a": "y", "tone": "dry"}]),
        ([{"tone": "dry"}, {"a": "y", "tone": "warm"}], [{"a": "x", "tone": "dry"}, {"a": "y", "tone": "warm"}]),
        ([{"a": "z"}, {"tone": "dry"}], [{"a": "x", "tone": "dry"}, {"a": "y", "tone": "dry"}, {"a": "z"}]),
        ([{"a": "x"}], [{"a": "x"}, {"a": "y"}]),
    ],
)
def test_include_adds_to_the_cells_it_matches_or_is_a_cell(include, expected):
    """As in GitHub Actions: names are added to matching cells of the product, never to cells that include made."""
    assert list(cells(matrix(include=include, a=["x", "y"]))) == expected


def test_include_without_axes_is_the_list_of_cells():
    """A matrix of nothing but include has exactly its entries."""
    assert list(cells(matrix(include=[{"a": 1}, {"a": 2}]))) == [{"a": 1}, {"a": 2}]


def test_true_is_not_one():
    """YAML's true and 1 are different values of an axis."""
    assert list(cells(matrix(exclude=[{"a": True}], a=[1, True]))) == [{"a": 1}]


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        ({"locale": "en-US", "size": MPU}, "locale=en-US|size=mpu"),
        ({"n": 1.5, "t": True}, "n=1.5|t=true"),
        ({"size": {"w": 1, "h": 2}}, 'size={"w":1,"h":2}'),
        ({"size": {"name": 7}}, "size=7"),
        ({"x": "a|b\\c"}, "x=a\\|b\\\\c"),
        ({"x": "Größe"}, "x=Größe"),
    ],
)
def test_labels_name_maps_by_their_name(cell, label):
    """Text as it is, maps by name, the rest as compact JSON; the separator is escaped."""
    assert cell_label(cell) == label


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (matrix(exclude=[{"locael": "de"}], locale=["de"]), ["exclude.0.locael: not an axis of the matrix; did you mean locale?"]),
        (
            matrix(exclude=[{"locale": "dee"}], locale=["de-DE", "en"]),
            ["exclude.0.locale: dee is no value of locale; it takes de-DE, en"],
        ),
        (
            matrix(exclude=[{"a": 1}], a=["1", "2"]),
            ["exclude.0.a: 1 is no value of a; the one called so differs in more than its name"],
        ),
        (matrix(exclude=[{"a": 1}], a=[1]), ["exclude: excludes every cell; nothing is left to make"]),
        (matrix(exclude=[{}], a=[1]), ["exclude.0: names nothing, so it would exclude every cell; remove it"]),
        (matrix(a=[MPU, {**MPU, "width": 1}]), ["a.1: is called mpu, as a[0] is; give each value its own name"]),
        (
            matrix(include=[{"a": MPU}], a=[{**MPU, "width": 1}]),
            ["include: two cells are both called a=mpu; give their values different names"],
        ),
        (matrix(a=[1], b=["x"]), []),
    ],
)
def test_mistakes_of_a_matrix_are_named(given, found):
    """Unknown axes, entries that match nothing, and cells with one name are complaints with their place."""
    assert [f"{'.'.join(map(str, problem.path))}: {problem.message}" for problem in problems(given)] == found


def test_an_astronomic_matrix_is_refused_from_its_count_alone():
    """Nine axes of ten values are a billion cells: refused in no time, with the sizes of the axes."""
    huge = matrix(**{f"axis{index}": list(range(10)) for index in range(9)})
    start = time.process_time()
    assert count(huge) == 10**9
    [problem] = problems(huge)
    assert "1,000,000,000 cells (axis0 10 × axis1 10" in problem.message
    with pytest.raises(ValueError, match="at most 100,000"):
        cells(huge)
    assert time.process_time() - start < 1


@given(
    st.dictionaries(st.sampled_from("abcd"), st.lists(st.text(max_size=3), min_size=1, max_size=3, unique=True), max_size=3),
)
def test_labels_of_different_cells_differ(axes):
    """Whatever the values hold, no two cells have one label, and the count is the number of cells."""
    given = matrix(**axes)
    found = labels(given)
    assert len(set(found)) == len(found) == count(given)


@given(st.lists(st.text("a|\\", max_size=4), min_size=2, max_size=2), st.lists(st.text("a|\\", max_size=4), min_size=2, max_size=2))
def test_escaped_parts_can_be_told_apart(one, other):
    """Joined by a bar, escaped parts are equal only if the parts are."""
    assert ("|".join(map(escape, one)) == "|".join(map(escape, other))) == (one == other)


@pytest.mark.parametrize("kind", ["exclude", "include"])
def test_many_rules_for_many_cells_are_refused_from_their_count(kind):
    """Rules times cells is the work; beyond a million comparisons it is refused before it is done."""
    entries = [{"a": number} for number in range(200)]
    large = matrix(**{kind: entries}, a=list(range(200)), b=list(range(200)))
    start = time.process_time()
    [problem] = problems(large)
    assert "has 200 entries of include and exclude for 40," in problem.message
    assert time.process_time() - start < 0.5


def test_long_names_are_shown_by_their_beginning():
    """A message does not repeat a value of thousands of characters."""
    [problem] = problems(matrix(a=[{"name": "x" * 5000}, {"name": "x" * 5000, "width": 1}]))
    assert len(problem.message) < 200
