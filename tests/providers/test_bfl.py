"""Facts of Black Forest Labs: a polling_url that may be elsewhere, states with spaces, links that live ten minutes."""

from __future__ import annotations

from typing import Any

import pytest

from runner.edge.bodies import find_assets
from runner.fields import check_params
from runner.providers import bfl
from runner.records import Asset, Call, Json, JsonBody, Limits, SecretHeader, make_request
from runner.verdicts import Barred, Broken, Busy, Done, Link, Lost, Queued, Refused, Verdict
from tests.providers.questions import STRANGE_IDS, Facts, HardQuestions, answer

API = "https://api.bfl.ai/v1"
SAMPLE = "https://delivery-eu1.bfl.ai/results/ab/sample.jpeg?se=2026&sig=abc"
FACTS = Facts(
    bfl,
    params={"generate": {"model": "flux-2-pro", "prompt": "a mug", "width": 1024, "height": 768, "seed": 7}},
    successes={"generate": answer(200, {"id": "t1", "polling_url": f"{API}/get_result?id=t1"})},
    queued=frozenset({"generate"}),
)


class TestHardQuestions(HardQuestions):
    """Black Forest Labs under the questions every provider is asked."""

    facts = FACTS


def poll(body: object, status: int = 200, **headers: str) -> Verdict:
    """What a poll's answer means."""
    return FACTS.read("poll", answer(status, body, **headers), "generate")


def test_the_exact_call() -> None:
    """The model is the path, everything else the body."""
    assert bfl.submit(FACTS.request("generate"), FACTS.lane.options) == Call(
        "POST",
        f"{API}/flux-2-pro",
        "submit",
        secrets=(SecretHeader("x-key", "key", "{}"),),
        body=JsonBody({"prompt": "a mug", "width": 1024, "height": 768, "seed": 7}),
    )


def test_pictures_are_links_or_base64_as_the_field_takes_them() -> None:
    """References may be URLs the vendor fetches; fill takes base64 only, so a URL is brought by us."""
    blob, link = f"blob:{'3' * 64}", "https://cdn.example.com/mug.png"
    params: dict[str, Json] = {
        "model": "flux-pro-1.0-fill",
        "input_image": link,
        "input_image_2": blob,
        "image": link,
        "mask": blob,
    }
    call = bfl.submit(make_request("bfl", "generate", params), FACTS.lane.options)
    assert isinstance(call.body, JsonBody)
    assert call.body.value == {"input_image": link, "input_image_2": Asset(blob), "image": Asset(link), "mask": Asset(blob)}
    assert (len(find_assets(call.body)), call.body.asset_prefix) == (3, "")


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"width": 1000}, "width"),
        ({"height": 63}, "height"),
        ({"model": "../flux"}, "model"),
        ({"aspect_ratio": "wide"}, "aspect_ratio"),
        ({"output_format": "gif"}, "output_format"),
        ({"safety_tolerance": 7}, "safety_tolerance"),
        ({"input_image": "mug.png"}, "input_image"),
    ],
)
def test_wrong_values_are_found_before_sending(more: dict[str, Json], path: str) -> None:
    """By the vendor's rules, for the model that has them."""
    problems = check_params(bfl.OPERATIONS["generate"], "bfl/generate", {**FACTS.params["generate"], **more})
    assert [problem.path for problem in problems] == [(path,)]


def test_other_models_have_other_rules() -> None:
    """Multiples of sixteen are FLUX.2's; a model we never heard of, and its fields, pass."""
    for params in ({"model": "flux-pro-1.1", "width": 1000}, {"model": "flux-9", "prompt": "a", "magic": True}):
        assert check_params(bfl.OPERATIONS["generate"], "bfl/generate", params) == []


@pytest.mark.parametrize(
    ("url", "ticket", "asked"),
    [
        (f"{API}/get_result?id=t1", "/v1/get_result?id=t1", f"{API}/get_result?id=t1"),
        *((f"https://{host}/v1/get_result?id=t1",) * 3 for host in ("api.eu.bfl.ai", "api.us1.bfl.ai", "api.eu4.bfl.ai")),
        ("https://bfl.ai.evil.example/v1/get_result?id=t1", "t1", f"{API}/get_result?id=t1"),
        ("http://api.eu.bfl.ai/v1/get_result?id=t1", "t1", f"{API}/get_result?id=t1"),
        (None, "t1", f"{API}/get_result?id=t1"),
    ],
)
def test_the_polling_url_is_asked_as_given(url: Json, ticket: str, asked: str) -> None:
    """At any host of the vendor; elsewhere the key does not go, and the older path takes the id."""
    assert FACTS.read("submit", answer(200, {"id": "t1", "polling_url": url}), "generate") == Queued(ticket)
    call = bfl.poll(FACTS.request("generate"), ticket, FACTS.lane.options)
    assert (call.url, call.secrets) == (asked, (SecretHeader("x-key"),))


