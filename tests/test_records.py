"""The nouns that cross rooms, and the id that makes two asks one purchase."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from runner import records
from runner.records import (
    Answer,
    Call,
    FormBody,
    JsonBody,
    Limits,
    Money,
    NoAnswer,
    Part,
    Request,
    SecretHeader,
    Send,
    Window,
    make_request,
    request_id,
)

RECORDS = [kind for _, kind in inspect.getmembers(records, dataclasses.is_dataclass)]
EXACT = 2**53 - 1

scalars = (
    st.none() | st.booleans() | st.integers(-EXACT, EXACT) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
jsons = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3))
params = st.dictionaries(st.text(max_size=4), jsons, max_size=4)
alike: list[Any] = [0, 0.0, -0.0, False, "", None, 1, 1.0, True, "1", [], [1], [True], {}, {"a": 1}, {"a": 1.0}]
similar = st.dictionaries(st.sampled_from("ab"), st.sampled_from(alike), max_size=2)
quick = settings(max_examples=50)


def id_of(value: Any) -> str:
    """The id of a request whose only param is `value`."""
    return request_id("pen", "text", {"value": value})


def canonical(value: Any) -> Any:
    """What JSON means by `value`, such that equal means the same JSON: Python takes True for 1, JSON takes 1.0 for it."""
    if isinstance(value, dict):
        return ("map", frozenset((name, canonical(inner)) for name, inner in value.items()))
    if isinstance(value, list):
        return ("list", tuple(canonical(inner) for inner in value))
    return ("number", float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else (type(value), value)


def shuffled(value: Any) -> Any:
    """The same JSON with the members of every map the other way round."""
    if isinstance(value, dict):
        return {name: shuffled(value[name]) for name in reversed(value)}
    return [shuffled(inner) for inner in value] if isinstance(value, list) else value


def test_an_id_is_the_sha256_of_the_canonical_json() -> None:
    """Anybody can compute it: members sorted, no spaces, UTF-8, numbers as ECMAScript writes them (RFC 8785)."""
    text = '{"operation":"text","params":{"a":1,"n":0.000001,"ä":["ü",null,true]},"provider":"pen"}'
    asked: dict[str, Any] = {"ä": ["ü", None, True], "n": 1e-6, "a": 1.0}
    assert request_id("pen", "text", asked) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (-5e-324, "-5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740991, "9007199254740991"),
        (295147905179352830000.0, "295147905179352830000"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e23, "1e+23"),
        (999999999999999700000.0, "999999999999999700000"),
        (1e21, "1e+21"),
        (9.999999999999997e-7, "9.999999999999997e-7"),
        (0.000001, "0.000001"),
        (333333333.33333325, "333333333.33333325"),
    ],
)
def test_numbers_are_written_as_the_rfc_writes_them(number: float, written: str) -> None:
    """Ids agree with any other implementation of RFC 8785: these are the samples of its appendix B."""
    text = f'{{"operation":"text","params":{{"value":{written}}},"provider":"pen"}}'
    assert id_of(number) == hashlib.sha256(text.encode()).hexdigest()


def test_members_are_sorted_by_utf_16() -> None:
    """The order of members is that of their UTF-16 code units (RFC 8785 §3.2.3), not of their code points."""
    text = '{"operation":"text","params":{"\\r":1,"1":2,"\x80":3,"ö":4,"€":5,"😀":6,"\ufb33":7},"provider":"pen"}'
    asked = {"€": 5, "\r": 1, "\ufb33": 7, "1": 2, "😀": 6, "\x80": 3, "ö": 4}
    assert request_id("pen", "text", asked) == hashlib.sha256(text.encode()).hexdigest()


@quick
@given(params)
def test_the_order_of_members_says_nothing(asked: dict[str, Any]) -> None:
    """Params in another order, at any depth, are the same ask."""
    assert request_id("pen", "text", asked) == request_id("pen", "text", shuffled(asked))


@given(similar | params, similar | params)
def test_two_asks_have_one_id_only_if_they_are_the_same_json(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Ids are equal exactly where the params are equal as JSON."""
    assert (request_id("pen", "text", one) == request_id("pen", "text", other)) is (canonical(one) == canonical(other))


