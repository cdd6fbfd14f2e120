"""Why a step is not as it was."""

from __future__ import annotations

from typing import Any

import pytest

from runner.comparison.causes import UNKNOWN, Cause, compare_manifests, compare_requests, same_request, told_causes
from runner.records import Request, make_request

BLUE, RED = "a" * 64, "b" * 64


def asked(use: str = "vyro/text-to-image", again: int = 1, **params: Any) -> Request:
    """A request."""
    provider, _, operation = use.partition("/")
    return make_request(provider, operation, params, again)


def test_what_is_asked_is_compared_by_name() -> None:
    """Nested values by their way; what is alike is not told, what is only on one side has nothing on the other."""
    then = asked(prompt="a mug", size={"width": 600, "height": 400}, seed=1, style="photo")
    now = asked(prompt="a hat", size={"width": 800, "height": 400}, seed=1, images=["x"])
    assert list(compare_requests(then, now, {})) == [
        Cause("images.0", None, "x"),
        Cause("prompt", "a mug", "a hat"),
        Cause("size.width", 600, 800),
        Cause("style", "photo", None),
    ]


def test_vendor_and_purchase_are_part_of_what_is_asked() -> None:
    """Another operation, and buying the same anew on purpose."""
    assert list(compare_requests(asked(), asked("jivox/scene", 2), {})) == [
        Cause("use", "vyro/text-to-image", "jivox/scene"),
        Cause("again", 1, 2),
    ]


def test_a_file_of_an_earlier_step_is_told_by_its_step() -> None:
    """Forty hex digits tell nobody anything; whose file it was does."""
    causes = list(compare_requests(asked(image=f"blob:{BLUE}"), asked(image=f"blob:{RED}"), {RED: "cutout"}))
    assert causes == [Cause("image", f"file {BLUE[:12]}", f"cutout's file {RED[:12]}")]


@pytest.mark.parametrize(("then", "now"), [(None, asked()), (asked(), None), (None, None)])
def test_what_no_journal_knows_is_not_guessed(then: Request | None, now: Request | None) -> None:
    """Without the journal there is no why, and that is said."""
    assert list(compare_requests(then, now, {})) == [Cause("request", note=UNKNOWN)]


@pytest.mark.parametrize(
    ("then", "now", "names"),
    [
        ({"files": [{"sha256": BLUE}]}, {"files": [{"sha256": RED}]}, ["bought"]),
        ({"files": [{"sha256": BLUE}]}, {"files": [{"sha256": RED, "source": BLUE}]}, ["finish"]),
        ({"files": [{"sha256": BLUE, "source": RED}]}, {"held": [{"sha256": BLUE, "source": RED}]}, []),
        ({"text": "a"}, {"text": "b"}, ["bought"]),
        ({"text": "a"}, {"text": "a"}, []),
    ],
)
def test_one_request_with_two_results_was_bought_anew_or_finished_otherwise(
    then: dict[str, Any], now: dict[str, Any], names: list[str]
) -> None:
    """The source tells which."""
    assert [cause.name for cause in same_request(then, now)] == names


def test_a_failure_tells_its_own_reason() -> None:
    """What stands in the lines needs no journal."""
    assert list(told_causes({}, {"why": "refused: style unknown"})) == [Cause("why", None, "refused: style unknown")]


def test_manifests_say_what_a_run_was_made_from() -> None:
    """Times and counts are no reasons; feed, job, templates and commit are."""
    then = {"started": "monday", "feed": {"sha256": "1"}, "templates": {"a.j2": "1"}, "git": None}
    now = {"started": "tuesday", "feed": {"sha256": "2"}, "templates": {"a.j2": "1"}, "git": {"commit": "c"}}
    assert compare_manifests(then, now) == [Cause("feed.sha256", "1", "2"), Cause("git.commit", None, "c")]
    assert compare_manifests(None, now) == []
