"""An expression that chooses variants: what it takes, how often it is worked out, and how its mistakes are told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.cli.render import complaint_lines
from runner.errors import Invalid
from runner.job.only import Only
from runner.job.plan import Plan
from runner.records import Row
from tests.job.plans import make_plan, make_row

BODY = """\
matrix:
  locale: [en-US, de-DE]
  size: [{name: mpu, width: 300}, {name: board, width: 728}]
variants: 2
vars: {season: summer}
steps:
  copy: {use: pen/text, with: {prompt: "{{ row.title }}"}}
"""
ROWS = [make_row("mug"), make_row("hat", 3), make_row("007", 4, price=7)]


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Three rows of eight variants each."""
    return make_plan(tmp_path_factory.mktemp("only"), BODY)


def taken(plan: Plan, text: str, rows: list[Row] | None = None) -> list[str]:
    """Keys of the variants that the expression takes."""
    only = Only(text, plan)
    return [variant.key for variant in plan.variants(ROWS if rows is None else rows) if only.takes(variant)]


def told(plan: Plan, text: str) -> list[str]:
    """What is said of an expression that is wrong or takes nothing: each complaint as it is printed."""
    try:
        assert not taken(plan, text)
        mistakes = Only(text, plan).nothing(ROWS)
    except Invalid as found:
        mistakes = found
    return ["\n".join(complaint_lines(complaint)) for complaint in mistakes.complaints]


@pytest.mark.parametrize(
    ("text", "count", "first"),
    [
        ("row.id in ['mug', 'hat'] and matrix.locale == 'de-DE'", 8, "mug|locale=de-DE|size=mpu|1"),
        ("row.id == '007'", 8, "007|locale=en-US|size=mpu|1"),
        ("{{ row.id == 'hat' }}", 8, "hat|locale=en-US|size=mpu|1"),
        ("matrix.size.width > 300", 12, "mug|locale=en-US|size=board|1"),
        ("variant == 2", 12, "mug|locale=en-US|size=mpu|2"),
        ("row.price is defined and row.price == 7", 8, "007|locale=en-US|size=mpu|1"),
        ("seed > 0 and vars.season == 'summer' and job.name == 'tiny'", 24, "mug|locale=en-US|size=mpu|1"),
        ("row.title | lower == 'mug' and range(3) | list | length == 3", 24, "mug|locale=en-US|size=mpu|1"),
        ("row.id", 24, "mug|locale=en-US|size=mpu|1"),
    ],
)
def test_an_expression_takes_variants(plan: Plan, text: str, count: int, first: str) -> None:
    """It reads row, matrix, vars, variant, seed and job, with the filters a job has; ids stay text."""
    keys = taken(plan, text)
    assert (len(keys), keys[0]) == (count, first)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rwo.id == 'mug'", "--only:1:1: there is no rwo here; did you mean row?"),
        ("matrix.lcale == 'de-DE'", "--only:1:8: matrix has no lcale; did you mean locale?"),
        ("row.title | lowr == 'mug'", "--only:1:13: there is no filter lowr; did you mean lower?"),
        ("row.id = 'mug'", "--only:1:8: not a template: expected the end of the expression, got '='; write == to compare"),
        ("steps.copy.text == 'x'", "--only:1:1: there is no steps here; it takes job, matrix, row, seed, variant, vars"),
        ("row.id ==\n'mug' | lowr", "--only:2:9: there is no filter lowr; did you mean lower?"),
        ("", "--only:1:1: not a template: Expected an expression, got its end"),
        ("a {{ row.id }}", "--only:1:3: not a template: expected the end of the expression, got '{'"),
    ],
)
def test_a_mistake_is_told_with_its_place(plan: Plan, text: str, said: str) -> None:
    """What is wrong whatever the rows say is told before any is read, with the column of the very word."""
    with pytest.raises(Invalid) as mistakes:
        Only(text, plan)
    assert next(complaint_lines(mistakes.value.complaints[0])) == said


def test_a_mistake_shows_the_expression(plan: Plan) -> None:
    """The expression is printed with a caret below the word, as a line of a job would be."""
    assert told(plan, "row.id == 'mug' and matrix.lcale") == [
        "--only:1:28: matrix has no lcale; did you mean locale?\n"
        "    1 | row.id == 'mug' and matrix.lcale\n"
        "      |                            ^"
    ]


def test_a_row_that_cannot_tell_is_blamed(plan: Plan) -> None:
    """A column that a row lacks is a mistake, as in `where`, and not a variant left out in silence."""
    assert told(plan, "row.idd == 'mug'") == [
        "--only:1:5: row has no idd; did you mean id?\n    1 | row.idd == 'mug'\n      |     ^\n"
        f"    feed {plan.document.beside('feed.csv')}:2 (id mug)"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "row.id in ['musg', 'hot']",
            ["--only:1:13: no row has id 'musg'; did you mean mug?", "--only:1:21: no row has id 'hot'; did you mean hat?"],
        ),
        ("'mgu' == row['id']", ["--only:1:2: no row has id 'mgu'; did you mean mug?"]),
        ("row.id == 7", ["--only:1:11: no row has id 7; there is 007, hat, mug"]),
        ("matrix.locale == 'de-DD'", ["--only:1:19: no variant has matrix.locale 'de-DD'; did you mean de-DE?"]),
        (
            "matrix.size == 'mpu'",
            ["--only:1:17: matrix.size is a map and never 'mpu'; compare matrix.size.name; did you mean mpu?"],
        ),
        ("variant == '2'", ["--only:1:13: no variant has variant '2'; it is 2 there"]),
        ("row.id == 'mug' and row.title == 'Hat'", ["--only:1:35: no row has title 'Hat'; there is Mug"]),
        ("row.id == 'mug' and row.id == 'hat'", ["--only:1:1: takes no variant: there is none of which all of it holds"]),
        ("row.id != row.id", ["--only:1:1: takes no variant: there is none of which all of it holds"]),
    ],
)
def test_what_takes_nothing_is_told_what_is_near(plan: Plan, text: str, said: list[str]) -> None:
    """Of every value that nothing has, the nearest that something has is named; a map is no text."""
    assert [each.partition("\n")[0] for each in told(plan, text)] == said


def test_looking_for_the_nearest_is_bounded(plan: Plan) -> None:
    """Among a hundred thousand ids the first ten thousand are looked at, and the message stays short."""
    rows = [make_row(f"item-{number}") for number in range(20_000)]
    said = str(Only("row.id == 'item-12x'", plan).nothing(rows))
    assert said.startswith("no row has id 'item-12x'; did you mean item-12")
    assert len(said) < 200


CLAUSES = [
    "row.id == 'mug'",
    "row.id in ['hat', 'cup']",
    "matrix.locale == 'de-DE'",
    "matrix.size.width > 300",
    "variant == 1",
    "seed % 2 == 0",
    "vars.season == 'winter'",
]


@settings(max_examples=10)
@given(st.lists(st.sampled_from(CLAUSES), min_size=1, max_size=3), st.sampled_from([" and ", " or "]))
def test_remembering_changes_nothing(plan: Plan, clauses: list[str], word: str) -> None:
    """Asked of all variants in turn, an expression takes just those that it takes when asked of each alone."""
    text = word.join(clauses)
    alone = [variant.key for variant in plan.variants(ROWS) if Only(text, plan).takes(variant)]
    assert taken(plan, text) == alone
