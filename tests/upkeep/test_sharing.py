"""State that travels between checkouts: whole, merged request by request, the same bytes for the same state, and never trusted."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from runner.core.lifecycle import recall
from runner.edge.annals import Annals
from runner.edge.clock import SystemClock
from runner.edge.journal import Run
from runner.edge.state import State
from runner.errors import Held, OurSide, Usage
from runner.facts import Answered, Planned, Saved, Sent
from runner.records import Artifact, make_request
from runner.upkeep.sharing import HEADER, Imported, Merged, export_state, import_state, jobs_of
from runner.verdicts import Done, Lost, Text
from runner.workflow import Order, Report, run_job
from tests.projects import COPY, FEED, SCENE, Listener, billed, open_stage_here, write_project

NOW: Final = 1_800_000_000.0
REQUESTS: Final = [make_request("pen", "text", {"prompt": f"mug {number}"}) for number in range(3)]


async def play(folder: Path, **more: Any) -> Report:
    """Run the project's job in the sandbox."""
    async with open_stage_here(folder / ".adbatch/sandbox/vendors") as stage:
        return await run_job(Order(folder / "job.yaml", sandbox=True, stage=stage, **more), Listener())


def checkout(folder: Path, feed: str = FEED) -> Path:
    """A fresh checkout of the project."""
    folder.mkdir()
    write_project(folder, COPY + SCENE, feed=feed)
    return folder


def state_of(folder: Path) -> State:
    """Its sandbox state."""
    return State(folder / ".adbatch", "sandbox")


def pack(folder: Path, target: Path) -> Path:
    """Its state as an archive."""
    state = state_of(folder)
    export_state(state, jobs_of(state), target, SystemClock().now())
    return target


def unpack(folder: Path, archive: Path) -> Imported:
    """Import the archive there."""
    return import_state(state_of(folder), archive, SystemClock().now())


def sent(folder: Path) -> int:
    """How many requests its vendors have billed."""
    return billed(folder / ".adbatch/sandbox/vendors").total()


@pytest.mark.parametrize("ending", ["tar", "tgz"])
async def test_a_fresh_checkout_with_the_state_buys_nothing(tmp_path: Path, ending: str) -> None:
    """What one machine exported makes the same results on another, and nothing is sent there."""
    here, there = checkout(tmp_path / "here"), checkout(tmp_path / "there")
    await play(here)
    archive = pack(here, tmp_path / f"state.{ending}")
    assert archive.stat().st_mode & 0o777 == 0o600
    assert unpack(there, archive).jobs == {"small": Merged(4, 4, 0, 0, 1)}
    await play(there)
    assert sent(there) == 0
    assert (there / "out/results.jsonl").read_bytes() == (here / "out/results.jsonl").read_bytes()


async def test_two_parts_make_a_whole(tmp_path: Path) -> None:
    """Two machines that each made a part are imported by a third: it sends nothing and has all results."""
    one = checkout(tmp_path / "one", "id,title,picture\nmug,Mug,mug.png\n")
    two = checkout(tmp_path / "two", "id,title,picture\nhat,Hat,hat.png\n")
    third = checkout(tmp_path / "third")
    for number, folder in enumerate((one, two)):
        await play(folder)
        unpack(third, pack(folder, tmp_path / f"{number}.tar"))
    report = await play(third)
    assert (sent(third), dict(report.told.results.counts)) == (0, {"done": 2})


async def test_the_same_state_is_the_same_archive(tmp_path: Path) -> None:
    """An archive depends on nothing but the state: exported again, or from where it was imported, it has the same bytes."""
    here, there = checkout(tmp_path / "here"), checkout(tmp_path / "there")
    await play(here)
    archive = pack(here, tmp_path / "a.tar.gz")
    unpack(there, archive)
    assert archive.read_bytes() == pack(here, tmp_path / "b.tar.gz").read_bytes() == pack(there, tmp_path / "c.tar.gz").read_bytes()


async def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    """A second import of the same archive, or of one's own, finds nothing new."""
    here, there = checkout(tmp_path / "here"), checkout(tmp_path / "there")
    await play(here)
    archive = pack(here, tmp_path / "a.tar")
    assert unpack(there, archive).files > 4
    for folder in (here, there):
        again = unpack(folder, archive)
        assert (again.jobs, again.files, again.missing) == ({"small": Merged(4)}, 0, 0)


