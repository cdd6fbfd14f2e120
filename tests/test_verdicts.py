"""The seven verdicts: values, each with a word of its own."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, get_args

import pytest

from runner import verdicts
from runner.records import Blob
from runner.verdicts import Barred, Broken, Busy, Data, Done, Held, Inline, Item, Link, Lost, Queued, Refused, Text, Verdict

VALUES: list[Any] = [
    Done((Text("Mugs"),)),
    Done((Data({"a": [1]}), Link("https://cdn.example.com/a.png"), Held(Blob("0" * 64, 3)), Inline(b"abc")), "1 of 4"),
    Queued("t-1", 2.5, "pending"),
    Busy(30.0),
    Broken("503: down", 1.0),
    Lost("timeout after the headers went out"),
    Refused("400: no prompt"),
    Barred("401: bad key"),
]


def test_there_are_seven() -> None:
    """The table in the docstring names exactly the seven verdicts, in the order of the type."""
    drawn = re.findall(r"^\| ([A-Z]\w+) \|", verdicts.__doc__ or "", re.MULTILINE)
    assert drawn == [word.__name__ for word in get_args(Verdict)]
    assert len(drawn) == 7


def test_each_has_its_own_word() -> None:
    """Verdicts and items are journaled by their lower-case names, so no two may share one."""
    for kinds in (get_args(Verdict), get_args(Item)):
        assert len({kind.__name__.lower() for kind in kinds}) == len(kinds)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_verdict_is_a_value(value: Any) -> None:
    """It is equal by content and to no verdict of another word, cannot be changed, and prints what it says."""
    twin = dataclasses.replace(value)
    assert twin == value
    assert [other for other in VALUES if other == value] == [value]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, "other")
    assert not hasattr(value, "__dict__")
    assert eval(repr(value), vars(verdicts)) == value


@pytest.mark.parametrize("one", [Lost, Refused, Barred, Broken])
@pytest.mark.parametrize("other", [Lost, Refused, Barred, Broken])
def test_the_same_reason_under_another_word_is_another_verdict(one: Any, other: Any) -> None:
    """A request that is lost and one that is refused for the same reason are not the same."""
    assert (one("503: down") == other("503: down")) is (one is other)


@pytest.mark.parametrize("word", [Lost, Refused, Barred, Broken])
def test_bad_news_says_why(word: Any) -> None:
    """What did not go well cannot be said without a reason."""
    with pytest.raises(TypeError, match="why"):
        word()


@pytest.mark.parametrize(("value", "after"), [(Busy(), None), (Broken("x"), None), (Queued("t"), None), (Busy(0.0), 0.0)])
def test_no_hint_is_not_a_hint_of_nothing(value: Any, after: float | None) -> None:
    """A vendor that names no wait leaves it to us; one that says 0 seconds has said something."""
    assert value.after == after


def test_busy_explains_itself() -> None:
    """Even a vendor that says nothing but 429 gives a reason to show."""
    assert Busy().why == "too many requests"


@pytest.mark.parametrize(
    ("verdict", "next_step"),
    [
        (Done((Link("https://cdn.example.com/a.png"),)), "fetch"),
        (Queued("t-1"), "poll t-1"),
        (Busy(3.0), "hold 3.0"),
        (Broken("x"), "again"),
        (Lost("x"), "park"),
        (Refused("x"), "end"),
        (Barred("x"), "close"),
    ],
)
def test_one_match_decides(verdict: Verdict, next_step: str) -> None:
    """The words can be told apart by matching alone, with what they carry by position."""
    match verdict:
        case Done((Link(_), *_)):
            told = "fetch"
        case Queued(ticket):
            told = f"poll {ticket}"
        case Busy(after):
            told = f"hold {after}"
        case Broken():
            told = "again"
        case Lost():
            told = "park"
        case Refused():
            told = "end"
        case Barred():
            told = "close"
    assert told == next_step


def test_what_a_step_gave_keeps_the_vendors_order() -> None:
    """Items are a tuple: the second variation stays the second."""
    links = tuple(Link(f"https://cdn.example.com/{number}.png") for number in range(4))
    assert Done(links).items == links
    assert Done(links) != Done(links[::-1])
