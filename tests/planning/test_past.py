"""The past: the last ended run's job compiled again from what the state folder kept, and its rows by key."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.edge.journal import Journal
from runner.feed import Source, read_rows
from runner.planning.past import Memory, Past, RowsThen, RowThen, dump, open_past, spot_key
from runner.reading.study import Study, open_study
from runner.records import Row
from tests.forecasts import Bench, open_bench
from tests.projects import COPY

STEPS = """\
  copy:
    use: jivox/text
    with: {prompt: {template: headline.j2}}
  cut:
    use: jivox/remove-background
    with: {image: "pictures/{{ row.picture }}"}
"""
FILES = {
    "templates/headline.j2": "{% include 'tone.j2' %} {{ row.title }}",
    "templates/tone.j2": "Friendly:",
    "pictures/mug.png": "red",
    "pictures/hat.png": "blue",
}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A project that was run."""
    async with open_bench(tmp_path, STEPS, FILES) as bench:
        await bench.run()
        yield bench


def past_of(study: Study) -> Past:
    """The study's past; there must be one."""
    past = open_past(study)
    assert past is not None
    return past


def noted(bench: Bench, **changes: Any) -> None:
    """The last run's inputs in the journal, changed."""
    with bench.journal() as journal:
        run = journal.runs()[-1]
        meta: dict[str, Any] = dict(run.meta)
        meta["inputs"] = {**meta["inputs"], **changes}
        journal.end_run(run.number, run.ended or 0.0, meta)


async def test_everything_of_then_is_there_whatever_was_edited(bench: Bench) -> None:
    """Job, project, templates, pictures and feed are those of the run, though every file has changed since."""
    with open_study(bench.job, bench.stage) as study:
        before = past_of(study)
        ids = [before.desk.plan.ask(one, "cut", {}).id for one in before.desk.plan.variants(read_rows(study.source()))]  # type: ignore[union-attr]
    bench.edit("job.yaml", ("name: small", "name: small # edited"), ("jivox/text", "jivox/text\n    again: 2"))
    bench.edit("adbatch.yaml", ("1042", "7"))
    bench.write({"templates/tone.j2": "Formal:", "pictures/mug.png": "green", "feed.csv": "id,title,picture\ncap,Cap,hat.png\n"})
    with open_study(bench.job, bench.stage) as study:
        past = past_of(study)
        plan = past.desk.plan
        assert (past.run.number, past.desk.job_file.job.steps["copy"].again, plan.complaints) == (1, 1, ())
        assert past.desk.project_file.project.providers["jivox"].options == {"account": "1042"}
        assert past.source is not None
        variants = list(plan.variants(read_rows(past.source)))
        assert [one.key for one in variants] == ["mug|1", "hat|1"]
        assert plan.ask(variants[0], "copy", {}).params == {"prompt": "Friendly: Mug"}  # type: ignore[union-attr]
        assert [plan.ask(one, "cut", {}).id for one in variants] == ids  # type: ignore[union-attr]
        assert past.templates.keys() == {"headline.j2", "tone.j2"} == plan.template_digests().keys()
        assert past.pictures.keys() == {"pictures/mug.png", "pictures/hat.png"}


async def test_a_project_without_a_file_has_a_past_too(tmp_path: Path) -> None:
    """Where there was no adbatch.yaml, the past is one of defaults."""
    async with open_bench(tmp_path, COPY, project=None) as bench:
        await bench.run()
        with open_study(bench.job, bench.stage) as study:
            assert past_of(study).desk.project_file.project.providers == {}


async def test_a_job_that_was_never_run_has_no_past(tmp_path: Path) -> None:
    """Without a state folder, and with a run that was killed, there is nothing to compare with."""
    async with open_bench(tmp_path, COPY) as bench:
        with open_study(bench.job, bench.stage) as study:
            assert open_past(study) is None
        await bench.run()
        with bench.journal() as journal:
            path = journal.path
            meta = journal.runs()[-1].meta
        path.unlink()
        with Journal.open(path, "sandbox") as journal:
            journal.begin_run(1.0, meta)
        with open_study(bench.job, bench.stage) as study:
            assert open_past(study) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"job": ["job.yaml", "0" * 64]},
        {"job": "job.yaml"},
        {"project": ["adbatch.yaml", "0" * 64]},
        {"feed": {}},
        {"templates": 7},
    ],
)
async def test_what_was_not_kept_is_no_mistake(bench: Bench, changes: dict[str, object]) -> None:
    """Bytes that are gone, or a note of another form, mean that there is no past, and nothing worse."""
    noted(bench, **changes)
    with open_study(bench.job, bench.stage) as study:
        assert open_past(study) is None


