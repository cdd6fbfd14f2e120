"""A replay: the vendors' part is read from a recording, and nothing is dialled.

Nobody's limits, budgets and deadlines matter where nothing is asked and nothing bought, so a replay has none: every wait is leapt
over. What the recording knows only by its facts is put into the replay's own journal and not asked for at all; everything else is
asked for as in a run, and answered by request, step and count, whichever comes first. What was never recorded is never guessed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from runner.desk import Desk
from runner.edge.blobs import Blobs, Sink
from runner.edge.clock import LeapingClock
from runner.edge.exchanges import Place, call_to_json, digest_of, read_reply, step_of
from runner.edge.journal import Journal
from runner.edge.recordings import Index, Recording
from runner.edge.rehearsal import Stage
from runner.edge.snapshots import Snapshot
from runner.edge.state import State
from runner.errors import OurSide, Usage
from runner.facts import Fact
from runner.frozen import frozen
from runner.hands import Perform
from runner.loom import Woven
from runner.records import Answer, Call, Json, Limits, Reply, Send, Step

Recorded: TypeAlias = Literal["live", "sandbox"]
"""Whose answers a recording can hold."""

NOWHERE: Final = "http://127.0.0.1:1"
"""Where emulated vendors are in a recording: nobody listens there, and nobody is asked."""
HEAD: Final = 64 * 1024
"""Bytes of a streamed body that are read with its answer."""
NEVER: Final = 10 * 365 * 86400.0
"""A deadline, in seconds, that no replay lives to see."""
BATCH: Final = 2_000
"""Facts committed at once."""
CLIP: Final = 80
"""Characters of a param that are told."""


@frozen
class Tape:
    """What the command line says of a recording: to make one or to answer from one, in `folder` or in the state folder."""

    how: Literal["record", "replay"]
    folder: Path | None = None


class Gap(OurSide):
    """The recording holds no answer to `send`, or the answer to something else."""

    def __init__(self, send: Send, why: str) -> None:
        super().__init__(why)
        self.send, self.why = send, why


class Replay:
    """Answers from `recording`, whose index has been loaded. Its base URLs come with the desk (`lay`)."""

    def __init__(self, recording: Recording, index: Index, clock: LeapingClock) -> None:
        if index.mode not in get_args(Recorded):
            raise OurSide(f"{recording.folder}: a recording of a {index.mode} run cannot be replayed; record again")
        self.recorded: Recorded = "live" if index.mode == "live" else "sandbox"
        self.index, self.clock = index, clock
        self._recording = recording
        self._base_urls: Mapping[str, str] = {}
        self._blobs: Blobs | None = None
        self._known: set[str] = set()
        self._counts: Counter[tuple[str, Step, int]] = Counter()

    @property
    def stage(self) -> Stage | None:
        """The vendors the recorded run had, none of which is there any more; None where they were the real ones."""
        return None if self.index.vendors is None else Stage(NOWHERE, "", self.index.vendors)

    def lay(self, base_urls: Mapping[str, str], blobs: Blobs, journal: Journal) -> None:
        """Make ready: what is known only by its facts goes into the journal, with its files."""
        self._base_urls, self._blobs = base_urls, blobs
        facts: list[Fact] = []
        for known in self._recording.known():
            for artifact in (artifact for fact in known for artifact in getattr(fact, "artifacts", ())):
                if artifact.sha256 is not None and self._recording.body_path(artifact.sha256).exists():
                    blobs.put(self._recording.load_body(artifact.sha256))
            self._known.add(known[0].id)
            facts += known
            if len(facts) >= BATCH:
                journal.commit(facts)
                facts.clear()
        journal.commit(facts)

    def stays(self, id: str) -> bool:
        """Whether this request is not asked for: the recorded run did not do so either, or not to the end."""
        return id in self._known

    async def exchange(self, send: Send, call: Call, perform: Perform) -> Reply:
        """The reply that was recorded for this duty. Raises `Gap` where there is none."""
        with self.clock.busy():
            return await asyncio.to_thread(self._answer, send, call)

    async def download(self, url: str, sink: Sink) -> Reply:
        """The feed as it was downloaded."""
        feed = self.index.feed
        if "body" not in feed or url.partition("?")[0] not in feed.get("names", ()):
            told = f"{self._recording.folder}: {url.partition('?')[0]} is not the feed that was recorded"
            raise OurSide(f"{told}; record again with `run --record`")
        data = await asyncio.to_thread(self._recording.load_body, str(feed["body"]))
        sink.write(data)
        return Answer(200, dict(feed["headers"]), data[:HEAD], sink.finish())

    def remarks(self, snapshot: Snapshot) -> Iterator[str]:
        """What should be known before the replay begins."""
        yield f"replaying {self._recording.folder}: nothing is sent, nothing is bought"
        if not self.index.whole:
            yield "the recorded run did not come to its end; run it again with --record to complete its recording"
        if self.index.feed.get("sha256") not in (None, snapshot.sha256):
            yield "the feed is not the one that was recorded; what it asks for anew has no answer"

    def verdict(self, results: str) -> str:
        """How what the replay left compares with what the recorded run left."""
        if not self.index.results:
            return "the recording does not say what its results were"
        same = results == self.index.results
        return f"results.jsonl is {'' if same else 'not '}the recorded run's, byte {'for' if same else 'by'} byte"

    def explain(self, gap: Gap, woven: Iterable[Woven]) -> str:
        """The gap in the user's terms: who asks, and for what. `woven` is the plan as far as it is known."""
        request = gap.send.request
        asks = (
            f"step {step} of variant {one.variant.key}"
            for one in woven
            for step, outcome in one.outcomes.items()
            if outcome.request is not None and outcome.request.id == request.id
        )
        asked = f"{step_of(gap.send)} of request {request.id[:12]} ({request.use}: {_params(request.params)})"
        head = f"{self._recording.folder}: {gap.why}: {next(asks, 'a step')} asks for {asked}"
        return f"{head}; nothing was sent. Record again with `run --record`, or undo what changed since"

    def _answer(self, send: Send, call: Call) -> Reply:
        assert self._blobs is not None
        key = (send.request.id, send.step, send.part)
        self._counts[key] += 1
        place = Place(*key, self._counts[key])
        told = self._recording.load_exchange(place)
        if told is None:
            raise Gap(send, "the recording has no answer")
        now = call_to_json(call, self._base_urls[send.request.provider])
        if send.step == "submit" and told.get("digest") != digest_of(now):
            raise Gap(send, f"the recording answers another call ({_asked(told.get('call'))}, not {_asked(now)})")
        try:
            return self._reply(told["reply"])
        except (KeyError, TypeError, ValueError) as error:
            raise OurSide(f"{self._recording.folder}: {place.name} of request {place.id[:12]} cannot be read ({error})") from error

    def _reply(self, told: Mapping[str, Any]) -> Reply:
        if "body" not in told:
            return read_reply(told, b"", None)
        data = self._recording.load_body(str(told["body"]))
        if told["to"] == "memory":
            return read_reply(told, data, None)
        assert self._blobs is not None
        return read_reply(told, data[:HEAD], self._blobs.put(data))


