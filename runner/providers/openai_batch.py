"""The vendor's Batch API: many requests in one file, answered within a day for half the price.

Documented ("Batch API", API reference "Files" and "Batch"): `POST /files` (purpose batch), `POST /batches` with the file, an
endpoint and a window of 24 h, `GET /batches/{id}`, `GET /files/{id}/content`; at most 50,000 lines and 200 MB a file, all for one
model; answers in any order, matched by `custom_id`; what failed is in a file of its own. A batch that expires answers what it has
carried out and names the rest `batch_expired`; of those, and of lines nowhere in an expired batch, nothing was carried out.

Cautious where the documents are silent: a line nobody answers in a completed batch may have been charged for, and one that was left
out because somebody cancelled is not asked again by itself. A line that failed for the vendor's sake (429, 5xx) is let go of and
asked anew; whether that was charged for is not documented, so its price stays counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from runner.providers.contract import SUCCESSES, Ended, FileLine, Listed, Options, clip, dig, read_json, segment, ticket_of
from runner.providers.openai_errors import error_message, read_error
from runner.records import Answer, Call, FileBody, JsonBody, Part, Request, SecretHeader
from runner.verdicts import Broken, Lost, Queued, Refused, Verdict

SECRETS: Final = (SecretHeader("Authorization", "key", "Bearer {}"),)
PLAIN: Final = (("Accept", "application/json"),)
RUNNING: Final = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
CUSTOM_ID: Final = re.compile(rb'"custom_id"\s*:\s*"([0-9a-f]{64})"')
HEAD: Final = 4096
"""Bytes of a line in which its `custom_id` usually is: answers may hold pictures."""
NOT_EXECUTED: Final = frozenset({"batch_expired"})
CANCELLED: Final = frozenset({"batch_cancelled"})
FULL: Final = frozenset({"token_limit_exceeded"})
"""Why a batch may fail for what else is queued just now: later it will not."""
FULL_AFTER: Final = 300.0


def headers_of(options: Options) -> tuple[tuple[str, str], ...]:
    """The headers of every call of the account."""
    organization, project = options.get("organization"), options.get("project")
    if not (organization or project):
        return PLAIN
    named = (("OpenAI-Organization", organization), ("OpenAI-Project", project))
    return (*PLAIN, *[(name, str(value)) for name, value in named if value])


class Batches:
    """The Batch API as `runner.providers.contract.Batching` has it, for the operations of `ENDPOINTS`."""

    FIELDS: tuple[Part, ...] = (Part("purpose", "batch"),)
    MOST_LINES = 50_000
    MOST_BYTES = 200_000_000
    DISCOUNT = 2

    def __init__(self, endpoints: Mapping[str, str]) -> None:
        self.ENDPOINTS = endpoints

    def group(self, request: Request) -> str:
        """A file is for one endpoint and one model."""
        return f"{self.ENDPOINTS[request.operation]} {request.params.get('model')}"

    def line(self, id: str, operation: str, body: bytes) -> bytes:
        """A request of the file; `body` is its JSON."""
        return b'{"custom_id":"%b","method":"POST","url":"%b","body":%b}\n' % (
            id.encode(),
            self.ENDPOINTS[operation].encode(),
            body,
        )

    def upload(self, body: FileBody, options: Options) -> Call:
        """Bring the file there. Free."""
        return self._call("POST", "files", options, body)

    def create(self, file: str, operation: str, options: Options) -> Call:
        """The purchase: have the file carried out."""
        body = {"input_file_id": file, "endpoint": self.ENDPOINTS[operation], "completion_window": "24h"}
        return self._call("POST", "batches", options, JsonBody(body))

    def recent(self, options: Options, after: str = "") -> Call:
        """Ask for a hundred batches: tells whether one was made whose answer was lost."""
        return self._call("GET", f"batches?limit=100{f'&after={segment(after)}' if after else ''}", options)

    def find_file(self, file: str, options: Options) -> Call:
        """Ask for a file's entry: tells whether this account is the one it was brought to."""
        return self._call("GET", f"files/{segment(file)}", options)

    def look(self, ticket: str, options: Options) -> Call:
        """Ask how far a batch is."""
        return self._call("GET", f"batches/{segment(ticket)}", options)

    def content(self, file: str, options: Options) -> Call:
        """Fetch a file of answers."""
        return self._call("GET", f"files/{segment(file)}/content", options)

    def read_upload(self, answer: Answer) -> str | Verdict:
        """The file's id, or what went wrong: read as for a purchase, though an upload is free."""
        return self._read_id(answer, "file") if answer.status in SUCCESSES else read_error("submit", answer, read_json(answer))

    def read_created(self, answer: Answer) -> str | Verdict:
        """The batch's ticket, or what the answer to the purchase means."""
        return self._read_id(answer, "batch") if answer.status in SUCCESSES else read_error("submit", answer, read_json(answer))

    def read_recent(self, answer: Answer, file: str) -> Listed | Verdict:
        """The ticket of the batch made of `file`, if the page tells of one."""
        said = read_json(answer)
        if answer.status not in SUCCESSES:
            return read_error("poll", answer, said)
        entries = dig(said, "data")
        if not isinstance(entries, list):
            return Broken(f"a list of batches that is none: {clip(said, 120)}")
        found = (entry for entry in entries if dig(entry, "input_file_id") == file)
        ticket = next((ticket for entry in found if (ticket := ticket_of(dig(entry, "id")))), None)
        if ticket or not dig(said, "has_more"):
            return Listed(ticket)
        after = ticket_of(dig(entries[-1] if entries else None, "id"))
        return Listed(None, after) if after else Broken("a list of batches that has more and does not say where")

    def read_look(self, answer: Answer) -> Ended | Verdict:
        """How the batch has ended; `Queued` while it has not."""
        said = read_json(answer)
        if answer.status not in SUCCESSES:
            return read_error("poll", answer, said)
        word = dig(said, "status")
        state = word.strip().lower() if isinstance(word, str) else ""
        if state in {"completed", "expired", "cancelled"}:
            files = (ticket_of(dig(said, name)) for name in ("output_file_id", "error_file_id"))
            count = dig(said, "request_counts", "completed")
            answered = count if isinstance(count, int) and not isinstance(count, bool) else 0
            return Ended(tuple(file for file in files if file), _left_out(state), answered=answered)
        if state == "failed":
            return _failed(said)
        return Queued("", note="" if state in RUNNING else f"unknown status word {clip(word, 60)!r}")

    def find_id(self, line: bytes) -> str | None:
        """Whose answer a line is, None if it is nobody's."""
        found = CUSTOM_ID.search(line, 0, HEAD)
        if found is not None:
            return found[1].decode()
        return ticket_of(dig(read_json(Answer(200, {}, line)), "custom_id"))

    def read_line(self, line: bytes) -> FileLine:
        """What a line says: the answer to its request, or what became of it instead."""
        said = read_json(Answer(200, {}, line))
        response, error = dig(said, "response"), dig(said, "error")
        code = str(dig(error, "code") or dig(response, "body", "error", "code"))  # whatever it is: a list can be in no set
        if code in NOT_EXECUTED:
            return Broken(_why(error, "the batch expired before this request was carried out"), dropped=True)
        if code in CANCELLED:
            return Refused(_why(error, "the batch was cancelled before this request was carried out"))
        status = dig(response, "status_code")
        if isinstance(status, int) and not isinstance(status, bool) and status > 0:
            return Answer(status, {}, json.dumps(dig(response, "body"), ensure_ascii=False).encode("utf-8", "replace"))
        if isinstance(error, dict):
            return Broken(_why(error, "the vendor could not carry it out"), dropped=True)
        return Refused("its line in the batch's answers cannot be read", billed=True)

    def _read_id(self, answer: Answer, what: str) -> str | Verdict:
        return ticket_of(dig(read_json(answer), "id")) or Lost(f"the answer names no {what}")

    def _call(self, method: Any, path: str, options: Options, body: JsonBody | FileBody | None = None) -> Call:
        step: Any = "submit" if method == "POST" else "poll"
        sink: Any = "file" if path.endswith("/content") else "memory"
        return Call(method, f"{options['base_url']}/{path}", step, headers_of(options), SECRETS, body, sink)


