from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.fields import Problem
from runner.job import forms
from runner.records import Money, Window

READERS = [
    forms.read_money,
    forms.read_duration,
    forms.read_percent,
    forms.read_window,
    forms.read_cron,
    forms.read_slug,
    forms.read_version,
    forms.read_use,
    forms.read_whole,
    forms.read_amount,
    forms.read_price,
    forms.read_currency,
    forms.read_base_url,
    forms.read_address,
    forms.read_timezone,
    forms.read_encoding,
    forms.read_delimiter,
]
YAML_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.text("0123456789smhd%/. USDcredits*-,:@[]{}"),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(), st.integers(), max_size=2),
)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (forms.read_money, "20 USD", Money(Decimal(20), "USD")),
        (forms.read_money, "0.05 EUR", Money(Decimal("0.05"), "EUR")),
        (forms.read_money, "500 credits", Money(Decimal(500), "credits")),
        (forms.read_money, Money(Decimal(1), "USD"), Money(Decimal(1), "USD")),
        (forms.read_duration, "45s", 45),
        (forms.read_duration, "90m", 5400),
        (forms.read_duration, "12h", 43200),
        (forms.read_duration, "30d", 2592000),
        (forms.read_percent, "30%", 0.3),
        (forms.read_percent, "0%", 0.0),
        (forms.read_percent, "100%", 1.0),
        (forms.read_percent, "12.5%", 0.125),
        (forms.read_window, "50/1m", Window(50, 60.0)),
        (forms.read_window, "10/1s", Window(10, 1.0)),
        (forms.read_window, "600/1h", Window(600, 3600.0)),
        (forms.read_window, "1000/2d", Window(1000, 172800.0)),
        (forms.read_window, Window(1, 1.0), Window(1, 1.0)),
        (forms.read_cron, "0 6 * * *", "0 6 * * *"),
        (forms.read_cron, "*/30 8-18 * * MON-FRI", "*/30 8-18 * * MON-FRI"),
        (forms.read_timezone, "UTC", "UTC"),
        (forms.read_timezone, "Europe/Berlin", "Europe/Berlin"),
        (forms.read_address, "https://hooks.example/a?team=ads", "https://hooks.example/a?team=ads"),
        (forms.read_address, "http://127.0.0.1:8000/ping", "http://127.0.0.1:8000/ping"),
        (forms.read_name, "scene_2", "scene_2"),
        (forms.read_slug, "Summer-sale_2.1", "Summer-sale_2.1"),
        (forms.read_version, 1, 1),
        (forms.read_use, "vyro/ai-background", "vyro/ai-background"),
        (forms.read_whole, 1, 1),
        (forms.read_whole, "{{ matrix.size.width }}", "{{ matrix.size.width }}"),
        (forms.read_amount, 150, 150),
        (forms.read_amount, 0.5, 0.5),
        (forms.read_amount, " {{ vars.kb }} ", " {{ vars.kb }} "),
        (forms.read_price, 0.05, Decimal("0.05")),
        (forms.read_price, 0, Decimal(0)),
        (forms.read_price, "0.050", Decimal("0.050")),
        (forms.read_price, 1e-07, Decimal("1E-7")),
        (forms.read_currency, "USD", "USD"),
        (forms.read_currency, "credits", "credits"),
        (forms.read_base_url, "https://api.example.com/v1", "https://api.example.com/v1"),
        (forms.read_base_url, "http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        (forms.read_base_url, "http://localhost:1", "http://localhost:1"),
        (forms.read_base_url, "http://[::1]:8000", "http://[::1]:8000"),
        (forms.read_encoding, "latin-1", "latin-1"),
        (forms.read_encoding, "utf-8-sig", "utf-8-sig"),
        (forms.read_delimiter, ";", ";"),
        (forms.read_delimiter, "\t", "\t"),
    ],
)
def test_read(read, text, value):
    """Every notation says exactly one value."""
    assert read(text) == value


