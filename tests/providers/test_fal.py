"""Facts of fal: two addresses from one submit, 202 and 200, and failure inside COMPLETED."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from runner.edge.bodies import find_assets
from runner.fields import check_params
from runner.providers import fal
from runner.providers.registry import Account, open_catalog
from runner.records import Asset, Call, Json, JsonBody, Limits, SecretHeader, Window, make_request
from runner.verdicts import Barred, Broken, Busy, Done, Inline, Link, Lost, Queued, Refused, Verdict
from tests.providers.questions import PNG, STRANGE_IDS, Facts, HardQuestions, answer

API = "https://queue.fal.run"
JOB = f"{API}/fal-ai/flux/requests/r1"
FILE = "https://v3.fal.media/files/a.png"
TICKET = '["/fal-ai/flux/requests/r1/status","/fal-ai/flux/requests/r1"]'
TAKEN = {
    "status": "IN_QUEUE",
    "request_id": "r1",
    "response_url": JOB,
    "status_url": f"{JOB}/status",
    "cancel_url": f"{JOB}/cancel",
}
INPUT = {"prompt": "a mug", "image_size": "square_hd"}
FACTS = Facts(
    fal,
    params={"run": {"model": "fal-ai/flux/dev", "input": INPUT}},
    successes={"run": answer(200, TAKEN)},
    queued=frozenset({"run"}),
)


class TestHardQuestions(HardQuestions):
    """fal under the questions every provider is asked."""

    facts = FACTS


def poll(body: object, status: int = 200, **headers: str) -> Verdict:
    """What a poll's answer means."""
    return FACTS.read("poll", answer(status, body, **headers), "run")


def asks(ticket: str) -> str:
    """The address a poll with this ticket goes to."""
    return fal.poll(FACTS.request("run"), ticket, FACTS.lane.options).url


def test_the_exact_call() -> None:
    """The model with its subpath is the path, the model's input the whole body."""
    assert fal.submit(FACTS.request("run"), FACTS.lane.options) == Call(
        "POST",
        f"{API}/fal-ai/flux/dev",
        "submit",
        secrets=(SecretHeader("Authorization", "key", "Key {}"),),
        body=JsonBody(INPUT),
    )


def test_options_are_headers() -> None:
    """How the queue treats a job is the account's affair, not part of what is asked."""
    options = {"priority": "low", "no_retry": True, "start_within": 90}
    lane = open_catalog({"fal": Account(options=options)}).lanes["fal"]  # type: ignore[arg-type]
    headers = (("X-Fal-Queue-Priority", "low"), ("x-fal-no-retry", "1"), ("X-Fal-Request-Timeout", "90"))
    assert fal.submit(FACTS.request("run"), lane.options).headers == headers


@pytest.mark.parametrize(
    "model", ["flux", "/fal-ai/flux", "fal-ai/../flux", "fal-ai//flux", "https://x.y/z", "fal-ai/flux?x=1", ""]
)
def test_a_model_is_a_path_of_names(model: str) -> None:
    """What could lead elsewhere is found before sending."""
    assert check_params(fal.OPERATIONS["run"], "fal/run", {"model": model, "input": {}})


def test_pictures_travel_as_data_uris() -> None:
    """Bytes of ours anywhere in the model's input; URLs are the vendor's to fetch."""
    blob = f"blob:{'2' * 64}"
    params: dict[str, Any] = {"model": "a/b", "input": {"image_url": blob, "loras": [{"path": FILE}], "image_urls": [blob, FILE]}}
    assert check_params(fal.OPERATIONS["run"], "fal/run", params) == []
    call = fal.submit(make_request("fal", "run", params), FACTS.lane.options)
    assert find_assets(call.body) == [Asset(blob, "data:{type};base64,{data}")] * 2


@pytest.mark.parametrize(
    ("body", "ticket", "url"),
    [
        (TAKEN, TICKET, f"{JOB}/status"),
        ({**TAKEN, "response_url": "https://evil.example/r1"}, '["/fal-ai/flux/requests/r1/status"]', f"{JOB}/status"),
        ({**TAKEN, "status_url": "https://evil.example/r1"}, "r1", f"{JOB}/status"),
        (
            {"request_id": "r1", "status_url": "https://queue.falrun.com/x/r1/status"},
            '["https://queue.falrun.com/x/r1/status"]',
            "https://queue.falrun.com/x/r1/status",
        ),
        ({"request_id": "r1"}, "r1", f"{JOB}/status"),
    ],
)
def test_the_ticket_is_both_addresses(body: dict[str, Any], ticket: str, url: str) -> None:
    """As given, never built; only an id alone is asked for below the model's first two names."""
    assert FACTS.read("submit", answer(200, body), "run") == Queued(ticket)
    assert asks(ticket) == url


@pytest.mark.parametrize("id", STRANGE_IDS)
def test_a_job_that_cannot_be_asked_for_is_in_doubt(id: Json) -> None:
    """Accepted perhaps, but nobody can ask for it."""
    assert isinstance(FACTS.read("submit", answer(200, {"status": "IN_QUEUE", "request_id": id}), "run"), Lost)


@pytest.mark.parametrize(
    ("status", "body", "note"),
    [
        (202, {"status": "IN_QUEUE", "queue_position": 3}, False),
        (202, {"status": "IN_PROGRESS", "logs": None}, False),
        (200, {"status": "IN_PROGRESS"}, False),
        (202, {"status": "WARMING"}, True),
        (202, {}, True),
        (202, {"images": [{"url": FILE}]}, True),
        (200, {"status": "WARMING"}, True),
    ],
)
def test_waiting_and_running_keep_the_ticket(status: int, body: Json, note: bool) -> None:
    """By the word, and where that is unknown by 202; an unknown word is still running."""
    verdict = poll(body, status)
    assert isinstance(verdict, Queued)
    assert (verdict.ticket, bool(verdict.note)) == ("", note)


