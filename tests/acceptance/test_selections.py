"""Runs that are restricted: what is asked, what is told, what is left alone, and what shares make together."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from runner.edge.journal import Journal
from runner.edge.outputs import load_schema, read_results
from runner.edge.state import State
from runner.errors import Invalid, Usage
from runner.facts import Resolved
from runner.sandbox.behaviour import Fault
from runner.selection import Choice, Shard
from runner.upkeep.sharing import export_state, import_state, jobs_of
from runner.workflow import Order, Report, run_job
from tests.projects import Listener, billed, open_stage_here, write_project
from tests.schemas import misfits

KEYS: Final = ("mug", "hat", "cup", "bag", "pen", "pin", "tie", "cap")
FEED: Final = "id,title\n" + "".join(f"{key},{key.title()}\n" for key in KEYS)
TOP: Final = "matrix: {locale: [en, de]}\noutput: {dir: out}\n"
COPY: Final = """\
  copy:
    use: jivox/text
    with: {prompt: "{{ row.title }} in {{ matrix.locale }}"}
    save: "{{ row.id }}/{{ matrix.locale }}"
"""
MOTTO: Final = """\
  motto:
    use: jivox/text
    with: {prompt: "A motto for {{ row.title }}"}
    save: "{{ row.id }}/motto"
"""
IMAGE: Final = """\
  image:
    use: jivox/image
    with: {prompt: "{{ row.title }}", width: 64, height: 64}
    expect: {width: 64}
    save: "{{ row.id }}/image"
"""
AD: Final = """\
  ad:
    use: jivox/text
    with: {prompt: "Say it shorter: {{ steps.copy.text }} {{ row.id }}"}
    save: "{{ row.id }}/{{ matrix.locale }}-ad"
"""


async def play(
    path: Path, *faults: Fault, voice: Listener | None = None, fresh: frozenset[str] | None = None, **choice: Any
) -> Report:
    """A run of what `choice` selects, against vendors in this process."""
    async with open_stage_here(vendors(path), faults=faults) as stage:
        order = Order(path, sandbox=True, stage=stage, fresh=fresh, choice=Choice(**choice))
        return await run_job(order, voice or Listener())


def vendors(path: Path) -> Path:
    """The state folder of the emulated vendors."""
    return path.parent / ".adbatch" / "sandbox" / "vendors"


def bill(path: Path) -> int:
    """How many purchases the vendors have written down."""
    return billed(vendors(path)).total()


def sent(report: Report) -> int:
    """How often the run asked a vendor to make something."""
    return sum(tally.submits for tally in report.told.tallies.values())


def declare_lost(path: Path, request: str) -> None:
    """Somebody says of an uncertain request that it was billed and that nothing is left of it."""
    state = State(path.parent / ".adbatch", "sandbox")
    with Journal.open(state.journal("small"), "sandbox") as journal:
        journal.commit([Resolved(time.time(), request, "billed", "a tester", "gone")])


def lines(path: Path) -> dict[str, dict[str, Any]]:
    """The lines of the results by key, in their order."""
    return {line["key"]: line for line in read_results(path.parent / "out" / "results.jsonl")}


def touched(path: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every published file."""
    files = (file for file in (path.parent / "out").rglob("*") if file.is_file() and file.suffix not in (".json", ".jsonl"))
    return {str(file): (file.stat().st_ino, file.stat().st_mtime_ns) for file in files}


def statuses(path: Path, step: str) -> Mapping[str, str]:
    """What the step came to, by variant."""
    return {key: line["steps"][step]["status"] for key, line in lines(path).items()}


@pytest.mark.parametrize(
    ("choice", "wanted", "bought"),
    [
        ({"only": "row.id in ['hat', 'mug'] and matrix.locale == 'de'"}, ["mug|locale=de|1", "hat|locale=de|1"], 4),
        ({"only": "row.id == 'pen'", "steps": ("copy",)}, ["pen|locale=en|1", "pen|locale=de|1"], 2),
        ({"limit": 3}, ["mug|locale=en|1", "mug|locale=de|1", "hat|locale=en|1"], 5),
        ({"only": "matrix.locale == 'de'", "limit": 1}, ["mug|locale=de|1"], 2),
    ],
)
async def test_only_what_is_chosen_is_asked(tmp_path: Path, choice: dict[str, Any], wanted: list[str], bought: int) -> None:
    """A first run of a choice buys that, tells of nothing that nobody knows, and ends well; a plain run then buys the rest."""
    path = write_project(tmp_path, COPY + MOTTO, TOP, feed=FEED)
    report = await play(path, **choice)
    assert (report.told.exit_code, dict(report.told.results.counts), bill(path)) == (0, {"done": len(wanted)}, bought)
    assert [key for key, status in statuses(path, "copy").items() if status == "done"] == wanted
    assert {key.partition("|")[0] for key in lines(path)} == {key.partition("|")[0] for key in wanted}
    before = {key: line for key, line in lines(path).items() if line["status"] == "done"}
    assert dict((await play(path)).told.results.counts) == {"done": 16}
    assert (bill(path), len(lines(path))) == (24, 16)
    assert {key: lines(path)[key] for key in before} == before


