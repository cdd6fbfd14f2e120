"""Small jobs on disk, compiled: what the tests of planning have in common. The operations are ours, of no vendor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from runner.fields import Field, Offer, Operation, Rule
from runner.job.check import Checked, check
from runner.job.load import load_job, load_project
from runner.job.plan import Plan
from runner.records import Row

HEAD = "version: 1\nname: tiny\nfeed: {path: feed.csv}\noutput: {dir: out}\n"


def _odd_width(params: Mapping[str, Any]) -> str | None:
    return "width and height must differ" if params.get("width", 0) == params.get("height", 1) else None


CATALOG: Mapping[str, Offer] = {
    "pen/text": Offer(
        Operation(
            "text",
            "text",
            {"prompt": Field("text", required=True, least=1, most=200), "tone": Field("text", choices=("dry", "warm"))},
        )
    ),
    "pen/facts": Offer(Operation("facts", "json", {"about": Field("text", required=True)})),
    "brush/cut": Offer(Operation("cut", "file", {"image": Field("image", required=True, takes=("part", "url"))})),
    "brush/paint": Offer(
        Operation(
            "paint",
            "files",
            {
                "prompt": Field("text", required=True),
                "images": Field("list", item=Field("map", fields={"url": Field("image", takes=("base64",))})),
                "width": Field("integer", low=1, high=4000),
                "height": Field("integer", low=1, high=4000),
                "seed": Field("integer", low=1),
                "size": Field("map", open_fields=True),
            },
            rules=(Rule(("width", "height"), _odd_width),),
        ),
        defaults={"size": {"brand": 7}},
    ),
    "brush/order": Offer(Operation("order", "task", {"what": Field("text")}, open=True)),
}


def bring(path: str) -> str:
    """Pictures of the imaginary project: any path but those called missing."""
    if "missing" in path:
        raise ValueError(f"there is no {path}")
    return f"blob:{path.encode().hex():0<64.64}"


def make_plan(folder: Path, body: str, templates: Mapping[str, str] | None = None, head: str = HEAD) -> Plan:
    """The plan of the job `head` + `body`, written to `folder`/job.yaml, with its templates beside it."""
    (folder / "adbatch.yaml").write_text("version: 1\n", encoding="utf-8")
    (folder / "job.yaml").write_text(head + body, encoding="utf-8")
    for name, text in (templates or {}).items():
        file = folder / "templates" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    job_file = load_job(folder / "job.yaml")
    return Plan(job_file, load_project(folder / "job.yaml"), CATALOG, bring)


def make_row(key: str = "mug", line: int = 2, **values: Any) -> Row:
    """A row of feed.csv."""
    return Row(key, {"id": key, "title": "Mug", "image": "https://shop.test/mug.jpg", **values}, "feed.csv", line)


def checked(plan: Plan, rows: Iterable[Row] = ()) -> Checked:
    """The check of a plan over rows that can be walked twice."""
    kept = tuple(rows) or (make_row(),)
    return check(plan, lambda: kept)


def said(result: Checked | Plan) -> list[str]:
    """The complaints as `line:column path: message [row] ×count`, so that a failing test shows them whole."""
    lines = []
    for complaint in result.complaints:
        place = f"{complaint.place.line}:{complaint.place.column} " if complaint.place else ""
        row = f" [{complaint.row.key} at {complaint.row.line}]" if complaint.row else ""
        count = f" ×{complaint.count}" if complaint.count > 1 else ""
        lines.append(f"{place}{complaint.path}: {complaint.message}{row}{count}")
    return lines
