"""Facts of Sivi: envelope, plans, two kinds of 429, and results nested in variations."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from runner.providers import sivi
from runner.providers.registry import Account, Lane, open_catalog
from runner.records import Answer, Call, Json, JsonBody, Limits, SecretHeader, Window, make_request
from runner.verdicts import Barred, Broken, Busy, Data, Done, Link, Lost, Queued, Refused, Verdict
from tests.providers.questions import STRANGE_IDS, Facts, HardQuestions, answer

RESOURCES = "https://resources.hellosivi.com/user-data"
TICKET = answer(
    200, {"status": 200, "body": {"queueWaitTime": 0, "requestId": "sbhMkIZKCPp", "designId": "d", "link": "https://x.y"}}
)
SUGGESTED: dict[str, Json] = {"contentSuggestions": [{"title": "20% off"}], "assetSuggestions": {"images": ["beach"]}}
FACTS = Facts(
    sivi,
    params={
        "media": {
            "prompt": "Make this logo more vibrant",
            "dimensions": {"width": 1024, "height": 1024},
            "bId": "b_s87vFxpfM0R",
            "model": "nano-banana:1k",
            "siviAssets": [{"mId": "w_abc123----photo_001.jpeg"}],
            "assets": {"photo": [{"url": "https://example.com/reference.jpg"}]},
            "negativePrompt": "blurry",
        },
        "design": {
            "type": "displayAds",
            "subtype": "displayAds-half-page-ad",
            "dimension": {"width": 300, "height": 600},
            "prompt": "a design for my t-shirt shop",
            "assets": {
                "images": [{"url": "https://images.hellosivi.com/a.jpg", "imagePreference": {"crop": True, "removeBg": None}}],
                "logos": [{"url": "https://images.hellosivi.com/l.png", "logoStyles": ["direct", "outline"]}],
            },
            "language": "english",
            "colors": ["#5662EC", "#EF9AB2"],
            "fonts": [],
            "numOfVariants": 4,
            "outputFormat": ["jpg"],
            "abstractUserId": "281743-2322",
            "settings": {"mode": "brand", "currentbId": "b", "theme": ["light"], "designModel": "auto"},
        },
        "design-from-content": {
            "name": "summer",
            "type": "custom",
            "subtype": "custom",
            "dimension": {"width": 640, "height": 480},
            "numOfVariants": 1,
            "content": {"title": "20% off"},
            "designInstructions": ["keep it calm"],
        },
        "content": {"prompt": "a sale", "type": "email", "subtype": "tall", "language": "german"},
    },
    successes={
        "media": answer(200, {"status": 200, "body": {"requestId": "abc123xyz"}}),
        "design": TICKET,
        "design-from-content": TICKET,
        "content": answer(200, SUGGESTED),
    },
    queued=frozenset({"media", "design", "design-from-content"}),
)


class TestHardQuestions(HardQuestions):
    """Sivi under the questions every provider is asked."""

    facts = FACTS


def lane(**options: Json) -> Lane:
    """A Sivi account with these options."""
    return open_catalog({"sivi": Account(options=options)}).lanes["sivi"]


def poll(body: object, operation: str = "design") -> Verdict:
    """What the body of a poll's envelope means."""
    return FACTS.read("poll", answer(200, {"status": 200, "body": body}), operation)


@pytest.mark.parametrize("plan", ["general", "super", "enterprise"])
@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("media", "media/generate"),
        ("design", "designs-from-prompt"),
        ("design-from-content", "designs-from-content"),
        ("content", "content-from-prompt"),
    ],
)
def test_the_exact_call_of_each_operation(plan: str, operation: str, path: str) -> None:
    """The plan is the prefix of every path; params travel as they are."""
    assert sivi.submit(FACTS.request(operation), lane(plan=plan).options) == Call(
        "POST",
        f"https://connect.sivi.ai/api/prod/v2/{plan}/{path}",
        "submit",
        secrets=(SecretHeader("sivi-api-key", "key", "{}"),),
        body=JsonBody(FACTS.params[operation]),
    )