CHAT_BATCH: Final = Batches({"chat": "/v1/chat/completions"})
BATCH: Final = Batches({**CHAT_BATCH.ENDPOINTS, "image": "/v1/images/generations"})


def _left_out(state: str) -> Verdict:
    """What it means that a request has no line in the answers of a batch that ended so."""
    if state == "expired":
        return Broken("the batch expired before this request was carried out", dropped=True)
    if state == "cancelled":
        return Refused("the batch was cancelled before this request was carried out")
    return Refused("the batch is complete, but nothing in it answers this request", billed=True)


def _failed(said: Any) -> Ended:
    """A batch that was not begun: the vendor found a fault in its file, or no room for it."""
    told = dig(said, "errors", "data")
    errors = [error for error in told if isinstance(error, dict)] if isinstance(told, list) else []
    first = errors[0] if errors else {}
    why = f"the vendor did not begin the batch: {_why(first, 'no reason given')}"
    if any(error.get("code") in FULL for error in errors):
        return Ended((), Broken(why, FULL_AFTER, dropped=True))
    lines = {error["line"]: _why(error, "no reason given") for error in errors if isinstance(error.get("line"), int)}
    if not lines:
        return Ended((), Refused(why))
    others = Broken(f"another request of its batch is wrong: {why}", dropped=True)
    return Ended((), others, {number: Refused(f"the vendor did not take it: {told}") for number, told in lines.items()})


def _why(error: Any, otherwise: str) -> str:
    return error_message({"error": error} if isinstance(error, dict) else None) or otherwise
