"""Vendors described in YAML, held to the questions, the samples and the reading of those written in Python."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.job.load import read_vendor
from runner.providers.contract import Provider
from runner.providers.http import describe_provider
from runner.providers.registry import DESCRIBED, LOCAL, Account, Lane, kind_of, open_catalog
from runner.records import Json
from runner.verdicts import Busy, Done, Queued, Verdict
from tests.providers import test_jivox, test_placewise, test_sivi, test_vyro
from tests.providers.described.acme import acme, opened, request
from tests.providers.questions import Facts, HardQuestions, answer

VENDORS = Path(__file__).resolve().parents[2] / "examples/http-vendors/vendors"


def described(name: str) -> Provider:
    """The provider that an example's description makes."""
    path = VENDORS / f"{name}.yaml"
    return describe_provider(read_vendor(path.read_bytes(), path.name).vendor)


@dataclass(frozen=True)
class DescribedFacts(Facts):
    """The facts of a vendor, asked of its description."""

    @cached_property
    def lane(self) -> Lane:
        """The account as the project file would open it."""
        account = Account("http", options=self.options, provider=self.provider)
        return open_catalog({"acme": account}).lanes["acme"]


def of(facts: Facts, **options: Json) -> DescribedFacts:
    """The same facts about the description of the same vendor."""
    given = {**facts.options, **options}
    account = {name: value for name, value in given.items() if not name.endswith("_url")}
    return DescribedFacts(described(facts.provider.NAME), facts.params, facts.successes, account, facts.queued)


POLLED: dict[str, Json] = {"poll_path": "/ml/tasks"}
FACTS = of(test_jivox.FACTS)
PAIRS: dict[str, tuple[Facts, Facts]] = {
    "jivox": (test_jivox.FACTS, FACTS),
    "vyro": (test_vyro.FACTS, of(test_vyro.FACTS)),
    "sivi": (test_sivi.FACTS, of(test_sivi.FACTS)),
    "placewise": (test_placewise.FACTS, of(test_placewise.FACTS)),
    "placewise, polled": (test_placewise.POLLED, of(test_placewise.POLLED, **POLLED)),
}


class TestJivox(HardQuestions):
    """Jivox described, under the questions every provider is asked."""

    facts = FACTS


class TestVyro(HardQuestions):
    """Vyro described, under the same questions."""

    facts = PAIRS["vyro"][1]


class TestSivi(HardQuestions):
    """Sivi described, under the same questions."""

    facts = PAIRS["sivi"][1]


class TestPlacewise(HardQuestions):
    """Placewise described, with an address to poll, under the same questions."""

    facts = PAIRS["placewise, polled"][1]


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_the_same_request_becomes_the_same_call(pair: tuple[Facts, Facts]) -> None:
    """Address, headers, secrets, body and sink of every submit and poll are those of the provider written in Python."""
    written, in_yaml = pair
    for name in written.params:
        ours, theirs = in_yaml.request(name), written.request(name)
        assert in_yaml.provider.submit(ours, in_yaml.lane.options) == written.provider.submit(theirs, written.lane.options)
        if name in written.queued:
            called = in_yaml.provider.poll(ours, "T/1", in_yaml.lane.options)
            assert called == written.provider.poll(theirs, "T/1", written.lane.options)


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_operations_give_and_take_the_same(pair: tuple[Facts, Facts]) -> None:
    """What an operation gives, and its fields with their kinds, are those of the provider written in Python."""
    told = [
        {
            name: (each.gives, {key: (spec.kind, spec.required) for key, spec in each.fields.items()})
            for name, each in listed.items()
        }
        for listed in (facts.provider.operations(facts.lane.options) for facts in pair)
    ]
    assert told[0] == told[1]