async def test_what_is_gone_is_told(tmp_path: Path) -> None:
    """A file that the journal names and nobody has is counted on both sides."""
    here, there = checkout(tmp_path / "here"), checkout(tmp_path / "there")
    await play(here)
    line = json.loads((here / "out/results.jsonl").read_text().splitlines()[0])
    state_of(here).blobs().path(line["steps"]["scene"]["files"][0]["source"]).unlink()
    state = state_of(here)
    assert export_state(state, jobs_of(state), tmp_path / "a.tar", NOW).missing == 1
    assert unpack(there, tmp_path / "a.tar").missing == 1


def test_a_damaged_blob_is_not_exported(tmp_path: Path) -> None:
    """Bytes that are not what they were stored as stop the export, naming the file."""
    state = State(tmp_path / "state", "live")
    blob = state.blobs().put(b"a mug")
    artifact = Artifact("file", None, None, blob.sha256, blob.size, "image/png", 1, 1)
    with Annals.open(state.journal("small"), "live") as journal:
        journal.commit([Planned(1.0, REQUESTS[0]), Sent(2.0, REQUESTS[0].id, "submit"), Saved(3.0, REQUESTS[0].id, (artifact,))])
    state.blobs().path(blob.sha256).write_bytes(b"a hat")
    with pytest.raises(OurSide, match=r"its bytes are not those it was stored with; move it away"):
        export_state(state, ["small"], tmp_path / "a.tar", NOW)
    assert not list(tmp_path.glob("*a.tar*"))


def saved(at: float, number: int = 0) -> list[Any]:
    """A bought request."""
    name, text = REQUESTS[number].id, f"copy {at}"
    return [
        Planned(at, REQUESTS[number]),
        Sent(at, name, "submit"),
        Answered(at, name, "submit", Done((Text(text),))),
        Saved(at, name, (Artifact("text", text=text),)),
    ]


def make_archive(folder: Path, facts: list[Any], *runs: Run) -> Path:
    """An archive of a live journal that holds these."""
    state, target = State(folder / "state", "live"), folder / "state.tar"
    with Annals.open(state.journal("small"), "live") as journal:
        journal.commit(facts)
        journal.rewrite_runs(runs)
    export_state(state, ["small"], target, NOW)
    return target


def test_both_histories_are_merged(tmp_path: Path) -> None:
    """Of a request that both sides know the better life follows, whichever side it is on, and double purchases are told."""
    name = [request.id for request in REQUESTS]
    lost = Answered(1.0, name[1], "submit", Lost("reset"))
    theirs = [*saved(5.0), *saved(5.0, 1), Planned(1.0, REQUESTS[2]), Sent(1.0, name[2], "submit")]
    ours = [*saved(9.0), Planned(1.0, REQUESTS[1]), Sent(1.0, name[1], "submit"), lost, Planned(2.0, REQUESTS[2])]
    for part in ("theirs", "ours"):
        (tmp_path / part).mkdir()
    archive = make_archive(tmp_path / "theirs", theirs)
    make_archive(tmp_path / "ours", ours)
    state = State(tmp_path / "ours/state", "live")
    assert import_state(state, archive, NOW).jobs == {"small": Merged(requests=3, new=0, better=3, twice=2)}
    with Annals.open(state.journal("small"), "live") as journal:
        histories = journal.histories(name)
        assert [doubt for doubt, _ in journal.uncertain()] == [name[2]]
    lives = [recall(histories[one]) for one in name]
    assert [life.state for life in lives if life] == ["saved", "saved", "uncertain"]
    assert lives[0] is not None
    assert lives[0].artifacts == (Artifact("text", text="copy 9.0"),)
    assert import_state(state, archive, NOW).jobs == {"small": Merged(requests=3)}


def test_runs_are_merged_by_when_they_started(tmp_path: Path) -> None:
    """Runs are numbered anew by their start, each once; one that was under way in one copy and ended in the other has ended."""
    for part in ("theirs", "ours"):
        (tmp_path / part).mkdir()
    early, late, open_one = Run(1, 1.0, 2.0, {"rows": 1}), Run(2, 9.0, 10.0, {"rows": 3}), Run(1, 5.0, None, {"rows": 2})
    ended = Run(2, 5.0, 6.0, {"rows": 2, "exit": 0})
    archive = make_archive(tmp_path / "theirs", saved(1.0), early, ended)
    make_archive(tmp_path / "ours", [], open_one, late)
    state = State(tmp_path / "ours/state", "live")
    assert import_state(state, archive, NOW).jobs["small"].runs == 2
    assert import_state(state, archive, NOW).jobs["small"].runs == 0
    with Annals.open(state.journal("small"), "live") as journal:
        assert [(run.number, run.started, run.ended) for run in journal.runs()] == [(1, 1.0, 2.0), (2, 5.0, 6.0), (3, 9.0, 10.0)]


