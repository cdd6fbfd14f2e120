"""The pass over a plan: what is finished is told, what is open is left to the engine, a selection restricts only what is asked.

Long, because every wish, selection and rest that leaves a variant alone or open is a case.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from runner.edge.blobs import Blobs
from runner.edge.glance import Glance
from runner.edge.outputs import Outputs, result_line
from runner.errors import Interrupted
from runner.facts import Answered, Fact, Planned, Saved, Sent
from runner.job.plan import Plan
from runner.loom import Loom, Outcome
from runner.outcomes import GONE
from runner.records import Artifact, Json, Variant, make_request
from runner.results import Files, Results, weave, write_results, written
from runner.selection import Choice, Selection
from runner.standing import IN_MEMORY, Standing, Wishes, look_up
from runner.stillness import Rest
from runner.verdicts import Done, Lost, Text
from tests.fakes import MemoryLedger, make_plan, make_rows

CHAIN: Final = (
    '  copy: {use: pen/text, with: {prompt: "{{ row.title }}"}, save: "{{ row.id }}/{{ matrix.tone }}"}\n'
    '  ad: {use: pen/text, with: {prompt: "{{ steps.copy.text }} {{ matrix.tone }}"}}\n'
)
TONES: Final = "matrix: {tone: [dry, warm]}\n"
ROWS: Final = 4
Known = dict[str, Outcome]


def done(text: str, at: float = 50.0) -> Outcome:
    """A text that came at this moment."""
    return Outcome("done", None, (Artifact("text", text=text),), at=at)


class Bench:
    """A plan of eight variants with what is known of its requests, by hand."""

    def __init__(self, folder: Path, rows: int = ROWS, **wishes: Any) -> None:
        self.folder, self.rows, self.known = folder, rows, Known()
        self.plan = make_plan(folder, CHAIN, TONES)
        self.wishes = wishes
        self.choice = Choice()
        self.published: list[Files] = []
        self.outputs = Outputs(folder / "out", Blobs(folder / "blobs"))

    def variants(self, indexes: Iterable[int] | None = None) -> Iterator[Variant]:
        """All variants, or those at some places."""
        rows = make_rows(self.rows)
        return self.plan.variants(rows) if indexes is None else self.plan.variants_at(rows, indexes)

    def look_up(self, ids: Sequence[str]) -> Mapping[str, Outcome]:
        """What is known."""
        return {name: self.known[name] for name in ids if name in self.known}

    def learn(self, step: str, key: str, outcome: Outcome) -> str:
        """The request of this step of the first variant with such a key ended so; its id."""
        for woven in weave(Loom(self.plan), self.variants(), self.look_up):
            if woven.variant.key.startswith(key):
                request = woven.outcomes[step].request
                assert request is not None
                self.known[request.id] = outcome
                return request.id
        raise AssertionError(key)

    def finish(self) -> None:
        """Everything is done."""
        for step in ("copy", "ad"):
            for woven in list(weave(Loom(self.plan), self.variants(), self.look_up)):
                if (request := woven.outcomes[step].request) is not None:
                    self.known.setdefault(request.id, done(f"{step} {request.id[:4]}"))

    @contextmanager
    def standing(self) -> Iterator[Standing]:
        """The pass, not taken yet."""
        self.made = Wishes(Selection(self.choice, self.plan), **self.wishes)
        blobs = Blobs(self.folder / "blobs")
        with (
            Glance(self.folder / "out", blobs) as glance,
            Standing(self.plan, self.made, self.published.append, glance, self.folder) as standing,
        ):
            yield standing

    def left(self) -> list[int]:
        """What the pass leaves to the engine."""
        with self.standing() as standing:
            standing.take(self.variants(), self.look_up)
            return list(standing.left())

    def run(self, meanwhile: Mapping[str, Outcome] | None = None) -> Results:
        """The pass, what comes meanwhile, and the results."""
        with self.standing() as standing:
            standing.take(self.variants(), self.look_up)
            self.known |= meanwhile or {}
            return standing.write(self.variants, self.look_up, self.outputs)

    def lines(self) -> dict[str, str]:
        """The status of each line of results.jsonl, by key, in its order."""
        lines = map(json.loads, (self.folder / "out" / "results.jsonl").read_text("utf-8").splitlines())
        return {line["key"]: line["status"] for line in lines}


def test_a_finished_plan_leaves_nothing(tmp_path: Path) -> None:
    """Where everything is known the pass is all, and its bytes are those that a plain writing gives."""
    bench = Bench(tmp_path)
    bench.finish()
    assert bench.left() == []
    results = bench.run()
    plain = write_results(bench.plan, bench.variants(), bench.look_up, bench.outputs)
    assert results.file == plain.file
    assert results.counts == plain.counts == {"done": 8}
    assert len(bench.published) == 16


def test_only_what_is_open_is_left(tmp_path: Path) -> None:
    """A request that nobody knows leaves the variants that want it; the others are not taken up."""
    bench = Bench(tmp_path)
    bench.finish()
    del bench.known[bench.learn("copy", "r2", done("x"))]
    assert bench.left() == [2, 3]
    del bench.known[bench.learn("ad", "r4|tone=warm", done("x"))]
    assert bench.left() == [2, 3, 7]


def test_open_lines_are_told_as_they_stand_afterwards(tmp_path: Path) -> None:
    """The lines of what was open are woven again at the end and stand where the plan has them."""
    bench = Bench(tmp_path)
    bench.finish()
    name = bench.learn("ad", "r3|tone=dry", Outcome("queued", left=True))
    assert bench.run({name: done("late")}).counts == {"done": 8}
    after = (tmp_path / "out" / "results.jsonl").read_bytes()
    assert write_results(bench.plan, bench.variants(), bench.look_up, bench.outputs).file.size == len(after)
    assert (tmp_path / "out" / "results.jsonl").read_bytes() == after
    assert b'"late"' in after


@pytest.mark.parametrize(
    ("outcome", "wishes", "left"),
    [
        (done("x"), {}, []),
        (done("x", at=9.0), {"stale_before": 10.0}, [0]),
        (done("x", at=11.0), {"stale_before": 10.0}, []),
        (Outcome("queued", left=True), {}, [0]),
        (Outcome("failed", why="refused connection", left=True), {}, [0]),
        (Outcome("failed", why=GONE), {}, []),
        (Outcome("refused", why="no"), {}, []),
        (Outcome("uncertain", why="reset"), {}, []),
        (Outcome("uncertain", why="reset"), {"risky": frozenset({"ad"})}, [0]),
        (Outcome("uncertain", why="reset"), {"risky": frozenset({"copy"})}, []),
    ],
)
def test_what_may_change_is_open(tmp_path: Path, outcome: Outcome, wishes: dict[str, Any], left: list[int]) -> None:
    """Unfinished, too old, or uncertain where the step takes the risk: open. Settled in any way: not."""
    bench = Bench(tmp_path, **wishes)
    bench.finish()
    bench.learn("ad", "r1|tone=dry", outcome)
    assert bench.left() == left


def test_what_is_bought_anew_is_open_for_all_who_share_it(tmp_path: Path) -> None:
    """A step bought anew opens every step that asks the same operation, for their requests may be one."""
    bench = Bench(tmp_path, uses=frozenset({"pen/text"}))
    bench.finish()
    assert bench.left() == list(range(8))


def test_with_an_empty_journal_everything_is_open(tmp_path: Path) -> None:
    """Nothing need be looked up to know that: all variants are left, and the lines come out as if each had been looked at."""
    bench = Bench(tmp_path)
    with bench.standing() as standing:
        assert standing.take_all(2 * ROWS)
        assert (list(standing.left()), standing.chosen, standing.is_finished) == (list(range(2 * ROWS)), 2 * ROWS, False)
        bench.finish()
        results = standing.write(bench.variants, bench.look_up, bench.outputs)
    whole = Bench(tmp_path)
    whole.known = bench.known
    assert results.file.sha256 == whole.run().file.sha256
    assert results.counts == {"done": 2 * ROWS}


def test_a_selection_has_to_look_at_everything(tmp_path: Path) -> None:
    """Where some may not be selected, all are looked at, whatever the journal holds."""
    bench = Bench(tmp_path)
    bench.choice = Choice(limit=1)
    with bench.standing() as standing:
        assert standing.take_all(2 * ROWS) is False


def test_lines_of_what_was_just_made_are_kept(tmp_path: Path) -> None:
    """They are what the journal would say in the end, in plan order whatever order they came in; what is not good is woven anew."""
    bench = Bench(tmp_path)
    with bench.standing() as standing:
        standing.take_all(2 * ROWS)
        bench.finish()
        lost = bench.learn("ad", "r3", Outcome("failed", why="by the engine's own words"))
        made = list(weave(Loom(bench.plan), bench.variants(), bench.look_up))
        standing.note(reversed(made[2:]))
        bench.known[lost] = Outcome("failed", why="by the journal's words")
        asked: list[int] = []

        def variants_at(indexes: Iterable[int]) -> Iterator[Variant]:
            asked.extend(indexes := list(indexes))
            return bench.variants(indexes)

        assert [cause.why for cause in standing.seen.worst()] == ["by the engine's own words"]
        results = standing.write(variants_at, bench.look_up, bench.outputs)
    assert asked[:2] == [0, 1]
    assert set(asked[2:]) == {woven.variant.index for woven in made if woven.status != "done"}
    whole = Bench(tmp_path)
    whole.known = bench.known
    assert results.file.sha256 == whole.run().file.sha256
    assert results.counts["failed"] == len(asked) - 2


def test_lines_beyond_those_in_memory_come_from_a_file(tmp_path: Path) -> None:
    """Many lines, in whatever order they were made, are told as if they had been woven in the end."""
    bench = Bench(tmp_path, rows=500)
    bench.finish()
    made = list(weave(Loom(bench.plan), bench.variants(), bench.look_up))
    random.Random(5).shuffle(made)
    with bench.standing() as standing:
        standing.take_all(len(made))
        for start in range(0, len(made), 30):
            standing.note(made[start : start + 30])
        results = standing.write(bench.variants, lambda ids: dict.fromkeys(ids, done("woven anew")), bench.outputs)
    assert results.file.size > IN_MEMORY
    whole = Bench(tmp_path, rows=500)
    whole.known = bench.known
    assert results.file.sha256 == whole.run().file.sha256


def test_a_limit_chooses_the_first(tmp_path: Path) -> None:
    """The first variants are asked for; of the others nothing is known, so they are not told."""
    bench = Bench(tmp_path)
    bench.choice = Choice(limit=3)
    assert bench.left() == [0, 1, 2]
    assert bench.run().counts == {"waiting": 3}
    assert list(bench.lines()) == ["r1|tone=dry|1", "r1|tone=warm|1", "r2|tone=dry|1"]


def test_what_is_known_is_told_whoever_is_selected(tmp_path: Path) -> None:
    """Lines of variants that were not selected stay, and change where they share what was bought; they do not count."""
    bench = Bench(tmp_path)
    bench.finish()
    ids = [bench.learn("copy", "r1", done("x")), bench.learn("ad", "r4|tone=dry", done("y"))]
    for name in ids:
        del bench.known[name]
    bench.choice = Choice(only="row.id in ['r1', 'r2']")
    assert bench.left() == [0, 1]
    results = bench.run()
    assert results.counts == {"waiting": 2, "done": 2}
    assert len(bench.lines()) == 8
    assert bench.lines()["r4|tone=dry|1"] == "waiting"


def test_a_step_alone_counts_alone(tmp_path: Path) -> None:
    """With one step chosen what else is missing is neither left nor counted, but the lines tell all."""
    bench = Bench(tmp_path)
    bench.choice = Choice(steps=("copy",))
    for number in range(1, ROWS + 1):
        bench.learn("copy", f"r{number}", done("x"))
    assert bench.left() == []
    assert bench.run().counts == {"done": 8}
    assert set(bench.lines().values()) == {"waiting"}


def test_a_status_orders_another_try(tmp_path: Path) -> None:
    """What was refused is left, and its request ordered once more, only where somebody says that word."""
    bench = Bench(tmp_path)
    bench.finish()
    name = bench.learn("ad", "r2|tone=warm", Outcome("refused", why="no"))
    assert bench.left() == []
    bench.choice = Choice(statuses=("refused",))
    with bench.standing() as standing:
        standing.take(bench.variants(), bench.look_up)
        assert list(standing.left()) == [3]
        assert bench.made.again == {name}


def test_witnesses_see_every_variant(tmp_path: Path) -> None:
    """Whoever wants to is shown all variants as they stand before anything is asked, selected or not."""
    bench, keys = Bench(tmp_path), []
    bench.choice = Choice(limit=1)
    with bench.standing() as standing:
        standing.take(bench.variants(), bench.look_up, [lambda woven: keys.append(woven.variant.key)])
    assert len(keys) == 8


def test_requests_that_were_there_are_counted_once(tmp_path: Path) -> None:
    """Reused are the different requests of what was selected, not the variants that want them."""
    bench = Bench(tmp_path)
    bench.finish()
    with bench.standing() as standing:
        standing.take(bench.variants(), bench.look_up)
        assert standing.reused == {"pen": 4 + 8}


def test_a_pass_can_be_stopped(tmp_path: Path) -> None:
    """Told to stop from outside, it ends at the next variant and writes nothing."""
    bench = Bench(tmp_path)
    with bench.standing() as standing:
        standing.stop()
        with pytest.raises(Interrupted):
            standing.take(bench.variants(), bench.look_up)
        assert not (tmp_path / "out" / "results.jsonl").exists()


def test_a_plan_at_rest_is_not_woven(tmp_path: Path) -> None:
    """With the note of the last run and its results as they were, nothing is looked up; any wish or choice has the pass made."""
    bench = Bench(tmp_path)
    bench.finish()
    with bench.standing() as standing:
        standing.take(bench.variants(), bench.look_up)
        results = standing.write(bench.variants, bench.look_up, bench.outputs)
        assert standing.note_rest(results, 7) is not None
        reused = standing.reused
    rest = Rest(7, 50.0, results, reused)
    wanted = [file for files in bench.published for file in files["copy"].values()]
    bench.published.clear()
    with bench.standing() as standing:
        assert standing.stay(rest, tmp_path / "out")
        assert len(bench.published) == 8, "they are not published yet"
        again = [file for files in bench.published for file in files[""].values()]
        assert list(map(written, again)) == list(map(written, wanted))
        assert standing.is_finished
        assert standing.reused == reused
        assert standing.write(bench.variants, bench.look_up, bench.outputs) == results
    bench.wishes = {"stale_before": 51.0}
    with bench.standing() as standing:
        assert not standing.stay(rest, tmp_path / "out")
    bench.wishes, bench.choice = {}, Choice(limit=8)
    with bench.standing() as standing:
        assert not standing.stay(rest, tmp_path / "out")
        assert not standing.stay(None, tmp_path / "out")


@pytest.mark.parametrize("kind", ["image/png", "text/plain"])
def test_a_file_that_cannot_be_made_again_has_the_plan_woven(tmp_path: Path, kind: str) -> None:
    """A picture whose blob is gone, and one of several texts, of which the line has the first."""
    bench = Bench(tmp_path)
    named: Json = {"path": "a", "sha256": hashlib.sha256(b"the second\n").hexdigest(), "bytes": 11, "media_type": kind}
    file = bench.outputs.write_results([result_line({"key": "a|1", "steps": {"copy": {"text": "the first", "files": [named]}}})])
    rest = Rest(7, 50.0, Results({"done": 1}, (), file), Counter())
    with bench.standing() as standing:
        assert not standing.stay(rest, tmp_path / "out")
    assert bench.published == []
    if kind == "image/png":
        Blobs(tmp_path / "blobs").put(b"the second\n")
        with bench.standing() as standing:
            assert standing.stay(rest, tmp_path / "out")


def test_an_open_plan_notes_no_rest(tmp_path: Path) -> None:
    """A run that left something open, or was restricted, gives the next one nothing to rely on."""
    bench = Bench(tmp_path)
    for choice in (Choice(), Choice(limit=100)):
        bench.choice = choice
        with bench.standing() as standing:
            standing.take(bench.variants(), bench.look_up)
            assert standing.note_rest(standing.write(bench.variants, bench.look_up, bench.outputs), 7) is None
        bench.finish()


class Pages(MemoryLedger):
    """A journal in memory that knows what is saved."""

    def saved(self, ids: Sequence[str]) -> dict[str, Saved]:
        """The last fact of each request whose last fact is that its result is here."""
        last = {name: facts[-1] for name, facts in self.histories(ids).items()}
        return {name: fact for name, fact in last.items() if isinstance(fact, Saved)}


def test_a_journal_is_looked_up_by_its_last_words(tmp_path: Path) -> None:
    """What is saved comes without its history, anything else is the fold of its facts, what is gone has failed."""
    pages, text = Pages(), (Artifact("text", text="x"),)
    asks = [make_request("pen", "text", {"prompt": str(number)}) for number in range(4)]
    for request in asks[:3]:
        pages.commit([Planned(1, request), Sent(2, request.id, "submit")])
    answers: list[Fact] = [Answered(3, asks[0].id, "submit", Done((Text("x"),))), Answered(3, asks[1].id, "submit", Lost("reset"))]
    pages.commit([*answers, Saved(4, asks[0].id, text)])
    known = look_up(pages, [request.id for request in asks], lambda _: True)
    assert known == {
        asks[0].id: Outcome("done", None, text),
        asks[1].id: Outcome("uncertain", asks[1], (), "reset"),
        asks[2].id: Outcome("uncertain", asks[2], (), "the run ended before the answer to its submit came"),
    }
    assert (known[asks[0].id].at, known[asks[0].id].left) == (4, False)
    assert look_up(pages, [asks[0].id], lambda _: False) == {asks[0].id: Outcome("failed", None, why=GONE)}


@pytest.mark.soak
def test_a_pass_keeps_its_pace(tmp_path: Path) -> None:
    """A variant costs a tenth of a millisecond or so of this machine's time; ten times as much is a defect."""
    plan: Plan = make_plan(tmp_path, CHAIN, f"matrix: {{tone: [{', '.join(f't{number}' for number in range(10))}]}}\n")
    rows = make_rows(20_000 if os.environ.get("ADBATCH_SOAK") else 500)

    def known(ids: Sequence[str]) -> dict[str, Outcome]:
        return {name: done(name[:8]) for name in ids}

    wishes, blobs = Wishes(Selection(Choice(), plan)), Blobs(tmp_path / "blobs")
    with Glance(tmp_path, blobs) as glance, Standing(plan, wishes, lambda _: None, glance, tmp_path) as standing:
        began = time.process_time()
        standing.take(plan.variants(rows), known)
        spent = time.process_time() - began
        assert standing.is_finished
    assert spent / (10 * len(rows)) < 0.0015