def test_completed_moves_on_to_the_result() -> None:
    """At once, to the address the status names, else to the ticket's second."""
    assert poll({"status": "COMPLETED", "response_url": JOB, "metrics": {}}) == Queued("/fal-ai/flux/requests/r1", 0.0)
    assert asks("/fal-ai/flux/requests/r1") == JOB
    assert (
        poll({"status": "COMPLETED"}) == poll({"status": "COMPLETED", "response_url": "https://evil.example/"}) == Queued("→", 0.0)
    )


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"error": "out of memory", "error_type": "runner_server_error"}, "the job failed: out of memory (runner_server_error)"),
        ({"error": "no"}, "the job failed: no"),
        ({"error_type": "startup_timeout"}, "the job failed: startup_timeout"),
        ({"error": {"code": 7}}, "the job failed: no reason given"),
    ],
)
def test_failure_inside_completed_is_a_failure(more: dict[str, Any], why: str) -> None:
    """COMPLETED is the only last word; what stands beside it tells which."""
    assert poll({"status": "COMPLETED", "response_url": JOB, **more}) == Refused(why)


@pytest.mark.parametrize(
    ("body", "links"),
    [
        ({"images": [{"url": FILE, "width": 8}, {"url": f"{FILE}?2"}], "seed": 7, "prompt": "a mug"}, [FILE, f"{FILE}?2"]),
        ({"image": {"url": FILE, "content_type": "image/png"}}, [FILE]),
        ({"video": {"url": "https://v3.fal.media/files/v.mp4"}, "timings": {}}, ["https://v3.fal.media/files/v.mp4"]),
        ({"status": "COMPLETED", "response_url": JOB, "images": [{"url": FILE}]}, [FILE]),
    ],
)
def test_a_result_is_its_files(body: Json, links: list[str]) -> None:
    """Objects with a `url`, as the vendor writes files, at any depth."""
    assert poll(body) == Done(tuple(map(Link, links)))


def test_a_file_may_be_a_data_uri() -> None:
    """Some models answer so; bytes that are no picture are none."""
    uri = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert poll({"images": [{"url": uri}]}) == Done((Inline(PNG),))
    assert isinstance(poll({"images": [{"url": "data:image/png;base64,AAAAAAAAAAAAAAAAAAAAAA=="}]}), Broken)


@pytest.mark.parametrize("body", [{"images": []}, {"output": "a headline"}, {"images": [{"url": "a.png"}]}, {"url": 7}])
def test_a_result_without_a_file_is_asked_again(body: Json) -> None:
    """Never an empty success, and never given up at the first look."""
    assert isinstance(poll(body), Broken)


@pytest.mark.parametrize(
    ("status", "body", "headers", "word"),
    [
        (422, {"detail": [{"loc": ["body", "prompt"], "msg": "too long", "type": "value_error"}]}, {}, Refused),
        (400, {"detail": "Bad input", "error_type": "bad_request"}, {}, Refused),
        (410, {"detail": "Canceled"}, {"x_fal_error_type": "client_cancelled"}, Refused),
        (503, {"detail": "Runner disconnected"}, {"x_fal_error_type": "runner_disconnected"}, Broken),
        (404, {"detail": "Request not found", "error_type": "not_found"}, {}, Lost),
        (400, {"detail": "Request is still in progress"}, {}, Broken),
        (404, {"detail": "not found"}, {}, Broken),
        (503, {"detail": "unavailable"}, {}, Broken),
        (401, {"detail": "no", "error_type": "auth"}, {}, Barred),
        (403, {"detail": "User is locked", "error_type": "auth"}, {}, Barred),
        (429, {"detail": "no", "error_type": "rate"}, {"retry_after": "3"}, Busy),
    ],
)
def test_an_error_of_the_result_is_how_the_job_ended(status: int, body: Json, headers: dict[str, str], word: type[Verdict]) -> None:
    """A request's or a model's error, as documented, is final; any other error is the poll's own."""
    assert isinstance(poll(body, status, **headers), word)


def test_what_is_gone_was_paid_for() -> None:
    """A request that the vendor does not know is not asked for until the deadline; with another key it may, so it is parked."""
    assert poll({"detail": "Request not found", "error_type": "not_found"}, 404) == Lost(fal.GONE, final=True)


def test_the_models_complaints_are_told() -> None:
    """Each message of the list, with the vendor's word for the kind where there is one."""
    body = {"detail": [{"msg": "too long"}, {"msg": "too wide"}, "odd"]}
    assert poll(body, 422) == Refused("the job failed with 422: too long; too wide; odd")
    assert FACTS.read("submit", answer(422, body), "run") == Refused("422: too long; too wide; odd")


@pytest.mark.parametrize(("status", "word"), [(401, Barred), (403, Barred), (404, Refused), (429, Busy), (500, Lost), (504, Lost)])
def test_errors_of_a_submit(status: int, word: type[Verdict]) -> None:
    """A documented type does not make a 5xx a refusal: the job may have been taken."""
    verdict = FACTS.read("submit", answer(status, {"detail": "what happened", "error_type": "kind"}), "run")
    assert isinstance(verdict, word)
    assert verdict.why == f"{status}: what happened (kind)"  # type: ignore[union-attr]


def test_pace() -> None:
    """Ten calls a second; not more standing there than an account ever runs."""
    assert fal.limits(FACTS.lane.options) == Limits((Window(10, 1.0),), concurrent=10, queued=40)