async def test_templates_and_a_feed_that_are_gone(bench: Bench) -> None:
    """A template that was not kept is a complaint of the plan of then; a feed that is gone is told as none."""
    noted(bench, templates={"headline.j2": "0" * 64}, feed={"sha256": "0" * 64, "files": [["gone.csv", "feed.csv"]]})
    with open_study(bench.job, bench.stage) as study:
        past = past_of(study)
        assert "headline.j2 was not kept" in past.desk.plan.complaints[0].message
        assert past.source is None


async def test_rows_of_then_are_found_by_key(bench: Bench, tmp_path: Path) -> None:
    """Each row has the columns that are asked for, and says whether it was part of the plan."""
    with open_study(bench.job, bench.stage) as study:
        rows = RowsThen(past_of(study), frozenset({"title"}))
        assert rows.find("mug") == RowThen({"title": "Mug"}, True)
        assert rows.find("cap") is None
        assert list(rows.wanted()) == ["hat", "mug"]
        rows.close()
        everything = RowsThen(past_of(study), frozenset({"*"}))
        assert everything.find("mug") == RowThen({"id": "mug", "title": "Mug", "picture": "mug.png"}, True)
        everything.close()


async def test_rows_beyond_where_and_limit_were_not_wanted(tmp_path: Path) -> None:
    """What `where` left out, or came after the limit, was in the feed and not in the plan."""
    feed = "id,title\na,One\nb,no\nc,Three\nd,Four\n"
    async with open_bench(tmp_path, COPY, feed=feed) as bench:
        bench.edit("job.yaml", ("path: feed.csv", "path: feed.csv, where: row.title != 'no', limit: 2"))
        await bench.run()
        with open_study(bench.job, bench.stage) as study:
            rows = RowsThen(past_of(study), frozenset())
            assert [bool(row and row.wanted) for row in map(rows.find, "abcd")] == [True, False, True, False]
            rows.close()


async def test_a_torn_snapshot_ends_where_it_ends(bench: Bench, tmp_path: Path) -> None:
    """Of a feed of then that cannot be read to its end, the rows before are known."""
    torn = tmp_path / "torn.csv"
    torn.write_text("id,title,picture\nmug,Mug,mug.png\n,Nobody,x\nhat,Hat,x\n", encoding="utf-8")
    with open_study(bench.job, bench.stage) as study:
        past = replace(past_of(study), source=Source((torn,)))
        rows = RowsThen(past, frozenset({"title"}))
        assert list(rows.wanted()) == ["mug"]
        rows.close()


async def test_rows_are_not_read_where_nothing_changed(bench: Bench) -> None:
    """With the same feed read alike, a row of then is the row of now; an edit of what is made of it reads the old ones."""
    with open_study(bench.job, bench.stage) as study:
        past, row = past_of(study), Row("new", {"title": "New"}, "f", 1)
        same = Memory(past, study.desk, past.feed, frozenset({"title"}))
        assert same.find(row) == RowThen(row.values, True)
        other = Memory(past, study.desk, "0" * 64, frozenset({"title"}))
        assert other.find(row) is None
        assert other.find(Row("mug", {}, "f", 1)) == RowThen({"title": "Mug"}, True)
        assert Memory(None, study.desk, past.feed, frozenset()).find(row) is None
        for memory in (same, other):
            memory.close()


async def test_retired_variants_are_counted(bench: Bench) -> None:
    """Rows that are gone retire all their variants, cells and numbers that are gone those of every row."""
    bench.edit("job.yaml", ("output:", "variants: 2\noutput:"))
    await bench.run()
    bench.edit("job.yaml", ("variants: 2", "variants: 1"))
    with open_study(bench.job, bench.stage) as study:
        past = past_of(study)

        def retired(feed: str, *keys: str) -> tuple[int, tuple[str, ...]]:
            memory = Memory(past, study.desk, feed, frozenset())
            for key in keys:
                memory.note(Row(key, {}, "f", 1))
            found = memory.retired()
            memory.close()
            return found

        assert retired(past.feed, "mug", "hat") == (2, ("hat|2", "mug|2"))
        assert retired("0" * 64, "mug", "cap") == (3, ("hat|1", "hat|2", "mug|2"))
        assert Memory(None, study.desk, "", frozenset()).retired() == (0, ())


def test_a_key_is_written_as_in_the_plan() -> None:
    """Parts are joined by a bar, bars inside are escaped, and without axes there is no label."""
    assert (spot_key("a|b", "", 1), spot_key("a", "size=mpu", 2)) == ("a\\|b|1", "a|size=mpu|2")


@pytest.mark.parametrize("value", ["text", 7, None, {"b": 1, "a": [True, 1.5]}, "half \ud800 a pair"])
def test_values_are_dumped_for_comparing(value: object) -> None:
    """Any value of a row becomes JSON that says the same, also half a surrogate pair."""
    assert json.loads(dump(value)) == value
