"""The numbers of requests: what is remembered, what is forgotten, and what is known not to be there."""

from __future__ import annotations

import hashlib

import pytest

from runner.edge.numbers import KEPT, Numbers


def named(count: int, word: str = "mug") -> list[str]:
    """Ids of so many requests."""
    return [hashlib.sha256(f"{word} {number}".encode()).hexdigest() for number in range(count)]


def test_numbers_go_on_from_the_last() -> None:
    """Each request gets one number, in the order of asking."""
    numbers, names = Numbers(7), named(3)
    assert numbers.give(names[:2]) == [(8, names[0]), (9, names[1])]
    assert numbers.give(names) == [(10, names[2])]
    assert (numbers.known, numbers.last) == (dict(zip(names, (8, 9, 10), strict=True)), 10)


def test_what_is_settled_is_forgotten_and_found_again() -> None:
    """Its number is asked of the file, and given to nobody else."""
    numbers, names = Numbers(0), named(3)
    numbers.give(names)
    numbers.forget(names[1:])
    assert (list(numbers.known), numbers.recorded(names)) == (names[:1], names)
    numbers.learn({names[1]: 2})
    assert numbers.give(names[:2]) == []


def test_of_a_new_journal_hardly_a_stranger_is_looked_for() -> None:
    """A request in the file is always among those that may be there; of those that are not, few are."""
    numbers, names = Numbers(0), named(20_000)
    numbers.give(names)
    numbers.forget(names)
    assert numbers.recorded(names) == names
    assert len(numbers.recorded(named(20_000, "cup"))) < 400


@pytest.mark.parametrize("numbers", [Numbers(1), Numbers(0)], ids=["from before", "in doubt"])
def test_of_any_other_journal_all_may_be_there(numbers: Numbers) -> None:
    """What was there at the start, or was perhaps rolled back, is not known: everybody is looked for."""
    if not numbers.last:
        numbers.give(named(1))
        numbers.doubt()
    assert (numbers.known, numbers.recorded(named(5))) == ({}, named(5))


def test_never_more_are_remembered_than_that() -> None:
    """Requests that end otherwise than well are not forgotten one by one, but all together."""
    numbers, names = Numbers(0), named(KEPT + 1)
    numbers.give(names[:-1])
    numbers.forget([])
    assert len(numbers.known) == KEPT
    numbers.give(names)
    numbers.forget([])
    assert (numbers.known, numbers.recorded(names[:1])) == ({}, names[:1])
