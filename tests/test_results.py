"""Results say what there is and where, in plan order, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from runner.causes import TOLD, Cause
from runner.edge import media
from runner.edge.blobs import Blobs
from runner.edge.outputs import Outputs, load_schema, read_results
from runner.fields import Field, Offer, Operation
from runner.job.load import load_job, load_project
from runner.job.plan import Plan
from runner.loom import RANKS, Loom, Outcome, Status, Woven
from runner.records import Artifact, Json, Variant
from runner.results import BATCH, EXTENSIONS, Results, file_paths, files_of, variant_line, weave, write_results, written
from tests.fakes import make_plan, make_rows
from tests.schemas import misfits

PICTURE: Final = '  scene: {use: pen/picture, with: {prompt: "{{ row.title }}"}}\n'
SAVED: Final = '  copy: {use: pen/text, with: {prompt: "{{ row.title }}"}, save: "{{ row.id }}/head line"}\n'
CHAIN: Final = (
    '  copy: {use: pen/text, with: {prompt: "{{ row.title }}"}, save: "{{ row.id }}/copy"}\n'
    '  scene: {use: pen/picture, with: {prompt: "{{ steps.copy.text }}"}}\n'
)
TEXT: Final = Artifact("text", text="Hello")


def picture(digest: str = "ab", media_type: str = "image/png", size: int = 7) -> Artifact:
    """A file of so many bytes that begins with these digits."""
    return Artifact("file", None, None, digest * 32, size, media_type, 10, 20)


def one_variant(plan: Plan) -> Variant:
    """The first variant of a plan over one row."""
    return next(plan.variants(make_rows(1)))


def grant(plan: Plan, outcomes: Mapping[str, Any]) -> Callable[[Sequence[str]], Mapping[str, Outcome]]:
    """A look-up that knows every request of the plan's first variants by its step: artifacts, or an outcome."""
    loom, known = Loom(plan), {}
    for variant in plan.variants(make_rows(3)):
        loom.take_up(variant)
    while asks := loom.asks():
        for ask in asks:
            given = outcomes[ask.step]
            outcome = given if isinstance(given, Outcome) else Outcome("done", ask.request, tuple(given))
            known[ask.request.id] = outcome
            loom.settle(ask.request.id, outcome)
    return lambda ids: {name: known[name] for name in ids}


def write(folder: Path, plan: Plan, outcomes: Mapping[str, Any]) -> tuple[Results, list[dict[str, Any]]]:
    """Results of three rows, as told and as read again."""
    outputs = Outputs(folder / "out", Blobs(folder / "blobs"))
    results = write_results(plan, plan.variants(make_rows(3)), grant(plan, outcomes), outputs)
    return results, list(read_results(folder / "out" / "results.jsonl"))


@pytest.mark.parametrize(
    ("steps", "artifacts", "paths"),
    [
        (PICTURE, [picture()], ["r1-1/scene.png"]),
        (PICTURE, [picture(media_type="image/jpeg")], ["r1-1/scene.jpg"]),
        (PICTURE, [picture(media_type="video/mp4")], ["r1-1/scene.mp4"]),
        (PICTURE, [picture(), picture("cd", "image/webp")], ["r1-1/scene-1.png", "r1-1/scene-2.webp"]),
        (PICTURE, [picture(), picture()], ["r1-1/scene-1.png", "r1-1/scene-2.png"]),
        (PICTURE, [TEXT], []),
        (PICTURE, [], []),
        (SAVED, [TEXT], ["r1/head line.txt"]),
        (SAVED, [Artifact("json", data={"id": 7})], ["r1/head line.json"]),
        (SAVED, [TEXT, picture()], ["r1/head line-1.txt", "r1/head line-2.png"]),
    ],
)
def test_paths_come_from_save_number_and_content(tmp_path: Path, steps: str, artifacts: list[Artifact], paths: list[str]) -> None:
    """A file is called by `save:` or KEY/STEP, `-n` where there are several, and what it is; text and JSON only by `save:`."""
    plan = make_plan(tmp_path, steps)
    [step] = plan.needs
    assert list(file_paths(plan, one_variant(plan), step, Outcome("done", None, tuple(artifacts)))) == paths


@pytest.mark.parametrize(
    "kind", [value for value in vars(media).values() if isinstance(value, media.Kind)], ids=lambda kind: kind.ext
)
def test_every_kind_of_picture_has_its_extension(kind: media.Kind) -> None:
    """Whatever the eye takes for a picture or video can be published under the extension it has."""
    assert EXTENSIONS[kind.media_type] == kind.ext


def test_published_kinds_are_those_of_the_schema() -> None:
    """The schema of results.jsonl lists exactly the media types that are published, and exactly our statuses."""
    parts = load_schema("results")["$defs"]
    assert set(parts["file"]["properties"]["media_type"]["enum"]) == EXTENSIONS.keys()
    assert set(parts["status"]["enum"]) == set(get_args(Status)) == set(RANKS)