def some(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Maps that have each of these names, or not."""
    return st.fixed_dictionaries({}, optional=parts)


CDN = "https://cdn.example.com"
LINKS: st.SearchStrategy[Any] = st.sampled_from([f"{CDN}/a.png", f"{CDN}/b.png", "a.png", "", None, 7, []])
IDS: st.SearchStrategy[Any] = st.sampled_from(["r-1", 0, 17, "", None, True, [], "..", "x" * 3000])
STATES = st.sampled_from(
    ["complete", "completed", " Finished", "failed", "suspended", "error", "pending", "processing", "odd", "", 3, None]
)
WHY = st.sampled_from(["too fast", "Insufficient credit limit", "", None, 5])
CODES = st.sampled_from([None, 200, 201, 401, 402, 422, 429, 500, True, "200"])
VARIATIONS = st.lists(
    some(variantImageUrl=LINKS, options=st.lists(some(variantImageUrl=LINKS), max_size=2) | st.none()), max_size=3
)
TASK = some(id=IDS, status=STATES, result=LINKS | st.lists(LINKS, max_size=2), message=WHY)
SHAPES: dict[str, st.SearchStrategy[Any]] = {
    "jivox": some(imageUrl=LINKS, text=WHY, message=WHY),
    "vyro": some(
        id=IDS,
        status=STATES,
        code=st.sampled_from([None, 1001, 1100, 1101, 1200, 1202, 9]),
        error=WHY,
        message=WHY,
        url=LINKS,
        video=some(status=STATES, message=WHY, url=some(generation=LINKS | st.lists(LINKS, max_size=2))),
    ),
    "sivi": some(
        status=CODES,
        body=some(
            requestId=IDS,
            status=STATES,
            reason=WHY,
            message=WHY,
            contentSuggestions=st.lists(WHY, max_size=1),
            result=LINKS | some(variations=VARIATIONS, media=some(url=LINKS), url=LINKS),
        )
        | st.none(),
        requestId=IDS,
        message=WHY,
    ),
    "placewise": some(image_generation_task=TASK, error=WHY),
    "placewise, polled": some(image_generation_task=TASK, error=WHY),
}


def gist(verdict: Verdict) -> object:
    """What a verdict does, without its words."""
    match verdict:
        case Done(items):
            return list(dict.fromkeys(map(repr, items)))
        case Queued(ticket):
            return ("queued", ticket)
        case Busy(after):
            return ("busy", after)
    return type(verdict)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow])
@given(st.data())
def test_an_answer_means_the_same(data: st.DataObject) -> None:
    """Answers of the vendor's shape, right and wrong, bring both providers to the same verdict with the same items."""
    name = data.draw(st.sampled_from(list(PAIRS)))
    written, in_yaml = PAIRS[name]
    asked = [each for each in written.asked() if "placewise" not in name or each[0] == "image"]
    operation, step = data.draw(st.sampled_from(asked))
    status = data.draw(st.sampled_from([200] * 9 + [201, 202, 204, 302, 400, 401, 402, 404, 422, 429, 500, 503]))
    said = answer(status, data.draw(SHAPES[name]), retry_after=data.draw(st.sampled_from(["", "7"])))
    assert gist(in_yaml.read(step, said, operation)) == gist(written.read(step, said, operation)), (operation, step, said)


@pytest.mark.parametrize(("sandbox", "kind"), [("jivox", "jivox"), (None, DESCRIBED), ("nobody", DESCRIBED), (LOCAL, DESCRIBED)])
def test_a_described_vendor_is_played_by_who_emulates_one(sandbox: str | None, kind: str) -> None:
    """It has that one's kind; where nobody plays it, none that a rehearsal would ask for real."""
    provider = describe_provider(acme({"sandbox": sandbox} if sandbox else {}))
    assert kind_of("acme", Account(DESCRIBED, provider=provider)) == kind
    assert kind_of(LOCAL, Account(provider=provider)) == kind


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_it_is_asked_for_by_the_method_that_is_described(method: str) -> None:
    """A GET has no body: what it says stands in its query. It is a purchase all the same."""
    placed = {"query": {"q": {"json": {"text": "{params.prompt}"}}}} if method == "GET" else {}
    provider, options = opened(acme(method=method, **placed))
    call = provider.submit(request(prompt="a mug"), options)
    assert (call.method, call.purpose) == (method, "submit")
    assert (call.body is None, call.url.endswith("/images?q=%7B%22text%22%3A%22a%20mug%22%7D")) == (method == "GET",) * 2
