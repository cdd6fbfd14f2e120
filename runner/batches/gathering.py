"""Gathering: submits of one group wait in a file on the disk until no more come or it is full; then it is bought.

The upload is free and repeatable; creating the batch is the purchase, and its answer is the answer to every request in the file.
Just before it, each is written down as sent (`Leave`), with the file as its ticket: whatever happens then, the vendor's list tells
whether a batch was made of that file (`runner.batches.search`). A file that could not be brought to the vendor holds the lane for a
while instead of charging each of its requests a try: nothing is wrong with any of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

from runner.batches.ways import LATER, OF_FILE, Way
from runner.edge.blobs import Blobs
from runner.edge.bodies import find_assets, write_body
from runner.edge.uploads import Upload
from runner.records import BLOB_SCHEME, Asset, FileBody, JsonBody, NoAnswer, Request
from runner.verdicts import Broken, Busy, Lost, Queued, Refused, Verdict

QUIET: Final = 2.0
"""Seconds without another request after which a file is taken to be complete."""
Leave: TypeAlias = Callable[[Sequence[str], str], None]
"""Writes down, durably, that these requests are about to leave and can be asked for by this ticket."""
STOPPING: Final = "the run is stopping; nothing of its batch was sent"


@dataclass(slots=True, eq=False)
class File:
    """A file that takes requests until it is `full`; `verdict` is what all of them hear. Made inside the event loop."""

    group: Hashable
    upload: Upload
    ids: list[str] = field(default_factory=list)
    last_at: float = 0.0
    full: asyncio.Event = field(default_factory=asyncio.Event)
    verdict: asyncio.Future[Verdict] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def add(self, name: str, line: bytes, now: float) -> None:
        """Take in the line of a request."""
        self.ids.append(name)
        self.upload.write(line)
        self.last_at = now


class Gathering:
    """The files that are being filled. `sent` has, by ticket, whose requests are in a file, in its order."""

    def __init__(self, blobs: Blobs, leave: Leave) -> None:
        self.sent: dict[str, list[str]] = {}
        self._blobs, self._leave = blobs, leave
        self._open: dict[Hashable, File] = {}

    def close(self) -> None:
        """Let no file wait for more."""
        for file in self._open.values():
            file.full.set()

    async def submit(self, way: Way, request: Request) -> Verdict:
        """Put the request into a file; what came of the file is what came of it."""
        line = await self._line_of(way, request)
        if way.rest.over:
            return Broken(STOPPING)
        if len(line) > way.batching.MOST_BYTES:
            return Refused(f"alone it has {len(line)} bytes, more than a file of a batch may have; leave `lane: batch` out")
        file, is_new = self._file_for(way, request, len(line))
        file.add(request.id, line, way.rest.clock.now())
        if is_new:
            await self._see_off(way, file, request.operation)
        return await asyncio.shield(file.verdict)

    async def _line_of(self, way: Way, request: Request) -> bytes:
        body = way.lane.provider.submit(request, way.lane.options).body
        assert isinstance(body, JsonBody)
        write = partial(write_body, body, self._load)
        data, _ = await asyncio.to_thread(write) if find_assets(body) else write()
        return way.batching.line(request.id, request.operation, data)

    def _load(self, asset: Asset) -> bytes:
        return self._blobs.read(asset.ref.removeprefix(BLOB_SCHEME))

    def _file_for(self, way: Way, request: Request, size: int) -> tuple[File, bool]:
        """The file that requests of this group go into, and whether it is a new one."""
        group = (way.lane.name, way.batching.group(request))
        file = self._open.get(group)
        if file is not None and not file.full.is_set():
            if len(file.ids) < way.batching.MOST_LINES and file.upload.size + size <= way.batching.MOST_BYTES:
                return file, False
            file.full.set()
        file = self._open[group] = File(group, Upload(self._blobs, way.batching.FIELDS))
        return file, True

    async def _see_off(self, way: Way, file: File, operation: str) -> None:
        """Wait until the file is complete, and buy it; whoever is in it hears what came of that."""
        try:
            await self._complete(way, file)
            verdict = Broken(STOPPING) if way.rest.over else await self._buy(way, file, operation)
        except BaseException as failure:
            file.verdict.set_exception(failure)
            file.verdict.exception()  # perhaps nobody else is in the file to hear of it
            raise
        finally:
            file.upload.abort()
        file.verdict.set_result(verdict)

    async def _complete(self, way: Way, file: File) -> None:
        while not file.full.is_set():
            await way.rest.either(way.rest.clock.sleep_until(file.last_at + QUIET), file.full.wait())
            if way.rest.clock.now() >= file.last_at + QUIET:
                file.full.set()
        if self._open.get(file.group) is file:
            del self._open[file.group]

    async def _buy(self, way: Way, file: File, operation: str) -> Verdict:
        """Upload the file and create its batch: the verdict for every request in it."""
        body = await asyncio.to_thread(file.upload.finish)
        try:
            uploaded = await self._upload(way, body)
        finally:
            await asyncio.to_thread(file.upload.discard, body)
        if not isinstance(uploaded, str):
            return uploaded
        if way.rest.over:
            return Broken(STOPPING)
        await asyncio.to_thread(self._leave, file.ids, OF_FILE + uploaded)
        bought = await self._create(way, uploaded, operation)
        if isinstance(bought, Queued):
            self.sent[bought.ticket] = file.ids
        return bought

    async def _upload(self, way: Way, body: FileBody) -> str | Verdict:
        call, why = way.batching.upload(body, way.lane.options), ""
        for pause in way.rest.pauses():
            await way.rest.nap(pause)
            reply = await way.ask(call)
            said = Lost(reply.why) if isinstance(reply, NoAnswer) else way.batching.read_upload(reply)
            if not isinstance(said, Lost | Broken):
                return said
            why = said.why
        return Busy(LATER, f"the file of the batch could not be uploaded: {why}")

    async def _create(self, way: Way, uploaded: str, operation: str) -> Verdict:
        """The purchase. One without an answer is asked for by its file."""
        reply = await way.ask(way.batching.create(uploaded, operation, way.lane.options))
        if isinstance(reply, NoAnswer):
            said: str | Verdict = Lost(reply.why) if reply.sent else Busy(LATER, reply.why)
        else:
            said = way.batching.read_created(reply)
        if isinstance(said, str):
            return Queued(said)
        if isinstance(said, Lost):
            return Queued(OF_FILE + uploaded, note=said.why)
        return Busy(LATER, said.why) if isinstance(said, Broken) else said