MONEY = "needs an amount and its currency (a three-letter code, or credits), such as 20 USD; got "
DURATION = "needs a whole number of s, m, h or d, such as 12h or 30d; got "
RATE = "needs a number of sends per span of time, such as 50/1m, 10/1s or 600/1h; got "
CRON = 'needs five cron fields (minute hour day month weekday), such as "0 6 * * *"; got '
SLUG = "needs a name of letters, digits, - _ and . that begins with a letter or digit; got "
USE = "needs provider/operation, such as vyro/ai-background; got "
WHOLE = "needs a whole number of at least 1, or one {{ expression }}; got "
AMOUNT = "needs a number above 0, or one {{ expression }}; got "
PRICE = "needs a price of at least 0, such as 0.05; got "
URL = "needs a URL, such as https://api.example.com/v1; got "
LOCAL = "plain http is for this machine only (127.0.0.1, localhost, ::1); write "
ENCODING = "needs the name of a text encoding, such as utf-8, latin-1 or cp1252; got "
DELIMITER = 'needs one character, such as ";" or "\\t" (in double quotes); got '
NAME = "a name begins with a letter and holds letters, digits and _ only, so that a template can read it"


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (forms.read_money, 20, MONEY + "the number 20"),
        (forms.read_money, "20", MONEY + "the text '20'"),
        (forms.read_money, "20USD", MONEY + "the text '20USD'"),
        (forms.read_money, "20 usd", MONEY + "the text '20 usd'"),
        (forms.read_money, "$20", MONEY + "the text '$20'"),
        (forms.read_money, "-1 USD", MONEY + "the text '-1 USD'"),
        (forms.read_money, "1e5 USD", MONEY + "the text '1e5 USD'"),
        (forms.read_money, "٢ USD", MONEY + "the text '٢ USD'"),
        (forms.read_duration, 30, DURATION + "the number 30"),
        (forms.read_duration, "30 days", DURATION + "the text '30 days'"),
        (forms.read_duration, "1.5h", DURATION + "the text '1.5h'"),
        (forms.read_duration, "0d", "is 0d; a duration is more than nothing"),
        (forms.read_percent, 0.3, "needs a percentage, such as 30%; got the number 0.3"),
        (forms.read_percent, 30, "needs a percentage, such as 30%; got the number 30"),
        (forms.read_percent, "30", "needs a percentage, such as 30%; got the text '30'"),
        (forms.read_percent, "101%", "is 101%; the most possible is 100%"),
        (forms.read_percent, True, "needs a percentage, such as 30%; got true"),
        (forms.read_window, "50", RATE + "the text '50'"),
        (forms.read_window, "50/m", RATE + "the text '50/m'"),
        (forms.read_window, "0/1m", "is 0/1m; both numbers must be at least 1"),
        (forms.read_window, "5/0s", "is 5/0s; both numbers must be at least 1"),
        (forms.read_cron, "0 6 * *", CRON + "the text '0 6 * *'"),
        (forms.read_cron, "* * * * * *", CRON + "the text '* * * * * *'"),
        (forms.read_cron, "@daily", CRON + "the text '@daily'"),
        (forms.read_cron, 6, CRON + "the number 6"),
        (forms.read_cron, "61 * * * *", "is not a cron schedule: bad minute in the text '61 * * * *'"),
        (forms.read_cron, "0 0 31 2 *", "is not a cron schedule: bad day-of-month in the text '0 0 31 2 *'"),
        (forms.read_name, "a-b", NAME),
        (forms.read_name, "_a", NAME),
        (forms.read_name, "1a", NAME),
        (forms.read_slug, "", SLUG + "the text ''"),
        (forms.read_slug, "a b", SLUG + "the text 'a b'"),
        (forms.read_slug, "../x", SLUG + "the text '../x'"),
        (forms.read_slug, 7, SLUG + "the number 7; put quotes around it"),
        (forms.read_version, 2, "this adbatch reads version 1 of the format; got the number 2"),
        (forms.read_version, "1", "this adbatch reads version 1 of the format; got the text '1'"),
        (forms.read_version, True, "this adbatch reads version 1 of the format; got true"),
        (forms.read_version, 1.0, "this adbatch reads version 1 of the format; got the number 1.0"),
        (forms.read_use, "vyro", USE + "the text 'vyro'"),
        (forms.read_use, "a/b/c", USE + "the text 'a/b/c'"),
        (forms.read_use, None, USE + "nothing"),
        (forms.read_whole, 0, WHOLE + "the number 0"),
        (forms.read_whole, 1.5, WHOLE + "the number 1.5"),
        (forms.read_whole, True, WHOLE + "true"),
        (forms.read_whole, "300", WHOLE + "the text '300'; take the quotes away"),
        (forms.read_whole, "{{ a }}x{{ b }}", WHOLE + "the text '{{ a }}x{{ b }}'"),
        (forms.read_amount, 0, AMOUNT + "the number 0"),
        (forms.read_amount, "1.5", AMOUNT + "the text '1.5'; take the quotes away"),
        (forms.read_amount, float("nan"), AMOUNT + "the number nan"),
        (forms.read_price, -1, PRICE + "the number -1"),
        (forms.read_price, "free", PRICE + "the text 'free'"),
        (forms.read_price, float("inf"), PRICE + "the number inf"),
        (forms.read_price, False, PRICE + "false"),
        (forms.read_currency, "usd", "needs a three-letter currency code such as USD, or credits; got the text 'usd'"),
        (forms.read_base_url, "api.example.com", URL + "the text 'api.example.com'"),
        (forms.read_base_url, "ftp://example.com", URL + "the text 'ftp://example.com'"),
        (forms.read_base_url, "https://", URL + "the text 'https://'"),
        (forms.read_base_url, "https://a b", URL + "the text 'https://a b'"),
        (forms.read_base_url, 8000, URL + "the number 8000"),
        (forms.read_base_url, "https://[::1", "is not a URL: the text 'https://[::1'"),
        (forms.read_base_url, "https://a:99999", "is not a URL: the text 'https://a:99999'"),
        (forms.read_base_url, "http://api.example.com/v1", LOCAL + "https://api.example.com/v1"),
        (forms.read_base_url, "http://127.0.0.1.example.com", LOCAL + "https://127.0.0.1.example.com"),
        (forms.read_base_url, "http://10.0.0.1", LOCAL + "https://10.0.0.1"),
        (forms.read_encoding, "utf-9", ENCODING + "the text 'utf-9'"),
        (forms.read_encoding, "hex", ENCODING + "the text 'hex'"),
        (forms.read_encoding, "", ENCODING + "the text ''"),
        (forms.read_delimiter, ";;", DELIMITER + "the text ';;'"),
        (forms.read_delimiter, "\\t", DELIMITER + "the text '\\\\t'"),
        (forms.read_delimiter, '"', DELIMITER + "the text '\"'"),
        (forms.read_delimiter, "\n", DELIMITER + "the text '\\n'"),
    ],
)
def test_refuse(read, value, message):
    """A wrong value is refused in one sentence that says what is needed, what was given, and where possible what to write."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        read(value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "value",
    ["localtime", "posixrules", "Factory", "", "Mars/Phobos", "/etc/passwd", "../UTC", "Europe", "a\0b", "x" * 5000, 5, None],
)
def test_what_is_no_time_zone(value):
    """Names of no zone, of files, and of whatever this machine's zone is, are refused with an example."""
    with pytest.raises(ValueError, match="needs the name of a time zone, such as Europe/Berlin or UTC; got "):
        forms.read_timezone(value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://user:test-key@example.com/x", "holds no user, password or fragment"),
        ("https://example.com/#test-key", "holds no user, password or fragment"),
        ("http://example.com/test", "plain http is for this machine only"),
        ("ftp://example.com/test", "needs a URL"),
    ],
)
def test_what_is_no_address(url, why):
    """An address for notices is https, or this machine, and holds no password."""
    with pytest.raises(ValueError, match=why) as caught:
        forms.read_address(url)
    assert "test-key" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://user:test-key@example.com", "https://example.com/?key=test-key", "https://example.com/#x"]
)
def test_base_url_holds_no_secret(url):
    """A user, password, query or fragment in a base_url is refused without repeating it."""
    with pytest.raises(ValueError, match="holds no user, password, query or fragment") as caught:
        forms.read_base_url(url)
    assert "test-key" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "whether"),
    [
        ("{{ a }}", True),
        ("  {{ a }}\n", True),
        ("{{a}}", True),
        ("{{ {'a': {'b': 1}} }}", True),
        ("{{ row | omit('metadata') }}", True),
        ("{{ a }} {{ b }}", False),
        ("x {{ a }}", False),
        ("{{ a }}x", False),
        ("{{ a", False),
        ("{{}", False),
        ("", False),
        (5, False),
        (None, False),
    ],
)
def test_is_expression(value, whether):
    """One expression and nothing else is an expression; text around it, or a second one, makes it text."""
    assert forms.is_expression(value) is whether


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_readers_raise_value_error_only(read):
    """Whatever YAML gives, a reader returns or raises `ValueError` with a short sentence, never anything else."""

    @given(YAML_VALUES)
    @example("\ud800")
    @example("9" * 10_000)
    @example("{{" * 10_000)
    @example("*/0 * * * *")
    @example("0-99999999999 * * * *")
    @example("0 0 0#0 * ,")
    def ask(value: Any) -> None:
        message = _refusal(read, value)
        assert len(message) < 300
        assert "\n" not in message

    ask()


def _refusal(read: Callable[[Any], object], value: Any) -> str:
    """What a reader says against a value; nothing where it takes it."""
    try:
        read(value)
    except ValueError as error:
        return str(error)
    return ""


def test_wrongs_carry_their_problems():
    """Several mistakes travel in one error, each with its own way."""
    problems = [Problem(("a", 0), "first"), Problem(("b",), "second")]
    error = forms.wrongs(problems)
    assert error.type == forms.WRONGS
    assert error.context == {"problems": tuple(problems)}
