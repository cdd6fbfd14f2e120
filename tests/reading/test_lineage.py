"""Where each value of a request comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from runner.feed import read_rows
from runner.job.plan import StepResult
from runner.reading.lineage import Lineage, Source, Value
from runner.reading.study import Study, open_study
from runner.records import Request
from tests.projects import write_project

JOB = """\
version: 1
name: small
feed: {path: feeds/feed.csv, fields: {name: title}}
vars: {season: summer, brand: {name: Acme}}
matrix:
  locale: [en-US, de-DE]
  include: [{locale: de-DE, greeting: Hallo}]
variants: 2
output: {dir: out}
steps:
  headline:
    use: jivox/text
    with:
      prompt: {template: headline.j2}
  picture:
    use: sivi/media
    with:
      prompt: "{{ steps.headline.text }} in {{ vars.season }} for {{ vars.brand.name }} {{ matrix.greeting | default('') }}"
      model: flux-schnell
      dimensions: {width: 1024, height: "{{ 512 * variant }}"}
"""
PROJECT = 'version: 1\nproviders:\n  jivox: {account: "7"}\n  sivi: {brand: b_9}\n'
HEADLINE = "{% include 'a-voice.j2' %}{{ row.name }}, {{ matrix.locale }}, {{ seed }}, {{ job.name }}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The job of a project with a template, a renamed column, and an account that fills in its brand."""
    write_project(tmp_path, project=PROJECT)
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds/feed.csv").write_text("id,title\nhat,Hat\nmug,Mug\n")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/headline.j2").write_text(HEADLINE)
    (tmp_path / "templates/a-voice.j2").write_text("Loud: ")
    path = tmp_path / "job.yaml"
    path.write_text(JOB)
    return path


def values_of(study: Study, step: str, results: Mapping[str, StepResult]) -> dict[str, Value]:
    """The values that the last variant asks of a step, by field."""
    plan = study.desk.plan
    variant = list(plan.variants(read_rows(study.source())))[-1]
    asked = plan.ask(variant, step, results)
    assert isinstance(asked, Request)
    lineage = Lineage(study.desk, variant, results, {"headline": "ab" * 32})
    return {value.field: value for value in lineage.values(next(each for each in plan.steps if each.name == step), asked)}


def test_a_template_is_led_back_to_its_file_and_to_what_it_reads(path: Path) -> None:
    """A prompt from a template names the job's line, the template, and the line and value of every name the template reads."""
    with open_study(path) as study:
        prompt = values_of(study, "headline", {})["prompt"]
    assert (prompt.place, prompt.templates, prompt.by) == (f"{path}:14", ("templates/headline.j2", "templates/a-voice.j2"), "job")
    assert prompt.reads[:3] == (
        Source("job.name", "small", ""),
        Source("matrix.locale", "de-DE", f"{path}:6"),
        Source("row.name", "Mug", f"{path.parent}/feeds/feed.csv:3"),
    )
    assert prompt.reads[3].name == "seed"
    assert str(prompt.value).startswith("Loud: Mug, de-DE, ")


def test_answers_vars_and_included_values_are_led_back(path: Path) -> None:
    """A var leads to its line, an included value to `include`, an answer to the request that gave it."""
    with open_study(path) as study:
        values = values_of(study, "picture", {"headline": StepResult("Hello")})
    reads = {read.name: read for read in values["prompt"].reads}
    assert reads["steps.headline.text"] == Source("steps.headline.text", "Hello", "request abababababab")
    assert reads["vars.season"] == Source("vars.season", "summer", f"{path}:4")
    assert reads["vars.brand"].value == {"name": "Acme"}
    assert reads["matrix.greeting"] == Source("matrix.greeting", "Hallo", f"{path}:7")


def test_what_is_written_out_reads_nothing(path: Path) -> None:
    """A constant has its line and no reading; inside a map, what one part reads is told of the whole."""
    with open_study(path) as study:
        values = values_of(study, "picture", {"headline": StepResult("Hello")})
    assert values["model"] == Value("model", "flux-schnell", f"{path}:19")
    assert values["dimensions"].value == {"width": 1024, "height": 1024}
    assert values["dimensions"].reads == (Source("variant", 2, ""),)


def test_what_the_account_fills_in_leads_to_the_project_file(path: Path) -> None:
    """A default of the account comes last and names the account's line in adbatch.yaml."""
    with open_study(path) as study:
        values = values_of(study, "picture", {"headline": StepResult("Hello")})
    assert values["bId"] == Value("bId", "b_9", "adbatch.yaml:4", "account")
    assert list(values)[-1] == "bId"


def test_files_of_earlier_steps_are_told_as_templates_see_them(path: Path) -> None:
    """A step's file is `blob:` and its digest, all its files are a list; a step that was skipped gives nothing."""
    text = JOB.replace("use: jivox/text", "use: vyro/text-to-image").replace("headline.j2}", "headline.j2}\n      style: realistic")
    path.write_text(text.replace("steps.headline.text }}", "steps.headline.files | length }}"))
    (path.parent / "templates/headline.j2").write_text("A mug")
    with open_study(path) as study:
        values = values_of(study, "picture", {"headline": StepResult(None, ("cd" * 32,))})
    assert {read.name: read.value for read in values["prompt"].reads}["steps.headline.files"] == [f"blob:{'cd' * 32}"]


def test_a_body_that_is_one_expression_is_led_back_as_a_whole(path: Path) -> None:
    """Where `with:` is one expression every field has its line and reads all of the row."""
    text = JOB.partition("  picture:")[0].replace(", fields: {name: title}", "")
    path.write_text(text.replace("with:\n      prompt: {template: headline.j2}", "with: \"{{ row | pick('prompt') }}\""))
    (path.parent / "feeds/feed.csv").write_text("id,title,prompt\nmug,Mug,A mug\n")
    with open_study(path) as study:
        values = values_of(study, "headline", {})
    assert values["prompt"].place == f"{path}:13"
    assert [read.name for read in values["prompt"].reads] == ["row"]
