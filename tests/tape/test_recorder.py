"""The recorder: it keeps what was said, costs no answer, and leaves a recording that tells all that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.core.lifecycle import recall
from runner.core.retry import TRIES
from runner.edge.blobs import Blobs
from runner.edge.exchanges import Place
from runner.edge.recordings import Index, Recording
from runner.edge.snapshots import Snapshot
from runner.errors import OurSide
from runner.facts import Answered, Fact, Planned, Resolved, Saved, Sent, Stopped
from runner.loom import Outcome, Woven
from runner.records import Answer, Artifact, Blob, Call, NoAnswer, Reply, Row, Send, Step, Variant, make_request
from runner.tape.recorder import Recorder, is_final, leads_to, retraced
from runner.verdicts import Broken, Done, Held, Link, Lost, Queued, Text, Verdict

BASE = "https://vendor.example/v2"
MUG, HAT = (make_request("press", "job", {"prompt": prompt}) for prompt in ("Mug", "Hat"))
SNAPSHOT = Snapshot((), ("feed.csv",), "ab" * 32, 3)
COPY = Artifact("text", "copy")
DONE = Done((Text("copy"),))


class Desk:
    """A recorder, its recording, its store, and vendors whose reply is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs = Blobs(folder / "blobs")
        self.recording = Recording(folder / "recording")
        self.reply: Reply = Answer(200, {}, b"copy")
        self.failures: list[BaseException] = []
        self.begin()

    def begin(self) -> None:
        """Another run begins."""
        self.recorder = Recorder(self.recording, Index("mugs", "live"), self.blobs, {"press": BASE})
        self.recorder.give_up = self.failures.append

    async def say(self, step: Step = "submit", reply: Reply | None = None, part: int = 0) -> Reply:
        """One exchange for the mug."""
        self.reply = reply or self.reply
        return await self.recorder.exchange(Send(MUG, step, part=part), Call("POST", f"{BASE}/jobs", step), self.perform)

    async def perform(self, lane: str, call: Call) -> Reply:
        """The vendor's reply."""
        assert lane == "press"
        return self.reply

    def finish(self, facts: Mapping[str, Sequence[Fact]], restricted: bool = False) -> None:
        """The run ends with these facts of the plan's two requests."""
        variant = Variant("mug|1", Row("mug", {}, "feed.csv", 2), {}, 1, 1, 0)
        woven = [Woven(variant, {name: Outcome("done", one)}) for name, one in (("a", MUG), ("b", HAT), ("c", MUG))]

        def histories(ids: Sequence[str]) -> dict[str, Sequence[Fact]]:
            return {name: facts[name] for name in ids if name in facts}

        self.recorder.finish(woven, histories, SNAPSHOT, "cd" * 32, restricted)

    def known(self) -> set[str]:
        """The requests whose facts are kept."""
        return {facts[0].id for facts in self.recording.known()}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A recorder that has heard nothing yet."""
    return Desk(tmp_path)


def sent(step: Step, at: float = 2.0, part: int = 0) -> Sent:
    """The mug's call left."""
    return Sent(at, MUG.id, step, part=part)


def heard(step: Step, verdict: Verdict, at: float = 3.0, part: int = 0) -> Answered:
    """The mug's answer came."""
    return Answered(at, MUG.id, step, verdict, part)


PLAN = Planned(1.0, MUG, step="copy")
SAVED = Saved(9.0, MUG.id, (COPY,))
BOUGHT: list[Fact] = [PLAN, sent("submit"), heard("submit", DONE), SAVED]
QUEUED: list[Fact] = [PLAN, sent("submit"), heard("submit", Queued("t"))]
POLLED: list[Fact] = [sent("poll", 5.0), heard("poll", DONE, 6.0), SAVED]


async def test_every_exchange_is_kept_and_handed_on(desk: Desk) -> None:
    """Calls and replies stand under their request in the order they came, also where no answer did, and are handed on."""
    silence = NoAnswer(True, "reset")
    picture = desk.blobs.put(b"a picture")
    replies: list[tuple[Step, Reply]] = [
        ("submit", Answer(200, {"x": "1"}, b"ticket")),
        ("poll", silence),
        ("poll", Answer(200, {}, b"")),
        ("fetch", Answer(200, {}, b"a pic", picture)),
    ]
    assert [await desk.say(step, reply) for step, reply in replies] == [reply for _, reply in replies]
    assert desk.recording.numbers(MUG.id) == {("submit", 0): 1, ("poll", 0): 2, ("fetch", 0): 1}
    first = desk.recording.load_exchange(Place(MUG.id, "submit")) or {}
    assert (first["request"], first["use"], first["call"]["url"]) == (MUG.id, "press/job", "{base_url}/jobs")
    assert desk.recording.load_body(first["reply"]["body"]) == b"ticket"
    assert (desk.recording.load_exchange(Place(MUG.id, "poll")) or {})["reply"] == {"no_answer": "reset", "sent": True}
    assert "body" not in (desk.recording.load_exchange(Place(MUG.id, "poll", 0, 2)) or {})["reply"]
    assert desk.recording.load_body(picture.sha256) == b"a picture"


