"""The desk finds every mistake that needs no network, tells them together, and keeps ours out of the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from runner.desk import STAGED, Desk, catalog_of, check_feed, guard_drop, guard_kinds, kinds_read, load_files, open_desk
from runner.edge.blobs import Blobs
from runner.edge.clock import SystemClock
from runner.edge.journal import Run
from runner.edge.rehearsal import Stage
from runner.edge.transport import Transport
from runner.errors import Invalid, Usage
from runner.providers.registry import LOCAL, PROVIDERS
from runner.records import Money
from runner.sandbox.serve import describe
from tests.projects import COPY, PROJECT, SCENE, said, write_project

STAGE: Final = Stage("http://127.0.0.1:5", "test-key", describe("http://127.0.0.1:5", "test-key")["vendors"])
OURS: Final = """\
version: 1
providers:
  jivox: {key: {env: JIVOX_API_KEY}, account: "77", base_url: "https://eu.jivox.example/v2", limits: {concurrent: 1}}
  placewise:
    key: {file: /run/secrets/placewise}
    user_key: {env: OUR_USER}
    club: our-mall
    customer: null
    poll_url: https://tasks.example/{id}
"""


def desk_of(path: Path, stage: Stage | None = None) -> Desk:
    """The desk of the job at `path`."""
    return open_desk(load_files(path), stage)


def mistakes(path: Path, stage: Stage | None = None) -> list[str]:
    """Every mistake that is found before the feed is read."""
    with pytest.raises(Invalid) as raised:
        desk_of(path, stage)
    return said(raised.value)


def mistakes_of_feed(desk: Desk, *names: str) -> list[str]:
    """Every mistake of the feed `names` or of its rendered rows."""
    with pytest.raises(Invalid) as raised:
        check_feed(desk, desk.source(tuple(desk.folder / name for name in names), names))
    return said(raised.value)


def checked(desk: Desk) -> tuple[int, Any]:
    """The number of rows and what the check of feed.csv says."""
    surveyed, result = check_feed(desk, desk.source((desk.folder / "feed.csv",), ("feed.csv",)))
    return surveyed.rows, result


def test_a_right_job_has_a_desk(tmp_path: Path) -> None:
    """Job, project, catalog and plan are there, folders are where the job file is."""
    desk = desk_of(write_project(tmp_path, COPY + SCENE))
    assert (desk.folder, desk.output) == (tmp_path, tmp_path / "out")
    assert [step.name for step in desk.plan.steps] == ["copy", "scene"]
    assert desk.catalog.lanes["jivox"].options["account"] == "1042"
    rows, result = checked(desk)
    assert (rows, result.variants, result.requests) == (2, 2, {"copy": 2, "scene": 2})


def test_mistakes_of_project_and_job_come_together(tmp_path: Path) -> None:
    """Wrong settings point into adbatch.yaml, wrong fields into the job, all of them at once and each with its place."""
    project = (
        'version: 1\nproviders:\n  jivox: {acount: "1042"}\n  sivi: {plan: basic}\n  acme: {}\n'
        "prices:\n  sivi/medium: {each: 1, currency: USD}\n"
    )
    steps = (
        "  copy: {use: jivox/txt, with: {prompt: x}}\n"
        "  scene: {use: vyro/text-to-image, with: {prompt: '{{ row.title', styel: anime}}\n"
        "  trim: {use: jivox/trim, with: {image: none.png}}\n"
    )
    found = mistakes(write_project(tmp_path, steps, "output: {dir: ../out}\n", project))
    places = [line.partition(" ")[0].rpartition(":")[0] for line in found]
    assert found[:5] == [
        "adbatch.yaml:3:10 providers.jivox: jivox needs account (the account's id: accounts[].accountId of GET /v2/accounts); "
        "write providers: {jivox: {account: …}} in adbatch.yaml",
        "adbatch.yaml:3:11 providers.jivox.acount: not an option of jivox; did you mean account?",
        "adbatch.yaml:4:16 providers.sivi.plan: 'basic' is not one of general, super, enterprise",
        "adbatch.yaml:5:9 providers.acme: acme is not a kind of provider"
        f"; it takes {', '.join(sorted(PROVIDERS)[:12])}; kind: names one",
        "adbatch.yaml:7:3 prices.'sivi/medium': nothing is called sivi/medium; did you mean sivi/media?",
    ]
    assert places[5:] == ["job.yaml:4", "job.yaml:6", "job.yaml:7", "job.yaml:7", "job.yaml:7", "job.yaml:8"]
    assert found[5] == f"job.yaml:4:15 output.dir: lies outside the project folder {tmp_path}"


def test_mistakes_of_form_come_together(tmp_path: Path) -> None:
    """Where neither file can be read as what it should be, the mistakes of both are told."""
    path = write_project(tmp_path, COPY, "variants: 0\noutput: {dir: out}\ncolour: red\n", "version: 2\nprices: 5\n")
    assert [line.partition(" ")[0] for line in mistakes(path)] == [
        "adbatch.yaml:1:10",
        "adbatch.yaml:2:9",
        "job.yaml:4:11",
        "job.yaml:6:1",
    ]


def test_wrong_settings_are_told_beside_a_job_that_cannot_be_read(tmp_path: Path) -> None:
    """A job of the wrong form does not hide what is wrong with the settings of a readable project."""
    path = write_project(tmp_path, COPY, "output: {dir: out}\nvariants: 0\n", "providers: {sivi: {plam: general}}\n")
    assert mistakes(path) == [
        "adbatch.yaml:1:20 providers.sivi.plam: not an option of sivi; did you mean plan?",
        "job.yaml:5:11 variants: is 0; the least allowed is 1",
    ]


def test_a_job_that_is_not_there_is_a_mistake_of_usage(tmp_path: Path) -> None:
    """A missing job is told with what lies beside it, a folder as what it is."""
    write_project(tmp_path)
    with pytest.raises(Usage, match=r"jobs\.yaml: no such file; did you mean .*/job\.yaml\?"):
        load_files(tmp_path / "jobs.yaml")
    with pytest.raises(Usage, match=r"is a folder; name a job file in it; there is adbatch\.yaml, job\.yaml"):
        load_files(tmp_path)


def test_only_accounts_that_a_job_uses_must_be_complete(tmp_path: Path) -> None:
    """A required setting that nobody gave is a mistake only of a job that asks that account."""
    path = write_project(tmp_path, COPY, project="version: 1\n")
    assert [line.partition(" (")[0] for line in mistakes(path)] == ["adbatch.yaml:1:1 providers.jivox: jivox needs account"]
    assert desk_of(write_project(tmp_path, "  medium: {use: vyro/text-to-image, with: {prompt: x, style: anime}}\n", project=None))


@pytest.mark.parametrize("folder", ["..", "../elsewhere", "/tmp", "out/../../x"])
def test_outputs_stay_inside_the_project(tmp_path: Path, folder: str) -> None:
    """An output folder outside the project is refused, however it is written."""
    project = tmp_path / "project"
    project.mkdir()
    found = mistakes(write_project(project, COPY, f"output: {{dir: {folder}}}\n"))
    assert found == [f"job.yaml:4:15 output.dir: lies outside the project folder {project}"]


@pytest.mark.parametrize("folder", [".git", ".git/out", "x/.git/y", ".adbatch", ".adbatch/live/blobs"])
def test_outputs_stay_out_of_what_git_and_we_keep(tmp_path: Path, folder: str) -> None:
    """An output folder inside git's own or the state folder is refused: `sweep` and `save:` have no business there."""
    found = mistakes(write_project(tmp_path, COPY, f"output: {{dir: {folder}}}\n"))
    assert found == ["job.yaml:4:15 output.dir: lies where git or adbatch keep their own; choose another folder"]


