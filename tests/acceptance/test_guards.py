"""A feed that went wrong: nothing is sent, nothing is retired, and what changed is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from runner.engine import Engine
from runner.errors import AdbatchError, Invalid
from runner.workflow import Order, Report, run_job
from tests.projects import Listener, billed, open_stage_here, said

JOB: Final = """\
version: 1
name: guarded
feed: {path: feed.jsonl, key: id, guard: {max_drop: 30%}}
steps:
  copy:
    use: jivox/text
    with: {prompt: "{{ row.title }} at {{ row.price }}, {{ row.colours | join(' and ') }}, {{ row.brand.name | default('ours') }}"}
    save: "{{ row.id }}/copy"
output: {dir: out}
"""
Rows = list[dict[str, Any]]
CURE: Final = "nothing was sent, nothing retired"


def rows() -> Rows:
    """Four products as they should be."""
    return [
        {"id": f"p{n}", "title": f"Thing {n}", "price": 9.5 + n, "colours": ["red", "blue"], "brand": {"name": "Acme"}, "stock": n}
        for n in range(1, 5)
    ]


def write_feed(folder: Path, feed: Rows) -> None:
    """The feed as JSON lines."""
    (folder / "feed.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in feed), "utf-8")


async def play(folder: Path, steer: Callable[[Engine], None] | None = None) -> Report:
    """Run the job against emulated vendors in this process."""
    async with open_stage_here(vendors(folder)) as stage:
        return await run_job(Order(folder / "job.yaml", sandbox=True, stage=stage), Listener(), steer=steer)


def vendors(folder: Path) -> Path:
    """The state folder of the emulated vendors."""
    return folder / ".adbatch" / "sandbox" / "vendors"


def left(folder: Path) -> dict[str, bytes]:
    """All that a run left in the output folder."""
    return {str(path): path.read_bytes() for path in sorted((folder / "out").rglob("*")) if path.is_file()}


@pytest.fixture
async def made(tmp_path: Path) -> Path:
    """A project after a good run."""
    (tmp_path / "adbatch.yaml").write_text('version: 1\nproviders: {jivox: {account: "7"}}\n')
    (tmp_path / "job.yaml").write_text(JOB)
    write_feed(tmp_path, rows())
    assert (await play(tmp_path)).told.exit_code == 0
    return tmp_path


def each(change: Callable[[dict[str, Any]], object]) -> Rows:
    """The feed with every row changed."""
    feed = rows()
    for row in feed:
        change(row)
    return feed


@pytest.mark.parametrize(
    ("feed", "told"),
    [
        ([], f"job.yaml:3:35 feed.guard.min_rows: the feed has 0 rows, at least 1 are wanted; {CURE}"),
        (rows()[:2], f"job.yaml:3:53 feed.guard.max_drop: the feed has 2 rows, it had 4: more than 30% are gone; {CURE}"),
        (each(lambda row: row.update(sku=row.pop("id"))), "feed.jsonl:1:1 feed.key: has no 'id', which is the feed's key"),
        (each(lambda row: row.update(price=str(row["price"]))), "row.price held number in the last run and holds text now"),
        (each(lambda row: row.update(price=f"{row['price']} USD")), "row.price held number in the last run and holds text now"),
        (each(lambda row: row.update(colours="red, blue")), "row.colours held list in the last run and holds text now"),
        (each(lambda row: row.update(brand="Acme")), "row.brand held map in the last run and holds text now"),
        (each(lambda row: row.update(title=[row["title"]])), "row.title held text in the last run and holds list now"),
    ],
    ids=["empty", "shrunken", "renamed key", "number to text", "number to price", "list to text", "map to text", "text to list"],
)
async def test_a_feed_that_went_wrong_changes_nothing(made: Path, feed: Rows, told: str) -> None:
    """The run is refused with what changed; files, results and manifest stay; the feed mended, everything is as it was."""
    before, bill = left(made), billed(vendors(made))
    write_feed(made, feed)
    with pytest.raises(Invalid) as refused:
        await play(made)
    assert refused.value.exit_code == 2
    [line] = said(refused.value)
    assert told in line
    assert (left(made), billed(vendors(made))) == (before, bill)
    write_feed(made, rows())
    report = await play(made)
    assert (report.told.exit_code, billed(vendors(made))) == (0, bill)
    assert _but_of_the_run(left(made)) == _but_of_the_run(before)


async def test_an_idle_run_hands_on_what_it_was_told(made: Path) -> None:
    """A run that finds the feed as it was does not read it; the next still knows how many rows there were, and of what kind."""
    for _ in range(2):
        assert (await play(made)).told.rows == 4
    for feed in (rows()[:2], each(lambda row: row.update(price=str(row["price"])))):
        write_feed(made, feed)
        with pytest.raises(Invalid, match=r"it had 4|held number in the last run"):
            await play(made)


def _but_of_the_run(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files without those that tell of a single run."""
    return {path: data for path, data in files.items() if not path.endswith(("manifest.json", "provenance.intoto.json"))}


