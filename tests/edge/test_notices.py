"""Notices that go out over real HTTP, and those that do not get through."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.edge.notices import Notice, Notices
from runner.edge.redaction import redact
from runner.edge.secrets import Secrets
from runner.job.project import Notify
from tests.edge.conftest import Vendor, open_vendor, reset, says

RUN = "00000000-0000-4000-8000-000000000001"


def notices(environ: dict[str, str] | None = None, **notify: Any) -> Notices:
    """What a project file's `notify:` makes."""
    return Notices(Notify.model_validate(notify), environ or {}, RUN)


def notice(event: Any, code: int | None = None) -> Notice:
    """A notice with a document and a text."""
    return Notice(event, code, "offers: all done\nfiles: out", {"event": event, "exit": code})


@pytest.mark.parametrize(
    ("event", "code", "path"),
    [
        ("start", None, "/check/start"),
        ("success", 0, "/check"),
        ("failure", 4, "/check/4"),
        ("failure", 143, "/check/143"),
        ("failure", None, "/check/fail"),
    ],
)
async def test_a_ping(vendor: Vendor, event: Any, code: int | None, path: str) -> None:
    """The address with the event behind it, the run's UUID as rid, and the lines for a person as its body."""
    assert await notices(ping=f"{vendor.url}/check/").tell(notice(event, code)) == []
    [hit] = vendor.hits
    assert hit.line == f"POST {path}?rid={RUN}"
    assert hit.body == b"offers: all done\nfiles: out"


async def test_a_webhook(vendor: Vendor) -> None:
    """It gets the document by POST as JSON, at the address with its query as it was written."""
    assert await notices(webhook=f"{vendor.url}/hook?team=ads").tell(notice("failure", 5)) == []
    [hit] = vendor.hits
    assert (hit.line, hit.headers["content-type"]) == ("POST /hook?team=ads", "application/json")
    assert json.loads(hit.body) == {"event": "failure", "exit": 5}


async def test_only_what_is_wanted_is_told(vendor: Vendor) -> None:
    """An event that is not under `on:` reaches nobody."""
    chosen = notices(ping=vendor.url, webhook=vendor.url, on=["failure"])
    assert await chosen.tell(notice("start")) == await chosen.tell(notice("success", 0)) == []
    assert vendor.hits == []
    await chosen.tell(notice("failure", 1))
    assert len(vendor.hits) == 2


async def test_an_address_from_the_environment(vendor: Vendor) -> None:
    """Such an address is as good as a key: it is looked up, and from then on masked wherever it would be printed."""
    environ = {"PING_URL": f"{vendor.url}/ping-test-0001"}
    await notices(environ, ping={"env": "PING_URL"}).tell(notice("start"))
    assert vendor.hits[0].line.startswith("POST /ping-test-0001/start?")
    assert "ping-test-0001" not in redact(f"could not reach {environ['PING_URL']} or /ping-test-0001")


def test_a_ping_that_is_written_out_is_masked_too() -> None:
    """Whoever knows the address of a check can make it silent, wherever it was written."""
    notices(ping="https://checks.example/ping-test-0002")
    assert redact("ping-test-0002") == "***"


@pytest.mark.parametrize(
    ("place", "environ", "told"),
    [
        ({"env": "PING_URL"}, {}, "nobody is told: notify: no ping: environment variable PING_URL is not set"),
        ({"env": "PING_URL"}, {"PING_URL": "http://elsewhere.example/x"}, "nobody is told: notify.ping is not an https address"),
        ({"file": "/nowhere/ping"}, {}, "nobody is told: notify: the secret file /nowhere/ping cannot be read"),
    ],
)
async def test_an_address_that_cannot_be_used(place: dict[str, str], environ: dict[str, str], told: str) -> None:
    """A missing variable or file, or plain http elsewhere, is one line, without the address; nothing is sent then."""
    unheard = notices(environ, ping=place)
    [line] = unheard.troubles
    assert line.startswith(told)
    assert "elsewhere" not in line
    assert await unheard.tell(notice("start")) == []


@pytest.mark.parametrize(("status", "hits"), [(500, 2), (503, 2), (429, 2), (404, 1), (302, 1)])
async def test_what_is_not_taken_is_a_line(vendor: Vendor, status: int, hits: int) -> None:
    """A server in trouble is asked once more, a refusal or a redirect is not followed up; either is one line for a person."""
    vendor.answer = says(b"", status, "Location: http://127.0.0.1:9/")
    [line] = await notices(ping=f"{vendor.url}/ping-test-0003").tell(notice("success", 0))
    assert line == f"notify.ping: 127.0.0.1 answered {status}; this changes nothing for the run"
    assert len(vendor.hits) == hits


async def test_who_does_not_answer_is_left_alone(vendor: Vendor) -> None:
    """A connection that breaks, a closed port and silence are a line each after two tries, and never raise."""

    async def broken(hit: Any, writer: Any) -> None:
        reset(writer)

    async def silent(hit: Any, writer: Any) -> None:
        return

    vendor.answer = broken
    assert "could not be reached" in (await notices(ping=vendor.url).tell(notice("start")))[0]
    assert vendor.dials == 2
    vendor.answer = silent
    [line] = await notices(ping=vendor.url).tell(notice("start"), 0.05)
    assert "TimeoutError" in line
    async with open_vendor(says()) as closed:
        pass
    assert "could not be reached" in (await notices(webhook=closed.url).tell(notice("start")))[0]


async def test_no_secret_leaves(vendor: Vendor) -> None:
    """Whatever key this process holds is masked in the document and in the text."""
    Secrets({"key": "test-key-in-a-notice"})
    told = Notice("failure", 1, "refused: test-key-in-a-notice", {"message": "test-key-in-a-notice"})
    await notices(webhook=f"{vendor.url}/a", ping=f"{vendor.url}/b").tell(told)
    assert len(vendor.hits) == 2
    assert all(b"test-key" not in hit.body and b"***" in hit.body for hit in vendor.hits)
