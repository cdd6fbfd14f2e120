from __future__ import annotations

import pytest
from pydantic import ValidationError

from runner.job.document import read_document
from runner.job.model import Budget, Expect, Feed, Guard, Job, Matrix, Output, Refresh, Retry, Spec, StepSpec
from runner.job.project import LimitsSpec, PriceSpec, Project, ProviderSpec
from runner.job.wording import complaints_of, keys_of, spec_at

FORMATS = "needs one of auto, csv, tsv, json, jsonl, merchant, parquet, xlsx; got "
RATE = "needs a number of sends per span of time, such as 50/1m, 10/1s or 600/1h; got "
MONEY = "needs an amount and its currency (a three-letter code, or credits), such as 20 USD; got "
CRON = 'needs five cron fields (minute hour day month weekday), such as "0 6 * * *"; got '
WITH = "needs a map of the vendor's fields, or one {{ expression }} that gives a map; got "
SLUG = "needs a name of letters, digits, - _ and . that begins with a letter or digit; got "
USE = "needs provider/operation, such as vyro/ai-background; got "
UNCERTAIN = "needs report, retry, or a map such as {retry: 1, max_cost: 2 USD}"


def _complaints(text: str, spec: type[Spec]) -> list[str]:
    document = read_document(text, "x.yaml")
    with pytest.raises(ValidationError) as caught:
        spec.model_validate(document.data)
    found = complaints_of(caught.value, document, spec)
    return [f"{c.place.line}:{c.place.column} {c.path}: {c.message}" for c in found if c.place]


@pytest.mark.parametrize(
    ("spec", "text", "said"),
    [
        (Feed, "path: 5", "1:7 path: needs text; got the number 5; put quotes around it"),
        (Feed, "path: true", "1:7 path: needs text; got true; put quotes around it"),
        (Feed, "path: [a]", "1:7 path: needs text; got a list"),
        (Feed, "path: ''", "1:7 path: is empty; give it a value, or leave it out"),
        (Feed, "path:", "1:6 path: is empty; give it a value, or leave it out"),
        (Feed, "{path: x, limit: '5'}", "1:18 limit: needs a whole number; got the text '5'; take the quotes away"),
        (Feed, "{path: x, limit: five}", "1:18 limit: needs a whole number; got the text 'five'"),
        (Feed, "{path: x, limit: 1.5}", "1:18 limit: needs a whole number; got the number 1.5"),
        (Feed, "{path: x, limit: true}", "1:18 limit: needs a whole number; got true"),
        (Feed, "{path: x, limit: 0}", "1:18 limit: is 0; the least allowed is 1"),
        (Feed, "{path: x, format: cvs}", "1:19 format: " + FORMATS + "the text 'cvs'; did you mean csv?"),
        (Feed, "{path: x, format: 7}", "1:19 format: " + FORMATS + "the number 7"),
        (Feed, "{path: x, fields: {a: 1}}", "1:23 fields.a: needs text; got the number 1; put quotes around it"),
        (Feed, "{path: x, fields: {a: }}", "1:23 fields.a: is empty; give it a value, or leave it out"),
        (Feed, "{path: x, fields: [a]}", "1:19 fields: needs a map; got a list"),
        (Feed, "{path: x, guard: 5}", "1:18 guard: needs a map; got the number 5"),
        (Feed, "{path: x, gaurd: {}}", "1:11 gaurd: not a field of a feed; did you mean guard?"),
        (Feed, "{path: x, guard: {max: 1}}", "1:19 guard.max: not a field of a guard; it takes max_drop, min_rows, same_kinds"),
        (Feed, "key: id", "1:1 path: is missing; a feed needs it"),
        (
            Feed,
            "path: http://shop.example/feed.csv",
            "1:7 path: plain http is for this machine only (127.0.0.1, localhost, ::1); write https://shop.example/feed.csv",
        ),
        (
            Feed,
            "path: ftp://shop.example/feed.csv",
            "1:7 path: needs a URL, such as https://api.example.com/v1; got the text 'ftp://shop.example/feed.csv'",
        ),
        (LimitsSpec, "polls_count: 'true'", "1:14 polls_count: needs true or false; got the text 'true'; take the quotes away"),
        (LimitsSpec, "polls_count: no", "1:14 polls_count: needs true or false; got the text 'no'"),
        (LimitsSpec, "rate: 50/1m", "1:7 rate: needs a list; got the text '50/1m'; put it in [ ]"),
        (LimitsSpec, "rate: [50/1m, x]", "1:15 rate[1]: " + RATE + "the text 'x'"),
        (StepSpec, "{use: a/b, uncertain: maybe}", "1:23 uncertain: " + UNCERTAIN),
        (StepSpec, "{use: a/b, uncertain: 1}", "1:23 uncertain: " + UNCERTAIN),
        (StepSpec, "{use: a/b, uncertain: {retry: 11}}", "1:31 uncertain.retry: is 11; the most allowed is 10"),
        (StepSpec, "{use: a/b, uncertain: {retries: 1}}", "1:24 uncertain.retries: not a field of uncertain; did you mean retry?"),
        (StepSpec, "{use: a/b, with: x}", "1:18 with: " + WITH + "the text 'x'"),
        (StepSpec, "{use: a/b, with_: {}}", "1:12 with_: not a field of a step; did you mean with?"),
        (StepSpec, "{use: a/b, expect: 5}", "1:20 expect: needs a map; got the number 5"),
        (Expect, "format: jpg", "1:9 format: needs one of jpeg, png, webp, gif, avif, mp4; got the text 'jpg'; did you mean jpeg?"),
        (Expect, "format: [png, tiff]", "1:15 format[1]: needs one of jpeg, png, webp, gif, avif, mp4; got the text 'tiff'"),
        (Expect, "format: []", "1:9 format: is empty; at least one is needed"),
        (Expect, "format: 5", "1:9 format: needs a list; got the number 5; put it in [ ]"),
        (Expect, "{max_chars: 3, min_chars: 5}", "1:27 min_chars: is 5, more than max_chars (3); no text can be both"),
        (Budget, "cost: 20", "1:7 cost: " + MONEY + "the number 20"),
        (Refresh, "cron: daily", "1:7 cron: " + CRON + "the text 'daily'"),
        (PriceSpec, "{each: x, currency: USD}", "1:8 each: needs a price of at least 0, such as 0.05; got the text 'x'"),
        (ProviderSpec, "key: {env: 5}", "1:12 key.env: needs the name of an environment variable; got the number 5"),
        (ProviderSpec, "user_key: {file: ''}", "1:18 user_key.file: needs the path of a file; got the text ''"),
        (Project, "prices: {sivi: {each: 1, currency: USD}}", "1:10 prices.sivi: " + USE + "the text 'sivi'"),
        (Project, "providers: {a b: {}}", "1:13 providers.'a b': " + SLUG + "the text 'a b'"),
        (Project, "providers:\n  sivi:\n", "2:8 providers.sivi: is empty; give it a value, or leave it out"),
        (Project, "- a", "1:1 : needs a map; got a list"),
        (Project, "budget: {}\nstate: 5", "2:8 state: needs text; got the number 5; put quotes around it"),
    ],
)
def test_sentence(spec, text, said):
    """One mistake is one sentence at one place, whatever pydantic makes of it."""
    assert _complaints(text, spec) == [said]


