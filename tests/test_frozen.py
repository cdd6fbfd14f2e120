"""A frozen record is a data class in every respect that somebody could see, but for the time it takes to make."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from runner.frozen import frozen


@frozen
class Dot:
    """A record with every kind of field there is."""

    x: int
    y: int = 2
    tags: dict[str, int] = field(default_factory=dict)
    note: str | None = field(default=None, compare=False)
    secret: str = field(default="", repr=False)


@frozen
class Bold(Dot):
    """A record that adds a field to another."""

    weight: int = 700


@dataclass(frozen=True, slots=True)
class Model:
    """The same as `Dot`, made by Python itself."""

    x: int
    y: int = 2
    tags: dict[str, int] = field(default_factory=dict)
    note: str | None = field(default=None, compare=False)
    secret: str = field(default="", repr=False)


@frozen
class Own:
    """A record that says itself what it is like, and how it is told."""

    word: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own) and other.word.lower() == self.word.lower()

    def __hash__(self) -> int:
        return hash(self.word.lower())

    def __repr__(self) -> str:
        return f"<{self.word}>"


@frozen
class Even:
    """A record that checks its number and keeps half of it where none is given."""

    number: int
    half: int | None = None

    def __post_init__(self) -> None:
        if self.number % 2:
            raise ValueError("odd")
        if self.half is None:
            object.__setattr__(self, "half", self.number // 2)


@frozen
class Nothing:
    """A record without a field."""


def test_it_is_made_and_told_as_a_data_class() -> None:
    """Parameters, defaults, factories and text are those of Python's own, hidden fields left out."""
    every: tuple[dict[str, Any], ...] = ({"x": 1}, {"x": 1, "y": 3, "tags": {"a": 1}, "note": "n", "secret": "s"})
    for words in every:
        assert repr(Dot(**words)) == repr(Model(**words)).replace("Model", "Dot")
    assert list(inspect.signature(Dot).parameters) == list(inspect.signature(Model).parameters)
    assert Dot.__match_args__ == Model.__match_args__
    assert Dot(1).tags is not Dot(1).tags


@pytest.mark.parametrize(("plain", "named"), [([], {}), ([1], {"z": 2}), ([1, 2, {}, None, "", 6], {}), ([1], {"x": 1})])
def test_a_wrong_call_is_refused(plain: Sequence[Any], named: Mapping[str, Any]) -> None:
    """Too little, too much and unknown names are a TypeError, as for any function."""
    with pytest.raises(TypeError, match=r"Dot\.__init__"):
        Dot(*plain, **named)


def test_it_is_equal_by_the_fields_that_compare() -> None:
    """Equal values of the same class are equal and hash alike; another class never is."""
    assert Dot(1, note="a", tags={}) == Dot(1, note="b", tags={})
    assert Dot(1) != Dot(2)
    assert Dot(1) != Bold(1)
    assert Dot(1) != (1, 2, {}, "")  # type: ignore[comparison-overlap]
    assert Own("a") == Own("A")
    assert len({Own("a"), Own("A"), Nothing(), Nothing()}) == 2
    assert repr(Own("a")) == "<a>"
    with pytest.raises(TypeError, match="unhashable"):
        hash(Dot(1))


def test_it_is_checked_and_completed_when_it_is_made() -> None:
    """`__post_init__` sees all fields, may complete them, and may refuse."""
    assert Even(4) == Even(4, 2)
    assert dataclasses.replace(Even(4), number=8) == Even(8, 2)
    with pytest.raises(ValueError, match="odd"):
        Even(3)


@pytest.mark.parametrize("name", ["x", "note", "unknown"])
def test_it_is_never_changed(name: str) -> None:
    """No field is set, deleted or added, and there is no dict to put one in."""
    dot = Dot(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match=name):
        setattr(dot, name, 3)
    with pytest.raises(dataclasses.FrozenInstanceError, match=name):
        delattr(dot, name)
    assert not hasattr(dot, "__dict__")


def test_what_works_on_data_classes_works_on_it() -> None:
    """It is replaced, listed, copied and pickled like one, with all its fields."""
    dot = Bold(1, note="kept", tags={"a": 1}, weight=900)
    assert dataclasses.replace(dot, x=2) == Bold(2, tags={"a": 1}, weight=900)
    assert [part.name for part in dataclasses.fields(Bold)] == ["x", "y", "tags", "note", "secret", "weight"]
    for twin in (copy.copy(dot), copy.deepcopy(dot), pickle.loads(pickle.dumps(dot))):
        assert twin == dot
        assert twin.note == "kept"
    match dot:
        case Bold(x, y):
            assert (x, y) == (1, 2)


def test_a_field_without_a_default_comes_before_those_with_one() -> None:
    """The order of fields is checked when the class is made, also across a base."""
    with pytest.raises(TypeError, match="field late of"):

        @frozen
        class Late(Dot):
            late: int  # type: ignore[misc]
