"""The recorder: it listens while hands talk to vendors, and keeps what was said.

An exchange is kept before the run acts on its answer. That a recording cannot be written never costs an answer: the run is told to
give up, and what came is journaled all the same. At the end the recorder sees to it that the recording tells all that is known of
the plan: a request that this run bought is told by its exchanges, one that was there before by its facts, unless exchanges recorded
earlier lead to the same.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from runner.core.lifecycle import Life, fold, giving_up, recall
from runner.desk import Desk
from runner.edge.blobs import Blobs, Sink
from runner.edge.exchanges import Place, call_to_json, digest_of, reply_to_json
from runner.edge.recordings import Index, Recording
from runner.edge.rehearsal import Stage
from runner.edge.snapshots import Download, Snapshot
from runner.edge.state import State
from runner.errors import OurSide
from runner.facts import Answered, Fact, Planned, Resolved, Sent, Stopped
from runner.hands import Perform
from runner.loom import Woven
from runner.records import Answer, Blob, Call, NoAnswer, Reply, Send, Step
from runner.tape.replay import Tape, base_urls_of, recording_folder, vendors_to_keep

BATCH: Final = 500
"""Requests whose facts are read at once."""

TOLD_OF_FEED: Final = ("content-type", "etag", "last-modified")
"""The headers of a downloaded feed that a run looks at."""

Histories = Callable[[Sequence[str]], Mapping[str, Sequence[Fact]]]
"""`Journal.histories`: the facts of requests, by id."""


class Recorder:
    """Keeps what is said in a run. `base_urls` are those of its lanes; `give_up` is called with what broke, at most once."""

    def __init__(self, recording: Recording, index: Index, blobs: Blobs, base_urls: Mapping[str, str]) -> None:
        self.give_up: Callable[[BaseException], None] = lambda _: None
        self.failure: OurSide | None = None
        self._recording, self._index, self._blobs, self._base_urls = recording, index, blobs, base_urls
        self._counts: dict[str, Counter[tuple[Step, int]]] = {}
        self._bought: set[str] = set()
        self._lock = threading.Lock()
        self._feed: dict[str, Any] = {}
        self._begun = False
        recording.check(index)

    async def exchange(self, send: Send, call: Call, perform: Perform) -> Reply:
        """Carry the call out, and keep it with its reply."""
        reply = await perform(send.request.provider, call)
        if self.failure is None:
            try:
                await asyncio.to_thread(self._keep, send, call, reply)
            except OurSide as failure:
                if self.failure is None:
                    self.failure = failure
                    self.give_up(failure)
        return reply

    def listen(self, download: Download) -> Download:
        """The download of a feed, of which what a replay needs is remembered."""

        async def heard(url: str, sink: Sink) -> Reply:
            reply = await download(url, sink)
            if isinstance(reply, Answer) and reply.blob is not None:
                self._feed["headers"] = {name: reply.headers[name] for name in TOLD_OF_FEED if name in reply.headers}
            return reply

        return heard

    def finish(
        self, plan: Iterable[Woven], histories: Histories, snapshot: Snapshot, results: str, restricted: bool = False
    ) -> None:
        """Complete the recording for all that is known of the plan; `results` is the sha256 of what the run left.

        A run that was `restricted` to a part of the plan told of the rest without asking, and so must its replay.
        """
        wanted: set[str] = set()
        names = iter(dict.fromkeys(out.request.id for one in plan for out in one.outcomes.values() if out.request is not None))
        while batch := list(islice(names, BATCH)):
            for name, facts in histories(batch).items():
                wanted.add(name)
                self._settle(name, facts, restricted and name not in self._counts)
        feed = self._keep_feed(snapshot)
        self._recording.tidy(wanted, [feed["body"]] if "body" in feed else [])
        self._recording.write_index(replace(self._index, whole=True, feed=feed, results=results))

    def _keep(self, send: Send, call: Call, reply: Reply) -> None:
        place = self._place(send)
        told = call_to_json(call, self._base_urls[send.request.provider])
        whole = {"request": send.request.id, "use": send.request.use, "call": told, "digest": digest_of(told)}
        self._recording.write_exchange(place, {**whole, "reply": reply_to_json(reply, self._keep_body(reply))})

    def _place(self, send: Send) -> Place:
        """The next place of its kind. What a run begins with a purchase is told by that run alone."""
        with self._lock:
            if not self._begun:  # from now on it is not whole, until the run has ended
                self._recording.write_index(self._index)
                self._begun = True
            name = send.request.id
            if name not in self._counts:
                if send.step == "submit":
                    self._recording.forget(name)
                    self._bought.add(name)
                self._counts[name] = self._recording.numbers(name)
            self._counts[name][send.step, send.part] += 1
            return Place(name, send.step, send.part, self._counts[name][send.step, send.part])

    def _keep_body(self, reply: Reply) -> Blob | None:
        if isinstance(reply, NoAnswer):
            return None
        if reply.blob is not None:
            return self._recording.keep_file(self._blobs.path(reply.blob.sha256), reply.blob)
        return self._recording.keep_body(reply.body) if reply.body else None

    def _settle(self, name: str, history: Sequence[Fact], aside: bool) -> None:
        life = recall(history)
        if life is None:
            return
        if is_final(life) and not aside and (name in self._bought or self._leads(name, history, life)):
            self._recording.drop_known(name)
            return
        for artifact in life.artifacts:
            if artifact.sha256 is not None and self._blobs.has(artifact.sha256):
                blob = Blob(artifact.sha256, artifact.size or 0)
                self._recording.keep_file(self._blobs.path(blob.sha256), blob)
        self._recording.write_known(name, history)

    def _leads(self, name: str, history: Sequence[Fact], life: Life) -> bool:
        """Whether the exchanges that were recorded of a request, answered within one run, lead to what is known of it."""
        facts = retraced(history)
        answered = Counter((fact.step, fact.part) for fact in facts if isinstance(fact, Answered))
        return bool(answered) and answered == self._recording.numbers(name) and leads_to(facts, life)

    def _keep_feed(self, snapshot: Snapshot) -> dict[str, Any]:
        """What a replay compares a feed on disk with, and the bytes of one that was downloaded."""
        told = {"names": list(snapshot.names), "sha256": snapshot.sha256, **self._feed}
        if "headers" in self._feed:
            blob = self._recording.keep_file(snapshot.files[0], Blob(snapshot.sha256, snapshot.size))
            told["body"] = blob.sha256
        return told


def open_recorder(tape: Tape | None, desk: Desk, state: State, stage: Stage | None) -> Recorder | None:
    """A recorder for a run of `desk`, if one was asked for. Raises `Usage` where something else lies in its folder."""
    if tape is None or tape.how != "record":
        return None
    folder, job = tape.folder, desk.job_file.job.name
    recording = Recording(folder or recording_folder(state.root, state.mode, job), private=folder is None)
    return Recorder(recording, Index(job, state.mode, vendors=vendors_to_keep(stage)), state.blobs(), base_urls_of(desk))


def is_final(life: Life) -> bool:
    """Whether nothing is left to do for a request, in this run or another: no ticket is open, no try is left."""
    return life.settled and life.state != "overdue"


def retraced(history: Sequence[Fact]) -> list[Fact]:
    """The facts since the last purchase as one run would have made them; none where no purchase is told or somebody stepped in.

    Later runs that took the request up again and calls that nobody heard the answer of are left out.
    """
    begin = next((at for at in reversed(range(len(history))) if _begins_purchase(history[at:])), None)
    if begin is None or any(isinstance(fact, Resolved) for fact in history[begin:]):
        return []
    return [history[begin], *_answered(history[begin + 1 :])]


def leads_to(facts: Sequence[Fact], life: Life) -> bool:
    """Whether `facts` amount to the same end as `life`, and no try in between would have been the last of its run.

    A deadline in between does not matter: a replay has none.
    """
    now: Life | None = None
    for fact in facts:
        if now is not None and isinstance(fact, Sent) and giving_up(now) is not None:
            return False
        now = fold(now, fact)
    return now is not None and (now.state, now.artifacts, now.why) == (life.state, life.artifacts, life.why)


def _begins_purchase(facts: Sequence[Fact]) -> bool:
    first = next((fact for fact in facts if isinstance(fact, Sent)), None)
    return isinstance(facts[0], Planned) and first is not None and first.step == "submit"


def _answered(facts: Sequence[Fact]) -> Iterator[Fact]:
    """The facts without further plans and the stops they overcame, and each `Sent` only with its answer."""
    left: dict[tuple[Step, int], Sent] = {}
    for fact in facts:
        if isinstance(fact, Sent):
            left[fact.step, fact.part] = fact
        elif isinstance(fact, Answered):
            if (sent := left.pop((fact.step, fact.part), None)) is not None:
                yield sent
            yield fact
        elif fact is facts[-1] or not isinstance(fact, Planned | Stopped):
            yield fact
