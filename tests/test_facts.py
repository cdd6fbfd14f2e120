"""The journal's only content: every fact can be written down and read back as it was."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.facts import (
    DEFAULTS,
    FACTS,
    ITEMS,
    VERDICTS,
    Answered,
    Fact,
    Planned,
    Resolved,
    Saved,
    Sent,
    Stopped,
    from_json,
    kind_of,
    to_json,
)
from runner.records import Artifact, Blob, Request, make_request
from runner.verdicts import Barred, Broken, Busy, Data, Done, Held, Inline, Item, Link, Lost, Queued, Refused, Text, Verdict

EXACT = 2**53 - 1
ID = "5e" * 32

words = st.text(max_size=12)
ids = st.binary(min_size=32, max_size=32).map(bytes.hex)
moments = st.floats(0, 1e11)
waits = st.none() | st.floats(0, 3600)
numbers = st.integers(0, 2**40)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers(-EXACT, EXACT) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
blobs = st.builds(Blob, ids, numbers)
items: dict[type[Any], st.SearchStrategy[Any]] = {
    Text: st.builds(Text, words),
    Data: st.builds(Data, jsons),
    Link: st.builds(Link, words),
    Held: st.builds(Held, blobs),
}
verdicts: dict[type[Any], st.SearchStrategy[Verdict]] = {
    Done: st.builds(Done, st.lists(st.one_of(*items.values()), max_size=4).map(tuple), words, numbers),
    Queued: st.builds(Queued, words, waits, words),
    Busy: st.builds(Busy, waits, words),
    Broken: st.builds(Broken, words, waits),
    Lost: st.builds(Lost, words, st.booleans()),
    Refused: st.builds(Refused, words),
    Barred: st.builds(Barred, words),
}
steps = st.sampled_from(["submit", "poll", "fetch"])
requests = st.builds(make_request, words, words, st.dictionaries(words, jsons, max_size=3), st.integers(1, 3))
artifacts = st.builds(
    Artifact,
    st.sampled_from(["text", "json", "file"]),
    st.none() | words,
    jsons,
    st.none() | ids,
    st.none() | numbers,
    st.none() | words,
    st.none() | numbers,
    st.none() | numbers,
)
facts: dict[type[Any], st.SearchStrategy[Fact]] = {
    Planned: st.builds(Planned, moments, requests, st.booleans(), words),
    Sent: st.builds(Sent, moments, ids, steps, st.integers(1, 9), st.integers(0, 9)),
    Answered: st.builds(
        Answered, moments, ids, steps, st.one_of(*verdicts.values()), st.integers(0, 9), st.none() | ids, st.none() | words
    ),
    Saved: st.builds(Saved, moments, ids, st.lists(artifacts, max_size=3).map(tuple)),
    Stopped: st.builds(Stopped, moments, ids, st.sampled_from(["failed", "spoiled", "overdue"]), words),
    Resolved: st.builds(
        Resolved,
        moments,
        ids,
        st.sampled_from(["billed", "not_billed", "again"]),
        words,
        words,
        st.none() | words,
        st.lists(artifacts, max_size=3).map(tuple),
    ),
}
quick = settings(max_examples=40)


def again(fact: Fact) -> Fact:
    """The fact after a journey through the journal: to JSON text and back."""
    return from_json(kind_of(fact), fact.at, fact.id, orjson.loads(orjson.dumps(to_json(fact))))


def told(value: Any) -> Any:
    """A value with the type of everything in it: 1, 1.0 and True are equal to Python and different to us."""
    if dataclasses.is_dataclass(value):
        return type(value), [told(getattr(value, spec.name)) for spec in dataclasses.fields(value)]
    if isinstance(value, dict):
        return {name: told(inner) for name, inner in value.items()}
    return [type(value), *map(told, value)] if isinstance(value, list | tuple) else (type(value), value)


def test_everything_that_can_happen_is_tried() -> None:
    """The strategies of this file cover each fact, verdict and item there is; inline bytes alone are never journaled."""
    assert list(facts) == list(get_args(Fact)) == list(FACTS.values())
    assert list(verdicts) == list(get_args(Verdict)) == list(VERDICTS.values())
    assert [*items, Inline] == list(get_args(Item)) == [*ITEMS.values(), Inline]


@pytest.mark.parametrize("kind", facts, ids=lambda kind: kind.__name__)
@quick
@given(data=st.data())
def test_a_fact_survives_the_journal(kind: type[Any], data: st.DataObject) -> None:
    """Whatever a fact says, it says the same, in the same types, after it was written and read."""
    fact = data.draw(facts[kind])
    assert again(fact) == fact
    assert told(again(fact)) == told(fact)


@pytest.mark.parametrize("kind", verdicts, ids=lambda kind: kind.__name__)
@quick
@given(data=st.data())
def test_a_verdict_survives_the_journal(kind: type[Any], data: st.DataObject) -> None:
    """Each of the seven words, with every hint and note it may carry."""
    fact = Answered(1.5, ID, "submit", data.draw(verdicts[kind]))
    assert told(again(fact)) == told(fact)


@pytest.mark.parametrize("kind", items, ids=lambda kind: kind.__name__)
@quick
@given(data=st.data())
def test_an_item_survives_the_journal(kind: type[Any], data: st.DataObject) -> None:
    """Alone and among others, in its place."""
    fact = Answered(1.5, ID, "poll", Done((Text("before"), data.draw(items[kind]), Text("after"))))
    assert told(again(fact)) == told(fact)


@quick
@given(st.one_of(*facts.values()))
def test_writing_is_the_inverse_of_reading_too(fact: Fact) -> None:
    """A fact that was read is written as the same JSON, so a copied journal is the same journal."""
    assert to_json(again(fact)) == to_json(fact)


@quick
@given(st.one_of(*facts.values()))
def test_writing_changes_no_fact(fact: Fact) -> None:
    """Neither writing nor reading touches what it is given."""
    before, body = repr(fact), orjson.loads(orjson.dumps(to_json(fact)))
    kept = orjson.dumps(body)
    from_json(kind_of(fact), fact.at, fact.id, body)
    assert (repr(fact), orjson.dumps(body)) == (before, kept)


@pytest.mark.parametrize(
    ("fact", "kind", "body"),
    [
        (
            Planned(1.0, Request(ID, "pen", "text", {"prompt": "x"})),
            "planned",
            {"provider": "pen", "operation": "text", "params": {"prompt": "x"}, "again": 1},
        ),
        (
            Planned(1.0, Request(ID, "pen", "text", {}, 2), fresh=True),
            "planned",
            {"fresh": True, "provider": "pen", "operation": "text", "params": {}, "again": 2},
        ),
        (Sent(1.0, ID, "submit"), "sent", {"step": "submit"}),
        (Sent(1.0, ID, "fetch", 2, 3), "sent", {"step": "fetch", "attempt": 2, "part": 3}),
        (Answered(1.0, ID, "submit", Queued("t-1")), "answered", {"step": "submit", "verdict": {"is": "queued", "ticket": "t-1"}}),
        (Answered(1.0, ID, "submit", Busy()), "answered", {"step": "submit", "verdict": {"is": "busy"}}),
        (Answered(1.0, ID, "submit", Busy(0.0)), "answered", {"step": "submit", "verdict": {"is": "busy", "after": 0.0}}),
        (
            Answered(1.0, ID, "submit", Lost("not JSON"), raw="ab" * 32),
            "answered",
            {"step": "submit", "verdict": {"is": "lost", "why": "not JSON"}, "raw": "ab" * 32},
        ),
        (
            Answered(1.0, ID, "poll", Done((Link("https://cdn.example.com/a"), Held(Blob(ID, 3)), Data(None)), "2 of 3")),
            "answered",
            {
                "step": "poll",
                "verdict": {
                    "is": "done",
                    "note": "2 of 3",
                    "items": [
                        {"is": "link", "url": "https://cdn.example.com/a"},
                        {"is": "held", "blob": {"sha256": ID, "size": 3}},
                        {"is": "data", "value": None},
                    ],
                },
            },
        ),
        (
            Saved(1.0, ID, (Artifact("text", "Mugs"), Artifact("json", data=False))),
            "saved",
            {"artifacts": [{"kind": "text", "text": "Mugs"}, {"kind": "json", "data": False}]},
        ),
        (Saved(1.0, ID, ()), "saved", {"artifacts": ()}),
        (Stopped(1.0, ID, "overdue", "still queued"), "stopped", {"how": "overdue", "why": "still queued"}),
        (Resolved(1.0, ID, "not_billed", "me"), "resolved", {"how": "not_billed", "who": "me"}),
        (Resolved(1.0, ID, "adopted", "me", "why"), "resolved", {"how": "adopted", "who": "me", "why": "why"}),
        (
            Resolved(1.0, ID, "billed", "me", "on the invoice", "t-1", (Artifact("text", "Mugs"),)),
            "resolved",
            {
                "how": "billed",
                "who": "me",
                "why": "on the invoice",
                "ticket": "t-1",
                "artifacts": [{"kind": "text", "text": "Mugs"}],
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_written_down(fact: Fact, kind: str, body: dict[str, Any]) -> None:
    """The words and fields of the journal's format are fixed: old journals stay readable, and defaults take no room."""
    assert kind_of(fact) == kind
    assert to_json(fact) == body
    assert from_json(kind, 1.0, ID, body) == fact