@pytest.mark.parametrize("id", STRANGE_IDS)
def test_a_task_that_cannot_be_asked_for_is_in_doubt(id: Json) -> None:
    """Accepted perhaps, but nobody can ask for it."""
    assert isinstance(FACTS.read("submit", answer(200, {"id": id}), "generate"), Lost)


def test_ready_is_a_link() -> None:
    """`result.sample`, downloaded without the key like every result."""
    assert poll({"id": "t1", "status": "Ready", "result": {"sample": SAMPLE, "seed": 7}}) == Done((Link(SAMPLE),))


@pytest.mark.parametrize("result", [None, {}, {"sample": None}, {"sample": "sample.jpeg"}, []])
def test_ready_without_a_link_is_asked_again(result: Json) -> None:
    """A broken answer, not a result."""
    assert isinstance(poll({"status": "Ready", "result": result}), Broken)


@pytest.mark.parametrize(("word", "note"), [("Pending", False), ("pending", False), ("Rendering", True), (None, True), (3, True)])
def test_running_and_unknown_words_keep_the_ticket(word: Json, note: bool) -> None:
    """Never guessed done or failed."""
    verdict = poll({"id": "t1", "status": word, "result": None, "progress": 0.5})
    assert isinstance(verdict, Queued)
    assert (verdict.ticket, bool(verdict.note)) == ("", note)


@pytest.mark.parametrize(
    ("word", "more", "why"),
    [
        ("Error", {"error": "boom"}, "the task failed: boom"),
        (
            "Request Moderated",
            {"details": {"Moderation Reasons": ["Derivative Works Filter"]}},
            "the request was moderated: Derivative Works Filter",
        ),
        ("Content Moderated", {}, "the picture was moderated"),
        ("content_moderated", {}, "the picture was moderated"),
        ("Task not found", {}, bfl.FAILED_WORDS["task not found"]),
    ],
)
def test_words_with_spaces_end_a_task(word: str, more: dict[str, Any], why: str) -> None:
    """The vendor's four failures, in whichever spelling, with its reasons; a 404 may carry the last."""
    assert poll({"id": "t1", "status": word, "result": None, **more}) == Refused(why)
    assert isinstance(poll({"id": "t1", "status": word, **more}, 404), Refused)
    assert isinstance(poll({"id": "t1", "status": word, **more}, 500), Broken)


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"retry_after": "5"}, 5.0),
        ({"x_ratelimit_reset": "12"}, 12.0),
        ({"retry_after": "5", "x_ratelimit_reset": "12"}, 5.0),
        ({"x_ratelimit_reset": "1792497630", "date": "Tue, 20 Oct 2026 12:00:00 GMT"}, 30.0),
        ({}, None),
    ],
)
def test_a_429_names_its_wait_in_a_header(headers: dict[str, str], after: float | None) -> None:
    """Retry-After first, then X-RateLimit-Reset."""
    verdict = FACTS.read("submit", answer(429, {"detail": "too many tasks"}, **headers), "generate")
    assert verdict == Busy(after, "429: too many tasks")


@pytest.mark.parametrize(
    ("status", "word"), [(400, Refused), (402, Barred), (403, Barred), (422, Refused), (500, Lost), (503, Lost)]
)
def test_errors_of_a_submit(status: int, word: type[Verdict]) -> None:
    """Key and credits close the lane, a wrong body is refused, a 5xx is in doubt."""
    assert isinstance(FACTS.read("submit", answer(status, {"detail": [{"msg": "no", "loc": ["body"]}]}), "generate"), word)


def test_pace_is_twenty_four_unfinished_tasks() -> None:
    """As documented for most models."""
    assert bfl.limits(FACTS.lane.options) == Limits(concurrent=8, queued=24)
