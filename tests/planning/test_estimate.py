"""What a run would cost and how long it would take: exact sums, honest intervals, and guesses that follow from the limits."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from runner.desk import Desk, load_files, open_desk
from runner.facts import Answered, Fact, Planned, Saved, Sent
from runner.planning.estimate import Estimate, Span, Usual, estimate, usual_paces
from runner.planning.preview import Preview, StepCount
from runner.records import Artifact, make_request
from runner.verdicts import Queued
from tests.projects import COPY, MEDIUM, SCENE, write_project

PRICED = """\
version: 1
providers:
  jivox: {account: "1042", limits: {rate: [10/1m], concurrent: 2}}
  vyro: {limits: {rate: [], concurrent: 4, queued: 5, polls_count: false}}
prices:
  jivox/text: {each: 0.05, currency: USD}
  vyro/text-to-image: {each: 3, currency: credits}
"""


def desk_of(folder: Path, steps: str = COPY + SCENE, top: str = "", project: str = PRICED) -> Desk:
    """The desk of a small job with prices."""
    return open_desk(load_files(write_project(folder, steps, f"{top}output: {{dir: out}}\n", project)))


def preview_of(**counts: dict[str, int]) -> Preview:
    """A preview with these counts by step."""
    steps = {name: StepCount() for name in counts}
    for name, told in counts.items():
        steps[name].counts.update(told)  # type: ignore[arg-type]
    return Preview(steps)


def told(desk: Desk, usual: dict[str, Usual] | None = None, **counts: dict[str, int]) -> Estimate:
    """The estimate for these counts."""
    return estimate(desk, preview_of(**counts), usual or {})


def span(least: str, most: str) -> Span:
    """From least to most."""
    return Span(Decimal(least), Decimal(most))


def test_sums_are_exact_and_apart_by_currency(tmp_path: Path) -> None:
    """What is asked at once is the least, with what follows the most; each currency has its own sum."""
    found = told(desk_of(tmp_path), copy={"new": 2, "changed": 1, "reused": 9}, scene={"again": 1, "blocked": 3, "resumed": 2})
    assert found.requests == span("4", "7")
    assert found.cost == {"USD": span("0.15", "0.15"), "credits": span("3", "12")}
    assert found.unpriced == span("0", "0")


def test_an_unknown_price_is_counted_and_never_zero(tmp_path: Path) -> None:
    """Requests of unknown price stand apart; they add nothing to any sum."""
    found = told(desk_of(tmp_path, COPY + MEDIUM), copy={"new": 2}, medium={"new": 1, "blocked": 4})
    assert (found.cost, found.unpriced) == ({"USD": span("0.10", "0.10")}, span("1", "5"))


@pytest.mark.parametrize(
    ("policy", "most"),
    [
        ("report", "0.20"),
        ("retry", "0.40"),
        ("{retry: 3}", "0.80"),
        ("{retry: 3, max_cost: 0.10 USD}", "0.40"),
        ("{retry: 3, max_cost: 0.05 USD}", "0.20"),
        ("{retry: 3, max_cost: 5 EUR}", "0.20"),
    ],
)
def test_accepted_risks_are_part_of_the_most(tmp_path: Path, policy: str, most: str) -> None:
    """A step that may ask again for what is uncertain can cost that much more, as far as its own cap lets it."""
    desk = desk_of(tmp_path, COPY + f"    uncertain: {policy}\n")
    assert told(desk, copy={"new": 4}).cost["USD"] == span("0.20", most)


@pytest.mark.parametrize(
    ("top", "said"),
    [
        (
            "budget: {requests: 3}\n",
            ["the budget of the run is 3 requests, this is at least 4 requests: the run will stop on the way"],
        ),
        ("budget: {requests: 6}\n", ["the budget of the run is 6 requests, this is up to 7 requests: the run may stop on the way"]),
        ("budget: {requests: 7}\n", []),
        (
            "budget: {cost: 0.10 USD}\n",
            [
                "the run would refuse: vyro/text-to-image is priced in credits",
                "the budget of the run is 0.10 USD, this is at least 0.15 USD: the run will stop on the way",
            ],
        ),
        (
            "budget: {providers: {vyro: {requests: 2}}}\n",
            ["the budget of vyro is 2 requests, this is up to 4 requests: the run may stop on the way"],
        ),
    ],
)
def test_budgets_that_would_stop_it_are_told(tmp_path: Path, top: str, said: list[str]) -> None:
    """A budget below the least will stop the run, one below the most may; one that cannot see a price would refuse it."""
    found = told(desk_of(tmp_path, top=top), copy={"new": 3}, scene={"new": 1, "blocked": 3}).budgets
    assert len(found) == len(said)
    assert all(one.startswith(begin) for one, begin in zip(found, said, strict=True))


def test_the_budget_of_a_step_is_told(tmp_path: Path) -> None:
    """A step's own budget is compared with that step alone."""
    desk = desk_of(tmp_path, COPY + "    budget: {requests: 1}\n" + SCENE)
    assert told(desk, copy={"new": 2}, scene={"new": 5}).budgets == (
        "the budget of step copy is 1 requests, this is at least 2 requests: the run will stop on the way",
    )


