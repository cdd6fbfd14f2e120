"""A plan counts exactly what the run after it sends, whatever was edited in feed, job, templates and project, edit after edit.

A hundred and fifty edits; to soak, three hundred.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.forecasts import Bench, open_bench

CHAINS, EDITS = 6, 50 if os.environ.get("ADBATCH_SOAK") else 25
"""Projects, and edits of each: what was asked long ago must count as known, so the edits share a journal."""

WORDS = ("mug", "hat", "lamp", "chair", "boot", "kite")


@dataclass(slots=True)
class Shop:
    """A project as it is edited; `write` puts it on disk."""

    dice: random.Random
    rows: list[dict[str, str]] = field(default_factory=list)
    locales: list[str] = field(default_factory=lambda: ["en-US"])
    width: int = 32
    season: str = "summer"
    wording: str = "A headline"
    style: str = "bright"
    account: str = "1042"
    variants: int = 1
    again: int = 1
    where: str = "row.stock != 'gone'"
    comment: str = ""
    chained: bool = True

    def row(self) -> dict[str, str]:
        """A row that is not there yet."""
        known = {row["id"] for row in self.rows}
        name = next(name for name in iter(lambda: f"r{self.dice.randrange(10_000)}", "") if name not in known)
        word = f"{self.dice.choice(WORDS)} {self.dice.randrange(100)}"
        return {"id": name, "title": word, "colour": self.dice.choice(["red", "blue"]), "stock": "yes", "unread": "x"}

    def write(self, bench: Bench) -> None:
        """The project's files."""
        head = ["id", "title", "colour", "stock", "unread"]
        feed = "".join(",".join(line) + "\n" for line in (head, *([row[name] for name in head] for row in self.rows)))
        cut = "  cut:\n    use: jivox/remove-background\n    with: {image: '{{ steps.picture.file }}'}\n" if self.chained else ""
        job = f"""{self.comment}
version: 1
name: small
feed: {{path: feed.csv, where: "{self.where}"}}
vars: {{season: {self.season}, unread: {self.comment[2:] or "none"}}}
matrix: {{locale: [{", ".join(self.locales)}]}}
variants: {self.variants}
output: {{dir: out}}
steps:
  copy:
    use: jivox/text
    again: {self.again}
    with: {{prompt: {{template: headline.j2}}}}
  picture:
    use: jivox/image
    when: row.stock == 'yes'
    with:
      prompt: "{{{{ row.title }}}} {{{{ row.colour }}}} {self.style} {{{{ variant }}}}"
      width: {self.width}
      height: 32
{cut}"""
        template = f"{self.wording} in {{{{ matrix.locale }}}} for {{{{ row.title }}}} in {{{{ vars.season }}}}"
        project = f'version: 1\nproviders:\n  jivox: {{account: "{self.account}"}}\n'
        bench.write({"feed.csv": feed, "job.yaml": job, "templates/headline.j2": template, "adbatch.yaml": project})


def edit_row(name: str, values: Sequence[str] = ()) -> Callable[[Shop], None]:
    """An edit of one column of one row."""

    def edit(shop: Shop) -> None:
        row = shop.dice.choice(shop.rows)
        row[name] = shop.dice.choice(values) if values else f"{shop.dice.choice(WORDS)} {shop.dice.randrange(100)}"

    return edit


def edit_setting(name: str, *values: object) -> Callable[[Shop], None]:
    """An edit of one setting."""
    return lambda shop: setattr(shop, name, shop.dice.choice(values))


def add_row(shop: Shop) -> None:
    """One more row, somewhere."""
    if len(shop.rows) < 5:
        shop.rows.insert(shop.dice.randrange(len(shop.rows) + 1), shop.row())


def remove_row(shop: Shop) -> None:
    """One row less, but never the last."""
    if len(shop.rows) > 2:
        shop.rows.pop(shop.dice.randrange(len(shop.rows)))


def twin_row(shop: Shop) -> None:
    """A row that asks for the same as another."""
    if len(shop.rows) < 5:
        shop.rows.append({**shop.dice.choice(shop.rows), "id": shop.row()["id"]})


EDITS_OF_A_SHOP: tuple[Callable[[Shop], None], ...] = (
    edit_row("title"),
    edit_row("title"),
    edit_row("colour", ("red", "blue", "green")),
    edit_row("stock", ("yes", "no", "gone")),
    edit_row("unread"),
    add_row,
    add_row,
    twin_row,
    remove_row,
    lambda shop: shop.dice.shuffle(shop.rows),
    edit_setting("locales", ["en-US"], ["en-US", "de-DE"], ["de-DE"]),
    edit_setting("season", "summer", "winter", "spring"),
    edit_setting("wording", "A headline", "A slogan", "A headline"),
    edit_setting("style", "bright", "dark"),
    edit_setting("width", 32, 40),
    edit_setting("variants", 1, 1, 2),
    edit_setting("again", 1, 1, 2),
    edit_setting("account", "1042", "7"),
    edit_setting("where", "row.stock != 'gone'", "row.stock in ['yes', 'no']", "row.title != ''"),
    edit_setting("comment", "# one", "# two", ""),
    edit_setting("chained", True, True, False),
)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(CHAINS))
async def test_a_plan_counts_what_the_run_sends(tmp_path: Path, seed: int) -> None:
    """After any edit, what is new, changed and blocked is in number what the vendors then bill, and afterwards nothing is left."""
    shop = Shop(random.Random(seed))
    shop.rows = [shop.row(), shop.row()]
    async with open_bench(tmp_path, "") as bench:
        for number in range(EDITS):
            shop.write(bench)
            before = bench.sent()
            forecast = await bench.plan()
            await bench.run()
            told = forecast.document["requests"]
            assert bench.sent() - before == told["most"], f"edit {number}: {forecast.document['steps']}"
            assert told["least"] + forecast.preview.total("blocked") == told["most"]
            assert forecast.preview.total("new") + forecast.preview.total("changed") == told["least"]
            if number % 10 == 0:
                assert (await bench.plan()).preview.idle
            for _ in range(shop.dice.randint(1, 3)):
                shop.dice.choice(EDITS_OF_A_SHOP)(shop)
