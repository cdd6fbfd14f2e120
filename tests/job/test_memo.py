from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.job.memo import Distinct, Scale

CELLS = [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]


def keys(reads: set[str], numbers: int = 2) -> list[int]:
    """The keys of all cells and repeats."""
    scale = Scale(frozenset(reads), CELLS, numbers)
    return [scale.key(cell, number) for cell in range(len(CELLS)) for number in range(1, numbers + 1)]


@pytest.mark.parametrize(
    ("reads", "different"),
    [
        (set(), 1),
        ({"row.title", "vars.x", "steps.cut.file"}, 1),
        ({"matrix.a"}, 2),
        ({"matrix.a", "matrix.b"}, 4),
        ({"matrix"}, 4),
        ({"variant"}, 2),
        ({"matrix.a", "variant"}, 4),
        ({"seed"}, 8),
        ({"matrix", "variant"}, 8),
        ({"matrix.unknown"}, 1),
    ],
)
def test_keys_tell_apart_only_what_is_read(reads, different):
    """As many keys as there are different values of what is read; a seed differs for every variant."""
    assert len(set(keys(reads))) == different


def test_rows_matter_where_they_are_read():
    """A seed is made of the row's key, so it varies by row too."""
    assert Scale(frozenset({"row.title"}), CELLS, 1).by_row
    assert Scale(frozenset({"seed"}), CELLS, 1).by_row
    assert not Scale(frozenset({"matrix.a", "vars.x"}), CELLS, 1).by_row


@given(st.sets(st.sampled_from(["matrix.a", "matrix.b", "variant", "row.x"])))
def test_one_key_means_one_view(reads):
    """Two variants of a row share a key exactly if all that is read of them is equal."""
    scale = Scale(frozenset(reads), CELLS, 2)
    views: dict[int, set[tuple[object, ...]]] = {}
    for index, cell in enumerate(CELLS):
        for number in (1, 2):
            view = (*(cell[read[-1]] for read in sorted(reads) if read.startswith("matrix")), number if "variant" in reads else 0)
            views.setdefault(scale.key(index, number), set()).add(view)
    assert all(len(seen) == 1 for seen in views.values())
    assert len(views) == len(set.union(*views.values()))


@given(st.lists(st.integers(1, 2**64 - 1)))
def test_distinct_counts_each_mark_once(marks):
    """The count is that of a set."""
    distinct = Distinct()
    for mark in marks * 2:
        distinct.add(mark)
    assert len(distinct) == len(set(marks))


@given(st.lists(st.integers(0, 2**64 - 1), max_size=40), st.lists(st.integers(0, 2**64 - 1), max_size=40), st.integers(0, 9))
def test_marks_beyond_others_are_counted(mine, theirs, shared):
    """Each different mark that the others lack counts once."""
    one, other = Distinct(), Distinct()
    for mark in mine:
        one.add(mark)
    for mark in [*theirs, *mine[:shared]]:
        other.add(mark)
    assert one.count_beyond(other) == len(set(mine) - {*theirs, *mine[:shared]})


@pytest.mark.parametrize(
    ("reads", "numbers", "finest"),
    [
        ({"matrix"}, 1, True),
        ({"matrix.a", "matrix.b"}, 1, True),
        ({"matrix.a"}, 1, False),
        ({"matrix"}, 2, False),
        ({"matrix", "variant"}, 2, True),
        ({"seed"}, 2, True),
        ({"row.x"}, 1, False),
    ],
)
def test_the_finest_scale_tells_all_variants_apart(reads, numbers, finest):
    """Where no two variants of a row have one key, nothing needs to be remembered for a row."""
    scale = Scale(frozenset(reads), CELLS, numbers)
    assert scale.is_finest is finest
    assert (len(set(keys(reads, numbers))) == len(CELLS) * numbers) is finest
