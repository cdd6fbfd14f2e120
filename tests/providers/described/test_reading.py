"""Answers read by a description, where the four examples do not lead."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from runner.providers.addresses import NEXT_STAGE
from runner.providers.contract import Weighing
from runner.records import Answer, Blob, Json
from runner.verdicts import Barred, Broken, Busy, Data, Done, Held, Inline, Link, Lost, Queued, Refused, Text, Verdict
from tests.providers.described.acme import BASE, acme, opened, read, request
from tests.providers.questions import PNG, answer

LINK = "https://cdn.acme.example/a.png"
CODED = base64.b64encode(PNG).decode()


@pytest.mark.parametrize(
    ("gives", "where", "said", "items"),
    [
        ("text", {"text": "choices[].text"}, {"choices": [{"text": "a"}, {"text": "b"}]}, (Text("a\nb"),)),
        ("files", {"links": "data[].url"}, {"data": [{"url": LINK}, {"url": "x.png"}, {"url": LINK}]}, (Link(LINK),)),
        (
            "files",
            {"base64": "data[].b64"},
            {"data": [{"b64": CODED}, {"b64": f"data:image/png;base64,{CODED}"}]},
            (Inline(PNG),) * 2,
        ),
        ("file", {"links": "url", "base64": "url"}, {"url": CODED}, (Inline(PNG),)),
        ("json", {"json": "tags"}, {"tags": ["a", {"b": 1}]}, (Data(["a", {"b": 1}]),)),
    ],
)
def test_a_result_is_found_where_it_stands(gives: str, where: dict[str, Any], said: object, items: tuple[object, ...]) -> None:
    """One or many, as text, links, base64 or JSON."""
    assert read(acme(gives=gives, answer=where), said) == Done(items)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("gives", "where"), [("text", {"text": "t"}), ("file", {"links": "t", "base64": "t"}), ("json", {"json": "t"})]
)
@pytest.mark.parametrize("odd", [None, "", " ", [], {}, 5, ["", None]])
def test_a_success_without_a_result_is_in_doubt(gives: str, where: dict[str, Any], odd: Json) -> None:
    """What cannot be used is no result, though it may have been paid for."""
    verdict = read(acme(gives=gives, answer=where), {"t": odd})
    assert isinstance(verdict, Lost) or (gives == "json" and isinstance(verdict, Done) and holds_something(odd))


def holds_something(odd: Json) -> bool:
    """Whether JSON calls it something: then it is a JSON value like any other."""
    return odd not in (None, "", [], {})


QUEUED: dict[str, Any] = {
    "answer": {},
    "id": "id",
    "poll": {
        "path": "/jobs/{ticket}",
        "states": {"at": "status", "done": ["Ready"], "failed": ["Content Moderated"], "running": ["Pending"]},
        "failed_if": "error",
        "reason": "[error, detail]",
        "answer": {"links": "result.url"},
    },
}


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({"status": "READY", "result": {"url": LINK}}, Done((Link(LINK),))),
        ({"status": "ready ", "result": {}}, Broken("the job is ready, but nothing is found where its result should stand")),
        ({"status": "content moderated", "detail": "hands"}, Refused("the job content moderated: hands")),
        ({"status": "Ready", "error": "too many hands", "result": {"url": LINK}}, Refused("the job failed: too many hands")),
        ({"status": "Pending"}, Queued("")),
        ({"status": "Baking"}, Queued("", note="unknown status word 'baking'")),
        ({"result": {"url": LINK}}, Queued("", note="unknown status word 'None'")),
    ],
)
def test_a_job_by_its_word(said: object, verdict: Verdict) -> None:
    """Whatever the case, words with spaces too; a failure inside a finished job is a failure."""
    assert read(acme(**QUEUED), said, "poll") == verdict


ELSEWHERE: dict[str, Any] = {
    **QUEUED,
    "poll": {**QUEUED["poll"], "failed_if": "broken", "result": {"path": "/jobs/{ticket}/result"}, "query": {"v": "1"}},
}


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({"status": "Pending"}, Queued("")),
        ({"status": "Ready"}, Queued(NEXT_STAGE + "result:", 1.0)),
        ({"status": "Ready", "result": {"url": LINK}}, Done((Link(LINK),))),
        ({"result": {"url": LINK}}, Done((Link(LINK),))),
        ({"status": "Content Moderated", "detail": "hands"}, Refused("the job content moderated: hands")),
        ({"result": {}}, Queued("", note="unknown status word 'None'")),
    ],
)
def test_a_result_that_is_asked_for_elsewhere(said: object, verdict: Verdict) -> None:
    """Once the job is done, at a path with its id; the document found there tells no state."""
    vendor = acme(**ELSEWHERE)
    assert read(vendor, said, "poll") == verdict
    provider, options = opened(vendor)
    assert provider.poll(request(), "T", options).url == f"{BASE}/jobs/T?v=1"
    assert provider.poll(request(), "result:T/1", options).url == f"{BASE}/jobs/T%2F1/result"


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        (f"{BASE}/r/7", Queued("/v1/r/7", 1.0)),
        ("https://elsewhere.example/r/7", Broken("the job is done, but no address is named where its result is")),
    ],
)
def test_a_result_is_followed_where_the_key_may_go(url: str, verdict: Verdict) -> None:
    """To the address that the answer names, and nowhere else."""
    poll = {**QUEUED["poll"], "result": {"url": "links.result"}}
    vendor = acme(**{**QUEUED, "poll": poll})
    assert read(vendor, {"status": "Ready", "links": {"result": url}}, "poll") == verdict
    provider, options = opened(vendor)
    assert provider.poll(request(), "/v1/r/7", options).url == f"{BASE}/r/7"


@pytest.mark.parametrize(("counts", "used"), [(12, 12), ([3, 4, None], 7), ("12", 0), (True, 0), (-5, 0), (1e300, 0)])
def test_tokens_are_settled_by_what_is_counted(counts: Json, used: int) -> None:
    """A number, or numbers to be added; before that they are guessed by the letters and the most the answer may have."""
    vendor = acme(tokens={"most": "most", "used": "usage"}, fields={"prompt": {}, "most": {"type": "integer"}})
    assert read(vendor, {"url": LINK, "usage": counts}) == Done((Link(LINK),), used=used)
    provider, options = opened(vendor)
    assert isinstance(provider, Weighing)
    assert provider.weigh(request(prompt="x" * 40, most=60), options) == 70


@pytest.mark.parametrize(("status", "verdict"), [(202, Queued("")), (200, Done((Held(Blob("ab" * 32, len(PNG))),)))])
def test_a_job_by_its_http_status(status: int, verdict: Verdict) -> None:
    """202 runs, 200 is the picture itself."""
    poll = {"path": "/results/{ticket}", "statuses": {"running": [202], "done": [200]}, "answer": {"bytes": True}}
    vendor = acme(answer={}, id="id", poll=poll)
    assert read(vendor, Answer(status, {}, PNG, Blob("ab" * 32, len(PNG))), "poll") == verdict
    assert isinstance(read(vendor, Answer(200, {}, b"{}", Blob("ab" * 32, 2)), "poll"), Broken)
    provider, options = opened(vendor)
    assert provider.poll(request(), "T", options).sink == "blob"


@pytest.mark.parametrize(
    ("url", "ticket"),
    [
        (f"{BASE}/jobs/7?a=b", "/v1/jobs/7?a=b"),
        ("https://eu.acme.example/jobs/7", None),
        ("https://poll.acme-jobs.example/7", "https://poll.acme-jobs.example/7"),
        ("https://evil.example/7", None),
        ("http://poll.acme-jobs.example/7", None),
        (None, None),
    ],
)
def test_a_url_to_poll_is_followed_where_the_key_may_go(url: Json, ticket: str | None) -> None:
    """To base_url's host and the hosts that are named; elsewhere the id is asked for, and without one it is in doubt."""
    poll = {**QUEUED["poll"], "url": "urls.get"}
    vendor = acme({"hosts": ["acme-jobs.example"]}, **{**QUEUED, "poll": poll})
    provider, options = opened(vendor)
    verdict = read(vendor, {"urls": {"get": url}})
    assert isinstance(verdict, Queued) == (ticket is not None)
    if isinstance(verdict, Queued):
        assert verdict.ticket == ticket
        assert provider.poll(request(), verdict.ticket, options).url == url
    assert read(vendor, {"id": 7, "urls": {"get": "https://evil.example/7"}}) == Queued("7")
    assert provider.poll(request(), "7", options).url == f"{BASE}/jobs/7"


