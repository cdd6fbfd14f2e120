from __future__ import annotations

import json
from typing import Any

import pytest

from runner.sandbox.batch_lines import Fate, draw_fate, read_line, refused, write_line, write_unrun
from runner.sandbox.behaviour import Fault
from runner.sandbox.intake import Wrong, write_json
from runner.sandbox.vendors import VENDORS

URL = "/v1/chat/completions"
LINE = {"custom_id": "a", "method": "POST", "url": URL, "body": {"model": "m"}}


def test_a_line_is_a_request():
    """Its body becomes a JSON request with no headers of its own."""
    line = read_line(json.dumps(LINE).encode(), URL)
    ask = line.ask({})
    assert (line.custom_id, ask.method, dict(ask.json())) == ("a", "POST", {"model": "m"})


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"custom_id": None}, "custom_id"),
        ({"custom_id": ""}, "custom_id"),
        ({"method": "GET"}, "method"),
        ({"url": "/v1/embeddings"}, "url"),
        ({"body": "x"}, "body"),
    ],
)
def test_what_is_no_line_is_told(change: dict[str, Any], name: str):
    """The field that is wrong is named."""
    with pytest.raises(Wrong) as caught:
        read_line(json.dumps({**LINE, **change}).encode(), URL)
    assert caught.value.name == name


@pytest.mark.parametrize(
    ("fault", "fate"),
    [
        (None, Fate()),
        (Fault("busy"), Fate("busy", 0)),
        (Fault("error", status=500), Fate("error", 500)),
        (Fault("error", status=307), Fate()),
        (Fault("error_after", status=504), Fate("error_after", 504)),
        (Fault("filtered"), Fate("filtered", 0)),
        (Fault("no_credit"), Fate("no_credit", 429)),
        (Fault("drop_after"), Fate()),
        (Fault("gzip_bomb"), Fate()),
    ],
)
def test_faults_of_a_connection_do_not_reach_a_line(fault: Fault | None, fate: Fate):
    """What is refused or unusable is so in a batch too; what breaks on the wire is not."""
    assert draw_fate(fault) == fate


@pytest.mark.parametrize(("fate", "status"), [(Fate("busy"), 429), (Fate("error", 500), 500), (Fate("error_after", 503), 503)])
def test_a_line_fails_in_the_vendors_words(fate: Fate, status: int):
    """The status and the error body are those of a request that comes alone."""
    reply = refused(VENDORS["openai"], fate, 0.0)
    assert reply.status == status
    assert "message" in json.loads(reply.body)["error"]


def test_an_answer_is_one_line():
    """It holds the custom id, the status, and the body as JSON; a line whose turn never came holds an error and no response."""
    line = write_line("batch_1", "a", write_json(200, {"x": 1}))
    assert line.count(b"\n") == 1
    told = json.loads(line)
    assert (told["custom_id"], told["error"], told["response"]["status_code"]) == ("a", None, 200)
    assert told["response"]["body"] == {"x": 1}
    unrun = json.loads(write_unrun("batch_1", "a"))
    assert (unrun["response"], unrun["error"]["code"]) == (None, "batch_expired")