def test_a_plan_without_again_is_the_first_purchase() -> None:
    """A body that does not say which purchase it is, is read as the first."""
    fact = from_json("planned", 1.0, ID, {"provider": "pen", "operation": "text", "params": {}})
    assert fact == Planned(1.0, Request(ID, "pen", "text", {}, 1))


def test_a_planned_request_is_known_by_its_own_id() -> None:
    """All facts answer `id` and `at` alike, also the one that holds a request."""
    request = make_request("pen", "text", {"prompt": "x"})
    assert (Planned(2.5, request).id, Planned(2.5, request).at) == (request.id, 2.5)


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("paid", {}, "unknown fact 'paid': the journal was written by a newer version"),
        ("", {}, "unknown fact ''"),
        ("Sent", {"step": "submit"}, "unknown fact 'Sent'"),
        (
            "answered",
            {"step": "submit", "verdict": {"is": "maybe"}},
            "unknown verdict 'maybe': the journal was written by a newer version",
        ),
        ("answered", {"step": "submit", "verdict": {"is": "Lost", "why": "x"}}, "unknown verdict 'Lost'"),
        (
            "answered",
            {"step": "submit", "verdict": {"is": "done", "items": [{"is": "hologram"}]}},
            "unknown item 'hologram': the journal was written by a newer version",
        ),
        (
            "answered",
            {"step": "submit", "verdict": {"is": "done", "items": [{"is": "inline", "data": "eA=="}]}},
            "unknown item 'inline'",
        ),
    ],
)
def test_an_unknown_word_is_refused(kind: str, body: dict[str, Any], message: str) -> None:
    """What a newer version wrote is not guessed at, as a guess could buy something twice."""
    with pytest.raises(ValueError, match=message):
        from_json(kind, 1.0, ID, body)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("sent", {}),
        ("sent", {"step": "submit", "price": 5}),
        ("planned", {"provider": "pen", "operation": "text"}),
        ("answered", {"step": "submit"}),
        ("answered", {"step": "submit", "verdict": {"why": "x"}}),
        ("answered", {"step": "submit", "verdict": {"is": "busy", "colour": "red"}}),
        ("answered", {"step": "submit", "verdict": {"is": "done", "items": [{"is": "held", "blob": {"sha256": ID}}]}}),
        ("saved", {"artifacts": [{"text": "no kind"}]}),
        ("stopped", {"how": "failed"}),
    ],
)
def test_a_body_that_says_too_little_or_too_much_is_refused(kind: str, body: dict[str, Any]) -> None:
    """A field that is missing or unknown is an error that the journal reports, never a fact with a hole."""
    with pytest.raises((KeyError, TypeError)):
        from_json(kind, 1.0, ID, body)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_inline_bytes_are_stored_before_they_are_journaled(place: int) -> None:
    """Bytes never enter the journal, wherever among the items they stand."""
    among: list[Item] = [Text("a"), Text("b")]
    among.insert(place, Inline(b"\x89PNG"))
    with pytest.raises(ValueError, match="inline bytes are stored as a blob before they are journaled"):
        to_json(Answered(1.0, ID, "submit", Done(tuple(among))))


def test_no_default_is_shared_between_readings() -> None:
    """Every default that is left out of the journal is a plain value that nobody can change for all."""
    assert all(isinstance(hash(default), int) for defaults in DEFAULTS.values() for _, default in defaults)


def test_what_a_picture_looks_like_is_kept() -> None:
    """The look travels with the picture, and a fact of a time when nobody looked is read as it was."""
    artifact = Artifact(
        "file", sha256="0" * 64, size=3, media_type="image/png", width=9, height=9, look="rgb clear 1 99 00ff00ff00ff00ff"
    )
    saved = Saved(5.0, "id", (artifact,))
    read = from_json("saved", 5.0, "id", to_json(saved))
    assert isinstance(read, Saved)
    assert read.artifacts[0].look == artifact.look
    assert "look" not in str(to_json(Saved(5.0, "id", (dataclasses.replace(artifact, look=None),))))