async def test_a_choice_leaves_what_others_have_made(tmp_path: Path) -> None:
    """After a whole run, a restricted one sends nothing, rewrites nothing and still tells of all; it counts what it chose."""
    path = write_project(tmp_path, COPY, TOP, feed=FEED)
    await play(path)
    results, files, bought = (tmp_path / "out" / "results.jsonl").read_bytes(), touched(path), bill(path)
    report = await play(path, only="row.id == 'cup'")
    assert dict(report.told.results.counts) == {"done": 2}
    assert ((tmp_path / "out" / "results.jsonl").read_bytes(), touched(path), bill(path)) == (results, files, bought)


async def test_a_step_brings_what_it_reads_and_nothing_else(tmp_path: Path) -> None:
    """With `--step ad` its copy is bought too, the motto is not; nothing that was not chosen makes the run end badly."""
    path = write_project(tmp_path, COPY + MOTTO + AD, TOP, feed=FEED)
    report = await play(path, steps=("ad",), only="row.id == 'mug'")
    assert (report.told.exit_code, dict(report.told.results.counts), bill(path)) == (0, {"done": 2}, 4)
    assert set(statuses(path, "motto").values()) == {"waiting"}


async def test_a_retry_asks_for_what_failed_and_touches_nothing_else(tmp_path: Path) -> None:
    """What was bought but is not as expected, or is lost, is bought once more; files, times and lines of the others stay."""
    path = write_project(tmp_path, IMAGE, feed=FEED)
    await play(path, limit=5)
    await play(path, Fault("wrong_size"), limit=7)
    await play(path, Fault("html200"))
    declare_lost(path, lines(path)["cap|1"]["steps"]["image"]["request"])
    await play(path)
    first, files = lines(path), touched(path)
    assert Counter(statuses(path, "image").values()) == {"done": 5, "failed": 3}
    assert bill(path) == 8, "a plain run does not buy again what is paid for"
    report = await play(path, statuses=("failed",))
    assert (report.told.exit_code, dict(report.told.results.counts), bill(path)) == (0, {"done": 3}, 11)
    assert set(files.items()) <= set(touched(path).items())
    after = lines(path)
    kept = {key: line for key, line in first.items() if line["status"] == "done"}
    assert {key: after[key] for key in kept} == kept
    assert {line["status"] for line in after.values()} == {"done"}


async def test_a_retry_with_nothing_to_do_is_no_mistake(tmp_path: Path) -> None:
    """Where nothing has failed, a retry says so, sends nothing and ends with 0."""
    path = write_project(tmp_path, COPY, TOP, feed=FEED)
    await play(path)
    before, voice = bill(path), Listener()
    report = await play(path, statuses=("failed", "refused"), voice=voice)
    assert (report.told.exit_code, dict(report.told.results.counts), bill(path)) == (0, {}, before)
    assert "nothing is failed or refused" in " ".join(voice.lines)


async def test_a_refusal_is_asked_again_only_by_its_name(tmp_path: Path) -> None:
    """A plain run and a retry of what failed leave a refusal alone; `--status refused` asks each once more, once a run."""
    path = write_project(tmp_path, COPY, TOP, feed="id,title\nmug,Mug\nhat,Hat\n")
    no = Fault("error", status=400)
    assert sent(await play(path, no)) == 4
    assert set(statuses(path, "copy").values()) == {"refused"}
    assert sent(await play(path)) + sent(await play(path, statuses=("failed",))) == 0
    report = await play(path, no, statuses=("refused",), limit=3)
    assert (sent(report), dict(report.told.results.counts), report.told.exit_code) == (3, {"refused": 3}, 1)
    report = await play(path, statuses=("refused",))
    assert (sent(report), dict(report.told.results.counts), report.told.exit_code) == (4, {"done": 4}, 0)


