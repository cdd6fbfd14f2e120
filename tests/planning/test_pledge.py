"""A run that was ordered by a plan does exactly that, or names what has moved and sends nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.errors import Usage
from runner.facts import Planned, Sent
from runner.feed import read_rows
from runner.planning.forecast import write_document
from runner.planning.pledge import Pledge, load_pledge
from runner.reading.study import open_study
from runner.records import Request
from runner.selection import Choice
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
FILES = {"templates/headline.j2": "For {{ row.title }}", "pictures/mug.png": "red", "pictures/hat.png": "blue"}


async def planned(bench: Bench, **more: Any) -> Pledge:
    """A plan, written to a file and read from it."""
    path = bench.folder / "plan.json"
    write_document((await bench.plan(**more)).document, path)
    return load_pledge(path)


async def refused(bench: Bench, pledge: Pledge, **more: Any) -> str:
    """What a run says that does not keep the plan; nothing may have been sent."""
    before = bench.sent()
    with pytest.raises(Usage) as refusal:
        await bench.run(pledge=pledge, **more)
    assert bench.sent() == before
    return (
        str(refusal.value)
        .removeprefix(f"{pledge.path} no longer holds: ")
        .removesuffix(". Nothing was sent; look at a new plan: adbatch plan")
    )


async def test_a_plan_that_holds_is_done(tmp_path: Path) -> None:
    """A first run, and one after edits, send what was planned; the same plan cannot be done twice."""
    async with open_bench(tmp_path, STEPS, FILES) as bench:
        await bench.run(pledge=await planned(bench))
        assert bench.sent() == 4
        bench.edit("feed.csv", ("Mug", "Blue mug"))
        pledge = await planned(bench)
        await bench.run(pledge=pledge)
        assert bench.sent() == 5
        assert (await refused(bench, pledge)).startswith("run 2 was made since (it began ")


MOVES: dict[str, tuple[Callable[[Bench], None], str]] = {
    "job": (lambda bench: bench.edit("job.yaml", ("name: small", "name: small # edited")), "job.yaml changed"),
    "project": (lambda bench: bench.edit("adbatch.yaml", ("1042", "7")), "adbatch.yaml changed"),
    "template": (lambda bench: bench.edit("templates/headline.j2", ("For", "Of")), "templates/headline.j2 changed"),
    "feed": (lambda bench: bench.edit("feed.csv", ("Mug", "Cup")), "the feed changed (feed.csv)"),
    "picture": (lambda bench: bench.write({"pictures/mug.png": "green"}), "pictures/mug.png changed"),
    "line ends": (lambda bench: bench.edit("feed.csv", ("\n", "\r\n")), "the feed changed (feed.csv)"),
}


@pytest.mark.parametrize("what", MOVES)
async def test_what_has_moved_is_named(tmp_path: Path, what: str) -> None:
    """Whatever the plan rests on: a run that finds it changed says which it is, and sends nothing."""
    async with open_bench(tmp_path, STEPS, FILES) as bench:
        pledge = await planned(bench)
        MOVES[what][0](bench)
        assert await refused(bench, pledge) == MOVES[what][1].replace("job.yaml", str(bench.job))


async def test_everything_that_has_moved_is_named_at_once(tmp_path: Path) -> None:
    """Several changes are told together; a template or picture that came or went says so."""
    async with open_bench(tmp_path, STEPS, FILES) as bench:
        pledge = await planned(bench)
        bench.write({"templates/other.j2": "To {{ row.title }}", "feed.csv": "id,title,picture\nmug,Mug,mug.png\n"})
        bench.edit("job.yaml", ("headline.j2", "other.j2"))
        said = (await refused(bench, pledge)).removeprefix(str(bench.job))
        assert said == (
            " changed; templates/headline.j2 is gone; templates/other.j2 is new; "
            "the feed changed (feed.csv); pictures/hat.png is gone"
        )


async def test_what_is_selected_must_be_what_was_planned(tmp_path: Path) -> None:
    """A plan of some variants is not one of others, nor of a fresh purchase; its own words are taken from it."""
    async with open_bench(tmp_path, COPY) as bench:
        pledge = await planned(bench, choice=Choice(limit=1, only="row.id != ''", statuses=(), steps=("copy",)), fresh=frozenset())
        assert pledge.choice == Choice(limit=1, only="row.id != ''", steps=("copy",))
        assert (pledge.fresh, pledge.mode, pledge.job) == (frozenset(), "sandbox", "small")
        assert "something else is selected" in await refused(bench, pledge)
        assert "something else is selected" in await refused(bench, pledge, choice=pledge.choice)
        await bench.run(pledge=pledge, choice=pledge.choice, fresh=pledge.fresh)
        assert bench.sent() == 1


async def test_another_state_folder_or_version_is_named(tmp_path: Path) -> None:
    """The plan of another journal, program, mode or job is refused, each in its own words."""
    async with open_bench(tmp_path, COPY) as bench:
        await bench.run()
        pledge = await planned(bench)

        def changed(**rests_on: object) -> Pledge:
            return Pledge(pledge.path, {**pledge.document, "rests_on": {**pledge.document["rests_on"], **rests_on}})

        assert await refused(bench, changed(journal={"id": "f" * 32, "runs": 1})) == "the state folder is another one"
        assert await refused(bench, changed(journal={"id": pledge.document["rests_on"]["journal"]["id"], "runs": 5}))
        assert "the plan was made by 0.0.0" in await refused(bench, changed(adbatch="0.0.0"))
        assert await refused(bench, Pledge(pledge.path, {**pledge.document, "mode": "live"})) == (
            "it is for a live run, this is a sandbox run"
        )
        other = Pledge(pledge.path, {**pledge.document, "job": {"name": "other", "path": "other.yaml"}})
        assert "is a plan of job other, not of small" in await refused(bench, other)


async def test_the_fingerprint_notices_what_has_no_name(tmp_path: Path) -> None:
    """Where no file changed and no run was made, but a request stands otherwise, the run is refused all the same."""
    async with open_bench(tmp_path, COPY) as bench:
        pledge = await planned(bench)
        with open_study(bench.job, bench.stage) as study:
            plan = study.desk.plan
            request = plan.ask(next(plan.variants(read_rows(study.source()))), "copy", {})
        assert isinstance(request, Request)
        with bench.journal() as journal:
            journal.commit([Planned(1.0, request), Sent(2.0, request.id, "submit")])
        assert (await refused(bench, pledge)).startswith("what would be asked is not what was planned")


async def test_a_downloaded_feed_is_that_of_the_plan(tmp_path: Path) -> None:
    """A feed at an address is not downloaded again for the run: what was planned is done, whatever is served now."""
    async with open_bench(tmp_path, COPY) as bench:
        document = dict((await bench.plan()).document)
        held = Pledge(tmp_path / "plan.json", document).snapshot(tmp_path / ".adbatch/sandbox/feeds")
        assert [path.read_text() for path in held.files] == [(tmp_path / "feed.csv").read_text()]
        assert (held.names, held.sha256) == (("feed.csv",), document["rests_on"]["feed"]["sha256"])
        with pytest.raises(Usage, match="the planned snapshot of the feed is no longer in the state folder"):
            Pledge(tmp_path / "plan.json", document).snapshot(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read (no such file or directory)"),
        ("{", "is not JSON"),
        ("[]", "is no plan"),
        ('{"format": 9}', "is no plan"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    """What was not written by `plan --out` is said to be no plan, and what writes one."""
    path = tmp_path / "plan.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(Usage) as refusal:
        load_pledge(path)
    assert said in str(refusal.value)
    assert "adbatch plan JOB --out" in str(refusal.value)


async def test_a_plan_finds_its_job(tmp_path: Path) -> None:
    """The job is named by its path in the project, so any folder inside will do; elsewhere the file must be named."""
    async with open_bench(tmp_path, COPY) as bench:
        pledge = await planned(bench)
        assert json.loads((tmp_path / "plan.json").read_bytes())["job"] == {"name": "small", "path": "job.yaml"}
        (tmp_path / "templates").mkdir()
        assert pledge.find_job(tmp_path / "templates") == bench.job
        with pytest.raises(Usage, match=r"is a plan of job\.yaml, which is not in the project here"):
            pledge.find_job(tmp_path.parent)