def test_nearly_right_is_one_mistake():
    """A required key that is misspelt is not also called missing; a required key that is not there is."""
    assert _complaints("{ues: a/b}", StepSpec) == ["1:2 ues: not a field of a step; did you mean use?"]
    assert _complaints("{xyz: a/b}", StepSpec) == [
        "1:1 use: is missing; a step needs it",
        "1:2 xyz: not a field of a step; it takes again, budget, expect, finish, lane, save, uncertain, use, when, with",
    ]


def test_unknown_keys_point_at_the_key_and_wrong_values_at_the_value():
    """The place is where the person has to type."""
    text = "use: a/b\nexpect:\n  widht: 5\n  height: 0\n"
    assert [line.partition(" ")[0] for line in _complaints(text, StepSpec)] == ["4:11", "3:3"]


def test_a_literal_secret_is_starred_out_of_every_line():
    """A key that stands in the file is in no message and no source line, even when another mistake shows the same line."""
    document = read_document('providers:\n  jivox: {key: "test-key", limits: {rates: 5}}\n', "x.yaml")
    with pytest.raises(ValidationError) as caught:
        Project.model_validate(document.data)
    found = complaints_of(caught.value, document, Project)
    assert [complaint.path for complaint in found] == ["providers.jivox.key", "providers.jivox.limits.rates"]
    assert {complaint.place.text for complaint in found if complaint.place} == {"  jivox: {key: *******************************"}
    assert "test-key" not in repr(found)


def test_long_values_are_cut():
    """A message repeats at most sixty characters of what was written."""
    [said] = _complaints("path: x\nformat: " + "y" * 5000, Feed)
    assert "y" * 58 + "…" in said
    assert len(said) < 200


@pytest.mark.parametrize(
    ("spec", "loc", "found"),
    [
        (Job, (), Job),
        (Job, ("feed",), Feed),
        (Job, ("feed", "guard"), Guard),
        (Job, ("matrix",), Matrix),
        (Job, ("steps",), StepSpec),
        (Job, ("steps", "scene"), StepSpec),
        (Job, ("steps", "expect"), StepSpec),
        (Job, ("steps", "expect", "expect"), Expect),
        (Job, ("steps", "scene", "uncertain", "<map>"), Retry),
        (Job, ("output",), Output),
        (Job, ("refresh", "cron"), Refresh),
        (Project, ("providers", "limits", "limits"), LimitsSpec),
        (Project, ("prices", "sivi/media"), PriceSpec),
        (Project, ("budget",), Budget),
    ],
)
def test_spec_at(spec, loc, found):
    """The model that reads a part of the file is found by the way to it, even where a step is called like a field."""
    assert spec_at(spec, loc) is found


def test_keys_are_those_of_the_file():
    """Keys are named as the file writes them."""
    assert keys_of(StepSpec) == ["use", "with", "when", "save", "expect", "finish", "budget", "again", "uncertain", "lane"]
