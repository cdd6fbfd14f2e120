"""Twelve versions of a feed, and the edits that change nothing: only a request that is really another one is bought."""

from __future__ import annotations

import asyncio
import csv
import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from runner.edge.outputs import read_results
from runner.workflow import Order, Report, run_job
from tests.projects import PROJECT, Listener, open_stage_here

ROWS: Final = 8
LOCALES: Final = ("en", "de")
COLUMNS: Final = ("id", "title", "price", "image_link", "availability", "warehouse")
JOB: Final = """\
version: 1
name: versions
feed: {path: feed.csv, key: id, where: row.availability == 'in_stock', guard: {max_drop: 60%}}
matrix: {locale: [en, de]}
steps:
  headline:
    use: jivox/text
    with: {prompt: "{{ row.title }} for {{ row.price }}, in {{ matrix.locale }}"}
    save: "{{ row.id }}/{{ matrix.locale }}"
  cutout:
    use: jivox/remove-background
    with: {image: "{{ row.image_link }}"}
    save: "{{ row.id }}/cutout"
output: {dir: out}
"""

Feed = list[dict[str, str]]


def write_feed(folder: Path, feed: Feed, columns: tuple[str, ...] = COLUMNS) -> None:
    """The rows as feed.csv."""
    with (folder / "feed.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(feed)


def first_feed(rows: int) -> Feed:
    """A feed with so many different products, all in stock."""
    return [
        {
            "id": f"p{number}",
            "title": f"Thing {number}",
            "price": f"{number}.50 USD",
            "image_link": f"https://shop.example/{number}.jpg",
            "availability": "in_stock",
            "warehouse": "north",
        }
        for number in range(rows)
    ]


def next_feed(feed: Feed, version: int, chance: random.Random) -> Feed:
    """The feed a day later: some titles, prices, pictures and stock are others, a product came and one went, the order is new."""
    rows = [dict(row) for row in feed]
    for row in rows:
        row["warehouse"] = chance.choice(["north", "south"])
    for row in chance.sample(rows, 2):
        row["title"] = f"{row['title'].split(',')[0]}, edition {version}"
    for row in chance.sample(rows, 2):
        row["price"] = f"{chance.randrange(1, 5)}.99 USD"
    for row in chance.sample(rows, 1):
        row["image_link"] = f"https://shop.example/{row['id']}-{chance.randrange(3)}.jpg"
    for row in chance.sample(rows, 2):
        row["availability"] = "in_stock" if row["availability"] == "out_of_stock" else "out_of_stock"
    if version % 3 == 0:
        rows.pop(chance.randrange(len(rows)))
        rows.append({**first_feed(1)[0], "id": f"n{version}", "title": f"Novelty {version}"})
    chance.shuffle(rows)
    return rows


def in_stock(feed: Feed) -> Feed:
    """The rows that the job takes."""
    return [row for row in feed if row["availability"] == "in_stock"]


def rendered(feed: Feed) -> set[tuple[str, ...]]:
    """Every request of a feed as this test renders it: what is asked, and nothing else."""
    headlines = {("text", f"{row['title']} for {row['price']}, in {locale}") for row in in_stock(feed) for locale in LOCALES}
    return headlines | {("remove-background", row["image_link"]) for row in in_stock(feed)}


@dataclass(frozen=True, slots=True)
class Shop:
    """A project whose feed changes."""

    root: Path

    async def run(self, **more: Any) -> Report:
        """A run against vendors in this process."""
        async with open_stage_here(self.root / ".adbatch" / "sandbox" / "vendors") as stage:
            return await run_job(Order(self.root / "job.yaml", sandbox=True, stage=stage, **more), Listener())

    def billed(self) -> list[dict[str, Any]]:
        """What the vendors have in their ledger."""
        path = self.root / ".adbatch" / "sandbox" / "vendors" / "ledger.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    def keys(self, output: str = "out") -> list[str]:
        """The variants that the results tell of, in order."""
        return [line["key"] for line in read_results(self.root / output / "results.jsonl")]

    def files(self, output: str = "out") -> dict[str, tuple[str, int, int]]:
        """Of every file that the results name its sha256, inode and time of change."""
        return dict(self._files(self.root / output))

    def _files(self, output: Path) -> Iterator[tuple[str, tuple[str, int, int]]]:
        for line in read_results(output / "results.jsonl"):
            for step in line["steps"].values():
                for file in step.get("files", ()):
                    found = (output / file["path"]).stat()
                    yield file["path"], (file["sha256"], found.st_ino, found.st_mtime_ns)


def open_shop(folder: Path, rows: int) -> Shop:
    """A project with so many products, not run yet."""
    (folder / "adbatch.yaml").write_text(PROJECT, encoding="utf-8")
    (folder / "job.yaml").write_text(JOB, encoding="utf-8")
    write_feed(folder, first_feed(rows))
    return Shop(folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with three products after its first run."""
    shop = open_shop(tmp_path_factory.mktemp("made"), 3)
    asyncio.run(shop.run())
    return shop.root


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Shop:
    """A copy of that project."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return Shop(tmp_path)


async def test_twelve_versions_of_a_feed_buy_what_is_new_in_each(tmp_path: Path) -> None:
    """Every version sends exactly what none before it asked for; files that stay are not touched, others are retired."""
    shop, chance, feed = open_shop(tmp_path, ROWS), random.Random(12), first_feed(ROWS)
    asked: set[tuple[str, ...]] = set()
    bill, before = 0, dict[str, tuple[str, int, int]]()
    news, retired = [], 0
    for version in range(1, 13):
        write_feed(shop.root, feed)
        report = await shop.run()
        new = rendered(feed) - asked
        asked |= new
        news.append(len(new))
        assert (report.told.exit_code, len(shop.billed()) - bill) == (0, len(new)), f"version {version}"
        assert shop.keys() == [f"{row['id']}|locale={locale}|1" for row in in_stock(feed) for locale in LOCALES]
        after = shop.files()
        for path, (sha256, inode, changed) in after.items():
            if path in before and before[path][0] == sha256:
                assert before[path] == (sha256, inode, changed), f"{path} was written again by version {version}"
        gone = before.keys() - after.keys()
        assert report.manifest["retired"] == len(gone), "the files of products that left are told"
        assert all((shop.root / "out" / ".retired" / path).is_file() for path in gone)
        assert not any((shop.root / "out" / path).exists() for path in gone)
        retired += len(gone)
        bill, before = bill + len(new), after
        feed = next_feed(feed, version, chance)
    assert (news[0], retired > 12) == (3 * ROWS, True)
    assert 0 < min(news[1:]) <= max(news[1:]) < 2 * ROWS


async def test_a_version_that_is_back_costs_nothing(shop: Shop) -> None:
    """A price that returns to what it was has been bought before, and the results are those of then, byte for byte."""
    results, bill = (shop.root / "out" / "results.jsonl").read_bytes(), len(shop.billed())
    feed = first_feed(3)
    feed[0]["price"] = "99.00 USD"
    write_feed(shop.root, feed)
    await shop.run()
    assert len(shop.billed()) == bill + 2
    write_feed(shop.root, first_feed(3))
    await shop.run()
    assert len(shop.billed()) == bill + 2
    assert (shop.root / "out" / "results.jsonl").read_bytes() == results


def _edit_job(old: str, new: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        text = (folder / "job.yaml").read_text("utf-8")
        assert old in text
        (folder / "job.yaml").write_text(text.replace(old, new), encoding="utf-8")

    return edit


def _edit_feed(change: Callable[[Feed], Feed], columns: tuple[str, ...] = COLUMNS) -> Callable[[Path], None]:
    return lambda folder: write_feed(folder, change(first_feed(3)), columns)


SAME: Final[dict[str, Callable[[Path], object]]] = {
    "an unread column": _edit_feed(lambda feed: [{**row, "warehouse": "south"} for row in feed]),
    "the order of columns": _edit_feed(lambda feed: feed, COLUMNS[::-1]),
    "a comment": _edit_job("steps:\n", "# what is made\n\nsteps:   # in this order\n"),
    "white space and quotes": _edit_job('{image: "{{ row.image_link }}"}', "{  image:   '{{row.image_link}}'  }"),
    "the style of the YAML": _edit_job("matrix: {locale: [en, de]}\n", "matrix:\n  locale:\n    - 'en'\n    - de\n"),
    "an unread var": _edit_job("matrix:", "vars: {season: winter}\nmatrix:"),
    "a limit of the project": lambda folder: (folder / "adbatch.yaml").write_text(
        PROJECT.replace('"1042"', '"1042", limits: {concurrent: 2}'), encoding="utf-8"
    ),
    "a budget": _edit_job("output:", "budget: {requests: 50}\noutput:"),
}


@pytest.mark.parametrize("edit", SAME.values(), ids=SAME.keys())
async def test_what_asks_for_nothing_else_buys_nothing(shop: Shop, edit: Callable[[Path], object]) -> None:
    """An edit that leaves every request as it was sends nothing and changes no byte of results and files."""
    results, bill, files = (shop.root / "out" / "results.jsonl").read_bytes(), shop.billed(), shop.files()
    edit(shop.root)
    assert (await shop.run()).told.exit_code == 0
    assert (shop.billed(), shop.files()) == (bill, files)
    assert (shop.root / "out" / "results.jsonl").read_bytes() == results


async def test_rows_in_another_order_buy_nothing(shop: Shop) -> None:
    """The lines follow the feed's new order; each line and each file is what it was."""
    keys, lines, bill, files = shop.keys(), _lines(shop), shop.billed(), shop.files()
    write_feed(shop.root, first_feed(3)[::-1])
    await shop.run()
    assert (shop.billed(), shop.files(), _lines(shop)) == (bill, files, lines)
    assert shop.keys() == [*keys[4:], *keys[2:4], *keys[:2]]


async def test_a_moved_output_folder_buys_nothing(shop: Shop) -> None:
    """Everything appears in the new folder, the same byte for byte."""
    results, bill = (shop.root / "out" / "results.jsonl").read_bytes(), shop.billed()
    digests = {path: sha256 for path, (sha256, _, _) in shop.files().items()}
    _edit_job("dir: out", "dir: elsewhere/made")(shop.root)
    await shop.run()
    assert shop.billed() == bill
    assert {path: sha256 for path, (sha256, _, _) in shop.files("elsewhere/made").items()} == digests
    assert (shop.root / "elsewhere" / "made" / "results.jsonl").read_bytes() == results


def _lines(shop: Shop) -> set[bytes]:
    return set((shop.root / "out" / "results.jsonl").read_bytes().splitlines())