async def test_the_uncertain_are_never_asked_again_by_a_word(tmp_path: Path) -> None:
    """`--status uncertain` sends nothing that nobody ordered, says what settles it, and ends with 4."""
    path = write_project(tmp_path, COPY, TOP, feed="id,title\nmug,Mug\n")
    await play(path, Fault("html200"))
    before, voice = bill(path), Listener()
    report = await play(path, statuses=("uncertain",), voice=voice)
    assert (report.told.exit_code, dict(report.told.results.counts), bill(path)) == (4, {"uncertain": 2}, before)
    assert "adbatch resolve" in " ".join(voice.lines)
    assert (await play(path, statuses=("failed", "refused"))).told.exit_code == 0
    assert bill(path) == before


async def test_what_was_kept_all_the_same_is_bought_anew_on_purpose(tmp_path: Path) -> None:
    """`--status flagged` finds what a check complained of and the job keeps; alone it buys nothing, with `--fresh` only that."""
    check = "    expect: {forbidden: [mug, cup], on_fail: keep}\n"
    path = write_project(tmp_path, MOTTO + check, "output: {dir: out}\n", feed=FEED)
    await play(path)
    kept = {line["row"] for line in read_results(tmp_path / "out/results.jsonl") if line["steps"]["motto"].get("flagged")}
    assert {"mug", "cup"} <= kept < set(KEYS)
    looked = await play(path, statuses=("flagged",))
    assert (sent(looked), looked.told.results.counts) == (0, {"done": len(kept)})
    assert sent(await play(path, statuses=("flagged",), fresh=frozenset({"motto"}))) == len(kept)


async def test_fresh_is_for_what_is_chosen(tmp_path: Path) -> None:
    """What is bought anew on purpose is bought anew for the chosen variants and steps, and for no other."""
    path = write_project(tmp_path, COPY + MOTTO, TOP, feed=FEED)
    await play(path)
    before = billed(vendors(path))
    await play(path, fresh=frozenset({"copy"}), only="row.id == 'hat'")
    assert (billed(vendors(path)) - before).total() == 2
    await play(path, fresh=frozenset(), only="row.id == 'hat'", steps=("motto",))
    assert (billed(vendors(path)) - before).total() == 3
    with pytest.raises(Usage, match="copy is to be bought anew, but --step leaves it out"):
        await play(path, fresh=frozenset({"copy"}), steps=("motto",))


async def test_what_a_choice_cannot_mean_stops_the_run(tmp_path: Path) -> None:
    """An expression that takes nothing, and a step that is not there, are told before anything is sent or written."""
    path = write_project(tmp_path, COPY, TOP, feed=FEED)
    with pytest.raises(Invalid, match="no row has id 'mgu'; did you mean mug"):
        await play(path, only="row.id == 'mgu'")
    with pytest.raises(Usage, match="--step cpoy: the job has no such step; did you mean copy"):
        await play(path, steps=("cpoy",))
    assert (bill(path), (tmp_path / "out" / "results.jsonl").exists()) == (0, False)


async def test_the_manifest_tells_what_was_chosen(tmp_path: Path) -> None:
    """A restricted run's manifest says how it was restricted and fits its schema; a whole one says nothing of it."""
    path = write_project(tmp_path, COPY, TOP, feed=FEED)
    report = await play(path, only="row.id == 'mug'", steps=("copy",), shard=Shard(1, 1), limit=1)
    assert report.manifest["selection"] == {"only": "row.id == 'mug'", "steps": ["copy"], "shard": "1/1", "limit": 1}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert list(misfits(manifest, load_schema("manifest"))) == []
    assert "selection" not in (await play(path)).manifest


async def test_shards_make_the_whole_between_them(tmp_path: Path) -> None:
    """Three shares, one after another, buy each request once, and then a whole run sends nothing and tells of all."""
    path = write_project(tmp_path, COPY + MOTTO, TOP, feed=FEED)
    for number in (1, 2, 3):
        assert (await play(path, shard=Shard(number, 3))).told.exit_code == 0
    assert bill(path) == 24
    assert dict((await play(path)).told.results.counts) == {"done": 16}
    assert bill(path) == 24


