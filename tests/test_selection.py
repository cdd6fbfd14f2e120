"""What a run is restricted to: shares that are whole together, steps with what they read, and words that must be meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Invalid, Usage
from runner.job.plan import Plan
from runner.selection import Choice, Selection, Shard, read_shard
from tests.fakes import make_plan, make_rows

STEPS = """\
  copy: {use: pen/text, with: {prompt: "{{ row.title }}"}}
  banner: {use: pen/text, with: {prompt: "A banner in {{ matrix.locale }}"}}
  scene: {use: press/job, with: {prompt: "{{ steps.copy.text }}"}}
  ad: {use: press/job, with: {prompt: "{{ steps.scene.file }}"}}
"""
TOP = "matrix: {locale: [en, de]}\nvariants: 2\n"


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A chain of three steps, and a fourth that reads nothing of the row."""
    return make_plan(tmp_path_factory.mktemp("selection"), STEPS, TOP)


def taken(plan: Plan, count: int = 6, **choice: object) -> list[str]:
    """Keys of the variants of `count` rows that are taken."""
    selection = Selection(Choice(**choice), plan)  # type: ignore[arg-type]
    return [variant.key for variant in plan.variants(make_rows(count)) if selection.takes(variant)]


def test_no_choice_takes_everything(plan: Plan) -> None:
    """Where nothing is said, every variant and step is taken, and there is nothing to tell."""
    selection = Selection(Choice(), plan)
    assert len(taken(plan)) == 24
    assert all(map(selection.takes_step, plan.needs))
    assert selection.takes_any({"copy": "done"})
    assert not selection.orders_again("refused")
    assert (list(selection.remarks()), Choice().told(), bool(Choice())) == ([], {}, False)


@given(st.integers(1, 40), st.integers(0, 30))
def test_shards_share_the_rows_out(count: int, rows: int) -> None:
    """Every row is in exactly one shard, whatever their number."""
    for row in make_rows(rows):
        assert sum(Shard(number, count).takes(row.key) for number in range(1, count + 1)) == 1


@given(st.text())
def test_any_key_has_a_shard(key: str) -> None:
    """No key is too odd to be hashed, and one shard of one is everything."""
    assert Shard(1, 1).takes(key)
    assert Shard(1, 2).takes(key) != Shard(2, 2).takes(key)


def test_a_shard_is_the_same_on_every_machine() -> None:
    """The share of a key is part of what two machines agree on: it may never change."""
    shares = {key: next(n for n in range(1, 5) if Shard(n, 4).takes(key)) for key in ("mug", "hat", "cup", "007", "Tür")}
    assert shares == {"mug": 3, "hat": 2, "cup": 1, "007": 1, "Tür": 3}


def test_the_variants_of_a_row_stay_together(plan: Plan) -> None:
    """A row is not torn apart, so what its variants have in common is bought on one machine."""
    keys = [taken(plan, 20, shard=Shard(number, 3)) for number in (1, 2, 3)]
    rows = [{key.partition("|")[0] for key in share} for share in keys]
    assert sum(map(len, keys)) == 80
    assert sum(map(len, rows)) == 20
    assert all(rows)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2", "--shard 2: write which share of how many, such as 1/4"),
        ("a/b", "--shard a/b: write which share of how many, such as 1/4"),
        ("-1/2", "--shard -1/2: write which share of how many, such as 1/4"),
        ("0/2", "--shard 0/2: 2 shards are numbered 1 to 2"),
        ("3/2", "--shard 3/2: 2 shards are numbered 1 to 2"),
        ("1/0", "--shard 1/0: at least one share is needed"),
    ],
)
def test_a_wrong_shard_is_told(text: str, said: str) -> None:
    """A share that cannot be is told with the remedy."""
    with pytest.raises(Usage) as mistake:
        read_shard(text)
    assert str(mistake.value) == said


def test_a_shard_is_read() -> None:
    """`2/4` is the second share of four and is written so again."""
    assert (read_shard(" 2/4 "), str(read_shard("2/4"))) == (Shard(2, 4), "2/4")


@pytest.mark.parametrize(
    ("named", "all_of_them"),
    [
        (("ad",), {"ad", "scene", "copy"}),
        (("copy",), {"copy"}),
        (("banner", "scene"), {"banner", "scene", "copy"}),
        ((), {"ad", "scene", "copy", "banner"}),
    ],
)
def test_a_step_brings_what_it_reads(plan: Plan, named: tuple[str, ...], all_of_them: set[str]) -> None:
    """A step cannot be made without the steps it reads, however far up they are."""
    selection = Selection(Choice(steps=named), plan)
    assert {step for step in plan.needs if selection.takes_step(step)} == all_of_them


def test_an_unknown_step_is_told(plan: Plan) -> None:
    """A misspelt step is told with the one that is near."""
    with pytest.raises(Usage, match="--step scne: the job has no such step; did you mean scene"):
        Selection(Choice(steps=("scne",)), plan)
    with pytest.raises(Usage, match="--step zzz: the job has no such step; it has ad, banner, copy, scene"):
        Selection(Choice(steps=("zzz",)), plan)


