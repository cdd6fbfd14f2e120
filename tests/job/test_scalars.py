from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.job.scalars import MOST_INTEGER, read_scalar


@pytest.mark.parametrize("text", ["no", "NO", "yes", "on", "Off", "y", "n", "nul", "tRUE", "None", "True.", "nan", "inf"])
def test_words_of_yaml_1_1_stay_text(text):
    """Only YAML 1.2's own words are constants; Norway stays NO."""
    assert read_scalar(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "12:30",
        "12:30:45",
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "1_000",
        "0b11",
        "0o8",
        "0xg",
        "-0x1F",
        "+0o17",
        "1.2.3",
        "1e",
        "e5",
        ".",
        "-",
        "+",
        "--1",
        "1-2",
        "30%",
        "20 USD",
        "50/1m",
        "1,5",
        "+.5.",
        "٣",
        "1٣",
        "²",
    ],
)
def test_almost_numbers_stay_text(text):
    """Times, dates, digit groups and anything else that is not a whole core-schema number stay the text they are."""
    assert read_scalar(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),
        ("0", 0),
        ("-0", 0),
        ("+12", 12),
        ("-7", -7),
        ("0o17", 15),
        ("0x1F", 31),
        ("0xff", 255),
        ("9007199254740991", MOST_INTEGER),
        ("-9007199254740991", -MOST_INTEGER),
    ],
)
def test_integers(text, value):
    """Whole numbers are decimal, octal with 0o, or hexadecimal with 0x; a leading zero says nothing."""
    read = read_scalar(text)
    assert read == value
    assert type(read) is int


@pytest.mark.parametrize(
    ("text", "value"), [("1.10", 1.1), (".5", 0.5), ("5.", 5.0), ("-1e3", -1000.0), ("1.5E-2", 0.015), ("+.5e1", 5.0), ("0.0", 0.0)]
)
def test_floats(text, value):
    """A point or an exponent makes a float."""
    read = read_scalar(text)
    assert read == value
    assert type(read) is float


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, None) for text in ("", "~", "null", "Null", "NULL")),
        *((text, True) for text in ("true", "True", "TRUE")),
        *((text, False) for text in ("false", "False", "FALSE")),
    ],
)
def test_constants(text, value):
    """Null, true and false have three spellings each; null is also ~ and nothing at all."""
    assert read_scalar(text) is value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (".inf", ".inf is not a number JSON can say; put quotes around it if it is text"),
        ("-.Inf", "-.Inf is not a number JSON can say; put quotes around it if it is text"),
        (".NaN", ".NaN is not a number JSON can say; put quotes around it if it is text"),
        ("1e999", "'1e999' is too large for a number; put quotes around it if it is text"),
        ("9007199254740992", "'9007199254740992' is too large for a number (it would be rounded); put quotes around it"),
        ("-9007199254740992", "'-9007199254740992' is too large for a number (it would be rounded); put quotes around it"),
        ("0x20000000000000", "'0x20000000000000' is too large for a number (it would be rounded); put quotes around it"),
        ("9" * 5000, "'" + "9" * 58 + "… is too large for a number (it would be rounded); put quotes around it"),
    ],
)
def test_numbers_json_cannot_say_are_refused(text, message):
    """A number that would be rounded or has no JSON is refused with the remedy, however many digits it has."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        read_scalar(text)
    assert str(caught.value) == message


@given(st.integers(-MOST_INTEGER, MOST_INTEGER))
def test_every_exact_integer_is_read_back(number):
    """What JSON can say exactly is read as it was written."""
    assert read_scalar(str(number)) == number


@given(st.text())
def test_any_text_is_text_or_an_exact_value(text):
    """Any text at all is itself, a constant or a finite number, or is refused with a `ValueError`."""
    try:
        value = read_scalar(text)
    except ValueError:
        return
    assert value == text or value is None or isinstance(value, bool) or math.isfinite(value)
