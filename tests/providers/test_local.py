"""What is carried out on this machine: its fields, its price, and that nothing is sent for it."""

from __future__ import annotations

import pytest

from runner.fields import check_params
from runner.providers import local
from runner.records import Answer, make_request

REQUEST = make_request("local", "compose", {"svg": "<svg/>", "width": 10, "height": 10})
COMPOSE = local.OPERATIONS["compose"]


def test_nothing_is_ever_sent() -> None:
    """Being asked for a call is a mistake of ours."""
    for ask in (
        lambda: local.submit(REQUEST, {}),
        lambda: local.poll(REQUEST, "t", {}),
        lambda: local.read("submit", Answer(200), REQUEST, {}),
    ):
        with pytest.raises(ValueError, match="carried out on this machine"):
            ask()


def test_it_costs_nothing_and_needs_no_key() -> None:
    """A price of nought is not an unknown price."""
    assert COMPOSE.price is not None
    assert COMPOSE.price.amount == 0
    assert COMPOSE.local
    assert not local.KEYS
    assert local.limits({}).concurrent


def test_the_projects_fonts_are_part_of_what_is_asked() -> None:
    """With other fonts it is another picture; without any there can be no text."""
    assert local.defaults("compose", {"fonts": ("blob:a",)}) == {"fonts": ["blob:a"]}
    assert local.defaults("compose", {}) == {}
    text = {"svg": "<svg><text>a</text></svg>", "width": 10, "height": 10}
    [problem] = check_params(local.operations({})["compose"], "local/compose", text)
    assert "no fonts are declared" in problem.message
    assert check_params(COMPOSE, "local/compose", {**text, "fonts": ["blob:a"]}) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"width": 0}, "least allowed"), ({"format": "gif"}, "not one of png, jpeg"), ({"pictures": {"a": 5}}, "needs an image")],
)
def test_wrong_fields_are_told(wrong: dict[str, object], told: str) -> None:
    """Sizes are bounded, formats listed, and every picture is one."""
    [problem] = check_params(COMPOSE, "local/compose", {"svg": "<svg/>", "width": 10, "height": 10, **wrong})
    assert told in problem.message