ERRORS: dict[str, Any] = {
    "errors": {
        "status": {"5xx": "broken", "503": "busy", "403": "barred"},
        "told": [
            {"status": [429], "says": "QUOTA", "means": "barred"},
            {"if": "error.code == 'later'", "means": "busy"},
            {"status": ["2xx"], "if": "finish == 'filtered'", "means": "refused", "billed": True},
            {"status": ["2xx"], "if": "finish == 'odd'", "means": "lost"},
            {"step": "poll", "status": [200], "if": "finish == 'slow'", "means": "busy"},
            {"status": [400], "if": "charged", "means": "refused", "billed": True},
        ],
        "message": "error.text",
    },
    "wait": [{"body": "error.after"}],
}


@pytest.mark.parametrize(
    ("status", "said", "verdict"),
    [
        (429, {"error": {"text": "Your quota is used up"}}, Barred("429: Your quota is used up")),
        (429, {"error": {"text": "slow down", "after": "12s"}}, Busy(12.0, "429: slow down")),
        (500, {}, Broken("status 500")),
        (503, {"error": {"after": 3}}, Busy(3.0, "status 503")),
        (403, {}, Barred("status 403")),
        (400, {"error": {"code": "later"}}, Busy(None, "status 400")),
        (400, {"charged": True}, Refused("status 400", billed=True)),
        (200, {"finish": "filtered", "url": LINK}, Refused("the body says so", billed=True)),
        (200, {"finish": "odd", "error": {"text": "odd"}}, Lost("odd")),
        (200, {"finish": "slow", "url": LINK}, Done((Link(LINK),))),
        (200, {"error": {"code": "later"}, "url": LINK}, Done((Link(LINK),))),
        (204, {"finish": "filtered"}, Lost("status 204")),
    ],
)
def test_failures_by_status_body_and_message(status: int, said: object, verdict: Verdict) -> None:
    """A telling stands over the status, one status over a hundred of them; a success is told only where its status is named."""
    assert read(acme(ERRORS), answer(status, said)) == verdict