@pytest.mark.parametrize(
    ("artifact", "data"),
    [
        (TEXT, b"Hello\n"),
        (Artifact("text", text="Zwei\nZeilen\n\n"), b"Zwei\nZeilen\n"),
        (Artifact("text", text="Größe ☀"), "Größe ☀\n".encode()),
        (Artifact("text", text="half \ud83d pair"), b"half ? pair\n"),
        (Artifact("text"), b"\n"),
        (Artifact("json", data={"b": [1, None], "a": "ü"}), '{\n  "b": [\n    1,\n    null\n  ],\n  "a": "ü"\n}\n'.encode()),
        (Artifact("json", data=0), b"0\n"),
    ],
)
def test_a_text_file_is_utf8_and_ends_in_a_newline(artifact: Artifact, data: bytes) -> None:
    """What `save:` writes of a text or a JSON value can be read by anybody, and its digest is that of these bytes."""
    assert written(artifact) == data


def test_a_saved_text_is_told_by_the_digest_of_its_file(tmp_path: Path) -> None:
    """A line names path, digest, size and type of a text's file beside the text itself."""
    _, lines = write(tmp_path, make_plan(tmp_path, SAVED), {"copy": [TEXT]})
    step = lines[0]["steps"]["copy"]
    digest = hashlib.sha256(b"Hello\n").hexdigest()
    assert step["text"] == "Hello"
    assert step["files"] == [{"path": "r1/head line.txt", "sha256": digest, "bytes": 6, "media_type": "text/plain"}]


def test_a_line_is_canonical(tmp_path: Path) -> None:
    """A line is JSON with sorted keys, no blanks, no time and no run id, in UTF-8."""
    plan = make_plan(tmp_path, PICTURE, "matrix: {tone: [warm]}\n")
    [variant] = plan.variants(make_rows(1))
    loom = Loom(plan)
    loom.take_up(variant)
    [ask] = loom.asks()
    line = variant_line(plan, Woven(variant, {"scene": Outcome("done", ask.request, (picture(),), reused=True)}))
    file = {
        "path": "r1-tone-warm-1/scene.png",
        "sha256": "ab" * 32,
        "bytes": 7,
        "media_type": "image/png",
        "width": 10,
        "height": 20,
    }
    step = {"status": "done", "request": ask.request.id, "provider": "pen", "operation": "picture", "files": [file]}
    told = {
        "key": "r1|tone=warm|1",
        "row": "r1",
        "matrix": {"tone": "warm"},
        "variant": 1,
        "status": "done",
        "steps": {"scene": step},
    }
    assert line == json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome("refused", why="422: no"), {"status": "refused", "why": "422: no"}),
        (
            Outcome("failed", None, (TEXT,), "not as expected: 5 characters"),
            {"text": "Hello", "why": "not as expected: 5 characters"},
        ),
        (Outcome("failed", None, (picture(),), "not as expected: too big"), {"why": "not as expected: too big"}),
        (Outcome("done", None, (Artifact("json", data={"id": 7}),)), {"status": "done", "json": {"id": 7}}),
        (Outcome("done", None, (Artifact("json", data=0),)), {"json": 0}),
        (Outcome("queued"), {"status": "queued"}),
        (Outcome("skipped", why="when is false"), {"status": "skipped", "why": "when is false"}),
    ],
)
def test_a_step_says_what_there_is_and_why_not(tmp_path: Path, outcome: Outcome, told: dict[str, Json]) -> None:
    """Status, reason, text or JSON stand in the line; files only of what is done, because nothing else was published."""
    plan = make_plan(tmp_path, PICTURE)
    step = json.loads(variant_line(plan, Woven(one_variant(plan), {"scene": outcome})))["steps"]["scene"]
    assert {name: step[name] for name in told} == told
    assert "files" not in step


@pytest.mark.parametrize(
    "outcomes",
    [
        {"copy": [TEXT], "scene": [picture(), picture("cd")]},
        {"copy": [Artifact("json", data={"text": "x"})], "scene": [picture(media_type="video/mp4")]},
        {"copy": Outcome("uncertain", why="reset"), "scene": []},
        {"copy": [TEXT], "scene": Outcome("refused", why="no")},
    ],
)
def test_every_line_is_as_the_schema_says(tmp_path: Path, outcomes: dict[str, Any]) -> None:
    """Lines of all kinds fit results.schema.json and hold nothing that it does not describe."""
    _, lines = write(tmp_path, make_plan(tmp_path, CHAIN, "matrix: {tone: [warm, dry]}\n"), outcomes)
    schema = load_schema("results")
    schema["properties"]["matrix"]["additionalProperties"] = {"type": "string"}
    schema["$defs"]["step"]["properties"]["json"]["additionalProperties"] = {"type": "string"}
    assert [misfit for line in lines for misfit in misfits(line, schema)] == []
    assert len(lines) == 6


def test_results_are_counted_and_their_troubles_told(tmp_path: Path) -> None:
    """Variants are counted per status, and the commonest reasons for what is missing are named, blocked steps not among them."""
    results, lines = write(tmp_path, make_plan(tmp_path, CHAIN), {"copy": Outcome("refused", why="422: no"), "scene": []})
    assert results.counts == {"refused": 3}
    assert results.troubles == (Cause("copy", "refused", "422: no", "pen", count=3),)
    assert {line["steps"]["scene"]["status"] for line in lines} == {"blocked"}
    assert results.file.lines == 3


