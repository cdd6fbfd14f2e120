"""Facts of Stability: forms even without a file, pictures inside JSON, 202 and 200, and a filter that says 200."""

from __future__ import annotations

import base64

import pytest

from runner.fields import check_params
from runner.providers import stability
from runner.records import Answer, Asset, Blob, Call, FormBody, Json, Limits, Part, SecretHeader, Window, make_request
from runner.verdicts import Barred, Broken, Busy, Done, Held, Inline, Lost, Queued, Refused, Verdict
from tests.providers.questions import PNG, STRANGE_IDS, Facts, HardQuestions, answer

API = "https://api.stability.ai/v2beta"
IMAGE = "https://cdn.example.com/mug.png"
CODED = base64.b64encode(PNG).decode()
MADE = {"image": CODED, "finish_reason": "SUCCESS", "seed": 7}
QUEUED = frozenset({"upscale-creative", "edit-replace-background-and-relight"})
PARAMS: dict[str, dict[str, Json]] = {
    "core": {"prompt": "a mug", "aspect_ratio": "3:2", "style_preset": "photographic", "seed": 7},
    "ultra": {"prompt": "a mug", "output_format": "webp"},
    "sd3": {"prompt": "a mug", "mode": "image-to-image", "image": IMAGE, "strength": 0.5},
    "upscale-fast": {"image": IMAGE},
    "upscale-conservative": {"image": IMAGE, "prompt": "a mug"},
    "upscale-creative": {"image": IMAGE, "prompt": "a mug", "negative_prompt": "a cup"},
    "edit-erase": {"image": IMAGE, "mask": IMAGE},
    "edit-inpaint": {"image": IMAGE, "mask": IMAGE, "prompt": "a cup"},
    "edit-outpaint": {"image": IMAGE, "left": 100},
    "edit-search-and-replace": {"image": IMAGE, "search_prompt": "mug", "prompt": "a cup"},
    "edit-search-and-recolor": {"image": IMAGE, "select_prompt": "mug", "prompt": "blue"},
    "edit-remove-background": {"image": IMAGE},
    "edit-replace-background-and-relight": {"subject_image": IMAGE, "background_prompt": "a beach"},
}
FACTS = Facts(
    stability,
    params=PARAMS,
    successes={name: answer(200, {"id": "g1"} if name in QUEUED else MADE) for name in PARAMS},
    queued=QUEUED,
)


class TestHardQuestions(HardQuestions):
    """Stability under the questions every provider is asked."""

    facts = FACTS


def poll(body: object, status: int = 200, **headers: str) -> Verdict:
    """What a poll's answer means."""
    return FACTS.read("poll", answer(status, body, **headers), "upscale-creative")


def test_the_exact_call_without_a_file() -> None:
    """A form all the same, with numbers as text, asking for JSON."""
    assert stability.submit(FACTS.request("core"), FACTS.lane.options) == Call(
        "POST",
        f"{API}/stable-image/generate/core",
        "submit",
        headers=(("Accept", "application/json"),),
        secrets=(SecretHeader("Authorization", "key", "Bearer {}"),),
        body=FormBody(
            (Part("prompt", "a mug"), Part("aspect_ratio", "3:2"), Part("style_preset", "photographic"), Part("seed", "7"))
        ),
    )


def test_pictures_are_files_and_unknown_fields_follow() -> None:
    """Listed fields in their order, then the others by name: booleans as text, our pictures as files, nulls left out."""
    blob = f"blob:{'4' * 64}"
    params: dict[str, Json] = {"creativity": 0.3, "prompt": "a mug", "image": IMAGE, "style_image": blob, "hd": True, "seed": None}
    body = stability.submit(make_request("stability", "upscale-creative", params), FACTS.lane.options).body
    assert isinstance(body, FormBody)
    assert body.parts == (
        *(Part("image", Asset(IMAGE)), Part("prompt", "a mug")),
        *(Part("creativity", "0.3"), Part("hd", "true"), Part("style_image", Asset(blob))),
    )


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("ultra", "generate/ultra"),
        ("sd3", "generate/sd3"),
        ("upscale-fast", "upscale/fast"),
        ("upscale-conservative", "upscale/conservative"),
        ("upscale-creative", "upscale/creative"),
        ("edit-outpaint", "edit/outpaint"),
        ("edit-remove-background", "edit/remove-background"),
        ("edit-replace-background-and-relight", "edit/replace-background-and-relight"),
    ],
)
def test_each_operation_has_its_path(operation: str, path: str) -> None:
    """Generate, upscale and edit, by the vendor's own names."""
    assert stability.submit(FACTS.request(operation), FACTS.lane.options).url == f"{API}/stable-image/{path}"


@pytest.mark.parametrize(
    ("operation", "params", "path"),
    [
        ("core", {"aspect_ratio": "7:3"}, ("aspect_ratio",)),
        ("core", {"seed": 4294967295}, ("seed",)),
        ("core", {"prompt": "x" * 10_001}, ("prompt",)),
        ("core", {"image": IMAGE}, ("image",)),
        ("sd3", {"strength": 1.5}, ("strength",)),
        ("edit-outpaint", {"left": 0}, ("left",)),
        ("edit-remove-background", {"output_format": "jpeg"}, ("output_format",)),
    ],
)
def test_wrong_values_are_found_before_sending(operation: str, params: dict[str, Json], path: tuple[str, ...]) -> None:
    """By the vendor's own rules."""
    problems = check_params(stability.OPERATIONS[operation], "stability", {**PARAMS[operation], **params})
    assert [problem.path for problem in problems] == [path]


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("sd3", {"prompt": "a mug", "image": IMAGE}),
        ("edit-outpaint", {"image": IMAGE}),
        ("edit-replace-background-and-relight", {"background_prompt": "a beach"}),
    ],
)
def test_what_belongs_together_is_asked_for(operation: str, params: dict[str, Json]) -> None:
    """A picture with its strength, some side to extend, some subject."""
    assert len(check_params(stability.OPERATIONS[operation], "stability", params)) == 1