def test_a_job_in_use_is_left_alone(tmp_path: Path) -> None:
    """While a run holds the job nothing is exported and nothing merged."""
    archive = make_archive(tmp_path, saved(1.0))
    state = State(tmp_path / "state", "live")
    with state.lock("small", NOW):
        with pytest.raises(Held):
            import_state(state, archive, NOW)
        with pytest.raises(Held):
            export_state(state, ["small"], tmp_path / "b.tar", NOW)


def test_the_modes_do_not_mix(tmp_path: Path) -> None:
    """An archive of live results is refused for sandbox ones, saying which option is meant."""
    archive = make_archive(tmp_path, saved(1.0))
    with pytest.raises(Usage, match=r"holds live results and this is for sandbox ones, which never mix; leave --sandbox out"):
        import_state(State(tmp_path / "other", "sandbox"), archive, NOW)


@pytest.mark.parametrize("name", ["state.zip", "state", "state.tar.zst"])
def test_an_archive_has_a_name_of_its_kind(tmp_path: Path, name: str) -> None:
    """What is neither tar nor gzip is not written under such a name."""
    with pytest.raises(Usage, match=r"name the archive NAME\.tar"):
        export_state(State(tmp_path / "state", "live"), [], tmp_path / name, NOW)


Members = dict[str, bytes]


def forged(source: Path, forge: Callable[[Members], object], **change: Any) -> Path:
    """The archive with its members changed, and perhaps every header's fields."""
    with tarfile.open(source) as old:
        members: Members = {info.name: file.read() for info in old if (file := old.extractfile(info))}
    forge(members)
    target = source.with_name("forged.tar")
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as new:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for field, value in (change if name != HEADER else {}).items():
                setattr(info, field, value)
            new.addfile(info, io.BytesIO(data))
    return target


FACTS: Final = "jobs/small/facts-000001.jsonl"
RUNS: Final = "jobs/small/runs.jsonl"
HASH: Final = "ab" * 32


def edited(old: bytes, new: bytes) -> Callable[[Members], object]:
    """The facts with other bytes."""
    return lambda members: members.update({FACTS: members[FACTS].replace(old, new)})


