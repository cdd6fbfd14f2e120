"""Requests sent as lines of a file: uploaded, made a batch, carried out by and by, and answered in a file in no order at all.

Every line that will be carried out is in the ledger before the batch is answered with an id, at the batch's discount and under
the digest the same request has when it comes alone; so whatever is sent twice, on one lane or on both, shows. The output is
written when somebody asks for a batch whose time has come. A line of a batch that is cancelled stays billed, though its answer
may be missing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from runner.sandbox.batch_lines import APART, BILLED, Fate, Line, draw_fate, read_line, refused, write_line, write_unrun
from runner.sandbox.behaviour import Fault
from runner.sandbox.damage import refuse, replace_answer, spoil
from runner.sandbox.desk import PENDING, Desk, read_order
from runner.sandbox.dice import chance, fingerprint
from runner.sandbox.intake import Ask, Fields, Refusal, Reply, Wrong, write_json
from runner.sandbox.ledger import Entry
from runner.sandbox.shelf import Shelf, offsets, read_at
from runner.sandbox.vendor import Batching, Job, Submit, Vendor

Act: TypeAlias = Callable[[Ask, str], Awaitable[Reply]]
LENGTH: Final = 2.0
"""How much longer a batch takes than a job."""
TAIL: Final = 0.1
"""The last share of a batch's time, in which it is finalizing."""
PATIENCE: Final = 0.5
"""Seconds that an ask waits for the output to be written, before it says `finalizing`."""
MOST_TOLD: Final = 20
"""Mistakes of a file that are told."""
DONE: Final = frozenset({"completed", "expired", "cancelled"})


