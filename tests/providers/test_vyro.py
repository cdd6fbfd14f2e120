"""Facts of Vyro: multipart calls, bytes, three status forms, and a body's code that knows more than the status."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from runner.providers import vyro
from runner.providers.registry import Account, Lane, open_catalog
from runner.records import Answer, Asset, Blob, Call, FormBody, Json, Limits, Part, SecretHeader, Window, make_request
from runner.verdicts import Barred, Broken, Busy, Done, Held, Inline, Link, Lost, Queued, Refused, Verdict
from tests.providers.questions import PNG, STRANGE_IDS, Facts, HardQuestions, answer, picture

IMAGE = "https://cdn.example.com/mug.png"
LINK = "https://r2.example.com/v.mp4?X-Amz-Signature=abc"
STARTED = answer(200, {"id": "v-17", "status": "processing"})
FACTS = Facts(
    vyro,
    params={
        "text-to-image": {"prompt": "a mug", "style": "realistic", "aspect_ratio": "3:2", "seed": 5},
        "text-to-png": {"prompt": "a mug", "aspect_ratio": "1:1", "seed": 1},
        "remove-background": {"image": IMAGE},
        "upscale": {"image": IMAGE},
        "generative-fill": {"prompt": "a bowl", "image": IMAGE, "mask": IMAGE},
        "resize": {"prompt": "a table", "image": IMAGE, "mask": IMAGE},
        "retouch": {"image": IMAGE, "mask": IMAGE},
        "ai-background": {"prompt": "a forest", "image": IMAGE, "style": "product-shoot", "seed": 12},
        "text-to-video": {"prompt": "a mug turns", "style": "fast-svd", "aspect_ratio": "16:9"},
        "image-to-video": {"prompt": "it turns", "style": "kling-1.0-pro", "file": IMAGE},
    },
    successes={
        **dict.fromkeys(
            (
                *("text-to-image", "text-to-png", "remove-background", "upscale", "generative-fill"),
                *("resize", "retouch", "ai-background"),
            ),
            picture(),
        ),
        "text-to-video": STARTED,
        "image-to-video": STARTED,
    },
    queued=frozenset({"text-to-video", "image-to-video"}),
)


class TestHardQuestions(HardQuestions):
    """Vyro under the questions every provider is asked."""

    facts = FACTS


def lane(**options: Json) -> Lane:
    """A Vyro account with these options."""
    return open_catalog({"vyro": Account(options=options)}).lanes["vyro"]


def poll(body: object, status: int = 200, **headers: str) -> Verdict:
    """What a poll's answer means."""
    return FACTS.read("poll", answer(status, body, **headers), "text-to-video")


def test_the_exact_call_of_ai_background() -> None:
    """The documented endpoint: the token by name, parts in the documented order, numbers as text, bytes to the store."""
    assert vyro.submit(FACTS.request("ai-background"), FACTS.lane.options) == Call(
        "POST",
        "https://api.vyro.ai/v2/image/generations/ai-background",
        "submit",
        secrets=(SecretHeader("Authorization", "key", "Bearer {}"),),
        body=FormBody(
            (Part("prompt", "a forest"), Part("image", Asset(IMAGE)), Part("style", "product-shoot"), Part("seed", "12")),
        ),
        sink="blob",
    )


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("text-to-image", "/image/generations"),
        ("text-to-png", "/image/generations/transparent"),
        ("remove-background", "/image/background/remover"),
        ("upscale", "/image/enhance"),
        ("generative-fill", "/image/edits/generative-fill"),
        ("resize", "/image/edits/ai-resize"),
        ("retouch", "/image/edits/remove"),
        ("text-to-video", "/video/text-to-video"),
        ("image-to-video", "/video/image-to-video"),
    ],
)
def test_each_operation_has_its_path(operation: str, path: str) -> None:
    """The vendor's menu, path by path; videos answer with JSON, pictures with bytes."""
    call = vyro.submit(FACTS.request(operation), FACTS.lane.options)
    assert call.url == f"https://api.vyro.ai/v2{path}"
    assert call.sink == ("memory" if "video" in operation else "blob")


@pytest.mark.parametrize(("operation", "option"), [("resize", "resize_path"), ("retouch", "retouch_path")])
def test_assumed_paths_are_options(operation: str, option: str) -> None:
    """A path only callers know can be corrected in the project file."""
    call = vyro.submit(FACTS.request(operation), lane(**{option: "/image/edits/other"}).options)
    assert call.url == "https://api.vyro.ai/v2/image/edits/other"


@pytest.mark.parametrize("name", ["file", "image"])
def test_the_part_of_image_to_video_is_an_option(name: str) -> None:
    """Five callers send the picture as `file`, one as `image`."""
    body = vyro.submit(FACTS.request("image-to-video"), lane(video_image_part=name).options).body
    assert isinstance(body, FormBody)
    assert body.parts[-1] == Part(name, Asset(IMAGE))