@pytest.mark.parametrize(("operation", "user"), [("media", None), ("design", "281743-2322")])
def test_a_poll_carries_one_parameter_of_encoded_json(operation: str, user: str | None) -> None:
    """`queryParams` is a JSON object with the request's id, and with the user it was made for."""
    call = sivi.poll(FACTS.request(operation), 'a"b&c', FACTS.lane.options)
    parts = urlsplit(call.url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://connect.sivi.ai/api/prod/v2/general/get-request-status"
    query = parse_qs(parts.query)
    assert list(query) == ["queryParams"]
    expected = {"requestId": 'a"b&c'} | ({"abstractUserId": user} if user else {})
    assert json.loads(query["queryParams"][0]) == expected
    assert parts.query.startswith("queryParams=%7B%22requestId%22%3A")


@pytest.mark.parametrize(
    ("plan", "limits"),
    [
        ("general", Limits((Window(50, 60.0),), concurrent=4, queued=10)),
        ("super", Limits((Window(100, 60.0),), concurrent=10, queued=15)),
        ("enterprise", Limits((Window(100, 60.0),), concurrent=10, queued=15)),
    ],
)
def test_limits_are_the_plans(plan: str, limits: Limits) -> None:
    """Requests a minute, concurrency and queue length as documented; Enterprise takes those of Super until told."""
    assert sivi.limits(lane(plan=plan).options) == limits


def test_the_account_fills_in_brand_and_user() -> None:
    """The brand belongs to media, the user to designs, nothing to content."""
    options = lane(brand="b_1", user="u_1").options
    filled = {name: sivi.defaults(name, options) for name in FACTS.params}
    user = {"abstractUserId": "u_1"}
    assert filled == {"media": {"bId": "b_1"}, "design": user, "design-from-content": user, "content": {}}
    assert all(sivi.defaults(name, lane().options) == {} for name in FACTS.params)


@pytest.mark.parametrize("operation", ["media", "design", "design-from-content"])
@pytest.mark.parametrize("ticket", STRANGE_IDS)
def test_a_success_without_a_request_id_is_in_doubt(operation: str, ticket: Json) -> None:
    """Accepted perhaps, but nobody can ask for it."""
    assert isinstance(FACTS.read("submit", answer(200, {"status": 200, "body": {"requestId": ticket}}), operation), Lost)


@pytest.mark.parametrize(
    ("body", "ticket"),
    [({"status": 200, "body": {"requestId": 0}}, "0"), ({"status": 200, "requestId": "r"}, "r"), ({"requestId": "r"}, "r")],
)
def test_a_request_id_is_a_ticket_wherever_it_stands(body: Json, ticket: str) -> None:
    """0 is an id, and a missing envelope does not lose a purchase."""
    assert FACTS.read("submit", answer(200, body), "media") == Queued(ticket)


@pytest.mark.parametrize(
    ("status", "message", "verdict"),
    [
        (401, "Failed to authenticate request.", Barred("401: Failed to authenticate request.")),
        (402, "Not enough credits to complete the transaction", Barred("402: Not enough credits to complete the transaction")),
        (404, "Brand not found", Refused("404: Brand not found")),
        (400, "User does not exist", Refused("400: User does not exist")),
        (422, "Model 'invalid-model' is not supported.", Refused("422: Model 'invalid-model' is not supported.")),
        (429, "Rate limit exceeded. Try later", Busy(None, "429: Rate limit exceeded. Try later")),
        (429, "Insufficient credit limit", Barred("429: Insufficient credit limit")),
        (500, "Server internal error", Lost("500: Server internal error")),
    ],
)
def test_the_error_table(status: int, message: str, verdict: Verdict) -> None:
    """HTTP and envelope agree; the two kinds of 429 are told apart by the message."""
    body = {"status": status, "body": {"message": message}}
    for operation in ("media", "design"):
        assert FACTS.read("submit", answer(status, body), operation) == verdict


@pytest.mark.parametrize(
    ("http", "inner", "on_submit", "on_poll"),
    [
        (200, 401, Lost, Barred),
        (200, 422, Lost, Broken),
        (200, 500, Lost, Broken),
        (200, 429, Lost, Busy),
        (401, 200, Lost, Barred),
        (500, 200, Lost, Broken),
        (429, 402, Barred, Barred),
        (422, 401, Barred, Barred),
        (422, 500, Lost, Broken),
        (500, 422, Lost, Broken),
        (503, 429, Lost, Broken),
    ],
)
def test_where_http_and_envelope_disagree_the_worse_is_believed(
    http: int, inner: int, on_submit: type[Verdict], on_poll: type[Verdict]
) -> None:
    """If one of them says success, a submit may have been accepted; two refusals are a refusal."""
    said = answer(http, {"status": inner, "body": {"requestId": "r", "status": "completed", "message": "m"}})
    assert isinstance(FACTS.read("submit", said, "media"), on_submit)
    assert isinstance(FACTS.read("poll", said, "media"), on_poll)


@pytest.mark.parametrize(
    ("http", "inner", "word"), [(200, 401, Barred), (200, 422, Refused), (200, 500, Lost), (401, 200, Lost), (200, 200, Queued)]
)
def test_the_envelope_can_be_told_to_decide(http: int, inner: int, word: type[Verdict]) -> None:
    """With `envelope: decides` an HTTP 200 is only the wrapper; it never turns an HTTP failure into a success."""
    said = answer(http, {"status": inner, "body": {"requestId": "r", "message": "m"}})
    assert isinstance(sivi.read("submit", said, FACTS.request("media"), lane(envelope="decides").options), word)


@pytest.mark.parametrize("word", ["complete", "completed", "Completed "])
def test_both_success_words_are_success(word: str) -> None:
    """The specification says complete, its own sample completed."""
    result = {"variations": [{"variantImageUrl": f"{RESOURCES}/1.jpg"}] * 4}
    assert isinstance(poll({"status": word, "result": result}), Done)


@pytest.mark.parametrize("word", ["failed", "suspended", "error", "FAILED"])
def test_failure_words_refuse_with_the_reason(word: str) -> None:
    """A failed job comes with HTTP 200; the reason is the vendor's."""
    assert poll({"status": word, "reason": "nsfw\nprompt"}) == Refused(f"the job {word.lower()}: nsfw prompt")
    assert poll({"status": word}) == Refused(f"the job {word.lower()}: no reason given")


@pytest.mark.parametrize("word", ["pending", "processing"])
def test_running_words_keep_the_same_ticket(word: str) -> None:
    """Still at work: ask again with what was asked before."""
    assert poll({"status": word, "progress": 40, "result": None}) == Queued("")


@pytest.mark.parametrize("word", ["queued", "done", "", None, 200, ["completed"], {"a": 1}, True])
def test_an_unknown_word_means_still_running(word: Json) -> None:
    """Never guessed done or failed; the note keeps the word."""
    verdict = poll({"status": word, "result": {"variations": [{"variantImageUrl": f"{RESOURCES}/1.jpg"}]}})
    assert isinstance(verdict, Queued)
    assert (verdict.ticket, "unknown status word" in verdict.note) == ("", True)


def variation(name: str, *options: object) -> dict[str, Any]:
    """One variation of a design with its nested options."""
    return {"variantImageUrl": f"{RESOURCES}/{name}.jpg", "variantId": name, "variantType": "GENERATED", "options": [*options]}


def test_variations_and_their_options_become_links_in_order() -> None:
    """A variation's own picture comes before those of its options; a picture named twice is downloaded once."""
    result = {"variations": [variation("1", variation("1_1"), variation("1_2")), variation("2"), variation("3"), variation("3")]}
    expected = tuple(Link(f"{RESOURCES}/{name}.jpg") for name in ("1", "1_1", "1_2", "2", "3"))
    assert poll({"status": "completed", "result": result}) == Done(expected)


def test_fewer_variants_than_asked_are_noted() -> None:
    """The result stands, but says what is missing; options do not make up for variants."""
    result = {"variations": [variation("1", variation("1_1")), {"variantImageUrl": "bare.jpg"}, None]}
    verdict = poll({"status": "complete", "result": result})
    assert isinstance(verdict, Done)
    assert len(verdict.items) == 2
    assert verdict.note == "1 of 4 variants asked for"


@pytest.mark.parametrize(
    "result", [None, [], {}, {"variations": []}, {"variations": None}, {"variations": [{"variantImageUrl": "a.jpg"}]}, "x", 5]
)
def test_a_finished_design_without_a_picture_is_asked_again(result: Json) -> None:
    """Finished, but nothing to download: a broken answer, not an empty result."""
    assert isinstance(poll({"status": "completed", "result": result}), Broken)


@pytest.mark.parametrize(
    "result",
    [{"media": {"url": f"{RESOURCES}/m.png", "mId": "w_1"}}, {"url": f"{RESOURCES}/m.png"}, f"{RESOURCES}/m.png"],
    ids=["media", "bare url", "text"],
)
def test_a_medium_is_one_link(result: Json) -> None:
    """The documented place, and the alternate shapes the vendor's own script puts up with."""
    assert poll({"status": "completed", "result": result}, "media") == Done((Link(f"{RESOURCES}/m.png"),))


@pytest.mark.parametrize("result", [{"media": {"url": "w_1----photo.png"}}, {"media": {"mId": "w"}}, None, "photo.png", [1]])
def test_a_medium_that_is_a_bare_file_name_is_asked_again(result: Json) -> None:
    """Media records can hold a file name instead of a URL; that is nothing to download."""
    assert isinstance(poll({"status": "completed", "result": result}, "media"), Broken)


@pytest.mark.parametrize("body", [SUGGESTED, {"status": 200, "body": SUGGESTED}], ids=["bare", "enveloped"])
def test_content_is_answered_at_once(body: Json) -> None:
    """Suggestions are the result, with or without the envelope its sample leaves out."""
    assert FACTS.read("submit", answer(200, body), "content") == Done((Data(SUGGESTED),))


@pytest.mark.parametrize("body", [{}, {"contentSuggestions": [], "assetSuggestions": None}, {"message": "ok"}])
def test_content_without_suggestions_is_in_doubt(body: Json) -> None:
    """An empty success is not a success."""
    assert isinstance(FACTS.read("submit", answer(200, body), "content"), Lost)


def test_a_page_instead_of_the_envelope_keeps_its_status() -> None:
    """A proxy's HTML has no envelope, so HTTP alone speaks."""
    assert FACTS.read("submit", Answer(403, {}, b"<html>"), "media") == Refused("status 403")
    assert FACTS.read("submit", Answer(502, {}, b"<html>"), "media") == Lost("status 502")


def test_a_poll_for_no_user_sends_none() -> None:
    """A request made for nobody in particular is asked for without a user."""
    params = {name: value for name, value in FACTS.params["design"].items() if name != "abstractUserId"}
    call = sivi.poll(make_request("sivi", "design", params), "r", FACTS.lane.options)
    assert "abstractUserId" not in call.url
