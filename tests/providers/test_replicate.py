"""Facts of Replicate: predictions by model, version or deployment, six states, and output that is gone after an hour."""

from __future__ import annotations

from typing import Any

import pytest

from runner.edge.bodies import find_assets
from runner.fields import check_params
from runner.providers import replicate
from runner.providers.registry import Account, Lane, open_catalog
from runner.records import Answer, Asset, Call, Json, JsonBody, Limits, SecretHeader, Window, make_request
from runner.verdicts import Barred, Broken, Busy, Done, Link, Lost, Queued, Refused, Text, Verdict
from tests.providers.questions import STRANGE_IDS, Facts, HardQuestions, answer

API = "https://api.replicate.com/v1"
FILES = [f"https://replicate.delivery/pbxt/abc/out-{number}.png" for number in range(2)]
VERSION = "0f" * 32
INPUT: dict[str, Json] = {"prompt": "a mug", "num_outputs": 2}


def prediction(status: str = "starting", **more: object) -> dict[str, object]:
    """A prediction as the vendor shows it."""
    urls = {"get": f"{API}/predictions/p1", "cancel": f"{API}/predictions/p1/cancel"}
    return {"id": "p1", "model": "acme/mugs", "status": status, "output": None, "error": None, "urls": urls, **more}


FACTS = Facts(
    replicate,
    params={
        "predict": {"model": "black-forest-labs/flux-schnell", "input": INPUT},
        "text": {"model": "meta/meta-llama-3-8b-instruct", "input": {"prompt": "a headline"}},
    },
    successes={"predict": answer(201, prediction()), "text": answer(201, prediction())},
    queued=frozenset({"predict", "text"}),
)


class TestHardQuestions(HardQuestions):
    """Replicate under the questions every provider is asked."""

    facts = FACTS


def lane(**options: Json) -> Lane:
    """An account with these options."""
    return open_catalog({"replicate": Account(options=options)}).lanes["replicate"]


def submit(params: dict[str, Any], **options: Json) -> Call:
    """The call for these params."""
    return replicate.submit(make_request("replicate", "predict", params), lane(**options).options)


def poll(body: object, status: int = 200, **headers: str) -> Verdict:
    """What a poll's answer means."""
    return FACTS.read("poll", answer(status, body, **headers), "predict")


@pytest.mark.parametrize(
    ("ask", "path", "body"),
    [
        ({"model": "acme/mugs"}, "/models/acme/mugs/predictions", {}),
        ({"deployment": "acme/my-mugs"}, "/deployments/acme/my-mugs/predictions", {}),
        ({"version": VERSION}, "/predictions", {"version": VERSION}),
        ({"version": f"acme/mugs:{VERSION}"}, "/predictions", {"version": f"acme/mugs:{VERSION}"}),
    ],
)
def test_the_exact_call_of_each_way(ask: dict[str, Json], path: str, body: dict[str, Json]) -> None:
    """An official model and a deployment are named by the path, a version in the body; nothing waits."""
    assert check_params(replicate.OPERATIONS["predict"], "replicate/predict", {**ask, "input": INPUT}) == []
    assert submit({**ask, "input": INPUT}) == Call(
        "POST",
        f"{API}{path}",
        "submit",
        secrets=(SecretHeader("Authorization", "key", "Bearer {}"),),
        body=JsonBody({"input": INPUT, **body}),
    )


def test_a_deadline_at_the_vendor_is_a_header() -> None:
    """`cancel_after` of the account goes along with each submit."""
    assert submit({"model": "a/b", "input": {}}, cancel_after="10m").headers == (("Cancel-After", "10m"),)


@pytest.mark.parametrize(
    "ask",
    [
        {},
        {"model": "a/b", "version": VERSION},
        {"model": "mugs"},
        {"model": f"a/b:{VERSION}"},
        {"model": "../x"},
        {"model": "a/b/c"},
        {"version": "latest"},
        {"deployment": "a/.."},
    ],
)
def test_exactly_one_way_is_needed(ask: dict[str, Json]) -> None:
    """A model, a version or a deployment, each in its form, is found before sending."""
    assert check_params(replicate.OPERATIONS["predict"], "replicate/predict", {**ask, "input": {}})


