"""A plan as people read it: a table that fits a terminal, and Markdown that reads as exactly what it says."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any

import pytest

from runner.cli.previews import duration, markdown_lines, text_lines

NOTHING = dict.fromkeys(("new", "changed", "again", "blocked", "resumed", "reused", "uncertain", "left", "stuck"), 0)
TOLD: dict[str, Any] = {
    "job": {"name": "mugs", "path": "jobs/mugs.yaml"},
    "mode": "live",
    "since": {"run": 3, "ended": "2026-01-02T03:04:05Z"},
    "rows": 1200,
    "variants": 2400,
    "counts": {**NOTHING, "new": 2, "changed": 1, "blocked": 3, "reused": 2394, "left": 1},
    "steps": [
        {
            "step": "copy",
            "use": "jivox/text",
            "price": "0.05 USD",
            "counts": {**NOTHING, "new": 2, "changed": 1, "reused": 2394, "left": 1},
            "why": [
                {"reason": "new row", "requests": 2, "examples": []},
                {"reason": "row.title", "requests": 1, "examples": [{"key": "mug|1", "change": '"Mug" → "Blue mug"'}]},
            ],
            "troubles": [{"why": "400: bad word", "requests": 1}],
        },
        {
            "step": "scene",
            "use": "vyro/ai-background",
            "price": None,
            "counts": {**NOTHING, "blocked": 3},
            "why": [
                {"reason": "steps.copy is asked anew", "requests": 3, "examples": []},
                {"reason": "vars.season", "requests": 3, "examples": [{"key": "mug|1", "change": "summer → winter"}]},
                {
                    "reason": "row.colour",
                    "requests": 2,
                    "examples": [{"key": "mug|1", "change": '"red" → "blue"'}, {"key": "hat|1", "change": '"tan" → "grey"'}],
                },
            ],
            "troubles": [],
        },
    ],
    "lanes": [
        {"lane": "jivox", "counts": {**NOTHING, "new": 2}, "seconds": 3.0, "blocked": "jivox: no key", "closed_last_run": None},
        {"lane": "vyro", "counts": {**NOTHING, "blocked": 3}, "seconds": 3.0, "blocked": None, "closed_last_run": "402: no credit"},
    ],
    "retired": {"variants": 4, "keys": ["hat|1", "hat|2", "cap|1"]},
    "requests": {"least": 3, "most": 6},
    "cost": {"USD": {"least": "0.15", "most": "0.15"}, "credits": {"least": "0", "most": "9"}},
    "unpriced": {"least": 0, "most": 3},
    "budgets": ["the budget of the run is 0.10 USD, this is at least 0.15 USD: the run will stop on the way"],
    "notes": ["out/results.jsonl was not written by a run with this state folder"],
    "time": {"seconds": 730.0, "at_least": False, "observed": []},
    "nothing_to_do": False,
    "fingerprint": "0" * 64,
}
IDLE = {
    **TOLD,
    "since": None,
    "mode": "sandbox",
    "rows": 1,
    "counts": {**NOTHING, "reused": 2},
    "steps": [{**TOLD["steps"][0], "counts": {**NOTHING, "reused": 2}, "why": [], "troubles": []}],
    "lanes": [],
    "retired": {"variants": 0, "keys": []},
    "requests": {"least": 0, "most": 0},
    "nothing_to_do": True,
}

TABLE = """\
mugs: 1,200 rows, 2,400 variants; compared with run 3, which ended 2026-01-02T03:04:05Z

step   use                 new  changed  blocked  reused  left alone
copy   jivox/text            2        1        ·   2,394           1
scene  vyro/ai-background    ·        ·        3       ·           ·
  blocked: asked once the answers it reads are there
  left alone: refused, or bought and not usable

why
  copy   2 ×  new row
  copy   1 ×  row.title "Mug" → "Blue mug"
  copy   1 ×  400: bad word
  scene  3 ×  steps.copy is asked anew
  scene  3 ×  vars.season summer → winter
  scene  2 ×  row.colour, such as "red" → "blue" (mug|1) or "tan" → "grey" (hat|1)

retired   4 variants are no longer in the plan: hat|1, hat|2, cap|1, …
lane      blocked: jivox: no key
lane      vyro was closed in the last run: 402: no credit
requests  3 requests now, then up to 3 more once these are answered
cost      0.15 USD + 0 to 9 credits + 0 to 3 requests of unknown price
budget    the budget of the run is 0.10 USD, this is at least 0.15 USD: the run will stop on the way
note      out/results.jsonl was not written by a run with this state folder
time      about 12 min"""

QUIET = """\
mugs (sandbox): 1 row, 2,400 variants; nothing to compare with yet

step  use         reused
copy  jivox/text       2

requests  nothing to do"""

COMMENT = """\
### adbatch plan: mugs