def test_a_link_does_not_lead_outputs_outside(tmp_path: Path) -> None:
    """A symbolic link inside the project that points out of it is seen through."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "out").symlink_to(tmp_path)
    assert mistakes(write_project(project))[0].endswith(f"lies outside the project folder {project}")


def test_prices_of_the_project_are_those_of_the_catalog(tmp_path: Path) -> None:
    """A price in adbatch.yaml is what a submit costs at most; without one it stays unknown."""
    desk = desk_of(write_project(tmp_path, project=PROJECT + "prices: {jivox/text: {each: 0.05, currency: USD}}\n"))
    price = desk.catalog.offers["jivox/text"].operation.price
    assert isinstance(price, Money)
    assert str(price) == "0.05 USD"
    assert desk.catalog.offers["jivox/trim"].operation.price is None


def test_staged_accounts_hold_nothing_of_ours(tmp_path: Path) -> None:
    """On a stage an account has the stage's addresses and pace and no reference to a key of ours; harmless settings stay."""
    desk = desk_of(write_project(tmp_path, project=OURS), STAGE)
    placewise, jivox = desk.catalog.lanes["placewise"], desk.catalog.lanes["jivox"]
    assert placewise.options["base_url"] == "http://127.0.0.1:5/placewise/v1"
    assert placewise.options["poll_url"] == "http://127.0.0.1:5/placewise/v1/ml/tasks/{id}"
    assert (placewise.options["club"], jivox.options["account"]) == ("our-mall", "77")
    assert jivox.options["base_url"] == "http://127.0.0.1:5/jivox/v2"
    references = [ref for lane in desk.catalog.lanes.values() for ref in lane.secrets.values()]
    assert not {"OUR_USER", "/run/secrets/placewise"} & {ref.env for ref in references} | {ref.file for ref in references} - {None}
    assert {lane.limits for name, lane in desk.catalog.lanes.items() if name != LOCAL} == {STAGED}


