"""What one variant expects: packs opened, expressions rendered, columns of the row read as facts."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from runner.errors import Invalid
from runner.job.expect import Expected, Ratio
from tests.fakes import make_plan, make_rows


def expect(folder: Path, text: str, use: str = "pen/text", name: str = "copy", top: str = "", **row: str) -> Expected:
    """What the only variant of a job with this `expect:` expects."""
    plan = make_plan(folder, f'  {name}: {{use: {use}, with: {{prompt: "x"}}, expect: {text}}}\n', top)
    variant = next(plan.variants(make_rows(1, **row)))
    return plan.expectation(variant, name, {})


def wrong(folder: Path, text: str, use: str = "pen/text", name: str = "copy", **row: str) -> str:
    """The only complaint about it."""
    with pytest.raises(Invalid) as raised:
        expect(folder, text, use, name, **row)
    [complaint] = raised.value.complaints
    return f"{complaint.path}: {complaint.message}"


def test_what_is_written_is_what_is_expected(tmp_path: Path) -> None:
    """Every form of every field."""
    found = expect(
        tmp_path,
        '{ratio: ["1.91:1"], tolerance: 2.5%, sizes: {300x250: 150, 728x90: 100}, unlike_source: 6, mode: rgb}',
        "pen/picture",
    )
    assert found.ratios == (Ratio("1.91:1", Fraction("1.91")),)
    assert found.tolerance == 0.025
    assert found.sizes == {(300, 250): 150, (728, 90): 100}
    assert (found.unlike_source, found.unlike_siblings, found.modes) == (6, None, ("rgb",))


def test_expressions_are_rendered_for_the_variant(tmp_path: Path) -> None:
    """Numbers, ratios and lists of words may come from the row."""
    found = expect(tmp_path, '{width: "{{ row.w | int }}", ratio: "{{ row.r }}"}', "pen/picture", w="30", r="4:5")
    assert (found.width, found.ratios[0].value) == (30, Fraction(4, 5))
    assert expect(tmp_path, '{required: "{{ [row.title] }}"}').required == ("Thing 1",)


def test_a_column_may_be_called_anything(tmp_path: Path) -> None:
    """With spaces, or a part of a price."""
    plan = make_plan(tmp_path, '  copy: {use: pen/text, with: {prompt: "x"}, expect: {facts: [Sale price, price.amount]}}\n')
    [row] = make_rows(1, **{"Sale price": "5 EUR"})
    found = plan.expectation(next(plan.variants([row])), "copy", {})
    assert [fact.written for fact in found.facts or ()] == ["5 EUR"]


def test_facts_are_the_numbers_of_columns(tmp_path: Path) -> None:
    """A column that the row does not have states nothing; an expression does as a column."""
    found = expect(tmp_path, '{facts: [price, sale_price, "{{ vars.off }}"]}', top="vars: {off: 20%}\n", price="19.99 USD")
    assert found.fact_names == ("price", "sale_price", "{{ vars.off }}")
    assert [fact.written for fact in found.facts or ()] == ["19.99 USD", "20%"]


@pytest.mark.parametrize(
    ("text", "top", "locale"),
    [
        ("{facts: price}", "", None),
        ("{facts: price}", "matrix: {locale: [de-DE]}\n", "de-DE"),
        ("{facts: price}", "matrix: {locale: [{name: fr-FR, currency: EUR}]}\n", "fr-FR"),
        ("{facts: price, locale: pl}", "matrix: {locale: [de-DE]}\n", "pl"),
    ],
)
def test_numbers_are_written_as_the_locale_does(tmp_path: Path, text: str, top: str, locale: str | None) -> None:
    """What is given, else the axis called locale."""
    assert expect(tmp_path, text, top=top, price="1").locale == locale


def test_a_pack_brings_its_limits_and_what_stands_beside_it_goes_before(tmp_path: Path) -> None:
    """Field by field; the role is the one called like the step, or the only one for what the step gives."""
    found = expect(tmp_path, "{pack: google-responsive, max_width: 25}", name="headline")
    assert (found.max_width, found.blank) == (25, "forbidden")
    banner = expect(tmp_path, "{pack: google-display, max_kb: 100}", "pen/picture")
    assert (banner.max_kb, (300, 250) in banner.sizes, banner.formats) == (100, True, ("jpeg", "png", "gif"))
    assert expect(tmp_path, "{pack: google-responsive, role: long_headline}").max_width == 90


@pytest.mark.parametrize(
    ("text", "use", "told"),
    [
        (
            "{pack: google-responsive}",
            "pen/picture",
            "steps.copy.expect.pack: says which: add role: landscape or square or logo or wide_logo",
        ),
        ("{pack: iab-2017}", "pen/text", "steps.copy.expect.pack: iab-2017 says nothing of a text; its roles are banner"),
        (
            "{pack: meta-feed, role: ear}",
            "pen/text",
            "steps.copy.expect.role: meta-feed has no role ear; it has primary_text, headline",
        ),
        ('{max_chars: "{{ row.title }}"}', "pen/text", "needs a whole number, got 'Thing 1'; write {{ … | int }}"),
        ('{max_kb: "{{ row.title }}"}', "pen/picture", "needs a number, got 'Thing 1'; write {{ … | float }}"),
        ('{ratio: "{{ row.title }}"}', "pen/picture", "needs width to height, such as 1.91:1, got"),
        ('{unlike_source: "{{ 65 }}"}', "pen/picture", "needs a whole number up to 64, got '65'"),
        ('{required: "{{ 5 }}"}', "pen/text", "needs a list of texts, got '5'"),
        ('{facts: ["{{ row. }}"]}', "pen/text", "steps.copy.expect.facts[0]: not a template"),
        ("{width: 300}", "pen/text", "steps.copy.expect.width: is for a picture, and the step gives a text"),
        ("{max_chars: 30}", "pen/picture", "steps.copy.expect.max_chars: is for a text, and the step gives a picture"),
        (
            "{pack: google-responsive, role: headline}",
            "pen/picture",
            "steps.copy.expect.role: google-responsive has headline for a text, and the step gives a picture",
        ),
    ],
)
def test_what_cannot_be_expected_is_told(tmp_path: Path, text: str, use: str, told: str) -> None:
    """With the field, what it needs and what it got."""
    assert told in wrong(tmp_path, text, use)