def test_only_the_commonest_troubles_are_told(tmp_path: Path) -> None:
    """Of many different reasons only the first few by number are named."""
    plan = make_plan(tmp_path, PICTURE)
    whys = [f"reason {chr(ord('a') + number % (TOLD + 3))}" for number in range(40)]

    def look_up(ids: Sequence[str]) -> dict[str, Outcome]:
        return {name: Outcome("failed", why=why) for name, why in zip(ids, whys, strict=True)}

    results = write_results(plan, plan.variants(make_rows(40)), look_up, Outputs(tmp_path / "out", Blobs(tmp_path / "blobs")))
    assert results.troubles == tuple(Cause("scene", "failed", f"reason {letter}", "pen", count=5) for letter in "abcdefgh"[:TOLD])


def test_what_is_unknown_is_waiting(tmp_path: Path) -> None:
    """A request that nobody knows is waiting, and what reads it is blocked."""
    plan = make_plan(tmp_path, CHAIN)
    [woven] = weave(Loom(plan), plan.variants(make_rows(1)), lambda ids: {})
    assert {step: outcome.status for step, outcome in woven.outcomes.items()} == {"copy": "waiting", "scene": "blocked"}
    assert woven.outcomes["copy"].request is not None


def test_lines_stand_in_plan_order(tmp_path: Path) -> None:
    """Whatever the order in which steps end, lines come as the plan has the variants, over several batches."""
    plan = make_plan(tmp_path, CHAIN)
    rows = make_rows(2 * BATCH + 10)
    rows[3] = make_rows(1, title="other")[0]
    asked: list[int] = []

    def look_up(ids: Sequence[str]) -> dict[str, Outcome]:
        asked.append(len(ids))
        return {name: Outcome("refused") for number, name in enumerate(ids) if number % 3 == 0}

    order = [woven.variant.index for woven in weave(Loom(plan), plan.variants(rows), look_up)]
    assert order == list(range(len(rows)))
    assert max(asked) <= BATCH
    assert sum(asked) == len(rows)


def test_the_same_plan_and_journal_give_the_same_bytes(tmp_path: Path) -> None:
    """Written again the file has the same digest and is not touched; another outcome changes it."""
    plan = make_plan(tmp_path, CHAIN)
    first, _ = write(tmp_path, plan, {"copy": [TEXT], "scene": [picture()]})
    before = (tmp_path / "out" / "results.jsonl").stat()
    again, _ = write(tmp_path, plan, {"copy": [TEXT], "scene": [picture()]})
    after = (tmp_path / "out" / "results.jsonl").stat()
    other, _ = write(tmp_path, plan, {"copy": [TEXT], "scene": [picture("cd")]})
    assert first == again
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert other.file.sha256 != first.file.sha256


def test_memory_does_not_grow_with_the_feed(tmp_path: Path) -> None:
    """Five times the variants take about the same memory to write."""
    plan = make_plan(tmp_path, CHAIN)
    outputs = Outputs(tmp_path / "out", Blobs(tmp_path / "blobs"))

    def peak(batches: int) -> int:
        rows = (row for number in range(batches * BATCH) for row in make_rows(1, title=f"Thing {number}"))
        tracemalloc.start()
        write_results(plan, plan.variants(rows), lambda ids: {}, outputs)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1)
    assert peak(5) < 1.5 * peak(1)


def test_json_operations_publish_by_save_alone(tmp_path: Path) -> None:
    """What the check takes for published is what is published: a JSON result with `save:`, none without."""
    operation = Operation("facts", "json", {"about": Field("text")})
    text = (
        "version: 1\nname: small\nfeed: {path: feed.csv}\noutput: {dir: out}\nsteps:\n  facts: {use: pen/facts, with: {about: x}}\n"
    )
    for name, more in (("plain", ""), ("saved", ", save: facts")):
        path = tmp_path / f"{name}.yaml"
        path.write_text(text.replace("{about: x}", f"{{about: x}}{more}"), encoding="utf-8")
        plan = Plan(load_job(path), load_project(path), {"pen/facts": Offer(operation)}, str)
        paths = file_paths(plan, one_variant(plan), "facts", Outcome("done", None, (Artifact("json", data=[1]),)))
        assert bool(paths) == plan.steps[0].publishes == (name == "saved")


def test_files_are_where_they_were_published(tmp_path: Path) -> None:
    """Whoever publishes a step notes where its files went; of a step that nobody published just now that is worked out."""
    plan = make_plan(tmp_path, CHAIN)
    outcomes = {"copy": Outcome("done", None, (TEXT,)), "scene": Outcome("done", None, (picture(),))}
    woven = Woven(one_variant(plan), outcomes)
    before = files_of(plan, woven)
    assert list(before["copy"]) == ["r1/copy.txt"]
    woven.files["copy"] = noted = {"elsewhere.txt": TEXT}
    assert files_of(plan, woven) == {"copy": noted, "scene": before["scene"]}