@pytest.mark.parametrize("stage", [STAGE, None])
def test_how_long_a_job_may_take_is_the_projects_to_say(tmp_path: Path, stage: Stage | None) -> None:
    """An account's `deadline` replaces that of each of its operations, on a stage as well; another account's stay."""
    project = PROJECT + "  sivi: {limits: {deadline: 7m}}\n"
    desk = desk_of(write_project(tmp_path, project=project), stage)
    operations = {use: offer.operation for use, offer in desk.catalog.offers.items()}
    assert {operation.deadline for use, operation in operations.items() if use.startswith("sivi/")} == {420.0}
    assert (operations["vyro/text-to-image"].deadline, operations["vyro/text-to-video"].deadline) == (600.0, 2700.0)
    assert desk.catalog.lanes["sivi"].limits.concurrent == (4 if stage is None else STAGED.concurrent)


def test_a_catalog_needs_no_right_job(tmp_path: Path) -> None:
    """What the project's accounts offer, and at which price, is known whatever else is missing."""
    project = "version: 1\nprices: {jivox/text: {each: 0.05, currency: USD}}\n"
    project_file, _ = load_files(write_project(tmp_path, project=project))
    assert str(catalog_of(project_file).offers["jivox/text"].operation.price) == "0.05 USD"
    assert catalog_of(project_file, STAGE).lanes["jivox"].options["base_url"] == "http://127.0.0.1:5/jivox/v2"


def test_a_stage_needs_no_settings_of_ours(tmp_path: Path) -> None:
    """Without a project file every vendor of the stage can be asked, with the settings the stage gives."""
    desk = desk_of(write_project(tmp_path, project=None), STAGE)
    assert desk.catalog.lacking == {}
    assert desk.catalog.lanes["jivox"].options["account"]


def test_what_the_stage_does_not_emulate_is_refused(tmp_path: Path) -> None:
    """A step that would reach a real vendor from the sandbox is a mistake, told where it stands."""
    stage = Stage(STAGE.url, STAGE.key, {name: vendor for name, vendor in STAGE.vendors.items() if name != "vyro"})
    found = mistakes(write_project(tmp_path, COPY + SCENE), stage)
    assert found == ["job.yaml:11:10 steps.scene.use: the sandbox has no vyro; it knows " + ", ".join(stage.vendors)]


def test_a_second_account_of_a_kind_is_staged_too(tmp_path: Path) -> None:
    """An account by another name goes to the emulated vendor of its kind."""
    project = "providers: {eu: {kind: jivox, account: '7', key: {env: EU_KEY}}}\n"
    desk = desk_of(write_project(tmp_path, COPY.replace("jivox/", "eu/"), project=project), STAGE)
    assert desk.catalog.lanes["eu"].options["base_url"] == "http://127.0.0.1:5/jivox/v2"
    assert desk.catalog.lanes["eu"].secrets["key"].env != "EU_KEY"


def test_pictures_of_the_job_are_copied_into_the_store(tmp_path: Path) -> None:
    """With a store, what a job names by a path is there as a blob as soon as the job is compiled."""
    (tmp_path / "mug.png").write_bytes(b"\x89PNG\r\n\x1a\n and more")
    path = write_project(tmp_path, "  trim: {use: jivox/trim, with: {image: mug.png}}\n")
    blobs = Blobs(tmp_path / "blobs")
    open_desk(load_files(path), None, blobs)
    assert [file.read_bytes() for file in blobs.root.rglob("*") if file.is_file()] == [b"\x89PNG\r\n\x1a\n and more"]


def test_every_row_is_rendered_and_checked(tmp_path: Path) -> None:
    """A mistake that only a row shows points into the job and names the row."""
    path = write_project(tmp_path, '  copy: {use: jivox/text, with: {prompt: "{{ row.titel }}"}}\n')
    desk = desk_of(path)
    with pytest.raises(Invalid) as raised:
        checked(desk)
    [complaint] = raised.value.complaints
    assert complaint.row is not None
    assert (complaint.row.file, complaint.row.line, complaint.row.key, complaint.count) == (str(tmp_path / "feed.csv"), 2, "mug", 2)
    assert complaint.place is not None
    assert (complaint.place.line, complaint.path) == (6, "steps.copy.with.prompt")