async def test_a_recording_that_breaks_costs_no_answer(desk: Desk) -> None:
    """The reply is handed on all the same; the run is told to give up, once, and nothing more is written."""
    desk.recording.folder.mkdir()
    (desk.recording.folder / "exchanges").write_text("in the way")
    assert [await desk.say(), await desk.say("poll")] == [desk.reply, desk.reply]
    [failure] = desk.failures
    assert isinstance(failure, OurSide)
    assert desk.recorder.failure is failure


async def test_what_a_run_buys_is_told_by_that_run_alone(desk: Desk) -> None:
    """Exchanges of an earlier purchase are dropped when the next one begins; what follows a ticket is added to what there is."""
    await desk.say("submit")
    await desk.say("poll")
    desk.begin()
    await desk.say("poll")
    assert desk.recording.numbers(MUG.id) == {("submit", 0): 1, ("poll", 0): 2}
    desk.begin()
    await desk.say("submit", Answer(200, {}, b"anew"))
    await desk.say("submit", Answer(200, {}, b"again, at the step's own risk"))
    assert desk.recording.numbers(MUG.id) == {("submit", 0): 2}


async def test_a_finished_recording_is_whole(desk: Desk) -> None:
    """Only the end of a run makes it so; it then says which feed was read and what the results were."""
    assert desk.recording.load_index() is None
    await desk.say()
    assert not (desk.recording.load_index() or Index("", "", True)).whole
    desk.finish({MUG.id: BOUGHT})
    feed = {"names": ["feed.csv"], "sha256": "ab" * 32}
    assert desk.recording.load_index() == Index("mugs", "live", True, None, feed, "cd" * 32)
    assert desk.known() == set()


async def test_what_was_there_before_is_told_by_its_facts(desk: Desk) -> None:
    """A request that the run reused stands with its facts and its files, so that the recording is complete for the plan."""
    picture = desk.blobs.put(b"a picture")
    saved = Saved(4.0, HAT.id, (Artifact("file", sha256=picture.sha256, size=picture.size), Artifact("file", sha256="ee" * 32)))
    bought: list[Fact] = [Planned(1.0, HAT), saved]
    await desk.say()
    desk.finish({MUG.id: BOUGHT, HAT.id: bought})
    assert list(desk.recording.known()) == [bought]
    assert desk.recording.load_body(picture.sha256) == b"a picture"


async def test_what_was_recorded_before_stays(desk: Desk) -> None:
    """A run that reuses what an earlier recorded run bought leaves those exchanges, as they tell the same."""
    await desk.say()
    desk.finish({MUG.id: BOUGHT})
    desk.begin()
    desk.finish({MUG.id: BOUGHT})
    assert (desk.known(), desk.recording.numbers(MUG.id)) == (set(), {("submit", 0): 1})


async def test_what_a_restricted_run_did_not_ask_for_is_told_by_its_facts(desk: Desk) -> None:
    """Such a run tells of the rest without asking, and so must its replay; a run of the whole plan leaves it to the exchanges."""
    await desk.say()
    desk.finish({MUG.id: BOUGHT})
    desk.begin()
    for restricted, known in ((True, {MUG.id}), (False, set())):
        desk.finish({MUG.id: BOUGHT}, restricted)
        assert desk.known() == known


async def test_a_run_that_never_gets_to_ask_leaves_a_recording_whole(desk: Desk) -> None:
    """A run that ends before its first call, as on a broken feed, does not spoil what an earlier one recorded."""
    await desk.say()
    desk.finish({MUG.id: BOUGHT})
    desk.begin()
    assert (desk.recording.load_index() or Index("", "")).whole


async def test_a_ticket_that_was_left_is_told_by_its_facts_until_it_is_redeemed(desk: Desk) -> None:
    """What the run did not live to see is not asked for in a replay; once another recorded run saw it, the exchanges tell all."""
    await desk.say("submit")
    desk.finish({MUG.id: QUEUED})
    assert desk.known() == {MUG.id}
    desk.begin()
    await desk.say("poll")
    desk.finish({MUG.id: [*QUEUED, replace(PLAN, at=4.0), *POLLED]})
    assert (desk.known(), desk.recording.numbers(MUG.id)) == (set(), {("submit", 0): 1, ("poll", 0): 1})


