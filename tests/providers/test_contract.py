"""The reading that vendors have in common."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.providers.contract import (
    asset_or_url,
    clip,
    dig,
    doubt,
    fetch,
    form_text,
    link_of,
    message_of,
    read_json,
    read_status,
    reset_after,
    retry_after,
    seconds_of,
    segment,
    still_running,
    ticket_of,
)
from runner.records import Answer, Asset, Call, Json
from runner.verdicts import Barred, Broken, Busy, Lost, Queued, Refused, Verdict
from tests.providers.questions import BAD_BODIES, STRANGE_IDS

NOW = "Tue, 20 Oct 2026 12:00:00 GMT"


def test_a_download_carries_no_secret() -> None:
    """It goes to whatever host the vendor named."""
    call = fetch("https://cdn.example.com/a.png")
    assert call == Call("GET", "https://cdn.example.com/a.png", "fetch", sink="blob")
    assert (call.secrets, call.headers) == ((), ())


@pytest.mark.parametrize(
    ("value", "expected"), [("blob:ab", Asset("blob:ab")), ("https://x/a.png", "https://x/a.png"), (None, None), (5, 5)]
)
def test_only_bytes_of_ours_become_assets(value: Json, expected: object) -> None:
    """A URL stays one, for a vendor that fetches it itself."""
    assert asset_or_url(value) == expected


@pytest.mark.parametrize("name", sorted(BAD_BODIES.keys() - {"list", "word", "number", "no keys"}))
def test_dishonest_json_is_no_json(name: str) -> None:
    """NaN, absurd numbers, depth, names twice, other encodings and pages read as nothing."""
    assert read_json(Answer(200, {}, BAD_BODIES[name])) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values, st.booleans())
def test_honest_json_is_read_as_it_is(value: Any, ascii_only: bool) -> None:
    """However it is escaped, and with a byte order mark too."""
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert read_json(Answer(200, {}, body)) == value
    assert read_json(Answer(200, {}, b"\xef\xbb\xbf" + body)) == value


@given(st.binary())
def test_any_bytes_can_be_read(body: bytes) -> None:
    """As a value that can be written again, or as nothing."""
    read = read_json(Answer(200, {}, body))
    assert json.loads(json.dumps(read, ensure_ascii=False, allow_nan=False).encode()) == read


@pytest.mark.parametrize(
    ("body", "value"), [(rb'"\ud83d\ude00"', "😀"), (rb'"a\ud800b"', "a?b"), (rb'{"\udfff": ["\uDBFF"]}', {"?": ["?"]})]
)
def test_lone_surrogates_are_mended_and_pairs_kept(body: bytes, value: object) -> None:
    """A pair is one character; half of one cannot be written as UTF-8."""
    assert read_json(Answer(200, {}, body)) == value


@pytest.mark.parametrize(("levels", "readable"), [(99, True), (101, False), (5000, False)])
def test_depth_is_bounded(levels: int, readable: bool) -> None:
    """A hundred levels are more than any vendor needs; wide is not deep."""
    body = b"[" * levels + b"]" * levels
    assert (read_json(Answer(200, {}, body)) is not None) is readable
    assert read_json(Answer(200, {}, b"[" + b",".join([b"[]"] * levels) + b"]")) == [[]] * levels


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("a", "b", 0), 1),
        (("a", "b", -1), 2),
        (("a", "b", 2), None),
        (("a", 0), None),
        (("a", "x", "y"), None),
        ((), {"a": {"b": [1, 2]}}),
    ],
)
def test_digging_ends_in_nothing_where_the_way_ends(path: tuple[str | int, ...], found: object) -> None:
    """Through maps by name and lists by place; never an exception."""
    assert dig({"a": {"b": [1, 2]}}, *path) == found


@pytest.mark.parametrize(
    ("value", "ticket"), [("r-1", "r-1"), (0, "0"), (-1, "-1"), (2**64 - 1, str(2**64 - 1)), ("a b/ü", "a b/ü")]
)
def test_tickets(value: Any, ticket: str) -> None:
    """An id as text, whatever it is made of."""
    assert ticket_of(value) == ticket


@pytest.mark.parametrize("value", STRANGE_IDS)
def test_what_is_no_ticket(value: Any) -> None:
    """Nothing, structures, control characters and path tricks cannot be asked for."""
    assert ticket_of(value) is None


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_segment_stays_one(text: str) -> None:
    """Nothing in it can end the segment or begin a query."""
    assert not set(segment(text)) & set("/?#\\ %") - {"%"}
    assert segment(text).isascii()


@pytest.mark.parametrize(
    "url",
    [
        "https://a.b/c.png",
        "http://127.0.0.1:8000/x?y=z#w",
        "HTTPS://A.B",
        "https://[::1]:8/x",
        "https://a.b?sig=%2F",
        "https://a/ä",
    ],
)
def test_links(url: str) -> None:
    """Absolute http(s) URLs as the vendor gave them."""
    assert link_of(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "a.png",
        "//a.b/c",
        "ftp://a/b",
        "https://",
        "https:///x",
        "https://u@a/b",
        "https://a b/",
        "https://a/b c",
        "https://a/\n",
        5,
        None,
        ["x"],
        "https://a/" + "x" * 9000,
        "javascript:alert(1)",
        "data:image/png;base64,AA==",
        "https://a\\@b/",
        "https://a/\u202ex",
        "",
    ],
)
def test_what_is_no_link(url: Any) -> None:
    """File names, other schemes, users, blanks and absurd lengths are nothing to download."""
    assert link_of(url) is None


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"message": "no"}, "no"),
        ({"msg": "no"}, "no"),
        ({"error": "no"}, "no"),
        ({"error": {"message": "no"}}, "no"),
        ({"status": 401, "body": {"message": "no"}}, "no"),
        ({"message": "  ", "detail": "no"}, "no"),
        ({"message": "a\r\nb\x1b[31m"}, "a b [31m"),
        ({"message": 5, "error": {"message": 7}}, ""),
        ({"message": "x" * 600}, "x" * 499 + "…"),
        ([], ""),
        (None, ""),
    ],
)
def test_a_vendors_message_is_found_and_clipped(said: Any, message: str) -> None:
    """Wherever vendors put it, on one line and of bounded length."""
    assert message_of(said) == message


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (True, "true"), (False, "false"), (2, "2"), (0.5, "0.5"), (["a", 1], '["a",1]'), ("", "")]
)
def test_scalars_in_forms(value: Json, text: str) -> None:
    """Booleans as text, numbers as JSON writes them."""
    assert form_text(value) == text


@pytest.mark.parametrize(
    ("status", "submit", "poll"),
    [
        (100, Lost, Broken),
        (204, Lost, Broken),
        (301, Refused, Broken),
        (303, Lost, Broken),
        (304, Lost, Broken),
        (308, Refused, Broken),
        (400, Refused, Broken),
        (401, Barred, Barred),
        (402, Barred, Barred),
        (404, Refused, Broken),
        (408, Lost, Broken),
        (409, Lost, Broken),
        (425, Busy, Busy),
        (429, Busy, Busy),
        (500, Lost, Broken),
        (599, Lost, Broken),
    ],
)
def test_statuses_without_a_table(status: int, submit: type[Verdict], poll: type[Verdict]) -> None:
    """What is not documented as refused is in doubt; a poll is simply made again."""
    assert isinstance(read_status(Answer(status), "submit", "", {}), submit)
    assert isinstance(read_status(Answer(status), "poll", "", {}), poll)


@pytest.mark.parametrize("word", [Busy, Broken, Lost, Refused, Barred])
def test_a_vendors_table_is_believed(word: Any) -> None:
    """Status and message stand in the reason; the wait goes with Busy and Broken."""
    verdict = read_status(Answer(503, {"retry-after": "9"}), "submit", "sorry", {503: word})
    assert isinstance(verdict, word)
    assert verdict.why == "503: sorry"
    assert getattr(verdict, "after", 9.0) == 9.0


def test_another_status_than_https_can_be_read() -> None:
    """An envelope's status has the same table."""
    assert read_status(Answer(200), "submit", "no", {}, status=402) == Barred("402: no")