@pytest.mark.parametrize(
    "content", ["", "not json\n", '{"id": "p1"', "\x00\x01\x02", None], ids=["no bytes", "no JSON", "cut off", "bytes", "no file"]
)
async def test_a_feed_that_cannot_be_read_changes_nothing(made: Path, content: str | None) -> None:
    """Half a download, somebody else's file, or none."""
    before, bill = left(made), billed(vendors(made))
    if content is None:
        (made / "feed.jsonl").unlink()
    else:
        (made / "feed.jsonl").write_text(content)
    with pytest.raises(AdbatchError) as refused:
        await play(made)
    assert refused.value.exit_code == 2
    assert (left(made), billed(vendors(made))) == (before, bill)


@pytest.mark.parametrize(
    "feed",
    [
        each(lambda row: row.update(stock="many")),
        [*each(lambda row: None)[:3], {**rows()[3], "price": "on request"}],
        each(lambda row: row.update(brand=None)),
        rows()[:3],
        [{**row, "id": f"{row['id']}-{copy}"} for row in rows() for copy in range(3)],
    ],
    ids=["an unread column", "one row of another kind", "empty values", "few rows gone", "more rows"],
)
async def test_what_feeds_do_every_day_is_no_reason_to_stop(made: Path, feed: Rows) -> None:
    """Only a column that is read and holds nothing of what it held is a change; some coming and going is life."""
    write_feed(made, feed)
    assert (await play(made)).told.exit_code == 0


async def test_a_change_that_is_meant_is_said_once(made: Path) -> None:
    """With the guard lifted for one run the feed's new kind is what the next one compares with."""
    write_feed(made, each(lambda row: row.update(price=f"{row['price']} USD")))
    job = made / "job.yaml"
    job.write_text(JOB.replace("max_drop: 30%", "max_drop: 30%, same_kinds: false"))
    assert (await play(made)).told.exit_code == 0
    job.write_text(JOB)
    assert (await play(made)).told.exit_code == 0
    write_feed(made, rows())
    with pytest.raises(Invalid, match=r"row\.price held text in the last run and holds number now"):
        await play(made)


async def test_a_feed_rewritten_in_the_middle_is_read_by_the_next_run(made: Path) -> None:
    """A run reads the copy it took: what is written over the feed while it runs changes neither requests nor results."""
    changed = each(lambda row: row.update(title=f"New {row['title']}"))
    write_feed(made, changed)
    report = await play(made, steer=lambda engine: write_feed(made, []))
    assert (report.told.exit_code, report.told.rows) == (0, 4)
    assert billed(vendors(made)).total() == 8
    with pytest.raises(Invalid, match="the feed has 0 rows"):
        await play(made)
    write_feed(made, changed)
    assert (await play(made)).manifest["feed"] == report.manifest["feed"]
    assert billed(vendors(made)).total() == 8