@pytest.mark.parametrize(
    ("feed", "found"),
    [
        ("id,title\nmug,Mug\nmug,Mug again\n", "mug"),
        ("name,title\nmug,Mug\n", "id"),
    ],
)
def test_mistakes_of_the_feed_are_told_before_rows_are_rendered(tmp_path: Path, feed: str, found: str) -> None:
    """A feed with a wrong key ends the check; nothing is rendered from it."""
    desk = desk_of(write_project(tmp_path, feed=feed))
    lines = mistakes_of_feed(desk, "feed.csv")
    assert len(lines) == 1
    assert found in lines[0]
    assert not lines[0].startswith("steps.")


async def test_a_feed_that_is_not_there_is_told_at_its_line(tmp_path: Path) -> None:
    """Whoever holds the feed still, or reads it as it lies there, learns which line of the job names it."""
    path = write_project(tmp_path)
    path.write_text(path.read_text().replace("{path: feed.csv}", "{path: fed.csv}"), "utf-8")
    desk = desk_of(path)
    with pytest.raises(Invalid) as held:
        await desk.take_snapshot(tmp_path / "feeds", Transport({}, Blobs(tmp_path / "blobs"), SystemClock()).download)
    with pytest.raises(Invalid) as read:
        desk.local_source()
    for [complaint] in (held.value.complaints, read.value.complaints):
        assert (complaint.path, complaint.place and complaint.place.line) == ("feed.path", 3)


@pytest.mark.parametrize(("rows", "least", "ends"), [(0, 1, True), (1, 1, False), (2, 3, True), (0, 0, False)])
def test_a_feed_with_too_few_rows_is_refused(tmp_path: Path, rows: int, least: int, ends: bool) -> None:
    """Fewer rows than `min_rows` stop everything, pointing at the guard of the job."""
    feed = "id,title\n" + "".join(f"r{number},T\n" for number in range(rows))
    path = write_project(tmp_path, feed=feed)
    path.write_text(path.read_text().replace("{path: feed.csv}", f"{{path: feed.csv, guard: {{min_rows: {least}}}}}"), "utf-8")
    desk = desk_of(path)
    if not ends:
        assert checked(desk)[0] == rows
        return
    why = f"the feed has {rows} rows, at least {least} are wanted; nothing was sent, nothing retired"
    assert mistakes_of_feed(desk, "feed.csv") == [f"job.yaml:3:42 feed.guard.min_rows: {why}"]


def run(rows: Any, ended: float | None = 2.0) -> Run:
    """A run of so many rows."""
    return Run(1, 1.0, ended, {} if rows is None else {"rows": rows})


@pytest.mark.parametrize(
    ("most", "runs", "rows", "ends"),
    [
        ("30%", [run(10)], 7, False),
        ("30%", [run(10)], 6, True),
        ("45%", [run(100)], 55, False),
        ("29%", [run(100)], 71, False),
        ("29%", [run(100)], 70, True),
        ("30%", [run(10)], 20, False),
        ("30%", [], 0, False),
        ("30%", [run(10, None)], 1, False),
        ("30%", [run(10), run(2, None)], 1, True),
        ("30%", [run(10), run(2)], 2, False),
        ("30%", [run(10), run(None)], 1, True),
        ("100%", [run(10)], 0, False),
        (None, [run(10)], 0, False),
    ],
)
def test_a_feed_that_lost_too_many_rows_is_refused(
    tmp_path: Path, most: str | None, runs: list[Run], rows: int, ends: bool
) -> None:
    """Losing more than `max_drop` of the rows of the last run that ended stops everything; exactly as much does not."""
    path = write_project(tmp_path)
    if most:
        path.write_text(path.read_text().replace("{path: feed.csv}", f"{{path: feed.csv, guard: {{max_drop: {most}}}}}"), "utf-8")
    desk = desk_of(path)
    if not ends:
        guard_drop(desk, rows, runs)
        return
    with pytest.raises(
        Invalid, match=f"the feed has {rows} rows, it had {runs[0].meta['rows']}: more than {most} are gone"
    ) as raised:
        guard_drop(desk, rows, runs)
    assert said(raised.value)[0].startswith("job.yaml:3:42 feed.guard.max_drop: ")


