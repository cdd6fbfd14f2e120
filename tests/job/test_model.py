from __future__ import annotations

import time
from decimal import Decimal
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from runner.job import model
from runner.job.document import read_document
from runner.job.model import Budget, Expect, Feed, Guard, Job, JobBudget, Matrix, Output, Refresh, Retry, StepSpec
from runner.records import Money
from tests.job.samples import FULL, JOB

SPECS: list[type[model.Spec]] = [Job, Feed, Guard, Matrix, StepSpec, Expect, Retry, Budget, Output, Refresh]


def _job(text: str) -> Job:
    return Job.model_validate(read_document(text, "x.yaml").data)


def _step(**keys: Any) -> StepSpec:
    return StepSpec.model_validate({"use": "vyro/upscale", **keys})


def test_smallest_job():
    """What need not be said has a default."""
    read = _job(JOB)
    assert read.feed == Feed(path="products.csv")
    assert (read.feed.format, read.feed.key, read.feed.guard) == ("auto", "id", Guard(min_rows=1))
    assert (read.vars, read.matrix, read.variants, read.budget, read.refresh) == ({}, Matrix(), 1, None, None)
    assert read.steps["ad"] == StepSpec(use="sivi/design")
    assert (read.steps["ad"].with_, read.steps["ad"].again, read.steps["ad"].uncertain) == ({}, 1, "report")


def test_full_job():
    """Every notation arrives as the value it says."""
    read = _job(FULL)
    assert read.feed.guard.max_drop == 0.3
    assert (read.feed.encoding, read.feed.delimiter, read.feed.header_line) == ("latin-1", ";", 2)
    assert read.feed.fields == {"title": "Product name"}
    assert read.matrix.axes["locale"] == ["en-US", "de-DE"]
    assert read.matrix.axes["size"][1] == {"name": "leaderboard", "width": 728, "height": 90}
    assert read.matrix.exclude == [{"locale": "de-DE", "size": {"name": "leaderboard"}}]
    assert read.matrix.include[0]["locale"] == "fr-FR"
    assert read.budget == JobBudget.model_validate({"cost": "20 USD", "requests": 100})
    assert read.budget.cost == Money(Decimal(20), "USD")
    assert read.refresh is not None
    assert (read.refresh.cron, read.refresh.max_age) == ("0 6 * * *", 30 * 86400)


def test_steps_keep_their_order():
    """Steps, axes and params stand in the order in which they were written."""
    read = _job(FULL)
    assert list(read.steps) == ["headline", "scene", "ad"]
    assert list(read.matrix.axes) == ["locale", "size"]


def test_step_names_its_provider_and_operation():
    """`use` is a provider and an operation."""
    assert (_step().provider, _step().operation) == ("vyro", "upscale")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("report", "report"),
        ("retry", Retry(retry=1)),
        ({}, Retry(retry=1)),
        ({"retry": 3}, Retry(retry=3)),
        ({"retry": 2, "max_cost": "2 USD"}, Retry.model_validate({"retry": 2, "max_cost": "2 USD"})),
    ],
)
def test_uncertain(written, read):
    """`retry` is short for one repeat."""
    assert _step(uncertain=written).uncertain == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"format": "png"}, ["png"]),
        ({"format": ["jpeg", "webp"]}, ["jpeg", "webp"]),
        ({}, None),
    ],
)
def test_expected_formats_are_a_list(written, read):
    """One format is a list of one."""
    assert Expect.model_validate(written).format == read


def test_expectations_may_be_expressions():
    """A figure may be told by the matrix; the expression stays text until it is rendered."""
    read = Expect.model_validate({"width": "{{ matrix.size.width }}", "max_kb": "{{ vars.kb }}", "min_chars": 3, "max_chars": 3})
    assert (read.width, read.max_kb, read.min_chars) == ("{{ matrix.size.width }}", "{{ vars.kb }}", 3)


@pytest.mark.parametrize("written", [{}, {"prompt": {"template": "x.j2"}, "n": [1, {"a": None}]}, "{{ row }}"])
def test_with(written):
    """`with` is a map of anything, or one expression that will give a map."""
    assert _step(**{"with": written}).with_ == written


def test_matrix_in_code():
    """In code a matrix may be made from its parts; an axis may then even be called axes."""
    made = Matrix(axes={"axes": [1]}, exclude=[{"axes": 1}])
    assert model.read_matrix(made) is made
    assert model.read_matrix({"axes": [1], "exclude": [{"axes": 1}]}) == made


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.__name__)
def test_parts_are_frozen(spec):
    """No part of a job can be changed once it is read."""
    assert spec.model_config["frozen"]
    read = _job(FULL)
    with pytest.raises(ValidationError):
        read.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.__name__)
def test_every_field_is_described(spec):
    """Every field a user can write has a sentence for the editor's hover, and every part a docstring and a noun."""
    fields = spec.model_fields if spec is not Matrix else {}
    assert all((field.description and field.description.endswith(".")) or name == "fields" for name, field in fields.items())
    assert spec.__doc__
    assert "NOUN" in vars(spec)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.__name__)
def test_null_is_not_a_value(spec):
    """A key that is written has a value: null is refused for every field, even where the default is none."""
    names = [field.alias or name for name, field in spec.model_fields.items()]
    with pytest.raises(ValidationError) as caught:
        spec.model_validate(dict.fromkeys(names))
    messages = {error["loc"]: error["msg"] for error in caught.value.errors()}
    assert set(messages) == {(name,) for name in names}
    assert all("is empty; give it a value" in message for message in messages.values())


def test_no_tuples():
    """No field is a tuple: draft-07 has no word for one."""

    def kinds(annotation: Any) -> list[Any]:
        return [annotation, *(kind for inner in get_args(annotation) for kind in kinds(inner))]

    fields = [field for spec in SPECS for field in spec.model_fields.values()]
    assert not [field for field in fields for kind in kinds(field.annotation) if kind is tuple]


@pytest.mark.parametrize(
    ("number", "right"), [(0, False), (1, True), (1000, True), (1001, False), (True, False), ("5", False), (2.0, False)]
)
def test_variants_are_a_whole_number(number, right):
    """Repeats are 1 to 1000, written as a number."""
    text = JOB + f"variants: {number!r}\n".replace("True", "true")
    if right:
        assert _job(text).variants == number
    else:
        with pytest.raises(ValidationError, match="variants"):
            _job(text)


def test_models_are_pydantic():
    """Parts are plain pydantic models: equal by value, printable, and dumped under the names of the file."""
    assert issubclass(StepSpec, BaseModel)
    assert _step(**{"with": {"a": 1}}).model_dump(by_alias=True, exclude_defaults=True) == {"use": "vyro/upscale", "with": {"a": 1}}


def test_reading_is_fast():
    """A job of six kilobytes is judged in some milliseconds."""
    data = read_document(FULL, "x.yaml").data
    data["steps"] = {f"s{n}": dict(data["steps"]["ad"]) for n in range(40)}
    Job.model_validate(data)
    best = min(_seconds(data) for _ in range(5))
    assert best < 0.1


def _seconds(data: Any) -> float:
    began = time.process_time()
    Job.model_validate(data)
    return time.process_time() - began
