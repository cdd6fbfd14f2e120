"""Recordings: whole files, found again by what was asked, and nothing else in their folder."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from runner.edge.exchanges import Place
from runner.edge.recordings import INDEX, Index, Recording
from runner.errors import OurSide, Usage
from runner.facts import Answered, Fact, Planned, Saved, Sent
from runner.records import Artifact, Blob, Request, make_request
from runner.verdicts import Done, Text

MUG, HAT = (make_request("jivox", "text", {"prompt": prompt}) for prompt in ("Mug", "Hat"))
INDEX_OF_MUGS = Index("mugs", "sandbox", vendors={"jivox": {"base_url": "http://127.0.0.1:1"}})


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """A recording that has begun."""
    recording = Recording(tmp_path / "recording")
    recording.write_index(INDEX_OF_MUGS)
    return recording


def history(request: Request, *artifacts: Artifact) -> list[Fact]:
    """The facts of a request that was bought and saved."""
    answered = Answered(2.0, request.id, "submit", Done((Text("copy"),)))
    return [Planned(1.0, request, step="copy"), Sent(1.5, request.id, "submit"), answered, Saved(3.0, request.id, artifacts)]


def told(body: Blob | None = None) -> dict[str, Any]:
    """An exchange with such a body."""
    return {"call": {}, "reply": {"status": 200} | ({} if body is None else {"body": body.sha256})}


def tree(recording: Recording) -> set[str]:
    """All files of a recording by their first folder and last name."""
    files = (path.relative_to(recording.folder) for path in recording.folder.rglob("*") if path.is_file())
    return {f"{path.parts[0]}/{path.name}" if len(path.parts) > 1 else path.name for path in files}


def test_what_it_says_of_itself_is_read_again(recording: Recording) -> None:
    """The index of a recording comes back as it was written; where there is none there is no recording."""
    assert recording.load_index() == INDEX_OF_MUGS
    whole = Index("mugs", "sandbox", True, None, {"sha256": "ab", "names": ["feed.csv"]}, "cd")
    recording.write_index(whole)
    assert recording.load_index() == whole
    assert Recording(recording.folder / "nowhere").load_index() is None


@pytest.mark.parametrize("text", ["[]", "{", '{"format": 2, "job": "mugs"}', '{"format": 1, "jobs": []}', "\0"])
def test_a_damaged_index_is_named(recording: Recording, text: str) -> None:
    """An index that cannot be read, or that a later version wrote, is told by its path."""
    (recording.folder / INDEX).write_text(text)
    with pytest.raises(OurSide, match=INDEX):
        recording.load_index()


@pytest.mark.parametrize(("job", "mode"), [("hats", "sandbox"), ("mugs", "live")])
def test_recordings_do_not_mix(recording: Recording, job: str, mode: str) -> None:
    """Another job, or the same one in another mode, needs a folder of its own."""
    with pytest.raises(Usage, match="holds the recording of a sandbox run of job mugs"):
        recording.check(Index(job, mode))
    recording.check(INDEX_OF_MUGS)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """Whoever names a folder with files of their own is told so before anything is written or removed."""
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Usage, match="something else than a recording"):
        Recording(tmp_path).check(INDEX_OF_MUGS)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_exchanges_are_found_and_counted_by_what_was_asked(recording: Recording) -> None:
    """Each exchange is found under its request, step, part and number; what else lies there does not count."""
    for place in (Place(MUG.id, "submit"), Place(MUG.id, "poll"), Place(MUG.id, "poll", 0, 2), Place(MUG.id, "fetch", 1)):
        recording.write_exchange(place, {**told(), "name": place.name})
    (recording.folder / "exchanges" / MUG.id[:2] / MUG.id / "notes.txt").write_text("mine")
    assert recording.numbers(MUG.id) == {("submit", 0): 1, ("poll", 0): 2, ("fetch", 1): 1}
    assert (recording.load_exchange(Place(MUG.id, "poll", 0, 2)) or {})["name"] == "poll-2"
    assert recording.load_exchange(Place(MUG.id, "poll", 0, 3)) is None
    assert recording.numbers(HAT.id) == {}
    recording.forget(MUG.id)
    recording.forget(MUG.id)
    assert recording.numbers(MUG.id) == {}


def test_bodies_are_whole_or_named(recording: Recording, tmp_path: Path) -> None:
    """Bytes are found by their digest; bytes that are gone or were changed are told by their path."""
    blob = recording.keep_body(b"a picture")
    assert recording.load_body(blob.sha256) == b"a picture"
    (tmp_path / "film").write_bytes(b"f" * 3_000_000)
    film = recording.keep_file(tmp_path / "film", Blob(blob.sha256[::-1], 3_000_000))
    assert recording.body_path(film.sha256).stat().st_size == 3_000_000
    recording.body_path(blob.sha256).write_bytes(b"A picture")
    with pytest.raises(OurSide, match="not the bytes that were recorded"):
        recording.load_body(blob.sha256)
    recording.body_path(blob.sha256).unlink()
    with pytest.raises(OurSide, match=blob.sha256):
        recording.load_body(blob.sha256)
    with pytest.raises(OurSide, match="not the name of a body"):
        recording.load_body("../../../etc/passwd")


def test_a_torn_body_is_written_again(recording: Recording) -> None:
    """A file that a power cut left empty under its name is made whole by whoever keeps those bytes next."""
    blob = recording.keep_body(b"a picture")
    recording.body_path(blob.sha256).write_bytes(b"")
    recording.keep_body(b"a picture")
    assert recording.load_body(blob.sha256) == b"a picture"


def test_facts_are_read_again(recording: Recording) -> None:
    """What is known of a request comes back fact by fact, until its exchanges tell enough."""
    for request in (MUG, HAT):
        recording.write_known(request.id, history(request, Artifact("text", "copy")))
    known = {facts[0].id: facts for facts in recording.known()}
    assert known == {request.id: history(request, Artifact("text", "copy")) for request in (MUG, HAT)}
    recording.drop_known(MUG.id)
    recording.drop_known(MUG.id)
    assert [facts[0].id for facts in recording.known()] == [HAT.id]


@pytest.mark.parametrize("text", ["[]", "{}", '{"request": "ab", "facts": [{"kind": "sold", "at": 1.0, "body": {}}]}'])
def test_facts_that_are_none_are_named(recording: Recording, text: str) -> None:
    """A file of facts that cannot be read is told by its path."""
    recording.write_known(MUG.id, history(MUG))
    next(recording.folder.glob("known/*/*.json")).write_text(text)
    with pytest.raises(OurSide, match=MUG.id):
        list(recording.known())


def test_what_nobody_asks_for_any_more_is_dropped(recording: Recording) -> None:
    """Only requests of the plan stay, with the bodies that they and the feed name."""
    used, unused, feed = (recording.keep_body(data) for data in (b"used", b"unused", b"feed"))
    picture = recording.keep_body(b"picture")
    recording.write_exchange(Place(MUG.id, "submit"), told(used))
    recording.write_exchange(Place(HAT.id, "submit"), told(unused))
    recording.write_known(MUG.id, history(MUG, Artifact("file", sha256=picture.sha256, size=7)))
    recording.write_known(HAT.id, history(HAT))
    recording.tidy({MUG.id}, [feed.sha256])
    bodies = {f"bodies/{blob.sha256}" for blob in (used, feed, picture)}
    assert tree(recording) == {INDEX, "exchanges/submit-1.json", f"known/{MUG.id}.json", *bodies}
    assert not (recording.folder / "exchanges" / HAT.id[:2]).exists()


def test_the_same_exchanges_are_the_same_files(tmp_path: Path) -> None:
    """Two recordings of the same are alike to the byte, in whatever order they were made."""
    contents = []
    for name, requests in (("one", (MUG, HAT)), ("two", (HAT, MUG))):
        recording = Recording(tmp_path / name)
        recording.write_index(INDEX_OF_MUGS)
        for request in requests:
            recording.write_exchange(Place(request.id, "submit"), told(recording.keep_body(request.id.encode())))
            recording.write_known(request.id, history(request))
        files = sorted(path for path in recording.folder.rglob("*") if path.is_file())
        contents.append([(str(path.relative_to(recording.folder)), path.read_bytes()) for path in files])
    assert contents[0] == contents[1]
    assert all(json.loads(data) for name, data in contents[0] if name.endswith(".json"))


def test_a_recording_that_cannot_be_written_is_our_side(recording: Recording) -> None:
    """A disk that refuses is told with the folder, and nothing half written is left."""
    (recording.folder / "bodies").write_text("in the way")
    with pytest.raises(OurSide, match="the recording cannot be written"):
        recording.keep_body(b"a picture")
    with pytest.raises(OurSide, match="cannot be read"):
        recording.keep_file(recording.folder / "nothing", Blob("ab" * 32, 3))
    assert tree(recording) == {INDEX, "bodies"}


def test_a_recording_in_the_state_folder_is_private(tmp_path: Path) -> None:
    """What lies among the state is its owner's alone."""
    recording = Recording(tmp_path / "state" / "recording", private=True)
    recording.write_index(INDEX_OF_MUGS)
    recording.keep_body(b"a picture")
    found = [(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in recording.folder.rglob("*")]
    assert set(found) == {(True, 0o700), (False, 0o600)}
