"""Five keys that must never be seen again, the spellings a vendor may quote them in, and the places it may quote them at."""

from __future__ import annotations

import base64
import gzip
import html
import json
import urllib.parse
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.edge.conftest import Hit

CANARIES: Final = (
    "test-key-canary-0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "test-key/canary+with=odd&chars <\"and' more>%",
    "test-kéy-cänary-in-lätin-1",
    "canary-8",
    "test-key-canary-" + "long-" * 40,
)
"""Plain, with everything that is escaped somewhere, not ASCII, the shortest that is masked, and a long one."""

SPELLINGS: Final[dict[str, Callable[[str], str]]] = {
    "plain": str,
    "base64": lambda key: base64.b64encode(f"user:{key}".encode()).decode(),
    "url-safe base64": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "url": lambda key: urllib.parse.quote(key, safe=""),
    "json": lambda key: json.dumps(key)[1:-1],
    "html": html.escape,
}


def answer(status: str, body: str | bytes, kind: str = "application/json", *headers: str) -> bytes:
    """A complete HTTP answer."""
    data = body.encode() if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + data


def page(word: str) -> str:
    """An error page as a framework in debug mode makes it."""
    return f"<!doctype html><title>500</title><pre>jvx_apikey: {word}\nAuthorization: Bearer {word}</pre>" + "x" * 3000


Place = Callable[[Hit, str], bytes]
"""What a vendor answers to a call, quoting the word."""

TEXT: Final[dict[str, Place]] = {
    "400 JSON": lambda _, word: answer("400", f'{{"error": "bad key {word}"}}'),
    "401 JSON": lambda _, word: answer("401", f'{{"message": "{word} is not known"}}'),
    "402 text": lambda _, word: answer("402", f"no credits for {word}", "text/plain"),
    "403 page": lambda _, word: answer("403", page(word), "text/html"),
    "404 at the edge of what is told": lambda _, word: answer("404", f'{{"error": "{"e" * 480}{word}"}}'),
    "409 JSON": lambda _, word: answer("409", f'{{"error": {{"message": "{word}"}}}}'),
    "500 page": lambda _, word: answer("500", page(word), "text/html"),
    "502 text": lambda _, word: answer("502", word, "text/plain"),
    "200 page": lambda _, word: answer("200", page(word), "text/html"),
    "200 of another shape": lambda _, word: answer("200", f'{{"echo": {{"headers": ["{word}"]}}}}'),
    "200 broken JSON": lambda _, word: answer("200", f'{{"text": "{word}'),
    "200 the text itself": lambda _, word: answer("200", json.dumps({"text": f"Buy {word} now"})),
    "200 gzip": lambda _, word: answer("200", gzip.compress(page(word).encode()), "text/html", "Content-Encoding: gzip"),
    "200 broken gzip": lambda _, word: answer("200", page(word), "text/html", "Content-Encoding: gzip"),
    "redirect": lambda _, word: answer("302", "", "text/html", f"Location: https://vendor.example/login?key={word}"),
    "a header": lambda _, word: answer("400", "{}", "application/json", f"X-Echo: {word}", f"Retry-After: {word}"),
    "a bad header": lambda _, word: answer("200", "{}", "application/json", f"X-Bad\0{word}: {word}"),
    "a bad status": lambda _, word: f"HTTP/1.1 abc {word}\r\n\r\n".encode(),
    "no HTTP": lambda _, word: f"{word} {word}\r\n\r\n".encode(),
    "cut off": lambda _, word: answer("200", page(word), "text/html").replace(b"Content-Length: 3", b"Content-Length: 9"),
}
"""Places in the answer to a submit that is read into memory."""

IMAGE: Final[dict[str, Place]] = {
    "the link": lambda hit, word: (
        answer("404", page(word), "text/html")
        if hit.line.startswith("GET")
        else answer("200", json.dumps({"imageUrl": f"http://{hit.headers['host']}/f.png?k={urllib.parse.quote(word)}"}))
    ),
}
"""Places in what follows the answer to a submit."""

STREAM: Final[dict[str, Place]] = {
    "a page for a picture": lambda _, word: answer("200", page(word) * 40, "text/html"),
    "a picture that is none": lambda _, word: answer("200", page(word), "image/png"),
    "JSON for a picture": lambda _, word: answer("200", f'{{"code": 1101, "message": "{word}"}}'),
    "406 JSON": lambda _, word: answer("406", f'{{"code": 1003, "message": "{word}"}}'),
}
"""Places in the answer to a submit that goes straight to the store."""

QUEUE: Final[dict[str, Place]] = {
    "the reason of a failed job": lambda hit, word: (
        answer("200", json.dumps({"status": "failed", "reason": f"key {word} has expired"}))
        if hit.line.startswith("GET")
        else answer("200", '{"requestId": "t1"}')
    ),
}
"""Places in the answer to a poll."""


def traces(folders: Iterable[Path]) -> list[str]:
    """Every file below the folders that holds a canary in whatever spelling, and which."""
    marks = {mark for key in CANARIES for mark in _marks(key)}
    found = []
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        found += [f"{path}: {mark!r}" for mark in marks if mark in data or mark.decode("latin-1") in str(path)]
    return found


def _marks(key: str) -> set[bytes]:
    spelled = {spell(key) for spell in SPELLINGS.values()} | {base64.b64encode(key.encode()).decode(), repr(key)[1:-1]}
    return {mark for word in spelled for mark in (word.encode(), word.encode("latin-1"))}


def command_lines() -> list[str]:
    """The command lines of all processes."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            lines.append((process / "cmdline").read_bytes().decode("latin-1"))
    return lines


def with_canary(lines: list[str]) -> list[str]:
    """Those of the lines that show a canary."""
    marks = {mark.decode("latin-1") for key in CANARIES for mark in _marks(key)}
    return [line for line in lines if any(mark in line for mark in marks)]