def test_doubt_depends_on_what_was_asked() -> None:
    """A purchase is parked, a question is asked again."""
    assert (doubt("submit", "w"), doubt("poll", "w"), doubt("fetch", "w")) == (Lost("w"), Broken("w"), Broken("w"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7.25 ", 7.25),
        ("99999", 3600.0),
        *(
            (odd, None)
            for odd in ("", "-1", "+1", "²", "٣", "1e9", "0x10", "1_000", "nan", "inf", ".5", "5.", "1,5", "9" * 13, "5 s")
        ),
    ],
)
def test_seconds(text: str, seconds: float | None) -> None:
    """Plain digits within an hour; what merely looks like a number is none."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": "Tue, 20 Oct 2026 12:00:30 GMT", "date": NOW}, 30.0),
        ({"retry-after": "Tue, 20 Oct 2026 11:00:00 GMT", "date": NOW}, 0.0),
        ({"retry-after": "Wed, 20 Oct 2027 12:00:00 GMT", "date": NOW}, 3600.0),
        ({"retry-after": "Tue, 20 Oct 2026 12:00:30 GMT"}, None),
        ({"retry-after": "Tue, 20 Oct 2026 12:00:30", "date": NOW}, None),
        ({"retry-after": "soon", "date": NOW}, None),
        ({"retry-after": "Tue, 99 Oct 99999 12:00:30 GMT", "date": NOW}, None),
        ({"retry-after": "30", "date": "nonsense"}, 30.0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, or a date by the server's own clock; nonsense is nothing."""
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("reset", "date", "seconds"),
    [
        ("30", None, 30.0),
        ("0", None, 0.0),
        ("99999", None, 3600.0),
        ("1792497630", NOW, 30.0),
        ("1792497630.5", NOW, 30.5),
        ("1792490000", NOW, 0.0),
        ("1892497600", NOW, 3600.0),
        ("1792497630", None, None),
        ("1792497630", "nonsense", None),
        ("soon", NOW, None),
        ("", NOW, None),
    ],
)
def test_a_limits_reset_is_seconds_or_a_moment(reset: str, date: str | None, seconds: float | None) -> None:
    """What is too large for a wait is Unix time, measured by the server's own clock."""
    assert reset_after({"x-reset": reset, **({"date": date} if date else {})}, "x-reset") == seconds


@given(st.dictionaries(st.sampled_from(["retry-after", "date"]), st.text(max_size=40)))
def test_retry_after_never_raises(headers: dict[str, str]) -> None:
    """Whatever the headers say, a wait is within an hour or absent."""
    seconds = retry_after(headers)
    assert seconds is None or 0 <= seconds <= 3600


def test_an_unknown_word_keeps_the_ticket() -> None:
    """And is kept, clipped, for whoever reads the log."""
    assert still_running("baking\n") == Queued("", note="unknown status word 'baking'")
    assert len(still_running("x" * 500).note) < 100


@given(st.text(), st.integers(1, 50))
def test_clipping_gives_one_printable_line(text: str, most: int) -> None:
    """No control characters, no line breaks, never longer than asked."""
    line = clip(text, most)
    assert len(line) <= most
    assert line.isprintable()
    assert clip(line, most) == line
