"""What the gallery tells of a request: words, tries and money, and never a moment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runner.facts import Fact, Resolved, Sent
from runner.records import make_request
from runner.report.asked import LONGEST, prompt_of, read_asked, shorten
from tests.report.runs import asked, history, price


def test_a_request_is_told_with_its_tries_and_its_price() -> None:
    """Params, prompt, seed, submits and the bill are those of the facts."""
    request = asked("a beach", seed=7)
    told = read_asked(history(request, attempts=2), price).as_json()
    assert (told["prompt"], told["seed"], told["attempts"]) == ("a beach", 7, 2)
    assert (told["each"], told["billed"], told["cost"]) == ("0.04 USD", 2, "0.08 USD")
    assert told["uncertain"] == 1
    assert told["params"] == {"prompt": "a beach", "seed": 7}


def test_no_moment_is_told() -> None:
    """The same history at another time is the same words."""
    request = asked("a beach")
    later: list[Fact] = [replace(fact, at=fact.at + 1000) for fact in history(request)]
    assert read_asked(later, price).as_json() == read_asked(history(request), price).as_json()


def test_an_unknown_price_is_not_nothing() -> None:
    """Where nobody knows the price there is none, and the purchase is counted all the same."""
    told = read_asked(history(asked("x", "jivox/text")), price).as_json()
    assert told["billed"] == 1
    assert "cost" not in told


def test_polls_and_verdicts_of_people_are_told() -> None:
    """Polls are counted apart from submits, and who settled a doubt is named."""
    request = asked("x")
    facts = [*history(request)[:2], Sent(2.0, request.id, "poll"), Resolved(3.0, request.id, "not_billed", "kim")]
    told = read_asked(facts, price).as_json()
    assert (told["polls"], told["settled"]) == (1, "kim: not billed")


@pytest.mark.parametrize(
    ("params", "prompt"),
    [
        ({"prompt": "p", "about": "a"}, "p"),
        ({"about": "a"}, "a"),
        (
            {"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "a headline for mugs"}]},
            "a headline for mugs",
        ),
        ({"input": {"prompt": "a cat", "steps": 3}}, "a cat"),
        ({"image": "blob:00"}, ""),
        ({}, ""),
    ],
)
def test_the_prompt_is_what_is_wanted_in_words(params: dict[str, Any], prompt: str) -> None:
    """The plainest field wins; chats and nested inputs give their longest text."""
    assert prompt_of(make_request("x", "y", params).params) == prompt


def test_endless_values_are_cut() -> None:
    """A text longer than anybody reads is cut and says so, however deep it lies."""
    told = shorten({"a": ["x" * (LONGEST + 5)], "b": 1, "c": None})
    assert told["a"][0].endswith(f"({LONGEST + 5} characters)")
    assert (told["b"], told["c"]) == (1, None)


def test_a_history_without_a_request_is_told_as_far_as_it_goes() -> None:
    """Facts that lost their beginning give tries and no words."""
    request = asked("x")
    assert read_asked(history(request)[1:2], price).as_json() == {"attempts": 1, "billed": 1, "uncertain": 1}