async def test_half_a_story_is_told_by_its_facts(desk: Desk) -> None:
    """Where only the later of two runs was recorded, the polls alone would lead nowhere."""
    await desk.say("poll")
    desk.finish({MUG.id: [*QUEUED, replace(PLAN, at=4.0), *POLLED]})
    assert desk.known() == {MUG.id}


async def test_a_downloaded_feed_is_kept(desk: Desk, tmp_path: Path) -> None:
    """The bytes of a feed that came over the network are part of the recording, with the headers that a run looks at."""
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "feed.csv").write_bytes(b"id\nmug\n")

    async def download(url: str, sink: Any) -> Reply:
        return Answer(200, {"content-type": "text/csv", "set-cookie": "a=b"}, b"id\nmug\n", Blob("00" * 32, 7))

    await desk.recorder.listen(download)("https://feeds.example/feed.csv?key=x", None)  # type: ignore[arg-type]
    body = Recording(tmp_path / "other").keep_body(b"id\nmug\n")
    snapshot = Snapshot((tmp_path / "feeds" / "feed.csv",), ("https://feeds.example/feed.csv",), body.sha256, body.size)
    desk.recorder.finish([], lambda _: {}, snapshot, "")
    index = desk.recording.load_index()
    assert index is not None
    assert (index.feed["headers"], index.feed["body"]) == ({"content-type": "text/csv"}, body.sha256)
    assert desk.recording.load_body(body.sha256) == b"id\nmug\n"


RESUMED = [*QUEUED, replace(PLAN, at=4.0), *POLLED]
FETCHED: list[Fact] = [
    PLAN,
    sent("submit"),
    heard("submit", Done((Link("https://cdn.example/1"), Link("https://cdn.example/2")))),
    sent("fetch", 4.0, 1),
    sent("fetch", 4.0, 0),
    heard("fetch", Done((Held(Blob("ab" * 32, 1)),)), 5.0, 0),
    replace(PLAN, at=6.0),
    sent("fetch", 7.0, 1),
    heard("fetch", Done((Held(Blob("cd" * 32, 1)),)), 8.0, 1),
    SAVED,
]
HALF = TRIES["poll"] // 2 + 1
POOR = [fact for at in range(HALF) for fact in (sent("poll", 10.0 + at), heard("poll", Broken("502"), 10.5 + at))]


@pytest.mark.parametrize(
    ("history", "tells"),
    [
        (BOUGHT, True),
        (RESUMED, True),
        (FETCHED, True),
        ([PLAN, *RESUMED], True),
        ([*BOUGHT, Planned(10.0, MUG, True), *[replace(fact, at=fact.at + 10) for fact in BOUGHT[1:]]], True),
        ([PLAN, SAVED], False),
        ([PLAN, sent("submit")], False),
        ([PLAN, sent("submit"), heard("submit", Lost("502")), Resolved(4.0, MUG.id, "billed", "me", artifacts=(COPY,))], False),
        ([*QUEUED, Stopped(4.0, MUG.id, "overdue", "late"), replace(PLAN, at=4.5), *POLLED], True),
        ([*QUEUED, *POOR, replace(PLAN, at=50.0), *POLLED], True),
        ([*QUEUED, *POOR, replace(PLAN, at=50.0), *POOR, *POLLED], False),
        ([*QUEUED, *POOR, *POOR, Stopped(60.0, MUG.id, "overdue", "tries"), replace(PLAN, at=61.0), *POLLED], False),
    ],
    ids=[
        "bought",
        "resumed",
        "fetched in two runs",
        "planned twice",
        "fresh",
        "adopted",
        "killed",
        "resolved",
        "overdue",
        "poor",
        "tries",
        "stopped",
    ],
)
def test_only_what_one_run_could_have_done_is_told_by_exchanges(history: list[Fact], tells: bool) -> None:
    """Exchanges of several runs tell a request if, answered within one run, they lead to the same end; else its facts must."""
    life = recall(history)
    assert life is not None
    assert leads_to(retraced(history), life) is tells


@pytest.mark.parametrize(
    ("history", "final"),
    [(BOUGHT, True), ([PLAN], False), (QUEUED, False), ([*QUEUED, Stopped(4.0, MUG.id, "overdue", "late")], False)],
)
def test_what_is_left_to_do_is_not_final(history: list[Fact], final: bool) -> None:
    """An open ticket or an unasked request may still become something."""
    life = recall(history)
    assert life is not None
    assert is_final(life) is final
