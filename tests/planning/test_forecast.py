"""The forecast as a document: it fits its schema, sends nothing, writes nothing but a snapshot, and needs no key."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from runner.edge.state import State
from runner.errors import Held, Invalid, OurSide, Usage
from runner.planning.forecast import MOST_PICTURES, Question, load_document, make_forecast, plan_schema_text, write_document
from runner.sandbox.behaviour import Fault
from runner.selection import Choice
from tests.cli.conftest import COMMAND
from tests.forecasts import counts, open_bench
from tests.projects import COPY, MEDIUM, PROJECT, SCENE, write_project
from tests.schemas import misfits

ROWS = 100_000 if os.environ.get("ADBATCH_SOAK") else 2_000
SCHEMA: dict[str, Any] = json.loads(plan_schema_text())
PRICES = PROJECT + "prices:\n  jivox/text: {each: 0.05, currency: USD}\n"


async def test_every_document_fits_the_schema(tmp_path: Path) -> None:
    """Before the first run, after edits, with retired variants, prices, budgets, pictures and a selection: always the same form."""
    steps = COPY + "  cut:\n    use: jivox/remove-background\n    with: {image: '{{ row.picture }}'}\n"
    pictures = {"mug.png": "red", "hat.png": "blue"}
    async with open_bench(tmp_path, steps, pictures, project=PRICES, top="budget: {requests: 1}\noutput: {dir: out}\n") as bench:
        documents = [(await bench.plan()).document]
        await bench.run(limit=1)
        bench.edit("feed.csv", ("mug,Mug", "cup,Mug"))
        documents.append((await bench.plan()).document)
        documents.append((await bench.plan(fresh=frozenset({"copy"}), choice=Choice(limit=1, only="row.id != ''"))).document)
    for document in documents:
        assert list(misfits(json.loads(json.dumps(document)), SCHEMA)) == []
    assert documents[0]["cost"] == {"USD": {"least": "0.10", "most": "0.10"}}
    assert documents[1]["retired"] == {"variants": 1, "keys": ["mug|1"]}
    assert documents[2]["rests_on"]["selection"] == {"only": "row.id != ''", "limit": 1}


async def test_planning_a_first_run_writes_a_snapshot_only(tmp_path: Path) -> None:
    """Without a journal everything is new; no journal, no output and no request comes of it."""
    async with open_bench(tmp_path, COPY + SCENE) as bench:
        forecast = await bench.plan()
        assert (counts(forecast), bench.sent()) == ({"new": 2}, 0)
        assert not (tmp_path / "out").exists()
        made = {path.relative_to(tmp_path / ".adbatch").parts[:2] for path in (tmp_path / ".adbatch").rglob("*") if path.is_file()}
        assert {part for part in made if part != (".gitignore",)} == {("sandbox", "feeds")}
        assert forecast.document["since"] is None


async def test_a_live_plan_needs_no_key_and_says_which_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane without its key is told as blocked by that, and nothing fails; one whose key is there is not."""
    monkeypatch.delenv("JIVOX_API_KEY", raising=False)
    monkeypatch.setenv("VYRO_API_KEY", "test-key")
    path = write_project(tmp_path, COPY + SCENE)
    lanes = {lane["lane"]: lane["blocked"] for lane in (await make_forecast(Question(path))).document["lanes"]}
    assert "JIVOX_API_KEY is not set" in str(lanes["jivox"])
    assert lanes["vyro"] is None


async def test_a_plan_waits_for_nobody(tmp_path: Path) -> None:
    """While a run holds the job there is no plan of it: it would be of a state that changes."""
    async with open_bench(tmp_path, COPY) as bench:
        await bench.run()
        with State(tmp_path / ".adbatch", "sandbox").lock("small", 1.0), pytest.raises(Held):
            await bench.plan()