KINDS: Final = {"title": frozenset({"text"}), "picture": frozenset({"text", "list"}), "stock": frozenset({"number"})}


def remembers(kinds: Any, ended: float | None = 2.0) -> Run:
    """A run whose feed had columns of these kinds."""
    return Run(1, 1.0, ended, {"kinds": kinds})


@pytest.mark.parametrize(
    ("reads", "known"),
    [
        ("{{ row.title }}", {"title": ["text"]}),
        ("{{ row.title }} {{ row.picture[0] }}", {"title": ["text"], "picture": ["list", "text"]}),
        ("{{ row | pick('title') }}", {"title": ["text"], "picture": ["list", "text"], "stock": ["number"]}),
        ("anything", {}),
    ],
)
def test_only_columns_that_templates_read_are_remembered(tmp_path: Path, reads: str, known: dict[str, list[str]]) -> None:
    """A run remembers the kinds of what its templates read; one that takes the row as a whole reads every column."""
    desk = desk_of(write_project(tmp_path, f'  copy: {{use: jivox/text, with: {{prompt: "{reads}"}}}}\n'))
    assert kinds_read(desk, {**KINDS, "unknown": frozenset()}) == known


@pytest.mark.parametrize(
    ("runs", "held", "told"),
    [
        ([remembers({"title": ["number"]})], "text", "row.title held number in the last run and holds text now"),
        ([remembers({"title": ["list", "map"]})], "text", "row.title held list and map in the last run and holds text now"),
        ([remembers({"title": ["text"]})], "list", "row.title held text in the last run and holds list now"),
        ([remembers({"title": ["list", "text"]})], "text", None),
        ([remembers({"title": ["text"]}), remembers({"title": ["number"]}, None)], "text", None),
        ([remembers({"title": ["number"]}), remembers({"title": ["text"]})], "text", None),
        ([remembers({"stock": ["text"]})], "text", None),
        ([remembers("text")], "text", None),
        ([run(10)], "text", None),
        ([], "text", None),
    ],
)
def test_a_column_that_changed_its_kind_is_refused(tmp_path: Path, runs: list[Run], held: str, told: str | None) -> None:
    """A column that templates read and that holds nothing of the kind it held in the last run that ended stops everything."""
    path = write_project(tmp_path)
    desk, kinds = desk_of(path), {"title": frozenset({held}), "stock": frozenset({"number"})}
    if told is None:
        guard_kinds(desk, kinds, runs)
        return
    with pytest.raises(Invalid) as raised:
        guard_kinds(desk, kinds, runs)
    cure = "nothing was sent, nothing retired; if that is meant, write guard: {same_kinds: false} for one run"
    assert said(raised.value) == [f"job.yaml:3:1 feed.guard.same_kinds: {told}; {cure}"]
    path.write_text(path.read_text().replace("{path: feed.csv}", "{path: feed.csv, guard: {same_kinds: false}}"), "utf-8")
    guard_kinds(desk_of(path), kinds, runs)


def test_the_feed_is_compared_before_rows_are_rendered(tmp_path: Path) -> None:
    """A changed feed is told as that, not as the mistakes of the rows it makes."""
    desk = desk_of(write_project(tmp_path, '  copy: {use: jivox/text, with: {prompt: "{{ row.title.de }}"}}\n'))
    with pytest.raises(Invalid, match=r"row.title held map in the last run"):
        check_feed(desk, desk.source((desk.folder / "feed.csv",), ("feed.csv",)), [remembers({"title": ["map"]})])


@pytest.mark.parametrize("state", [".", "..", "jobs/.."])
def test_a_state_folder_is_not_around_the_project(tmp_path: Path, state: str) -> None:
    """A state folder that is the project, or around it, is refused with its place; elsewhere is fine."""
    (tmp_path / "p").mkdir()
    path = write_project(tmp_path / "p", project=f"{PROJECT}state: {state}\n")
    assert any("adbatch.yaml:4:8 state: is a folder around" in mistake for mistake in mistakes(path))
    desk_of(write_project(tmp_path / "p", project=f"{PROJECT}state: ../elsewhere/state\n"))


@pytest.mark.parametrize("state", ["~/state", "$HOME/state", "/srv/${TEAM}"])
def test_nothing_is_expanded_in_a_state_folder(tmp_path: Path, state: str) -> None:
    """A home folder or a variable in `state:` is refused rather than taken for a name."""
    path = write_project(tmp_path, project=f"{PROJECT}state: {state}\n")
    assert any("neither ~ nor $ is expanded" in mistake for mistake in mistakes(path))
