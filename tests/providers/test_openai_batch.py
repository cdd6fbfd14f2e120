"""The Batch API: what goes into a file, and what every end of a batch means for the requests in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.facts import Answered, from_json, to_json
from runner.providers.contract import Ended, Listed
from runner.providers.openai_batch import BATCH, CHAT_BATCH
from runner.records import Answer, Call, FileBody, JsonBody, SecretHeader, make_request
from runner.verdicts import Barred, Broken, Busy, Lost, Queued, Refused, Verdict
from tests.providers.questions import BAD_BODIES, answer, values

OPTIONS = {"base_url": "https://api.openai.com/v1", "organization": "org-1", "project": None}
ID = "ab" * 32


def line(status: int | None = 200, body: Any = None, error: Any = None, **more: Any) -> bytes:
    """A line of answers as the vendor's samples have it."""
    response = None if status is None else {"status_code": status, "request_id": "r", "body": body}
    return json.dumps({"id": "batch_req_1", "custom_id": ID, "response": response, "error": error, **more}).encode()


def batch(status: object, **more: Any) -> Answer:
    """A batch in this state."""
    return answer(
        200, {"id": "batch_1", "object": "batch", "status": status, "output_file_id": None, "error_file_id": None, **more}
    )


def test_a_line_is_a_request_by_its_id() -> None:
    """One JSON object, one line, the body as it was written."""
    written = BATCH.line(ID, "chat", b'{"model":"m"}')
    assert json.loads(written) == {"custom_id": ID, "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m"}}
    assert written.count(b"\n") == 1
    assert BATCH.find_id(written) == ID


def test_a_file_is_for_one_endpoint_and_one_model() -> None:
    """Whatever else differs, requests of one group may share a file."""
    chats = [make_request("openai", "chat", {"model": "m", "prompt": prompt}) for prompt in "ab"]
    other = make_request("openai", "chat", {"model": "n", "prompt": "a"})
    picture = make_request("openai", "image", {"model": "m", "prompt": "a"})
    assert BATCH.group(chats[0]) == BATCH.group(chats[1])
    assert len({BATCH.group(chats[0]), BATCH.group(other), BATCH.group(picture)}) == 3
    assert set(CHAT_BATCH.ENDPOINTS) == {"chat"}


def test_the_calls_are_the_documented_ones() -> None:
    """Files, batches, and no id can lead a call elsewhere."""
    base, bearer = "https://api.openai.com/v1", (SecretHeader("Authorization", "key", "Bearer {}"),)
    headers = (("Accept", "application/json"), ("OpenAI-Organization", "org-1"))
    body = FileBody("0" * 64, "multipart/form-data; boundary=b")
    assert BATCH.upload(body, OPTIONS) == Call("POST", f"{base}/files", "submit", headers, bearer, body)
    made = {"input_file_id": "file-1", "endpoint": "/v1/images/generations", "completion_window": "24h"}
    assert BATCH.create("file-1", "image", OPTIONS) == Call("POST", f"{base}/batches", "submit", headers, bearer, JsonBody(made))
    assert BATCH.recent(OPTIONS).url == f"{base}/batches?limit=100"
    assert BATCH.recent(OPTIONS, "a&b").url == f"{base}/batches?limit=100&after=a%26b"
    assert BATCH.find_file("a/b", OPTIONS).url == f"{base}/files/a%2Fb"
    assert BATCH.look("a/../b?c", OPTIONS) == Call("GET", f"{base}/batches/a%2F..%2Fb%3Fc", "poll", headers, bearer)
    assert BATCH.content("f/1", OPTIONS) == Call("GET", f"{base}/files/f%2F1/content", "poll", headers, bearer, sink="file")


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_purchase_that_cannot_be_read_is_in_doubt(name: str) -> None:
    """So is an upload; what that means is for whoever knows that it was free."""
    assert isinstance(BATCH.read_created(answer(200, BAD_BODIES[name])), Lost)
    assert not isinstance(BATCH.read_look(answer(200, BAD_BODIES[name])), Ended)


def test_ids_are_taken_as_they_come() -> None:
    """Of a file, of a batch, and of a batch that is found again by its file."""
    assert BATCH.read_upload(answer(200, {"id": "file-1"})) == "file-1"
    assert BATCH.read_created(answer(200, {"id": "batch_1"})) == "batch_1"
    listed = {"data": [{"id": "batch_9", "input_file_id": "file-9"}, {"id": "batch_1", "input_file_id": "file-1"}, 7]}
    assert BATCH.read_recent(answer(200, listed), "file-1") == Listed("batch_1")
    assert BATCH.read_recent(answer(200, listed), "file-2") == Listed(None)
    more = {"data": listed["data"][:1], "has_more": True}
    assert BATCH.read_recent(answer(200, more), "file-1") == Listed(None, "batch_9")
    for wrong in (answer(500, listed), answer(200, {"data": None}), answer(200, {"data": [], "has_more": True})):
        assert isinstance(BATCH.read_recent(wrong, "file-1"), Broken)


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (401, {"error": {"code": "invalid_api_key"}}, Barred),
        (429, {"error": {"code": "insufficient_quota"}}, Barred),
        (429, {}, Busy),
        (400, {"error": {"message": "bad"}}, Refused),
        (404, {}, Refused),
        (500, {}, Lost),
    ],
)
def test_a_purchase_that_fails_is_read_as_any_other(status: int, body: Any, word: type[Verdict]) -> None:
    """By status and code."""
    assert isinstance(BATCH.read_created(answer(status, body)), word)
    assert isinstance(BATCH.read_upload(answer(status, body)), word)