def find_recording(root: Path, job: str) -> Path:
    """Where the state folder `root` keeps the recording of a job. Raises `Usage` where there is none, or one of each kind."""
    found = [folder for mode in get_args(Recorded) if (folder := recording_folder(root, mode, job)).is_dir()]
    if not found:
        raise Usage(f"job {job} has no recording in {root}; make one with `run --record`, or name its folder with --recording DIR")
    if len(found) > 1:
        raise Usage(f"job {job} has two recordings, {found[0]} and {found[1]}; name one of them with --recording DIR")
    return found[0]


def recording_folder(root: Path, mode: str, job: str) -> Path:
    """Where runs of a job in this mode are recorded unless another folder is named."""
    return root / "recordings" / mode / job


def open_replay(tape: Tape | None, state: State, job: str) -> Replay | None:
    """The replay that was asked for, if one was; what an earlier one left is forgotten.

    Raises `Usage` where there is no recording, or one of another job.
    """
    if tape is None or tape.how != "replay":
        return None
    recording = Recording(tape.folder or find_recording(state.root, job))
    folder = recording.folder
    index = recording.load_index()
    if index is None:
        raise Usage(f"{folder} holds no recording; make one with `run --record --recording {folder}`")
    if index.job != job:
        raise Usage(f"{folder} holds the recording of job {index.job}, not of {job}")
    state.start_afresh(job)
    return Replay(recording, index, LeapingClock())


def vendors_to_keep(stage: Stage | None) -> Mapping[str, Any] | None:
    """The emulated vendors as a recording tells of them: at an address where nobody is, so that every recording says the same."""
    if stage is None:
        return None
    kept: dict[str, Any] = _replaced(dict(stage.vendors), stage.url)
    return kept


def unhurried(limits: Limits) -> Limits:
    """A lane's limits where nothing is asked: none."""
    return replace(limits, rate=(), tokens=(), concurrent=None, queued=None)


def base_urls_of(desk: Desk) -> dict[str, str]:
    """The base URL of each lane."""
    return {name: str(lane.options["base_url"]) for name, lane in desk.catalog.lanes.items()}


def _replaced(value: Any, url: str) -> Any:
    if isinstance(value, str):
        return value.replace(url, NOWHERE)
    if isinstance(value, Mapping):
        return {name: _replaced(inner, url) for name, inner in value.items()}
    return [_replaced(inner, url) for inner in value] if isinstance(value, list | tuple) else value


def _asked(call: object) -> str:
    told = call if isinstance(call, dict) else {}
    return f"{told.get('method')} {told.get('url')} {digest_of(told)[:8]}"


def _params(params: Mapping[str, Json]) -> str:
    told = ", ".join(f"{name} {value!r}" for name, value in params.items())
    return told if len(told) <= CLIP else f"{told[: CLIP - 1]}…"
