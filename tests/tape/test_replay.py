"""A replay answers from the recording only: what was asked before is answered as it was, and nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.edge.blobs import Blobs
from runner.edge.clock import LeapingClock
from runner.edge.journal import Journal
from runner.edge.recordings import Index, Recording
from runner.edge.rehearsal import Stage
from runner.edge.snapshots import Snapshot
from runner.edge.state import State
from runner.errors import OurSide, Usage
from runner.facts import Fact, Planned, Saved
from runner.loom import Outcome, Woven
from runner.records import Answer, Artifact, Call, JsonBody, Limits, NoAnswer, Reply, Row, Send, Variant, Window, make_request
from runner.tape.recorder import Recorder
from runner.tape.replay import Gap, Replay, Tape, find_recording, open_replay, recording_folder, unhurried, vendors_to_keep

BASE = "https://vendor.example/v2"
MUG, HAT = (make_request("press", "job", {"prompt": prompt}) for prompt in ("Mug", "Hat" * 50))
CALL = Call("POST", f"{BASE}/jobs", "submit", body=JsonBody({"prompt": "Mug"}))
FEED: dict[str, Any] = {"names": ["https://feeds.example/feed.csv"], "sha256": "ab", "headers": {"etag": "1"}}


async def nobody(lane: str, call: Call) -> Reply:
    """A network that must not be used."""
    raise AssertionError(f"{lane} was dialled: {call}")


async def record(recording: Recording, blobs: Blobs, *spoken: tuple[Send, Reply]) -> None:
    """Record these exchanges."""
    recorder = Recorder(recording, Index("mugs", "live"), blobs, {"press": BASE})
    for send, reply in spoken:

        async def perform(lane: str, call: Call, reply: Reply = reply) -> Reply:
            return reply

        await recorder.exchange(send, CALL, perform)


class Room:
    """A recording and a replay of it in one folder."""

    def __init__(self, folder: Path) -> None:
        self.recording = Recording(folder / "recording")
        self.live = Blobs(folder / "live")
        self.blobs = Blobs(folder / "blobs")
        self.journal = folder / "journal.db"

    def replay(self, index: Index | None = None) -> Replay:
        """A replay that is ready."""
        replay = Replay(self.recording, index or Index("mugs", "live"), LeapingClock())
        with Journal.open(self.journal, "replay") as journal:
            replay.lay({"press": BASE}, self.blobs, journal)
        return replay


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """Nothing recorded yet."""
    return Room(tmp_path)


async def test_each_duty_gets_the_reply_it_got(room: Room) -> None:
    """Replies come by request, step, part and count, in whatever order the requests ask; bytes are in the replay's own store."""
    picture = room.live.put(b"a picture")
    spoken: list[tuple[Send, Reply]] = [
        (Send(MUG, "submit"), Answer(200, {"a": "1"}, b"ticket")),
        (Send(MUG, "poll", ticket="t"), NoAnswer(True, "reset")),
        (Send(MUG, "poll", ticket="t"), Answer(200, {}, b"done")),
        (Send(HAT, "submit"), Answer(429, {"retry-after": "5"})),
        (Send(MUG, "fetch", part=1), Answer(200, {}, b"a picture", picture)),
    ]
    await record(room.recording, room.live, *spoken)
    replay = room.replay()
    for at in (3, 0, 1, 4, 2):
        send, reply = spoken[at]
        assert await replay.exchange(send, CALL, nobody) == reply
    assert room.blobs.read(picture.sha256) == b"a picture"


async def test_what_was_never_said_is_a_gap(room: Room) -> None:
    """A request nobody recorded, and one more poll than there were, are told with step, variant, request and what was asked."""
    await record(room.recording, room.live, (Send(MUG, "poll"), Answer(200, {}, b"wait")))
    replay = room.replay()
    await replay.exchange(Send(MUG, "poll"), CALL, nobody)
    with pytest.raises(Gap, match="has no answer") as again:
        await replay.exchange(Send(MUG, "poll"), CALL, nobody)
    with pytest.raises(Gap) as never:
        await replay.exchange(Send(HAT, "submit"), CALL, nobody)
    variant = Variant("mug|1", Row("mug", {}, "feed.csv", 2), {}, 1, 1, 0)
    woven = [Woven(variant, {"cut": Outcome("done", MUG), "copy": Outcome("skipped")})]
    text = replay.explain(again.value, woven)
    assert f"step cut of variant mug|1 asks for poll of request {MUG.id[:12]} (press/job: prompt 'Mug')" in text
    assert "nothing was sent" in text
    assert f"a step asks for submit of request {HAT.id[:12]} (press/job: prompt 'Hat" in replay.explain(never.value, [])


async def test_another_call_is_not_answered(room: Room) -> None:
    """An answer to another body or address is no answer, even to the same request; what a poll sends is the vendor's affair."""
    await record(room.recording, room.live, (Send(MUG, "submit"), Answer(200)), (Send(MUG, "poll"), Answer(200)))
    replay = room.replay()
    other = Call("POST", f"{BASE}/jobs", "submit", body=JsonBody({"prompt": "Mug", "n": 1}))
    with pytest.raises(Gap, match=r"answers another call \(POST \{base_url\}/jobs \w{8}, not POST \{base_url\}/jobs \w{8}\)"):
        await replay.exchange(Send(MUG, "submit"), other, nobody)
    assert await replay.exchange(Send(MUG, "poll"), other, nobody) == Answer(200)