@pytest.mark.parametrize("status", ["validating", "in_progress", "finalizing", "cancelling", "IN_PROGRESS", "napping", None, 7])
def test_any_other_word_means_still_running(status: object) -> None:
    """Also one that no document knows."""
    said = BATCH.read_look(batch(status))
    assert isinstance(said, Queued)
    assert bool(said.note) is (not isinstance(status, str) or status == "napping")


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_look_that_fails_ends_nothing(status: int) -> None:
    """A batch that is paid for is asked about again."""
    assert isinstance(BATCH.read_look(answer(status, {"error": {"message": "no"}})), Broken | Busy)


def test_what_has_ended_has_its_files() -> None:
    """Output first, errors after; a file that is not there is none."""
    ended = BATCH.read_look(batch("completed", output_file_id="file-o", error_file_id="file-e"))
    assert isinstance(ended, Ended)
    assert ended.files == ("file-o", "file-e")
    expired = BATCH.read_look(batch("expired", error_file_id="file-e"))
    assert isinstance(expired, Ended)
    assert expired.files == ("file-e",)


@pytest.mark.parametrize(
    ("status", "word", "dropped", "billed"),
    [("expired", Broken, True, False), ("cancelled", Refused, False, False), ("completed", Refused, False, True)],
)
def test_what_it_means_to_be_left_out(status: str, word: type[Verdict], dropped: bool, billed: bool) -> None:
    """Of an expired batch it was not carried out, of a cancelled one it is not wanted, of a complete one nobody knows."""
    ended = BATCH.read_look(batch(status))
    assert isinstance(ended, Ended)
    assert isinstance(ended.left_out, word)
    assert (getattr(ended.left_out, "dropped", False), getattr(ended.left_out, "billed", False)) == (dropped, billed)


def test_a_batch_that_was_not_begun() -> None:
    """A fault in a line is that line's, the others are asked anew; a fault of all is refused; no room now is room later."""
    wrong = {"data": [{"code": "invalid_url", "message": "bad url", "line": 2, "param": None}]}
    ended = BATCH.read_look(batch("failed", errors=wrong))
    assert isinstance(ended, Ended)
    assert ended.lines == {2: Refused("the vendor did not take it: bad url (invalid_url)")}
    assert isinstance(ended.left_out, Broken)
    assert ended.left_out.dropped
    full = BATCH.read_look(batch("failed", errors={"data": [{"code": "token_limit_exceeded", "message": "enqueued token limit"}]}))
    assert isinstance(full, Ended)
    assert full.left_out == Broken(
        "the vendor did not begin the batch: enqueued token limit (token_limit_exceeded)", 300.0, dropped=True
    )
    none = BATCH.read_look(batch("failed", errors=None))
    assert none == Ended((), Refused("the vendor did not begin the batch: no reason given"))


def test_an_answer_is_an_answer_whatever_its_status() -> None:
    """The status and body of a line are read as if they had come alone."""
    assert BATCH.read_line(line(200, {"a": "Größe"})) == Answer(200, {}, '{"a": "Größe"}'.encode())
    assert BATCH.read_line(line(429, {"error": {"code": "rate_limit_exceeded"}})) == Answer(
        429, {}, b'{"error": {"code": "rate_limit_exceeded"}}'
    )


@pytest.mark.parametrize(
    ("said", "word", "dropped", "billed"),
    [
        (line(None, error={"code": "batch_expired", "message": "not executed in time"}), Broken, True, False),
        (line(None, error={"code": "batch_cancelled", "message": "cancelled"}), Refused, False, False),
        (line(None, error={"code": "server_error", "message": "x"}), Broken, True, False),
        (line(None, error={"code": [None]}), Broken, True, False),
        (line(None), Refused, False, True),
        (b"garbage", Refused, False, True),
        (b"", Refused, False, True),
    ],
)
def test_a_line_without_an_answer(said: bytes, word: type[Verdict], dropped: bool, billed: bool) -> None:
    """What was not carried out is asked anew, what was cancelled is not, what nobody can read was perhaps paid for."""
    verdict = BATCH.read_line(said)
    assert isinstance(verdict, word)
    assert (getattr(verdict, "dropped", False), getattr(verdict, "billed", False)) == (dropped, billed)


def test_whose_a_line_is_stands_anywhere_in_it() -> None:
    """Usually at its beginning; behind a picture it is found all the same, and a text that quotes it is not it."""
    far = json.dumps({"response": {"status_code": 200, "body": {"b64_json": "A" * 10_000}}, "custom_id": ID}).encode()
    assert BATCH.find_id(far) == ID
    quoted = json.dumps({"response": {"body": {"text": f'"custom_id": "{"cd" * 32}"'}}, "custom_id": ID}).encode()
    assert BATCH.find_id(quoted) == ID
    assert BATCH.find_id(b"garbage") is None
    assert BATCH.find_id(b"{}") is None


@given(values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60))
def test_reading_never_goes_wrong(data: bytes) -> None:
    """Whatever a server sends, it is an id, an end, an answer, or a verdict that can be journaled."""
    said: list[object] = [BATCH.read_line(data), BATCH.read_look(answer(200, data)), BATCH.read_created(answer(200, data))]
    said += [BATCH.read_look(answer(404, data)), BATCH.read_upload(answer(200, data)), BATCH.find_id(data)]
    for verdict in said:
        if not isinstance(verdict, str | Answer | Ended | None):
            fact = Answered(1.0, "r", "poll", verdict)  # type: ignore[arg-type]
            assert from_json("answered", 1.0, "r", json.loads(json.dumps(to_json(fact)))) == fact