def test_pictures_travel_as_data_uris_and_links_as_they_are() -> None:
    """Bytes of ours anywhere in the model's input, also under names that only this model has."""
    blob = f"blob:{'1' * 64}"
    call = submit({"model": "a/b", "input": {"image": blob, "refs": [{"x": blob}], "mask": FILES[0], "prompt": "blob:"}})
    assert find_assets(call.body) == [Asset(blob, "data:{type};base64,{data}")] * 2
    assert isinstance(call.body, JsonBody)
    assert call.body.value["input"]["mask"] == FILES[0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("urls", "ticket", "url"),
    [
        ({"get": f"{API}/predictions/p1"}, "/v1/predictions/p1", f"{API}/predictions/p1"),
        (
            {"get": "https://eu.api.replicate.com/v1/p/1"},
            "https://eu.api.replicate.com/v1/p/1",
            "https://eu.api.replicate.com/v1/p/1",
        ),
        ({"get": "https://evil.example/v1/predictions/p1"}, "p1", f"{API}/predictions/p1"),
        ({}, "p1", f"{API}/predictions/p1"),
        (None, "p1", f"{API}/predictions/p1"),
    ],
)
def test_the_ticket_is_where_to_ask(urls: object, ticket: str, url: str) -> None:
    """`urls.get` where the key may go there; else the id, below the documented path."""
    verdict = FACTS.read("submit", answer(201, prediction(urls=urls)), "predict")
    assert verdict == Queued(ticket)
    assert replicate.poll(FACTS.request("predict"), ticket, FACTS.lane.options).url == url


@pytest.mark.parametrize("id", STRANGE_IDS)
def test_a_prediction_that_cannot_be_asked_for_is_in_doubt(id: Json) -> None:
    """Accepted perhaps, but nobody can ask for it."""
    assert isinstance(FACTS.read("submit", answer(201, {"id": id, "status": "starting"}), "predict"), Lost)


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_submit_may_find_it_done(status: int) -> None:
    """A quick model can have ended by the time of the answer."""
    done = answer(status, prediction("succeeded", output=FILES))
    assert FACTS.read("submit", done, "predict") == Done(tuple(map(Link, FILES)))
    assert isinstance(FACTS.read("submit", answer(status, prediction("failed", error="nsfw")), "predict"), Refused)


@pytest.mark.parametrize(
    ("output", "links"),
    [
        (FILES[0], FILES[:1]),
        (FILES, FILES),
        ({"image": FILES[1], "seed": 7}, FILES[1:]),
        ([{"file": FILES[0]}, {"file": FILES[1], "caption": "a mug"}], FILES),
    ],
)
def test_output_is_what_the_model_makes_it(output: Any, links: list[str]) -> None:
    """A link, a list or an object: every link in it, in its order."""
    assert poll(prediction("succeeded", output=output)) == Done(tuple(map(Link, links)))


@pytest.mark.parametrize(
    "body", [{"output": None}, {"output": None, "data_removed": True}, {"output": FILES, "data_removed": True}]
)
def test_output_that_was_removed_is_no_success(body: dict[str, object]) -> None:
    """Succeeded, but too late: told in words, never an empty success."""
    assert poll(prediction("succeeded", **body)) == Refused(replicate.REMOVED)


@pytest.mark.parametrize("output", ["a headline", ["Fresh", " mugs"], [], {}, "out.png", 7])
def test_output_without_a_file_is_none(output: Json) -> None:
    """What a model wrote, or nothing, is no file; its beginning is told."""
    verdict = poll(prediction("succeeded", output=output))
    assert isinstance(verdict, Refused)
    assert "names no file" in verdict.why


def test_success_that_is_not_spelled_out_is_asked_again() -> None:
    """The word without any `output` is a broken answer, not a lost result."""
    assert isinstance(poll({"id": "p1", "status": "succeeded"}), Broken)