FORGERIES: Final[dict[str, tuple[Callable[[Members], object], str]]] = {
    "a path that leads out": (lambda m: m.update({"blobs/../../x": b"x"}), "does not belong there"),
    "an absolute path": (lambda m: m.update({"/tmp/x": b"x"}), "does not belong there"),
    "a blob nobody names": (lambda m: m.update({f"blobs/{HASH}": b"x"}), "is named by nothing"),
    "a snapshot nobody names": (lambda m: m.update({f"feeds/{HASH}.csv": b"x"}), "is named by nothing"),
    "another job's facts": (lambda m: m.update({"jobs/other/facts-000001.jsonl": m[FACTS]}), "does not belong there"),
    "no header": (lambda m: m.pop(HEADER), "no archive that"),
    "a newer format": (lambda m: m.update({HEADER: b'{"format":2,"jobs":["small"],"mode":"live"}'}), "newer adbatch"),
    "a job that leads out": (lambda m: m.update({HEADER: b'{"format":1,"jobs":["../x"],"mode":"live"}'}), "a name that no job has"),
    "a request under another's id": (edited(b"mug 0", b"mug 9"), "not the hash of what it asks"),
    "two ids": (edited(b"}\n", b',"x":{"id":"' + HASH.encode() + b'"}}\n'), "two ids"),
    "an unknown fact": (edited(b'"saved"', b'"bought"'), "unknown fact"),
    "a value of another type": (edited(b'"step":"submit"', b'"step":7'), "a value that none has"),
    "half a line": (lambda m: m.update({FACTS: m[FACTS][:-9]}), "a line without an end"),
    "no line": (lambda m: m.update({FACTS: b"\xff\n"}), "JSON|codec|UTF-8|utf-8"),
    "a run that reads elsewhere": (
        lambda m: m.update({RUNS: b'{"started":1,"ended":2,"meta":{"inputs":{"feed":{"files":[["../../x","x"]]}}}}\n'}),
        "none of a snapshot",
    ),
    "a run at no time": (lambda m: m.update({RUNS: b'{"started":"1","ended":2,"meta":{}}\n'}), "a run in it is none"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_archive_is_refused(tmp_path: Path, name: str) -> None:
    """Whatever an archive says that this program would not, nothing is merged and nothing written outside the state folder."""
    forge, why = FORGERIES[name]
    archive = forged(make_archive(tmp_path, saved(1.0), Run(1, 1.0, 2.0, {})), forge)
    state = State(tmp_path / "fresh/state", "live")
    with pytest.raises(Usage, match=rf"forged\.tar: cannot be imported: .*({why}).*; nothing was merged"):
        import_state(state, archive, NOW)
    assert not state.journal("small").exists()
    assert [path for path in (tmp_path / "fresh").rglob("*") if path.is_file() and "state" not in path.parts] == []
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_only_plain_members_are_read(tmp_path: Path, kind: bytes) -> None:
    """Links, folders and headers that stretch over several blocks are refused."""
    archive = forged(make_archive(tmp_path, saved(1.0)), lambda _: None, type=kind, linkname="/etc/passwd")
    with pytest.raises(Usage, match="is not a plain file"):
        import_state(State(tmp_path / "fresh", "live"), archive, NOW)


@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_archive_is_refused(tmp_path: Path, packed: bool) -> None:
    """Cut off anywhere, or with a byte changed, an archive is refused and leaves no fact behind."""
    whole = make_archive(tmp_path, saved(1.0), Run(1, 1.0, 2.0, {})).read_bytes()
    whole = gzip.compress(whole, mtime=0) if packed else whole
    archive, state = tmp_path / "damaged.tar", State(tmp_path / "fresh", "live")
    cuts = [whole[:size] for size in range(0, len(whole), max(1, len(whole) // 40))]
    for data in [*cuts, whole + b"more", b"no archive at all", bytes(2048)]:
        archive.write_bytes(data)
        with pytest.raises(Usage, match=r"damaged\.tar: cannot be imported"):
            import_state(state, archive, NOW)
    assert not state.journal("small").exists()


def test_a_blob_must_be_what_it_is_called(tmp_path: Path) -> None:
    """A file whose bytes are not those of its name is not stored, and nothing is merged."""
    state = State(tmp_path / "state", "live")
    blob = state.blobs().put(b"a mug")
    artifact = Artifact("file", None, None, blob.sha256, blob.size, "image/png", 1, 1)
    name = REQUESTS[0].id
    archive = make_archive(tmp_path, [Planned(1.0, REQUESTS[0]), Sent(1.0, name, "submit"), Saved(2.0, name, (artifact,))])
    bad = forged(archive, lambda members: members.update({f"blobs/{blob.sha256}": b"a hat"}))
    fresh = State(tmp_path / "fresh", "live")
    with pytest.raises(Usage, match="are not what they should be"):
        import_state(fresh, bad, NOW)
    assert not fresh.blobs().has(blob.sha256)
    assert not list((tmp_path / "fresh").rglob(".torn-*"))


async def test_no_secret_and_no_address_of_the_user_travels(tmp_path: Path) -> None:
    """Neither the vendors' key nor the name of the folder is in an archive."""
    here = checkout(tmp_path / "here-it-is")
    await play(here)
    data = pack(here, tmp_path / "a.tar").read_bytes()
    assert b"test-key" not in data
    assert str(here).encode() not in data


async def test_a_shared_folder_is_one_state(tmp_path: Path) -> None:
    """Two checkouts that name one state folder outside of them buy once, hold each other's job, and keep .gitignore files alone."""
    folders = [checkout(tmp_path / name) for name in ("one", "two")]
    for folder in folders:
        (folder / "adbatch.yaml").write_text('version: 1\nstate: ../team/state\nproviders:\n  jivox: {account: "1042"}\n')
    for folder in folders:
        async with open_stage_here(tmp_path / "vendors") as stage:
            await run_job(Order(folder / "job.yaml", sandbox=True, stage=stage), Listener())
    assert billed(tmp_path / "vendors").total() == 4
    assert not (folders[0] / ".adbatch").exists()
    state = State(tmp_path / "team/state", "sandbox")
    with state.lock("small", NOW), pytest.raises(Held):
        async with open_stage_here(tmp_path / "vendors") as stage:
            await run_job(Order(folders[0] / "job.yaml", sandbox=True, stage=stage), Listener())
    shutil.rmtree(tmp_path / "team")
    assert not (tmp_path / ".gitignore").exists()