@pytest.mark.parametrize("step", ["submit", "poll"])
@pytest.mark.parametrize("name", ["image", "result"])
def test_a_picture_inside_json_is_the_result(step: str, name: str) -> None:
    """Base64 under either name, for an answer at once as for a result."""
    said = answer(200, {name: CODED, "finish_reason": "SUCCESS", "seed": 7})
    assert FACTS.read(step, said, "upscale-creative") == Done((Inline(PNG),))  # type: ignore[arg-type]


def test_a_pictures_own_bytes_are_understood() -> None:
    """From memory, or from the store where they were streamed."""
    assert FACTS.read("submit", Answer(200, {"content-type": "image/png"}, PNG), "core") == Done((Inline(PNG),))
    blob = Blob("ab" * 32, len(PNG))
    assert FACTS.read("poll", Answer(200, {}, PNG, blob), "upscale-creative") == Done((Held(blob),))


@pytest.mark.parametrize("step", ["submit", "poll"])
def test_filtered_is_never_a_success(step: str) -> None:
    """CONTENT_FILTERED comes with 200 and perhaps with a blurred picture, in JSON or beside the bytes."""
    for said in (
        answer(200, {**MADE, "finish_reason": "CONTENT_FILTERED"}),
        answer(200, {"finish_reason": "CONTENT_FILTERED"}),
        Answer(200, {"finish-reason": "CONTENT_FILTERED"}, PNG),
    ):
        verdict = FACTS.read(step, said, "upscale-creative")  # type: ignore[arg-type]
        assert isinstance(verdict, Refused)
        assert "CONTENT_FILTERED" in verdict.why


def test_202_is_not_yet_whatever_it_says() -> None:
    """The state is the status; 200 is the result."""
    for body in ({"id": "g1", "status": "in-progress"}, {}, b"", MADE):
        assert poll(body, 202) == Queued("")
    assert isinstance(poll({"id": "g1", "status": "in-progress"}), Broken)


@pytest.mark.parametrize("operation", PARAMS)
def test_any_operation_may_be_queued_or_answered(operation: str) -> None:
    """The answer tells, not the list in our documents."""
    assert FACTS.read("submit", answer(200, {"id": "g1"}), operation) == Queued("g1")
    assert FACTS.read("submit", answer(200, MADE), operation) == Done((Inline(PNG),))
    assert stability.poll(FACTS.request(operation), "g1", FACTS.lane.options).url == f"{API}/results/g1"


@pytest.mark.parametrize("id", STRANGE_IDS)
def test_neither_a_picture_nor_an_id_is_in_doubt(id: Json) -> None:
    """Accepted perhaps, but nobody can ask for it; so is an id that comes with errors."""
    assert isinstance(FACTS.read("submit", answer(200, {"id": id}), "upscale-creative"), Lost)
    assert isinstance(FACTS.read("submit", answer(200, {"id": "e1", "errors": ["no"]}), "upscale-creative"), Lost)
    assert isinstance(FACTS.read("submit", answer(200, {**MADE, "image": "bm90IGEgcGljdHVyZSBhdCBhbGw="}), "core"), Lost)


def test_a_result_that_is_gone_was_paid_for() -> None:
    """After a day, or with another key, the vendor knows of none; that is its word, and no other 404 is. It is parked."""
    assert poll({"id": "e1", "name": "not_found", "errors": ["no such result"]}, 404) == Lost(stability.GONE, final=True)
    assert isinstance(poll({"message": "no such page"}, 404), Broken)


@pytest.mark.parametrize(
    ("status", "submitted", "polled"),
    [
        (400, Refused, Broken),
        (401, Barred, Barred),
        (402, Barred, Barred),
        (403, Refused, Broken),
        (404, Refused, Broken),
        (413, Refused, Broken),
        (429, Busy, Busy),
        (500, Lost, Broken),
    ],
)
def test_errors(status: int, submitted: type[Verdict], polled: type[Verdict]) -> None:
    """What the moderation refuses is refused for good; an error of a poll is the poll's own."""
    body = {"id": "e1", "name": "bad_request", "errors": ["seed: too large", "prompt: missing"]}
    verdict = FACTS.read("submit", answer(status, body), "core")
    assert isinstance(verdict, submitted)
    assert verdict.why == f"{status}: bad_request: seed: too large; prompt: missing"  # type: ignore[union-attr]
    assert isinstance(poll(body, status), polled)


def test_a_result_may_be_moderated_too() -> None:
    """The vendor's word for it ends a queued job."""
    assert poll({"id": "e1", "name": "content_moderation", "message": "flagged"}, 403) == Refused(
        "403: content_moderation: flagged"
    )


def test_pace_is_a_hundred_and_fifty_in_ten_seconds() -> None:
    """Polls come every ten seconds."""
    assert stability.limits(FACTS.lane.options) == Limits((Window(150, 10.0),), concurrent=16)
    assert {(operation.polling.first, operation.polling.cap) for operation in stability.OPERATIONS.values()} == {(10.0, 10.0)}