@quick
@given(params, st.text(max_size=4), jsons)
def test_any_change_of_params_is_another_ask(asked: dict[str, Any], name: str, value: Any) -> None:
    """A param that is set to something else, added or left out gives another id, and back again the old one."""
    changed = {**asked, name: value}
    same = name in asked and canonical(asked[name]) == canonical(value)
    assert (request_id("pen", "text", changed) == request_id("pen", "text", asked)) is same
    without = {key: inner for key, inner in changed.items() if key != name}
    assert request_id("pen", "text", without) != request_id("pen", "text", changed)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (0.0, -0.0, True),
        (1e3, 1000, True),
        ([1, 2], (1, 2), True),
        (1, True, False),
        (0, False, False),
        (1, "1", False),
        ("007", "7", False),
        ("", None, False),
        ([], {}, False),
        ([], None, False),
        ([1, 2], [2, 1], False),
        ([[1], 2], [1, [2]], False),
        ({"a": None}, {}, False),
        ("é", "e\u0301", False),
        ("ß", "ss", False),
        ("a", "A", False),
        (" a", "a", False),
        ("\u2028", "\n", False),
    ],
)
def test_what_is_the_same_ask(one: object, other: object, same: bool) -> None:
    """A number is its value however it is written; a text is its code points, neither folded nor normalized."""
    assert (id_of(one) == id_of(other)) is same


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        2**53,
        -(2**53),
        10**400,
        "half a pair \ud83d",
        {"\udc00": 1},
        {1: "a number for a name"},
        b"bytes",
        {1, 2},
        Decimal("1.5"),
        [object()],
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_json_cannot_say_has_no_id(value: object) -> None:
    """NaN, infinities, integers past 2^53, half surrogate pairs and foreign types are refused, at any depth."""
    for buried in (value, [value], {"deep": [value]}):
        with pytest.raises(ValueError, match=r"."):
            id_of(buried)


def test_provider_and_operation_are_asked_too() -> None:
    """The same params for another account or operation are another ask, and neither can be taken for the other."""
    asks = [("pen", "text"), ("text", "pen"), ("pe", "ntext"), ("pen/text", ""), ("pen", "Text")]
    assert len({request_id(*ask, {"prompt": "x"}) for ask in asks}) == len(asks)


@pytest.mark.parametrize("again", [2, 3, 100])
def test_again_is_a_purchase_of_its_own(again: int) -> None:
    """`again: n` gives every n another id; it is not a param that a vendor's field could be mistaken for."""
    asked = {"prompt": "x"}
    assert request_id("pen", "text", asked, again) != request_id("pen", "text", asked)
    assert request_id("pen", "text", asked, again) != request_id("pen", "text", asked, again + 1)
    assert request_id("pen", "text", asked, again) != request_id("pen", "text", {**asked, "again": again})


def test_again_1_is_what_everybody_asks() -> None:
    """Writing down the default buys nothing."""
    assert request_id("pen", "text", {"prompt": "x"}, 1) == request_id("pen", "text", {"prompt": "x"})


def test_an_id_is_the_same_in_every_process() -> None:
    """Another interpreter with another hash seed computes the same id."""
    code = "from runner.records import request_id; print(request_id('pen', 'text', {'b': {'y': 1, 'x': 2}, 'a': ['ü']}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": "7"})
    assert done.stdout.strip() == request_id("pen", "text", {"a": ["ü"], "b": {"x": 2, "y": 1}})