@pytest.mark.parametrize(
    ("said", "word"),
    [({"finish": "odd"}, Broken), ({"finish": "filtered"}, Refused), ({"finish": "slow"}, Busy), ({"status": "Pending"}, Queued)],
)
def test_a_telling_in_a_poll(said: object, word: type[Verdict]) -> None:
    """A poll is free: what would be lost there is asked again; a documented refusal ends the job."""
    poll = {**QUEUED["poll"]}
    poll.pop("failed_if")
    assert isinstance(read(acme(ERRORS, **{**QUEUED, "poll": poll}), said, "poll"), word)


@pytest.mark.parametrize(
    ("believe", "http", "inner", "word"),
    [
        ("worse", 200, 200, Done),
        ("worse", 200, 401, Lost),
        ("envelope", 200, 401, Barred),
        ("envelope", 401, 200, Lost),
        ("worse", 422, 401, Barred),
        ("worse", 200, None, Done),
        ("worse", 200, True, Done),
    ],
)
def test_an_envelope(believe: str, http: int, inner: Json, word: type[Verdict]) -> None:
    """What is wrapped is looked for inside; if HTTP and envelope disagree, a submit is in doubt unless the envelope decides."""
    vendor = acme({"envelope": {"status": "status", "body": "body", "believe": believe}})
    assert isinstance(read(vendor, answer(http, {"status": inner, "body": {"url": LINK}})), word)


@pytest.mark.parametrize(("asked", "note"), [(3, "1 of 3 asked for"), (1, ""), ("3", ""), (None, "")])
def test_fewer_than_asked_for_is_noted(asked: Json, note: str) -> None:
    """The result stands, and says what is missing."""
    count = {"asked": "n", "found": "urls"}
    vendor = acme(gives="files", fields={"n": {}}, answer={"links": "urls", "count": count})
    assert read(vendor, {"urls": [LINK]}, n=asked) == Done((Link(LINK),), note)


def test_a_task_is_its_id() -> None:
    """Where nothing can be asked for, the id is the result; without one it is in doubt."""
    vendor = acme(gives="task", answer={}, id="task.id")
    assert read(vendor, {"task": {"id": 0}}) == Done((Data(0),))
    assert isinstance(read(vendor, {"task": {"id": ""}}), Lost)