@pytest.mark.parametrize("text", ['{"digest": 1}', "{}", "not JSON", '{"reply": {"body": "../x"}}'])
async def test_a_damaged_exchange_is_our_side(room: Room, text: str) -> None:
    """A file that somebody mangled ends the replay with its name; it is never guessed at."""
    await record(room.recording, room.live, (Send(MUG, "poll"), Answer(200)))
    next(room.recording.folder.glob("exchanges/*/*/poll-1.json")).write_text(text)
    with pytest.raises(OurSide, match=r"poll-1|is not the name of a body"):
        await room.replay().exchange(Send(MUG, "poll"), CALL, nobody)


def test_what_is_known_by_its_facts_is_not_asked_for(room: Room) -> None:
    """The facts stand in the replay's journal, their files in its store, and the request stays as it is."""
    picture = room.recording.keep_body(b"a picture")
    facts: list[Fact] = [Planned(1.0, HAT), Saved(2.0, HAT.id, (Artifact("file", sha256=picture.sha256, size=picture.size),))]
    room.recording.write_known(HAT.id, facts)
    replay = room.replay()
    with Journal.open(room.journal, "replay") as journal:
        assert journal.histories([HAT.id]) == {HAT.id: facts}
    assert room.blobs.has(picture.sha256)
    assert (replay.stays(HAT.id), replay.stays(MUG.id)) == (True, False)


async def test_a_downloaded_feed_comes_from_the_recording(room: Room) -> None:
    """The feed that was downloaded is there again, byte for byte; another one is not to be had."""
    body = room.recording.keep_body(b"id\nmug\n")
    replay = room.replay(Index("mugs", "live", True, None, {**FEED, "body": body.sha256}))
    with room.blobs.sink() as sink:
        reply = await replay.download("https://feeds.example/feed.csv?key=x", sink)
    assert isinstance(reply, Answer)
    assert (reply.status, reply.headers, reply.blob) == (200, {"etag": "1"}, body)
    for other, index in (("https://feeds.example/other.csv", replay.index), (FEED["names"][0], Index("mugs", "live"))):
        with pytest.raises(OurSide, match="is not the feed that was recorded"):
            await room.replay(index).download(other, sink)


def test_what_should_be_known_is_said(room: Room) -> None:
    """A torn recording and another feed are told before the replay, how its results compare afterwards."""
    snapshot = Snapshot((), ("feed.csv",), "cd", 3)
    torn = room.replay(Index("mugs", "live", feed={"sha256": "ab"}))
    whole = room.replay(Index("mugs", "live", True, None, {"sha256": "cd"}, "ef"))
    assert [len(list(replay.remarks(snapshot))) for replay in (torn, whole)] == [3, 1]
    assert [whole.verdict("ef"), whole.verdict("ab")] == [
        "results.jsonl is the recorded run's, byte for byte",
        "results.jsonl is not the recorded run's, byte by byte",
    ]
    assert "does not say" in torn.verdict("ef")


def test_the_recording_of_a_job_is_found(tmp_path: Path) -> None:
    """Unless a folder is named it is the one in the state folder; none, two, and another job's are told with a remedy."""
    state = State(tmp_path / "state", "replay")
    assert [open_replay(tape, state, "mugs") for tape in (None, Tape("record"))] == [None, None]
    with pytest.raises(Usage, match="has no recording"):
        find_recording(state.root, "mugs")
    for mode in ("live", "sandbox"):
        Recording(recording_folder(state.root, mode, "mugs")).write_index(Index("mugs", mode))
        if mode == "live":
            assert (found := open_replay(Tape("replay"), state, "mugs")) is not None
            assert found.recorded == "live"
    with pytest.raises(Usage, match="has two recordings"):
        open_replay(Tape("replay"), state, "mugs")
    with pytest.raises(Usage, match="of job mugs, not of hats"):
        open_replay(Tape("replay", recording_folder(state.root, "live", "mugs")), state, "hats")
    with pytest.raises(Usage, match="holds no recording"):
        open_replay(Tape("replay", tmp_path / "nowhere"), state, "mugs")
    Recording(tmp_path / "odd").write_index(Index("mugs", "replay"))
    with pytest.raises(OurSide, match="cannot be replayed"):
        open_replay(Tape("replay", tmp_path / "odd"), state, "mugs")


def test_the_stage_of_a_recorded_rehearsal_is_nowhere() -> None:
    """Emulated vendors are recorded without their port and their key; real ones are not recorded at all."""
    vendors = {"press": {"base_url": "http://127.0.0.1:4711/press", "options": {"urls": ["http://127.0.0.1:4711/p"], "n": 1}}}
    kept = vendors_to_keep(Stage("http://127.0.0.1:4711", "test-key", vendors))
    assert kept == {"press": {"base_url": "http://127.0.0.1:1/press", "options": {"urls": ["http://127.0.0.1:1/p"], "n": 1}}}
    assert vendors_to_keep(None) is None


def test_nobody_is_hurried_in_a_replay() -> None:
    """A lane's windows and places do not count where nobody is asked."""
    assert unhurried(Limits((Window(1, 60.0),), 1, 1, False, 9.0)) == Limits(polls_count=False, deadline=9.0)