@quick
@given(params, st.integers(1, 5))
def test_make_request_gives_the_request_its_id(asked: dict[str, Any], again: int) -> None:
    """The record holds what was asked as it was asked, under the id of just that."""
    request = make_request("house-pen", "text", asked, again)
    assert request == Request(request_id("house-pen", "text", asked, again), "house-pen", "text", asked, again)
    assert len(request.id) == 64
    assert set(request.id) <= set("0123456789abcdef")


def test_use_is_written_as_in_a_job() -> None:
    """`provider/operation`."""
    assert make_request("house-pen", "ai-background", {}).use == "house-pen/ai-background"


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(Decimal("0.05"), "USD"), "0.05 USD"),
        (Money(Decimal(20), "credits"), "20 credits"),
        (Money(Decimal("1.10"), "EUR"), "1.10 EUR"),
    ],
)
def test_money_prints_as_a_job_writes_it(money: Money, text: str) -> None:
    """Amount, then currency, no digit lost."""
    assert str(money) == text


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_every_record_is_frozen_and_slotted(kind: type[Any]) -> None:
    """No room can change what another gave it, or hang something on it; what has no default cannot be left out."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        object.__new__(kind).more = 1
    assert "__slots__" in vars(kind)
    needed = [field for field in dataclasses.fields(kind) if dataclasses.MISSING is field.default is field.default_factory]
    if needed:
        with pytest.raises(TypeError, match=needed[0].name):
            kind()


def test_a_call_names_secrets_and_holds_none() -> None:
    """By default a header is the bare value of the lane's one key, which only the transport knows."""
    call = Call("POST", "https://api.example.com", "submit", secrets=(SecretHeader("Authorization", form="Bearer {}"),))
    assert [(secret.header, secret.secret, secret.form) for secret in call.secrets] == [("Authorization", "key", "Bearer {}")]
    assert (SecretHeader("x-key").form, call.headers, call.body, call.sink) == ("{}", (), None, "memory")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (JsonBody({"a": 1}), JsonBody({"a": 1}, "data:image/png;base64,")),
        (FormBody((Part("a", "1"), Part("b", "2"))), FormBody((Part("b", "2"), Part("a", "1")))),
        (Limits((Window(50, 60.0),)), Limits((Window(50, 1.0),))),
        (Limits(), Limits(polls_count=False)),
        (Send(make_request("pen", "text", {}), "fetch"), Send(make_request("pen", "text", {}), "fetch", part=1)),
        (NoAnswer(sent=False, why="refused"), NoAnswer(sent=True, why="refused")),
    ],
    ids=lambda record: type(record).__name__,
)
def test_records_that_say_different_things_differ(one: object, other: object) -> None:
    """The order of parts, the span of a window, the part of a fetch and whether a byte left all count."""
    assert one != other
    assert dataclasses.replace(one) == one  # type: ignore[type-var]


def test_answers_share_no_headers() -> None:
    """The default map of one answer is not that of another."""
    assert Answer(200).headers is not Answer(200).headers


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-EXACT - 9, EXACT + 9) | st.text(max_size=12),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    )
)
def test_the_quick_way_writes_what_the_rfc_says(value: Any) -> None:
    """Wherever an id is made without the reference implementation, it is the id that the reference implementation gives."""
    asked: Any = {"operation": "text", "params": {"value": value}, "provider": "pen"}
    try:
        slow = hashlib.sha256(rfc8785.dumps(asked)).hexdigest()
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            id_of(value)
        return
    assert id_of(value) == slow


def test_every_character_is_written_as_the_rfc_says() -> None:
    """Controls, quotes, separators and whatever else Unicode has: the bytes are the same both ways."""
    for start in range(0, 0x110000, 0x4000):
        value = "".join(map(chr, (code for code in range(start, start + 0x4000) if not 0xD800 <= code < 0xE000)))
        asked: Any = {"operation": "text", "params": {"value": value}, "provider": "pen"}
        assert id_of(value) == hashlib.sha256(rfc8785.dumps(asked)).hexdigest()