class Batches:
    """The files and batches of one vendor, at the desk it shares with everything else."""

    def __init__(self, desk: Desk, vendor: Vendor) -> None:
        assert vendor.batching is not None
        self._desk = desk
        self._vendor = vendor
        self._form: Batching = vendor.batching
        self._shelf = Shelf(desk.settings.state / "batches", desk.settings.key)
        self._writing: dict[str, asyncio.Task[None]] = {}

    def routes(self) -> Iterator[tuple[str, str, Act]]:
        """What can be done: method, path after the vendor's prefix, and who does it."""
        acts: tuple[tuple[str, str, Act], ...] = (
            ("POST", "files", self._upload),
            ("GET", "files/{id}", self._show_file),
            ("DELETE", "files/{id}", self._delete_file),
            ("GET", "files/{id}/content", self._content),
            ("POST", "batches", self._create),
            ("GET", "batches", self._list),
            ("GET", "batches/{id}", self._show),
            ("POST", "batches/{id}/cancel", self._cancel),
        )
        for method, path, act in acts:
            yield method, path, lambda ask, origin, act=act: self._desk.metered(self._vendor, self._late(act(ask, origin)))  # type: ignore[misc]

    async def _late(self, reply: Awaitable[Reply]) -> Reply:
        """The reply, some time after what it tells of was done: who is killed in between has bought without knowing."""
        done = await reply
        await asyncio.sleep(self._desk.settings.latency)
        return done

    def _enter(self, ask: Ask, operation: str, step: str) -> None:
        self._desk.calls[self._vendor.name, operation, step] += 1
        self._vendor.admit(ask, self._desk.settings.key)

    def _refusal(self, name: str, message: str) -> Refusal:
        return Refusal(self._vendor.wrong(name, message))

    async def _upload(self, ask: Ask, _origin: str) -> Reply:
        """POST /files: a form with a purpose and a file. It is free."""
        self._enter(ask, "files", "submit")
        purpose, data = ask.form.get("purpose"), ask.form.get("file")
        if purpose not in self._form.purposes:
            raise self._refusal("purpose", f"purpose must be one of: {', '.join(self._form.purposes)}")
        if not isinstance(data, bytes) or not data:
            raise self._refusal("file", "file is required, as a file with a name, and must not be empty")
        if purpose == "batch" and len(data) > self._form.most_bytes:
            raise self._refusal("file", f"a file for a batch has at most {self._form.most_bytes} bytes")
        fault = self._meet("files", "submit", hashlib.sha256(data).hexdigest())
        record: dict[str, Any] = {"id": self._shelf.new_id("file"), "filename": "batch.jsonl", "purpose": purpose}
        await self._desk.aside(self._shelf.path(record["id"], "data").write_bytes, data)
        record |= {"bytes": len(data), "created_at": self._desk.now()}
        self._shelf.save(record)
        replace_answer(self._vendor, fault)
        return spoil(write_json(200, self._form.show_file(record)), fault)

    def _meet(self, operation: str, step: Any, content: str) -> Fault | None:
        """The fault that hits this try, after it has had its say; then the pace is kept."""
        fault = self._desk.behaviour.draw(self._vendor.name, operation, step, content)
        refuse(self._vendor, fault, self._desk.now())
        self._desk.keep_pace(self._vendor, buys=step == "submit")
        return fault

    def _file(self, name: str) -> dict[str, Any]:
        record = self._shelf.load(name)
        if record is None or "purpose" not in record or self._desk.now() >= record.get("expires_at", float("inf")):
            raise Refusal(self._vendor.missing)
        return record

    async def _show_file(self, ask: Ask, _origin: str) -> Reply:
        self._enter(ask, "files/{id}", "read")
        return write_json(200, self._form.show_file(self._file(ask.path["id"])))

    async def _delete_file(self, ask: Ask, _origin: str) -> Reply:
        self._enter(ask, "files/{id}", "delete")
        record = self._file(ask.path["id"])
        self._shelf.delete(record["id"])
        return write_json(200, {"id": record["id"], "object": "file", "deleted": True})

    async def _content(self, ask: Ask, _origin: str) -> Reply:
        """GET /files/{id}/content: the file itself, as long as it may be."""
        self._enter(ask, "files/{id}/content", "fetch")
        record = self._file(ask.path["id"])
        fault = self._meet("files/{id}/content", "fetch", record["id"])
        replace_answer(self._vendor, fault)
        return spoil(Reply(200, b"", "application/octet-stream", source=self._shelf.path(record["id"], "data")), fault)

    async def _create(self, ask: Ask, _origin: str) -> Reply:
        """POST /batches: the purchase."""
        self._enter(ask, "batches", "submit")
        try:
            batch = self._read(Fields(ask.json()))
        except Wrong as wrong:
            raise self._refusal(wrong.name, wrong.message) from wrong
        path = self._shelf.path(batch["input_file_id"], "data")
        content = hashlib.sha256(await self._desk.aside(path.read_bytes)).hexdigest()
        fault = self._meet("batches", "submit", content)
        submit, now = self._submit(batch["endpoint"]), self._desk.now()
        begins, queue = now + self._desk.settings.queue * PENDING, self._desk.settings.queue
        batch |= {
            "created_at": now,
            "in_progress_at": begins,
            "ends_at": begins + queue * LENGTH * (0.5 + chance(content, "queue")),
        }
        ordered, batch["problems"] = await self._desk.aside(self._check, batch, submit)
        batch["total"] = len(ordered)
        self._accept(batch, submit, ordered, content)
        replace_answer(self._vendor, fault)
        return spoil(write_json(200, self._shown(batch, "validating")), fault)

    def _read(self, fields: Fields) -> dict[str, Any]:
        name = fields.needed("input_file_id")
        record = self._shelf.load(name)
        if record is None or record.get("purpose") != "batch":
            fields.refuse("input_file_id", f"No such File object for a batch: {name}")
        endpoint = fields.choice("endpoint", tuple(self._form.endpoints), required=True) or ""
        if self._form.endpoints[endpoint] is None:
            fields.refuse("endpoint", f"{endpoint} is not played by this sandbox")
        ending = fields.mapping("output_expires_after")
        lasts = None
        if ending is not None:
            ending.choice("anchor", ("created_at",), required=True)
            lasts = ending.whole("seconds", low=3600, high=2_592_000, required=True)
        return {
            "input_file_id": name,
            "endpoint": endpoint,
            "completion_window": fields.choice("completion_window", ("24h",), required=True),
            "metadata": fields.raw("metadata"),
            "lasts": lasts if self._desk.settings.expiry is None else self._desk.settings.expiry,
        }

    def _submit(self, endpoint: str) -> Submit:
        return next(each for each in self._vendor.submits if each.operation == self._form.endpoints[endpoint])

    def _check(self, batch: Mapping[str, Any], submit: Submit) -> tuple[list[tuple[str, float]], list[dict[str, Any]]]:
        """Digest and price of every line (an empty digest: its body is wrong), and the mistakes for which the whole batch fails."""
        ordered: list[tuple[str, float]] = []
        problems: list[dict[str, Any]] = []
        seen: set[str] = set()
        path = self._shelf.path(batch["input_file_id"], "data")
        for number, text in enumerate(read_at(path, offsets(path)), 1):
            try:
                line = read_line(text, batch["endpoint"])
                if line.custom_id in seen:
                    raise Wrong("custom_id", f"custom_id {line.custom_id} is given twice")
                seen.add(line.custom_id)
                ordered.append(self._price(line, submit))
            except Wrong as wrong:
                problems.append({"code": "invalid_line", "message": wrong.message, "param": wrong.name or None, "line": number})
        if not 1 <= number_of(ordered, problems) <= self._form.most_lines:
            message = f"a batch has 1 to {self._form.most_lines} requests"
            problems.insert(0, {"code": "request_limit_exceeded", "message": message, "param": None, "line": None})
        return ordered, problems[:MOST_TOLD]

    def _price(self, line: Line, submit: Submit) -> tuple[str, float]:
        try:
            order = read_order(self._vendor, submit, self._ask(line))
        except Refusal:
            return "", 0.0
        return order.digest, submit.charge(order.params) * self._form.discount

    def _ask(self, line: Line) -> Ask:
        ask = line.ask({})
        return Ask(ask.method, ask.path, ask.query, ask.headers, ask.media_type, ask.body, own=self._desk.store.own)

    def _accept(self, batch: dict[str, Any], submit: Submit, ordered: list[tuple[str, float]], content: str) -> None:
        """Draw what becomes of every line, charge for those that will be carried out, and write all of it down."""
        vendor, behaviour, ledger = self._vendor, self._desk.behaviour, self._desk.ledger
        fate = behaviour.fate(vendor.name, "batches", content)
        batch["fate"] = "" if fate is None else fate.kind
        identity = self._shelf.new_id("batch")
        ranks = ranked(identity, len(ordered))
        runs = 0 if batch["problems"] or batch["fate"] == "job_fails" else len(ordered)
        batch |= {"id": identity, "runs": runs // 2 if batch["fate"] == "job_expires" else runs}
        fates = [Fate("batch_expired")] * len(ordered)
        for place in ranks[: batch["runs"]]:
            digest, _ = ordered[place]
            fates[place] = draw_fate(behaviour.draw(vendor.name, submit.operation, "submit", digest)) if digest else Fate("wrong")
        bought = [ordered[place] for place in ranks[: batch["runs"]] if fates[place].kind in BILLED]
        self._desk.charge(vendor, sum(charge for _, charge in bought))
        first, now = len(ledger.entries) + 1, self._desk.now()
        self._shelf.save({"id": identity, "fates": [[fate.kind, fate.status] for fate in fates]}, "fates")
        self._shelf.save(batch)
        ledger.accept_all(
            Entry(first + n, now, vendor.name, submit.operation, digest, charge=charge) for n, (digest, charge) in enumerate(bought)
        )

    async def _list(self, ask: Ask, _origin: str) -> Reply:
        """GET /batches: the newest first, `limit` of them, from the one `after` another on."""
        self._enter(ask, "batches", "read")
        data = [self._shown(batch, self._status(batch)) for batch in self._shelf.list("batch")]
        begin = next((place for place, each in enumerate(data, 1) if each["id"] == ask.query.get("after")), 0)
        asked = ask.query.get("limit", "20")
        end = begin + (min(max(int(asked), 1), 100) if asked.isdecimal() else 20)
        return write_json(200, {"object": "list", "data": data[begin:end], "has_more": end < len(data)})

    async def _show(self, ask: Ask, origin: str) -> Reply:
        """GET /batches/{id}: how it stands; the first who asks after its time has come has the output written."""
        self._enter(ask, "batches", "poll")
        batch = self._batch(ask)
        fault = self._meet("batches", "poll", batch["id"])
        replace_answer(self._vendor, fault)
        status = self._status(batch)
        if status in DONE and not await self._written(batch, origin):
            status = "finalizing"
        if fault is not None and fault.kind == "unknown_word":
            status = "archiving"
        return spoil(write_json(200, self._shown(batch, status)), fault)

    async def _cancel(self, ask: Ask, _origin: str) -> Reply:
        """POST /batches/{id}/cancel: what has been carried out by now stays."""
        self._enter(ask, "batches/{id}/cancel", "cancel")
        batch = self._batch(ask)
        if self._status(batch) in {"validating", "in_progress"}:
            batch |= {"cancelling_at": self._desk.now(), "runs": int(batch["runs"] * self._share(batch))}
            self._shelf.save(batch)
        return write_json(200, self._shown(batch, self._status(batch)))

    def _batch(self, ask: Ask) -> dict[str, Any]:
        batch = self._shelf.load(ask.path["id"])
        if batch is None or "endpoint" not in batch:
            raise Refusal(self._vendor.missing)
        return batch

    def _share(self, batch: Mapping[str, Any]) -> float:
        """How much of the batch has been carried out by now."""
        length = batch["ends_at"] - batch["in_progress_at"]
        return min(1.0, max(0.0, (self._desk.now() - batch["in_progress_at"]) / length)) if length else 1.0

    def _status(self, batch: Mapping[str, Any]) -> str:
        now, fate = self._desk.now(), batch["fate"]
        if "cancelling_at" in batch:
            return "cancelling" if now < batch["cancelling_at"] + self._desk.settings.queue * PENDING else "cancelled"
        if now < batch["in_progress_at"]:
            return "validating"
        if batch["problems"]:
            return "failed"
        if fate == "job_never_ends" or self._share(batch) < 1 - TAIL:
            return "in_progress"
        if now < batch["ends_at"]:
            return "finalizing"
        return {"job_fails": "failed", "job_expires": "expired"}.get(fate, "completed")

    def _shown(self, batch: Mapping[str, Any], status: str) -> Mapping[str, Any]:
        """The batch in the vendor's shape."""
        written = (self._shelf.load(batch["id"], "written") if status in DONE else None) or {}
        counts = {"completed": int(batch["runs"] * self._share(batch)), "failed": 0} if status != "validating" else {}
        ended = {f"{status}_at": batch.get("cancelling_at", batch["ends_at"])} if status in {*DONE, "failed"} else {}
        problems = batch["problems"] if status == "failed" else None
        if status == "failed" and not problems:
            problems = [{"code": "server_error", "message": "The batch could not be carried out.", "param": None, "line": None}]
        return self._form.show_batch(
            {
                **batch,
                "status": status,
                "problems": problems,
                "in_progress_at": None if status == "validating" else batch["in_progress_at"],
                "request_counts": {"total": batch["total"], "completed": 0, "failed": 0, **counts, **written.get("counts", {})},
                **{name: written.get(name) for name in ("output_file_id", "error_file_id")},
                **ended,
            }
        )

    async def _written(self, batch: Mapping[str, Any], origin: str) -> bool:
        """Whether the output is there; if not, it is being written from now on."""
        if self._shelf.path(batch["id"], "written").exists():
            return True
        task = self._writing.get(batch["id"])
        if task is None:
            task = self._writing[batch["id"]] = asyncio.ensure_future(self._desk.aside(self._write, batch, origin))
        await asyncio.wait({task}, timeout=PATIENCE)
        if not task.done():
            return False
        del self._writing[batch["id"]]
        task.result()
        return True

    def _write(self, batch: Mapping[str, Any], origin: str) -> None:
        """Both files, line after line; the record that makes them valid comes last."""
        fates = [Fate(*each) for each in (self._shelf.load(batch["id"], "fates") or {"fates": []})["fates"]]
        ranks, source = ranked(batch["id"], len(fates)), self._shelf.path(batch["input_file_id"], "data")
        if "cancelling_at" in batch:
            ranks = ranks[: batch["runs"]]
        names = {kind: self._shelf.id_for("file", batch["id"], kind) for kind in ("output", "error")}
        counts = dict.fromkeys(names, 0)
        places, submit = offsets(source), self._submit(batch["endpoint"])
        with (
            self._shelf.path(names["output"], "data").open("wb") as output,
            self._shelf.path(names["error"], "data").open("wb") as errors,
        ):
            for place, text in zip(ranks, read_at(source, [places[place] for place in ranks]), strict=True):
                kind = "error" if fates[place].kind in APART else "output"
                counts[kind] += 1
                line = self._answer(batch, submit, read_line(text, batch["endpoint"]), fates[place], origin)
                (errors if kind == "error" else output).write(line)
        failed = sum(1 for place in ranks if fates[place].kind not in {"", "filtered"})
        record: dict[str, Any] = {"id": batch["id"], "counts": {"completed": len(ranks) - failed, "failed": failed}}
        for kind, count in counts.items():
            if count:
                record[f"{kind}_file_id"] = self._keep(batch, names[kind], f"{batch['id']}_{kind}.jsonl")
        self._shelf.save(record, "written")

    def _keep(self, batch: Mapping[str, Any], name: str, filename: str) -> str:
        """Make a written file one that can be asked for."""
        size, created = self._shelf.path(name, "data").stat().st_size, batch["ends_at"]
        lasts = {} if batch["lasts"] is None else {"expires_at": created + batch["lasts"]}
        self._shelf.save(
            {"id": name, "filename": filename, "purpose": "batch_output", "bytes": size, "created_at": created, **lasts}
        )
        return name

    def _answer(self, batch: Mapping[str, Any], submit: Submit, line: Line, fate: Fate, origin: str) -> bytes:
        if fate.kind == "batch_expired":
            return write_unrun(batch["id"], line.custom_id)
        if fate.kind in {"busy", "no_credit", "error", "error_after"}:
            return write_line(batch["id"], line.custom_id, refused(self._vendor, fate, self._desk.now()))
        try:
            order = read_order(self._vendor, submit, self._ask(line))
        except Refusal as refusal:
            return write_line(batch["id"], line.custom_id, refusal.reply)
        made = self._desk.make(submit, order, self._desk.store.token(self._vendor.name, order.digest))
        entry = Entry(0, batch["created_at"], self._vendor.name, submit.operation, order.digest, ends_at=batch["ends_at"])
        answer = submit.filtered if fate.kind == "filtered" and submit.filtered is not None else submit.answer
        assert answer is not None
        job = Job("", order.digest, order.params, batch["created_at"], origin=origin, ended_at=batch["ends_at"])
        return write_line(batch["id"], line.custom_id, answer(job, self._desk.linked(self._vendor, entry, made, origin)))


def batch_routes(desk: Desk, vendor: Vendor) -> Iterator[tuple[str, str, Act]]:
    """The routes of a vendor's files and batches; none for one that has no batches."""
    if vendor.batching is not None:
        yield from Batches(desk, vendor).routes()


def number_of(ordered: list[tuple[str, float]], problems: list[dict[str, Any]]) -> int:
    """How many lines a file has, right and wrong."""
    return len(ordered) + len(problems)


def ranked(batch: str, count: int) -> list[int]:
    """The places of a batch's lines in the order they are carried out and answered in, which is nobody's."""
    return sorted(range(count), key=lambda place: fingerprint(batch, place))