@pytest.mark.parametrize("word", ["starting", "processing", "Processing "])
def test_running_words_keep_the_ticket(word: str) -> None:
    """Still at work: ask again with what was asked before."""
    assert poll(prediction(word)) == Queued("")


@pytest.mark.parametrize("word", ["booting", "", None, 3])
def test_an_unknown_word_means_still_running(word: Any) -> None:
    """Never guessed done or failed."""
    verdict = poll(prediction(word))
    assert isinstance(verdict, Queued)
    assert "unknown status word" in verdict.note


@pytest.mark.parametrize(
    ("word", "error", "why"),
    [
        ("failed", "NSFW content detected", "the prediction failed: NSFW content detected"),
        ("failed", None, "the prediction failed: no reason given"),
        ("canceled", None, "the prediction was canceled while it ran: no reason given"),
        ("aborted", None, "the prediction was aborted before it ran, and not billed: no reason given"),
    ],
)
def test_failures_are_final_and_told(word: str, error: Json, why: str) -> None:
    """Failed, canceled and (newer) aborted end a job."""
    assert poll(prediction(word, error=error)) == Refused(why)


@pytest.mark.parametrize(
    ("body", "headers", "after"),
    [
        ({"detail": "Request was throttled. Your rate limit resets in ~30s."}, {}, 30.0),
        ({"detail": "… resets in 1.5s."}, {}, 1.5),
        ({"detail": "… resets in ~30s."}, {"retry_after": "7"}, 7.0),
        ({"detail": "slow down"}, {}, None),
        ({"detail": "resets in ~soon"}, {}, None),
    ],
)
def test_a_429_says_in_words_when_it_is_over(body: Json, headers: dict[str, str], after: float | None) -> None:
    """The header has the first word; then the sentence."""
    for step in ("submit", "poll"):
        verdict = FACTS.read(step, answer(429, body, **headers), "predict")
        assert isinstance(verdict, Busy)
        assert verdict.after == after


@pytest.mark.parametrize(
    ("status", "word"), [(401, Barred), (402, Barred), (403, Barred), (404, Refused), (422, Refused), (500, Lost), (503, Lost)]
)
def test_errors_of_a_submit(status: int, word: type[Verdict]) -> None:
    """Key and credit close the lane, a wrong model or input is refused, a 5xx is in doubt."""
    verdict = FACTS.read("submit", answer(status, {"title": "x", "detail": "what happened"}), "predict")
    assert isinstance(verdict, word)
    assert verdict.why == f"{status}: what happened"  # type: ignore[union-attr]


def test_pace_is_six_hundred_submits_a_minute() -> None:
    """Polls have a limit of their own, five times as high."""
    assert replicate.limits(FACTS.lane.options) == Limits((Window(600, 60.0),), concurrent=16, polls_count=False)


def test_an_answer_is_read_the_same_wherever_the_account_goes() -> None:
    """Behind a proxy the vendor's own address gets no key: the id is asked for at the proxy."""
    proxied = open_catalog({"replicate": Account(base_url="https://proxy.example/r")}).lanes["replicate"]
    said = Answer(201, {}, answer(201, prediction()).body)
    assert replicate.read("submit", said, FACTS.request("predict"), proxied.options) == Queued("p1")
    assert replicate.poll(FACTS.request("predict"), "p1", proxied.options).url == "https://proxy.example/r/predictions/p1"


@pytest.mark.parametrize(
    ("output", "verdict"),
    [
        ("Fresh mugs!", Done((Text("Fresh mugs!"),))),
        (["Fresh", " mugs", "!"], Done((Text("Fresh mugs!"),))),
        ([], Refused),
        (["Fresh", 7], Refused),
        ({"text": "Fresh"}, Refused),
    ],
)
def test_a_language_model_gives_its_text_whole_or_in_pieces(output: object, verdict: Verdict | type[Verdict]) -> None:
    """Pieces are put together as they come; what is no text is refused and shown, never taken for one."""
    said = FACTS.read("poll", answer(200, prediction("succeeded", output=output)), "text")
    assert said == verdict if isinstance(verdict, Done) else isinstance(said, Refused)