def test_windows_and_slots_make_a_lane_slow(tmp_path: Path) -> None:
    """A lane is as slow as the tightest of its windows, or as its slots; a queue holds what is polled."""
    usual = {"jivox/text": Usual(3.0), "vyro/text-to-image": Usual(20.0, 4.0)}
    desk = desk_of(tmp_path)
    assert told(desk, usual, copy={"new": 25}, scene={}).lanes == {"jivox": 120.0, "vyro": 0.0}
    assert told(desk, usual, copy={"new": 10}, scene={}).lanes["jivox"] == 15.0
    assert told(desk, usual, copy={}, scene={"blocked": 50}).lanes["vyro"] == 200.0


def test_steps_follow_one_another(tmp_path: Path) -> None:
    """The whole takes the slowest lane and the way of one variant through its steps; without work it takes no time."""
    usual = {"jivox/text": Usual(3.0), "vyro/text-to-image": Usual(20.0, 4.0)}
    found = told(desk_of(tmp_path), usual, copy={"new": 2}, scene={"blocked": 2})
    assert (found.seconds, found.at_least) == (8.0 + 23.0, False)
    assert told(desk_of(tmp_path), usual, copy={"reused": 2}, scene={"reused": 2}).seconds == 0.0


def test_what_was_never_observed_takes_at_least_so_long(tmp_path: Path) -> None:
    """Where no history says how long it takes, the first poll is the least, and that is said."""
    desk = desk_of(tmp_path)
    first = desk.catalog.offers["vyro/text-to-image"].operation.polling.first
    found = told(desk, {"jivox/text": Usual(3.0)}, copy={}, scene={"new": 1})
    assert found.at_least
    assert found.seconds == pytest.approx(first + first / 4)
    assert not told(desk, {"jivox/text": Usual(3.0)}, copy={"new": 1}, scene={}).at_least


def history(prompt: str, sent: float, saved: float, polls: int = 0) -> list[Fact]:
    """The facts of a request that was sent and saved at these moments."""
    request = make_request("vyro", "text-to-image", {"prompt": prompt})
    asked = [Answered(sent + 1, request.id, "poll", Queued("t")) for _ in range(polls)]
    saved_fact = Saved(saved, request.id, (Artifact("text", text="x"),))
    return [Planned(0.0, request), Sent(sent, request.id, "submit"), *asked, saved_fact]


def test_usual_is_the_median_of_what_was_seen() -> None:
    """From submit to result, by use, however long single ones took; polls are the mean. Unfinished ones say nothing."""
    seen = [history("a", 10, 12, 1), history("b", 10, 14, 2), history("c", 10, 500, 3)]
    assert usual_paces(seen) == {"vyro/text-to-image": Usual(4.0, 2.0)}
    assert usual_paces([seen[0][:-1], [seen[0][-1]], []]) == {}


CHAT = "  copy: {use: openai/chat, with: {prompt: '{{ row.title }}', model: m}}\n"


@pytest.mark.parametrize(
    ("step", "prices", "otherwise"),
    [
        (CHAT, "", "as a batch: at the vendor's lower price, answered within a day (with `lane: batch` on copy)"),
        (
            CHAT,
            "openai/chat: {each: 0.10, currency: USD}",
            "as a batch: 0.20 USD, answered within a day (with `lane: batch` on copy)",
        ),
        (
            CHAT.replace("openai/chat,", "openai/chat, lane: batch,"),
            "openai/chat: {each: 0.10, currency: USD}",
            "batches are answered within a day; one by one: 0.4 USD (without `lane: batch` on copy)",
        ),
        (CHAT.replace("openai/chat,", "openai/chat, lane: batch,"), "", "batches are answered within a day"),
        (COPY, "", ""),
    ],
)
def test_both_prices_are_told_where_there_are_two(tmp_path: Path, step: str, prices: str, otherwise: str) -> None:
    """What goes one by one could go by batch, and the other way round; an unknown price stays unknown."""
    project = f'version: 1\nproviders: {{jivox: {{account: "1"}}}}\nprices: {{{prices}}}\n'
    assert told(desk_of(tmp_path, step, project=project), copy={"new": 4}).otherwise == otherwise
    assert told(desk_of(tmp_path, step, project=project), copy={"reused": 4}).otherwise == ""


def test_a_batch_takes_nothing_from_the_accounts_limits(tmp_path: Path) -> None:
    """They are for calls one by one."""
    project = "version: 1\nproviders: {openai: {limits: {rate: [1/1m]}}}\n"
    found = told(desk_of(tmp_path, CHAT.replace("openai/chat,", "openai/chat, lane: batch,"), project=project), copy={"new": 100})
    assert found.lanes == {"openai": 0.0}


def test_windows_of_tokens_make_a_lane_slow(tmp_path: Path) -> None:
    """What the vendor counted for requests of this kind fills its windows of tokens: ten of 500 take five fills of 1,000."""
    project = "version: 1\nproviders: {openai: {limits: {rate: [], tokens: [1000/1m]}}}\n"
    usual = {"openai/chat": Usual(3.0, 0.0, 500.0)}
    assert told(desk_of(tmp_path, CHAT, project=project), usual, copy={"new": 10}).lanes == {"openai": 240.0}
