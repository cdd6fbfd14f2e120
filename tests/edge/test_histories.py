"""A history as a line: the same both ways, and believed only as far as it can be checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from runner.edge.histories import history_line, is_moment, is_sha256, read_history
from runner.edge.recovery import UNKNOWN
from runner.facts import Answered, Fact, Planned, Resolved, Saved, Sent, Stopped
from runner.records import Artifact, Blob, Request, make_request
from runner.verdicts import Barred, Broken, Busy, Data, Done, Held, Link, Lost, Queued, Refused, Text

REQUEST: Final = make_request("pen", "text", {"prompt": "mug", "n": [1, 2.5, None, True]}, again=2)
ID: Final = REQUEST.id
HASH: Final = "ab" * 32
PICTURE: Final = Artifact("file", None, None, HASH, 9, "image/png", 10, 20)
HISTORY: Final[list[Fact]] = [
    Planned(1.0, REQUEST, False, "scene"),
    Sent(2.0, ID, "submit"),
    Answered(3.0, ID, "submit", Queued("t-1", 2.0, "soon")),
    Sent(4.0, ID, "poll", 2),
    Answered(5.0, ID, "poll", Done((Link("https://x.test/1"),), "one of two")),
    Sent(6.0, ID, "fetch"),
    Answered(7.0, ID, "fetch", Done((Held(Blob(HASH, 9)),))),
    Saved(8.5, ID, (PICTURE,)),
]
OTHERS: Final[list[list[Fact]]] = [
    [
        Planned(1.0, REQUEST),
        *[Answered(2.0, ID, "submit", word) for word in (Busy(1.0), Broken("b"), Barred("key"), Refused("no"))],
    ],
    [Planned(1.0, REQUEST), Sent(2.0, ID, "submit"), Answered(3.0, ID, "submit", Lost("half \ud83d"), 0, HASH)],
    [Planned(1.0, REQUEST), Sent(2.0, ID, "submit"), Resolved(3.0, ID, "billed", "me", "seen", "t-1")],
    [Planned(1.0, REQUEST), Sent(2.0, ID, "submit"), Resolved(3.0, ID, "billed", "me", artifacts=(PICTURE,))],
    [Planned(1.0, REQUEST), Answered(2.0, ID, "submit", Done((Text("x"), Data({"a": [1]})))), Stopped(3.0, ID, "spoiled", "bad")],
    [Planned(1.0, Request(ID, UNKNOWN, UNKNOWN, {})), Sent(2.0, ID, "submit")],
]


@pytest.mark.parametrize("facts", [HISTORY, *OTHERS])
def test_a_history_comes_back_as_it_was(facts: list[Fact]) -> None:
    """Every kind of fact, verdict and item survives, and the line is canonical."""
    line = history_line(ID, facts)
    assert read_history(line) == (ID, facts)
    assert line.endswith(b"\n")
    assert history_line(*read_history(line)) == line


def change(where: list[Any], value: Any) -> Callable[[Any], None]:
    """A history with another value at that place."""

    def apply(told: Any) -> None:
        for key in where[:-1]:
            told = told[key]
        if value is ...:
            del told[where[-1]]
        else:
            told[where[-1]] = value

    return apply


ARTIFACT: Final = ["facts", 7, 2, "artifacts", 0]
WRONG: Final[list[tuple[list[Any], Any]]] = [
    (["id"], HASH),
    (["id"], "short"),
    (["id"], 5),
    (["facts"], []),
    (["facts"], ...),
    (["facts", 0], ...),
    (["facts", 0, 0], "1"),
    (["facts", 0, 0], -1.0),
    (["facts", 0, 0], 1e300),
    (["facts", 0, 1], "bought"),
    (["facts", 0, 1], 7),
    (["facts", 0, 2, "params"], "mug"),
    (["facts", 0, 2, "params"], {"prompt": "hat"}),
    (["facts", 0, 2, "again"], True),
    (["facts", 0, 2, "step"], 3),
    (["facts", 1, 2, "step"], "steal"),
    (["facts", 1, 2, "more"], 1),
    (["facts", 3, 2, "attempt"], -1),
    (["facts", 2, 2, "verdict"], "queued"),
    (["facts", 2, 2, "verdict", "ticket"], 5),
    (["facts", 2, 2, "verdict", "is"], "granted"),
    (["facts", 2, 2, "verdict", "after"], "soon"),
    (["facts", 4, 2, "verdict", "items", 0, "url"], None),
    (["facts", 5, 2, "part"], 5),
    (["facts", 6, 2, "verdict", "items", 0, "blob", "sha256"], "../../etc/passwd"),
    (["facts", 6, 2, "raw"], "../x"),
    ([*ARTIFACT, "sha256"], "../x"),
    ([*ARTIFACT, "sha256"], HASH.upper()),
    ([*ARTIFACT, "media_type"], "text/html"),
    ([*ARTIFACT, "width"], "10"),
    ([*ARTIFACT, "kind"], "text"),
    ([*ARTIFACT, "kind"], "program"),
]


@pytest.mark.parametrize(("where", "value"), WRONG)
def test_what_no_journal_would_say_is_refused(where: list[Any], value: Any) -> None:
    """A value of the wrong type or range anywhere, a broken order, or an id that is not the hash of the request is refused."""
    told = json.loads(history_line(ID, HISTORY))
    change(where, value)(told)
    with pytest.raises(ValueError, match=r"."):
        read_history(json.dumps(told).encode())


@pytest.mark.parametrize("line", [b"", b"[]", b"null", b"{}", b'{"id":', b'"x"', b'{"facts":[[]],"id":"x"}', b"[" * 5000])
def test_what_is_no_history_is_refused(line: bytes) -> None:
    """Other JSON, or none, is a `ValueError` as well."""
    with pytest.raises(ValueError, match=r"."):
        read_history(line)


def test_digests_and_moments() -> None:
    """A digest is 64 digits of lower-case hex, a moment lies within the years that have a date."""
    assert [is_sha256(value) for value in (HASH, HASH[:-1], HASH + "\n", HASH.upper(), None)] == [True, *[False] * 4]
    assert [is_moment(value) for value in (0, 1.5, -1, True, "1", float("nan"), 1e12)] == [True, True, *[False] * 5]
