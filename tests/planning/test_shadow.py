"""Identities of what will be asked: the same for the same, different for what differs, and none for what is surely skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.job.plan import Plan
from runner.loom import Loom, Outcome, Woven
from runner.planning.shadow import Shadow
from runner.results import weave
from tests.fakes import make_plan, make_rows

CHAIN = """\
  copy:
    use: pen/text
    with: {prompt: "{{ row.title }}"}
  scene:
    use: pen/picture
    with: {prompt: "PROMPT"WITH}
WHEN"""
MATRIX = "matrix: {locale: [en, de], size: [1, 2]}\n"


def identities(plan: Plan, titles: dict[str, str] | None = None) -> list[int | None]:
    """Of step scene, for each variant of two rows; nothing is known of any request."""
    rows = [row if titles is None else type(row)(row.key, {**row.values, "title": titles[row.key]}, "f", 1) for row in make_rows(2)]
    shadow = Shadow(plan)
    per_row = len(plan.cells) * plan.job.variants
    woven = weave(Loom(plan), plan.variants(rows), lambda ids: {})
    return [shadow.identify(one, one.variant.index % per_row // plan.job.variants, "scene") for one in woven]


def chain(folder: Path, prompt: str, when: str = "", top: str = "", more: str = "") -> Plan:
    """A plan whose second step has this prompt."""
    steps = CHAIN.replace("PROMPT", prompt).replace("WITH", more).replace("WHEN", f'    when: "{when}"\n' if when else "")
    return make_plan(folder, steps, top)


@pytest.mark.parametrize(
    ("prompt", "different"),
    [
        ("{{ steps.copy.text }}", 2),
        ("{{ steps.copy.text }} in {{ matrix.locale }}", 4),
        ("{{ steps.copy.text }} {{ matrix.size }} {{ matrix.locale }}", 8),
        ("{{ steps.copy.text }} {{ seed }}", 8),
    ],
)
def test_as_many_as_will_be_asked(tmp_path: Path, prompt: str, different: int) -> None:
    """Two rows in four cells will ask as many different things as what the step reads can tell apart."""
    found = identities(chain(tmp_path, prompt, top=MATRIX))
    assert (len(found), len(set(found)), None in found) == (8, different, False)


def test_the_same_answer_is_the_same_request(tmp_path: Path) -> None:
    """Rows whose earlier step asks the same will ask the same of the next; with something else in it, they will not."""
    same = {"r1": "Mug", "r2": "Mug"}
    assert len(set(identities(chain(tmp_path, "{{ steps.copy.text }}"), same))) == 1
    assert len(set(identities(chain(tmp_path, "{{ steps.copy.text }} {{ row.id }}"), same))) == 2


def test_what_is_skipped_has_none(tmp_path: Path) -> None:
    """A `when` that needs no answer and says no, or a step that reads a skipped one, asks nothing."""
    assert identities(chain(tmp_path, "{{ steps.copy.text }}", when="row.id == 'r1'"))[1] is None
    assert None not in identities(chain(tmp_path, "{{ steps.copy.text }}", when="steps.copy.text != ''"))


def test_an_identity_is_the_same_in_every_process(tmp_path: Path) -> None:
    """It depends on what is asked alone, so a plan made yesterday can be compared."""
    assert identities(chain(tmp_path, "{{ steps.copy.text }}")) == identities(chain(tmp_path, "{{ steps.copy.text }}"))
    assert (
        identities(chain(tmp_path, "{{ steps.copy.text }}")) != identities(chain(tmp_path, "{{ steps.copy.text }}!", more=""))[:1]
    )


def test_a_constant_and_a_picture_of_ours_count(tmp_path: Path) -> None:
    """What stands beside the answer is part of what will be asked, pictures by their bytes."""
    same = {"r1": "Mug", "r2": "Mug"}
    plain = identities(chain(tmp_path, "{{ steps.copy.text }}"), same)
    pictured = identities(chain(tmp_path, "{{ steps.copy.text }}", more=", image: 'pictures/{{ row.id }}.png'"), same)
    assert len(set(pictured)) == 1  # two paths, one picture: every path is the same bytes in this plan
    assert plain != pictured
    assert plain != identities(chain(tmp_path, "{{ steps.copy.text }}!"), same)


def test_what_is_known_stands_for_its_answer(tmp_path: Path) -> None:
    """A step that is done is identified by its request, one that was skipped by nothing."""
    plan = chain(tmp_path, "{{ steps.copy.text }}")
    [woven, _] = weave(Loom(plan), plan.variants(make_rows(2)), lambda ids: {})
    skipped = Woven(woven.variant, {**woven.outcomes, "copy": Outcome("skipped")})
    assert Shadow(plan).identify(woven, 0, "copy") == int(woven.outcomes["copy"].request.id[:16], 16)  # type: ignore[union-attr]
    assert Shadow(plan).identify(skipped, 0, "copy") is None