def test_open_operations_pass_on_what_they_do_not_know() -> None:
    """Unlisted fields follow the listed ones in alphabetical order: booleans as text, our pictures as files, nulls left out."""
    blob = f"blob:{'1' * 64}"
    params: dict[str, Json] = {"zoom": 2, "creative": True, "image": IMAGE, "reference": blob, "style": None}
    call = vyro.submit(make_request("vyro", "upscale", params), FACTS.lane.options)
    expected = (Part("image", Asset(IMAGE)), Part("creative", "true"), Part("reference", Asset(blob)), Part("zoom", "2"))
    assert call.body == FormBody(expected)


@pytest.mark.parametrize(
    ("form", "path"), [("video", "/video/v-17/status"), ("deprecated", "/video/status/v-17"), ("assets", "/assets/v-17/status")]
)
def test_the_three_status_forms(form: str, path: str) -> None:
    """Each documented way to ask for a video is an option."""
    call = vyro.poll(FACTS.request("text-to-video"), "v-17", lane(status_form=form).options)
    assert (call.method, call.url, call.body) == ("GET", f"https://api.vyro.ai/v2{path}", None)


@pytest.mark.parametrize(("form", "path"), [("video", "/video/v%2F1"), ("deprecated", "/video/delete/v%2F1")])
def test_deleting_is_a_call_of_its_own(form: str, path: str) -> None:
    """A video is deleted by DELETE with the token, on the assumed or on the deprecated path."""
    call = vyro.cancel(FACTS.request("text-to-video"), "v/1", lane(delete_form=form).options)
    assert call == Call(
        "DELETE", f"https://api.vyro.ai/v2{path}", "poll", secrets=(SecretHeader("Authorization", form="Bearer {}"),)
    )


@pytest.mark.parametrize(
    "start",
    [PNG, b"\xff\xd8\xff\xe0rest", b"GIF89a....", b"RIFF\x0a\x00\x00\x00WEBPVP8 ", b"\x00\x00\x00 ftypavif...."],
    ids=["png", "jpeg", "gif", "webp", "avif"],
)
@pytest.mark.parametrize("media_type", ["application/octet-stream", "image/png", "application/json", "text/html"])
def test_bytes_are_a_picture_by_how_they_begin(start: bytes, media_type: str) -> None:
    """The declared type never decides against the bytes."""
    assert FACTS.read("submit", picture(start, media_type), "upscale") == Done((Held(Blob("ab" * 32, len(start))),))


def test_bytes_declared_a_picture_are_left_to_decoding() -> None:
    """A corrupt picture was bought all the same: it is kept, and found out when it is measured."""
    assert isinstance(FACTS.read("submit", picture(b"garbage", "Image/PNG"), "upscale"), Done)


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"garbage", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"{}"])
def test_bytes_that_are_no_picture_are_in_doubt(body: bytes) -> None:
    """A page, SVG or garbage with 200 is no picture, though it may have been paid for."""
    assert isinstance(FACTS.read("submit", picture(body), "upscale"), Lost)


@pytest.mark.parametrize("path", [("url",), ("image",), ("data", "url"), ("data", "image")])
def test_json_may_name_or_hold_the_picture(path: tuple[str, ...]) -> None:
    """One page of the documents says JSON: a URL is followed, base64 of a picture is decoded, anything else is in doubt."""
    plain = base64.b64encode(PNG).decode()
    for value, item in ((IMAGE, Link(IMAGE)), (plain, Inline(PNG)), (f"data:image/png;base64,{plain}", Inline(PNG))):
        assert FACTS.read("submit", answer(200, _nest(path, value)), "upscale") == Done((item,))
    for odd in ("mug.png", "bm90IGEgcGljdHVyZQ==", "ä", "", 5):
        assert isinstance(FACTS.read("submit", answer(200, _nest(path, odd)), "upscale"), Lost)


def _nest(path: tuple[str, ...], value: object) -> object:
    for name in reversed(path):
        value = {name: value}
    return value


@pytest.mark.parametrize(("id", "ticket"), [("v-17", "v-17"), (0, "0"), (18446744073709551615, "18446744073709551615")])
def test_a_video_is_queued_under_its_id(id: Json, ticket: str) -> None:
    """An id is a ticket, also where it is a number or 0."""
    assert FACTS.read("submit", answer(200, {"id": id, "status": "processing"}), "text-to-video") == Queued(ticket)


@pytest.mark.parametrize("id", STRANGE_IDS)
def test_a_video_without_an_id_is_in_doubt(id: Json) -> None:
    """Accepted perhaps, but nobody can ask for it."""
    assert isinstance(FACTS.read("submit", answer(200, {"id": id}), "text-to-video"), Lost)