async def test_mistakes_are_those_of_a_run(tmp_path: Path) -> None:
    """A wrong row, a guard that stops it, a step that is not there: a plan refuses what a run would refuse."""
    async with open_bench(tmp_path, MEDIUM.replace("{{ row.title }}", "{{ row.titel }}")) as bench:
        with pytest.raises(Invalid, match="titel"):
            await bench.plan()
    async with open_bench(tmp_path, COPY) as bench:
        with pytest.raises(Usage, match="no step cpoy to buy anew; did you mean copy"):
            await bench.plan(fresh=frozenset({"cpoy"}))
        with pytest.raises(Usage, match="--step scene"):
            await bench.plan(choice=Choice(steps=("scene",)))
        with pytest.raises(Invalid, match="musg"):
            await bench.plan(choice=Choice(only="row.id == 'musg'"))
        bench.write({"feed.csv": "id,title,picture\n"})
        with pytest.raises(Invalid, match="0 rows"):
            await bench.plan()


async def test_results_of_another_journal_are_noted(tmp_path: Path) -> None:
    """Where results lie that this state folder did not buy, the plan says that a run may refuse, and what helps."""
    async with open_bench(tmp_path, COPY) as bench:
        assert (await bench.plan()).document["notes"] == []
        await bench.run()
        bench.edit("feed.csv", ("Mug", "Cup"))
        assert (await bench.plan()).document["notes"] == []
        shutil.rmtree(tmp_path / ".adbatch")
        [note] = (await bench.plan()).document["notes"]
        assert note.startswith("out/results.jsonl was not written by a run with this state folder")
        assert "adbatch adopt" in note


async def test_the_time_is_what_was_observed(tmp_path: Path) -> None:
    """After a run the durations of its operations are known, and the plan names them."""
    async with open_bench(tmp_path, COPY, faults=(Fault("busy", chance=0.0),)) as bench:
        assert (await bench.plan()).document["time"]["at_least"]
        await bench.run()
        bench.edit("feed.csv", ("Mug", "Cup"))
        told = (await bench.plan()).document["time"]
        assert (told["observed"], told["at_least"]) == (["jivox/text"], False)
        assert 0 < told["seconds"] < 30


async def test_what_a_selection_has_to_say_is_told(tmp_path: Path) -> None:
    """Remarks about the selection go beside the document."""
    async with open_bench(tmp_path, COPY) as bench:
        assert (await bench.plan()).remarks == ()
        assert len((await bench.plan(choice=Choice(statuses=("refused",)))).remarks) == 1


def test_a_document_is_written_whole(tmp_path: Path) -> None:
    """It is read back as it was; where it cannot be written that is said, and nothing is left behind."""
    document = {"format": 1, "rests_on": {"feed": {"files": []}}}
    write_document(document, tmp_path / "plan.json")
    assert load_document(tmp_path / "plan.json") == document
    with pytest.raises(OurSide, match="cannot be written"):
        write_document(document, tmp_path / "nowhere" / "plan.json")
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def many_rows(folder: Path, rows: int) -> Path:
    """A job of ten variants a row, of one step."""
    path = write_project(folder, COPY.replace("{{ row.title }}", "{{ row.title }} {{ matrix.locale }}").split("    save")[0])
    text = path.read_text("utf-8").replace("steps:", f"matrix: {{locale: [{', '.join(f'l{n}' for n in range(10))}]}}\nsteps:")
    path.write_text(text, encoding="utf-8")
    lines = (f"p{number},Product number {number},p.png\n" for number in range(rows))
    (folder / "feed.csv").write_text("id,title,picture\n" + "".join(lines), encoding="utf-8")
    return path


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_many_variants_are_planned_in_time(tmp_path: Path) -> None:
    """Twenty thousand variants in ten seconds of processor time; a million (to soak) in 90 seconds and 400 MB."""
    path = many_rows(tmp_path, ROWS)
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run([*COMMAND, "plan", str(path), "--json"], capture_output=True, check=True, cwd=tmp_path)
    took, used = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert json.loads(told.stdout)["counts"]["new"] == 10 * ROWS
    if os.environ.get("ADBATCH_SOAK"):
        assert took < 90
        assert used.ru_maxrss < 400_000  # kilobytes, of the largest of our children
    else:
        assert used.ru_utime - before.ru_utime < 10


def test_pictures_are_named_one_by_one_up_to_a_number() -> None:
    """A plan file of a large catalogue does not list every picture."""
    assert MOST_PICTURES == 1_000
