from __future__ import annotations

import copy
import json
import pickle
from decimal import Decimal

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from runner.feed.prices import CURRENCIES, Price, mark_prices, read_amount, read_price
from runner.feed.source import CELL_CAP, DEEPEST


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("19.99 USD", "19.99"),
        ("20 USD", "20"),
        ("0 EUR", "0"),
        ("1.299 EUR", "1.299"),
        ("1250.5 TND", "1250.5"),
        ("1.250 KWD", "1.250"),
        ("1,299.00 EUR", "1299.00"),
        ("1,299 EUR", "1299"),
        ("12,345,678.90 JPY", "12345678.90"),
        ("49,00 TND", "49.00"),
        ("49,5 EUR", "49.5"),
        ("1.299,00 EUR", "1299.00"),
        ("1.299.000 IDR", "1299000"),
        ("1 299,00 EUR", "1299.00"),
        ("1 299.00 CHF", "1299.00"),
        ("1\u00a0299,00\u00a0EUR", "1299.00"),
        ("1\u202f299,00 EUR", "1299.00"),
        ("1'299.50 CHF", "1299.50"),
        ("1’299 CHF", "1299"),
        ("1,250.500 KWD", "1250.500"),
    ],
)
def test_a_price_has_amount_and_currency_and_prints_as_written(text: str, amount: str) -> None:
    """Every way shops write an amount before an ISO code is read, and the text stays what it was."""
    price = read_price(text)
    assert price is not None
    assert price.amount == Decimal(amount)
    assert price.currency == text[-3:]
    assert str(price) == f"{price}" == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "USD",
        " USD",
        "19.99USD",
        "19.99 usd",
        "19.99 XXL",
        "USD 19.99",
        "$19.99",
        "19.99 EUR each",
        "-5.00 USD",
        "1,29,900 INR",
        "12,34.5 EUR",
        "1..5 EUR",
        "1.5. EUR",
        ". EUR",
        "1,250 KWD",
        "49,500 TND",
        "NEW IN ALL",
        "size 10 ALL",
        "٣ USD",
        "19.99  USD",
        "9" * 60 + " USD",
        "1.5\n USD",
    ],
)
def test_what_is_not_surely_a_price_stays_text(text: str) -> None:
    """Other texts, unknown codes and amounts with two readings are not prices."""
    assert read_price(text) is None


def test_a_price_is_a_plain_string_to_json() -> None:
    """json, orjson and rfc8785 write a Price as the string it is, and copies stay prices."""
    price = read_price("19.99 USD")
    assert price is not None
    assert json.dumps(price) == '"19.99 USD"'
    assert orjson.dumps(price) == rfc8785.dumps(price) == b'"19.99 USD"'
    for twin in (copy.deepcopy(price), pickle.loads(pickle.dumps(price))):
        assert type(twin) is Price
        assert twin.amount == Decimal("19.99")
    assert price == "19.99 USD"
    assert hash(price) == hash("19.99 USD")


def test_a_price_is_read_in_a_sandboxed_template() -> None:
    """`row.price.amount` can be compared and computed with, and `row.price` prints as written."""
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    row = {"price": read_price("1,299.00 EUR")}
    assert environment.from_string("{{ row.price }}/{{ row.price.currency }}").render(row=row) == "1,299.00 EUR/EUR"
    assert environment.compile_expression("row.price.amount < 1300 and row.price.amount * 2 == 2598")(row=row) is True


def test_a_text_made_a_price_by_force_says_what_is_wrong() -> None:
    """`.amount` of a text that is no price raises with an example of one."""
    with pytest.raises(ValueError, match=r"'cheap USD' is not a price; one is written like 19\.99 USD"):
        _ = Price("cheap USD").amount


def test_prices_are_marked_however_deep_and_nothing_else_changes() -> None:
    """Cells, lists and groups are searched; numbers, null and other texts stay the objects they were."""
    row = {
        "id": "007",
        "price": "19.99 USD",
        "shipping": {"price": "4.90 EUR", "country": "DE"},
        "more": [{"price": "1 EUR"}, "2 EUR", 3],
        "stock": 4,
        "none": None,
        "empty": "",
    }
    before = copy.deepcopy(row)
    mark_prices(row)
    assert row == before
    shipping, more = row["shipping"], row["more"]
    assert isinstance(shipping, dict)
    assert isinstance(more, list)
    assert isinstance(more[0], dict)
    assert [type(value) for value in (row["price"], shipping["price"], more[0]["price"], more[1])] == [Price] * 4
    assert type(row["id"]) is type(shipping["country"]) is str


def test_nesting_has_an_end() -> None:
    """Values may be nested to the limit; deeper ones are refused before they exhaust anything."""
    deep: list[object] = ["5 EUR"]
    for _ in range(DEEPEST):
        deep = [deep]
    mark_prices(deep)
    with pytest.raises(ValueError, match="nested deeper than 50 levels"):
        mark_prices([deep])


@given(st.decimals(min_value=0, max_value=10**9, places=2), st.sampled_from(sorted(CURRENCIES)))
def test_amounts_survive_every_grouping(amount: Decimal, currency: str) -> None:
    """An amount of two decimals is the same number in the English, German, French and Swiss way."""
    english = f"{amount:,}"
    german = english.translate(str.maketrans(",.", ".,"))
    for text in (str(amount), english, german, german.replace(".", " "), english.replace(",", "'")):
        assert read_amount(text, currency) == amount


@given(st.text(max_size=30), st.sampled_from(["", " USD", "USD", "1 USD", ",5 EUR"]))
def test_any_text_is_a_price_or_not(text: str, end: str) -> None:
    """No text makes the reading fail, and what it calls a price has an amount of at least nothing."""
    price = read_price(text + end)
    assert price is None or (price == text + end and price.amount >= 0)


def test_a_text_beyond_a_cell_is_refused():
    """JSON has no cells, but a text of more than a mebibyte is none for an ad there either."""
    mark_prices({"a": "x" * CELL_CAP})
    with pytest.raises(ValueError, match="holds a text of 1,048,577 characters; at most 1,048,576 are read"):
        mark_prices({"a": {"b": ["x" * (CELL_CAP + 1)]}})