FORM_A = {"status": "success", "video": {"code": 2, "id": 17, "settings": {"prompt": "p"}, "url": {"generation": [LINK]}}}
FORM_B: dict[str, Any] = {"status": "success", "video": {"uuid": "u", "created_at": "x", "status": "processing", "url": {}}}
FORM_C = {"status": "success", "video": {"uuid": "u", "status": "finished", "url": {"generation": LINK, "thumbnail": IMAGE}}}


@pytest.mark.parametrize("body", [FORM_A, FORM_C], ids=["list", "string"])
def test_a_video_is_done_when_its_link_is_there(body: object) -> None:
    """`video.url.generation` may be a list or a string; its presence is the success, whatever the words say."""
    assert poll(body) == Done((Link(LINK),))


@pytest.mark.parametrize("word", ["queued", "generating", "running", "pending", "processing", "in_progress", " Processing "])
def test_running_words_keep_the_same_ticket(word: str) -> None:
    """Still at work: ask again with what was asked before."""
    assert poll({"status": "success", "video": {"status": word, "url": {}}}) == Queued("")


@pytest.mark.parametrize("word", ["rendering", "", None, 3, [], {"a": 1}])
def test_an_unknown_word_means_still_running(word: Json) -> None:
    """Never guessed done or failed; the note keeps the word."""
    verdict = poll({"status": "success", "video": {"status": word}})
    assert isinstance(verdict, Queued)
    assert (verdict.ticket, "unknown status word" in verdict.note) == ("", True)


@pytest.mark.parametrize("word", ["error", "failed", "cancelled", "canceled", "rejected", "FAILED"])
def test_failure_words_end_the_video(word: str) -> None:
    """The vendor says never; its reason is kept."""
    body = {"status": "success", "video": {"status": word, "message": "nsfw"}}
    assert poll(body) == Refused(f"the video {word.lower()}: nsfw")


def test_the_top_level_status_tells_of_the_call_only() -> None:
    """`success` beside a running video is not a success, and `processing` there is no state."""
    assert poll(FORM_B) == Queued("")
    assert isinstance(poll({"status": "success"}), Queued)
    assert isinstance(poll({"status": "failed", "video": {"status": "processing"}}), Queued)


@pytest.mark.parametrize("found", [None, "", [], "v.mp4", ["v.mp4", 3]])
def test_a_finished_video_without_a_link_is_asked_again(found: Json) -> None:
    """Finished, but nothing to download: a broken answer, not a result."""
    assert isinstance(poll({"status": "success", "video": {"status": "finished", "url": {"generation": found}}}), Broken)


@pytest.mark.parametrize(
    ("code", "word"),
    [(None, Refused), (9999, Refused), (1001, Barred), (1101, Barred), (1200, Broken), (1202, Busy), (1100, Broken)],
)
def test_an_error_inside_a_good_answer(code: Json, word: type[Verdict]) -> None:
    """A documented code tells of the status call; without one the error is the video's."""
    assert isinstance(poll({"status": "error", "code": code, "error": "oops", "message": "no"}), word)


@pytest.mark.parametrize(
    ("status", "code", "word"),
    [
        (400, 1000, Barred),
        (400, 1003, Barred),
        (400, 1004, Barred),
        (400, 1100, Refused),
        (400, None, Refused),
        (401, 1001, Barred),
        (401, 1005, Barred),
        (402, 1101, Barred),
        (402, None, Barred),
        (406, 1002, Barred),
        (406, None, Barred),
        (422, None, Refused),
        (424, None, Barred),
        (429, 1202, Busy),
        (403, 1208, Barred),
        (503, 1200, Lost),
        (503, 1201, Lost),
        (500, 1100, Lost),
        (503, 1202, Lost),
    ],
)
def test_the_error_table(status: int, code: Json, word: type[Verdict]) -> None:
    """The body's code tells apart what one status stands for; a 5xx stays in doubt whatever its code."""
    body = {"status": "error", "code": code, "error": "name", "message": "what happened"}
    verdict = FACTS.read("submit", answer(status, body), "ai-background")
    assert isinstance(verdict, word)
    assert verdict.why == f"{status}: what happened"  # type: ignore[union-attr]


def test_pace_is_fifty_a_minute() -> None:
    """As callers read it off the wire."""
    assert vyro.limits(FACTS.lane.options) == Limits((Window(50, 60.0),), concurrent=8)


def test_an_error_with_a_blob_sink_is_read_from_its_body() -> None:
    """Errors are never streamed to the store."""
    raw = Answer(402, {}, b'{"code": 1101, "message": "Insufficient tokens"}')
    assert FACTS.read("submit", raw, "upscale") == Barred("402: Insufficient tokens")