async def test_shards_of_two_machines_are_merged(tmp_path: Path) -> None:
    """Two machines make a share each; where both states are brought together, a whole run sends nothing and tells of all."""
    roots = [tmp_path / name for name in ("one", "two", "together")]
    for root in roots:
        root.mkdir()
    paths = [write_project(root, COPY + MOTTO, TOP, feed=FEED) for root in roots]
    for number, path in enumerate(paths[:2], start=1):
        await play(path, shard=Shard(number, 2))
        state = State(path.parent / ".adbatch", "sandbox")
        export_state(state, jobs_of(state), tmp_path / f"{number}.tar", 0.0)
        import_state(State(roots[2] / ".adbatch", "sandbox"), tmp_path / f"{number}.tar", 0.0)
    assert [bill(path) > 0 for path in paths] == [True, True, False]
    report = await play(paths[2])
    assert (sent(report), bill(paths[2]), dict(report.told.results.counts)) == (0, 0, {"done": 16})
    assert bill(paths[0]) + bill(paths[1]) == 24
    assert {**lines(paths[0]), **lines(paths[1])} == lines(paths[2])
    assert len(touched(paths[2])) == 24


async def test_an_empty_share_is_no_mistake(tmp_path: Path) -> None:
    """A share of few rows may be empty; it makes nothing and ends with 0."""
    path = write_project(tmp_path, COPY, TOP, feed="id,title\nmug,Mug\n")
    codes = [(await play(path, shard=Shard(number, 3))).told.exit_code for number in (1, 2, 3)]
    assert (codes, bill(path)) == ([0, 0, 0], 2)


async def test_what_every_share_would_buy_is_said(tmp_path: Path) -> None:
    """A run of a share says which steps all shares buy."""
    path = write_project(tmp_path, COPY + '  motto: {use: jivox/text, with: {prompt: "A motto"}}\n', TOP, feed=FEED)
    voice = Listener()
    await play(path, shard=Shard(1, 2), voice=voice)
    assert any(line.startswith("motto reads nothing of the row, so each shard buys it") for line in voice.lines)


def random_choice(chance: random.Random) -> dict[str, Any]:
    """Some restriction or other."""
    choice: dict[str, Any] = {}
    if chance.random() < 0.6:
        keys = chance.sample(KEYS, 3)
        choice["only"] = chance.choice(
            [f"row.id in {keys!r}", "matrix.locale == 'de'", f"row.id in {keys!r} and matrix.locale == 'en'"]
        )
    if chance.random() < 0.4:
        choice["steps"] = (chance.choice(["copy", "motto"]),)
    if chance.random() < 0.4:
        choice["shard"] = Shard(chance.randrange(1, 3), 2)
    if chance.random() < 0.3:
        choice["limit"] = chance.randrange(1, 5)
    if chance.random() < 0.3:
        choice["statuses"] = tuple(chance.sample(["failed", "refused", "uncertain"], 2))
    return choice


async def test_whatever_is_chosen_nothing_else_changes(tmp_path: Path) -> None:
    """Through random choices, with vendors that fail at random: what is done stays, and no more is asked than is chosen."""
    path = write_project(tmp_path, COPY + MOTTO, TOP, feed=FEED)
    chance, retries = random.Random(4), 0
    faults = (Fault("error", 0.2, status=400), Fault("html200", 0.1))
    before: dict[str, dict[str, Any]] = {}
    for _ in range(25):
        choice, spent, files = random_choice(chance), bill(path), touched(path)
        report = await play(path, *faults, **choice)
        after, chosen = lines(path), sum(report.told.results.counts.values())
        steps = choice.get("steps", ("copy", "motto"))
        moved = {
            (key, step) for key in after for step in ("copy", "motto") if told_of(before, key, step) != told_of(after, key, step)
        }
        assert {step for _, step in moved} <= set(steps), choice
        assert len({key for key, step in moved if step == "copy"}) <= chosen, choice
        assert bill(path) - spent <= chosen * len(steps), choice
        assert set(files.items()) <= set(touched(path).items()), choice
        assert before.keys() <= after.keys(), choice
        assert all(told_of(before, *each) in ("", "waiting", "refused") for each in moved), choice
        if "shard" in choice:
            assert all(choice["shard"].takes(key.partition("|")[0]) for key, _ in moved), choice
        before, retries = after, retries + ("refused" in choice.get("statuses", ()))
    ledger = [json.loads(line) for line in (vendors(path) / "ledger.jsonl").read_text("utf-8").splitlines()]
    assert retries
    assert max(Counter(entry["digest"] for entry in ledger).values()) == 1, (
        "what was refused was not billed, all else is asked once"
    )


def told_of(results: Mapping[str, Mapping[str, Any]], key: str, step: str) -> str:
    """What the step of the variant came to; nothing where nothing is told."""
    status = str(results[key]["steps"][step]["status"]) if key in results else ""
    return "" if status == "waiting" else status