@pytest.mark.parametrize(
    ("named", "outcomes", "wanted"),
    [
        (("failed",), {"copy": "failed", "ad": "blocked"}, True),
        (("failed",), {"copy": "done", "ad": "refused"}, False),
        (("failed", "refused"), {"copy": "done", "ad": "refused"}, True),
        (("uncertain",), {"copy": "failed", "ad": "uncertain"}, True),
        (("failed",), {"copy": "waiting"}, False),
        (("flagged",), {"copy": "done", "ad": "flagged"}, True),
        (("failed",), {}, False),
    ],
)
def test_a_status_is_that_of_any_step(plan: Plan, named: tuple[str, ...], outcomes: dict[str, str], wanted: bool) -> None:
    """A variant is wanted if one of its steps has come to one of the statuses, whatever became of the others."""
    assert Selection(Choice(statuses=named), plan).takes_any(outcomes) is wanted


def test_the_status_of_a_step_that_is_not_chosen_does_not_count(plan: Plan) -> None:
    """With `--step copy --status failed`, an ad that failed is nobody's concern."""
    selection = Selection(Choice(steps=("copy",), statuses=("failed",)), plan)
    assert not selection.takes_any({"copy": "done", "ad": "failed"})
    assert selection.takes_any({"copy": "failed", "ad": "blocked"})


def test_only_the_very_word_orders_again(plan: Plan) -> None:
    """A refusal is asked again where `refused` is said, and the uncertain never: nobody knows whether it was billed."""
    orders = Selection(Choice(statuses=("refused", "uncertain", "flagged")), plan).orders_again
    assert [status for status in ("refused", "failed", "uncertain", "flagged", "done") if orders(status)] == ["refused"]


def test_what_every_shard_would_buy_is_said(plan: Plan) -> None:
    """A step that reads nothing of the row is named, with the way to buy it once; a single shard shares with nobody."""
    said = list(Selection(Choice(shard=Shard(1, 2)), plan).remarks())
    assert said == [
        "banner reads nothing of the row, so each shard buys it for itself; "
        "to buy it once, run --step banner first and give the other machines that state"
    ]
    assert list(Selection(Choice(shard=Shard(1, 1)), plan).remarks()) == []
    assert list(Selection(Choice(shard=Shard(1, 2), steps=("ad",)), plan).remarks()) == []


def test_the_uncertain_are_left_to_a_person(plan: Plan) -> None:
    """Who selects the uncertain is told what settles them; who selects what was kept all the same, how it is bought anew."""
    assert "`adbatch resolve`" in next(Selection(Choice(statuses=("uncertain",)), plan).remarks())
    assert "`--fresh STEP`" in next(Selection(Choice(statuses=("flagged",)), plan).remarks())


@pytest.mark.parametrize(
    ("choice", "taken", "said"),
    [
        (Choice(limit=9), 9, ["selected: 9 variants"]),
        (Choice(steps=("scene",)), 1, ["selected: 1 variant for copy and scene"]),
        (Choice(), 0, []),
        (Choice(statuses=("failed", "refused")), 0, ["nothing is failed or refused; there is nothing to do"]),
        (Choice(steps=("ad",), statuses=("failed",)), 0, ["nothing of what is selected is failed; there is nothing to do"]),
        (Choice(shard=Shard(1, 9)), 0, ["no row is in shard 1/9; there is nothing to do"]),
        (Choice(limit=1), 0, ["there is nothing to select from"]),
    ],
)
def test_what_is_selected_is_said(plan: Plan, choice: Choice, taken: int, said: list[str]) -> None:
    """How much a choice takes is told before anything is asked, and that it takes nothing is told in terms of why."""
    assert Selection(choice, plan).review(taken, list) == said


def test_what_is_left_out_is_not_bought_anew(plan: Plan) -> None:
    """To order a step anew and leave it out in one breath cannot be meant; what a chosen step reads is not left out."""
    Selection(Choice(steps=("ad",)), plan).check_fresh(frozenset({"copy", "ad"}))
    Selection(Choice(steps=("ad",)), plan).check_fresh(None)
    with pytest.raises(Usage, match="banner is to be bought anew, but --step leaves it out; add --step banner"):
        Selection(Choice(steps=("ad",)), plan).check_fresh(frozenset({"banner"}))


def test_a_choice_is_told_as_it_was_made() -> None:
    """A manifest says what was selected, in the words of the command line, and nothing that was not said."""
    choice = Choice("row.id == 'mug'", ("scene", "copy", "copy"), ("refused", "failed"), Shard(1, 2), 5)
    assert choice.told() == {
        "only": "row.id == 'mug'",
        "steps": ["copy", "scene"],
        "status": ["failed", "refused"],
        "shard": "1/2",
        "limit": 5,
    }
    assert (Choice(limit=3).told(), bool(Choice(limit=3))) == ({"limit": 3}, True)


def test_an_expression_that_takes_nothing_is_a_mistake(plan: Plan) -> None:
    """It is told before anything is asked; an empty share of what it does take is none."""
    with pytest.raises(Invalid, match="no row has id 'r99'; did you mean r"):
        Selection(Choice("row.id == 'r99'"), plan).check_any(lambda: make_rows(9))
    Selection(Choice("row.id == 'r9'", shard=Shard(1, 1)), plan).check_any(lambda: make_rows(9))
    Selection(Choice("row.id == 'r9'", shard=Shard(77, 99)), plan).check_any(lambda: make_rows(9))


@given(st.integers(1, 5), st.sampled_from([None, "row.id != 'r2'", "matrix.locale == 'de'", "variant == 1 or row.id == 'r1'"]))
def test_shards_of_an_expression_are_the_expression(plan: Plan, count: int, only: str | None) -> None:
    """Whatever an expression takes is in exactly one shard of it."""
    whole = taken(plan, only=only)
    shares = [key for number in range(1, count + 1) for key in taken(plan, only=only, shard=Shard(number, count))]
    assert sorted(shares) == sorted(whole)