**4 variants are no longer in the plan: hat|1, hat|2, cap|1, … · 3 requests now, then up to 3 more once these are answered · \
0.15 USD + 0 to 9 credits + 0 to 3 requests of unknown price · about 12 min**

| step | use | new | changed | blocked | reused | left alone |
|---|---|--:|--:|--:|--:|--:|
| copy | jivox/text | 2 | 1 | · | 2,394 | 1 |
| scene | vyro/ai-background | · | · | 3 | · | · |

- lane: blocked: jivox: no key
- lane: vyro was closed in the last run: 402: no credit
- budget: the budget of the run is 0.10 USD, this is at least 0.15 USD: the run will stop on the way
- note: out/results.jsonl was not written by a run with this state folder

<details><summary>Why (6 reasons)</summary>

| step | requests | reason |
|---|---|---|
| copy | 2 | new row |
| copy | 1 | row.title "Mug" → "Blue mug" |
| copy | 1 | 400: bad word |
| scene | 3 | steps.copy is asked anew |
| scene | 3 | vars.season summer → winter |
| scene | 2 | row.colour, such as "red" → "blue" (mug|1) or "tan" → "grey" (hat|1) |

</details>

<details><summary>Details</summary>

- mugs: 1,200 rows, 2,400 variants; compared with run 3, which ended 2026-01-02T03:04:05Z
- retired: 4 variants are no longer in the plan: hat|1, hat|2, cap|1, …
- requests: 3 requests now, then up to 3 more once these are answered
- cost: 0.15 USD + 0 to 9 credits + 0 to 3 requests of unknown price
- time: about 12 min

</details>"""


def joined(lines: Iterable[str]) -> str:
    """The lines as one text."""
    return "\n".join(lines)


@pytest.mark.parametrize(("told", "text"), [(TOLD, TABLE), (IDLE, QUIET)], ids=["work", "nothing to do"])
def test_the_table_is_this(told: dict[str, Any], text: str) -> None:
    """Only columns in which something stands, reasons with examples, and a line for each thing a person should know."""
    assert joined(text_lines(told)) == text


def test_the_table_fits_a_terminal() -> None:
    """The counts of a plan with every prospect are no wider than 120 columns; ordinary ones fit into 80."""
    full = {**TOLD, "counts": dict.fromkeys(NOTHING, 9)}
    table = [line for line in text_lines(full) if line.startswith(("step", "copy", "scene"))]
    assert max(map(len, table)) <= 120
    assert max(len(line) for line in text_lines(TOLD) if line.startswith(("step", "copy", "scene"))) <= 80


def test_the_comment_is_this() -> None:
    """For a pull request: the sum, the table, warnings in the open, reasons and details folded."""
    assert html.unescape(joined(markdown_lines(TOLD))) == COMMENT.replace("&#124;", "|")
    assert joined(markdown_lines(IDLE)).splitlines()[2] == "**Nothing to do**"


HOSTILE = [
    "|a|",
    "@everyone",
    "<img src=x>",
    "[x](http://e.example)",
    "**bold**",
    "`code`",
    "#12",
    "https://e.example/x",
    "www.e.example",
]


@pytest.mark.parametrize("text", [*HOSTILE, "- item", "1. item", "two\nlines", "~~gone~~", "![x](y)", "$math$", "\\|"])
def test_nothing_in_a_feed_becomes_markdown(text: str) -> None:
    """A title full of signs stays text: no cell, mention, link, tag or heading is made of it, and it reads as it was."""
    cause = {"reason": "row.title", "requests": 1, "examples": [{"key": "k|1", "change": text}]}
    told = {
        **TOLD,
        "job": {"name": text, "path": "x"},
        "steps": [{**TOLD["steps"][0], "step": text, "why": [cause], "troubles": []}],
    }
    lines = list(markdown_lines(told))
    assert not any(re.search(r"[@`*\[\]~$\\]|https?:|www\.|#\d", re.sub(r"&#\d+;", "", line.strip("*# "))) for line in lines)
    rows = [line for line in lines if line.startswith("|") and "row.title" in line]
    assert [row.count("|") for row in rows] == [4]
    assert " ".join(text.split()) in html.unescape(rows[0])
    assert "<img" not in joined(lines)


def test_only_the_first_reasons_are_shown() -> None:
    """Of many reasons of one step the first dozen are shown and the rest counted."""
    why = [{"reason": f"row.c{number}", "requests": 2, "examples": []} for number in range(15)]
    told = {**TOLD, "steps": [{**TOLD["steps"][0], "why": why, "troubles": []}]}
    assert "  copy  6 ×  3 more reasons" in text_lines(told)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (40, "40 s"), (100, "2 min"), (730, "12 min"), (7300, "2 h"), (12_100, "3 h 20 min"), (200_000, "56 h")],
)
def test_durations_are_round(seconds: float, said: str) -> None:
    """A guess is not told to the second."""
    assert duration(seconds) == said
