"""Results as a run leaves them, for galleries: a few real pictures, lines of results.jsonl, and the histories of their requests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from runner.edge.blobs import Blobs
from runner.edge.outputs import RESULTS, result_line
from runner.facts import Answered, Fact, Planned, Saved, Sent
from runner.records import Artifact, Money, Request, make_request
from runner.report.gallery import Material
from runner.verdicts import Done, Text


def picture(color: str = "teal", size: tuple[int, int] = (640, 480), form: str = "PNG") -> bytes:
    """A plain picture."""
    out = BytesIO()
    Image.new("RGB", size, color).save(out, form)
    return out.getvalue()


def asked(prompt: str, use: str = "vyro/text-to-image", **params: Any) -> Request:
    """A request that asks for this."""
    provider, _, operation = use.partition("/")
    return make_request(provider, operation, {"prompt": prompt, **params})


def history(request: Request, *artifacts: Artifact, attempts: int = 1) -> list[Fact]:
    """The facts of a request that was done."""
    sent = [Sent(float(number), request.id, "submit", number) for number in range(1, attempts + 1)]
    return [
        Planned(0.5, request, False, "scene"),
        *sent,
        Answered(9.0, request.id, "submit", Done((Text("x"),))),
        Saved(9.5, request.id, artifacts),
    ]


def file_fields(data: bytes, path: str, size: tuple[int, int] = (640, 480), media_type: str = "image/png") -> dict[str, Any]:
    """A file as a line of results names it."""
    digest = hashlib.sha256(data).hexdigest()
    told = {"path": path, "sha256": digest, "bytes": len(data), "media_type": media_type}
    return {**told, "width": size[0], "height": size[1]}


def step(request: Request, status: str = "done", **more: Any) -> dict[str, Any]:
    """A step of a line."""
    return {"status": status, "request": request.id, "provider": request.provider, "operation": request.operation, **more}


def line(
    row: str, steps: Mapping[str, Any], cell: Mapping[str, Any] | None = None, number: int = 1, status: str = "done"
) -> dict[str, Any]:
    """A line of results.jsonl."""
    label = "".join(f"|{name}={value['name'] if isinstance(value, dict) else value}" for name, value in (cell or {}).items())
    return {
        "key": f"{row}{label}|{number}",
        "row": row,
        "matrix": dict(cell or {}),
        "variant": number,
        "status": status,
        "steps": dict(steps),
    }


def lay_out(
    folder: Path,
    lines: Iterable[Mapping[str, Any]],
    files: Mapping[str, bytes] | None = None,
    histories: Mapping[str, Sequence[Fact]] | None = None,
    **more: Any,
) -> Material:
    """An output folder with these results and files, as what a gallery is made from."""
    output, known = folder / "out", histories or {}
    output.mkdir(parents=True, exist_ok=True)
    with (output / RESULTS).open("wb") as results:
        results.writelines(map(result_line, lines))
    for path, data in (files or {}).items():
        (output / path).parent.mkdir(parents=True, exist_ok=True)
        (output / path).write_bytes(data)

    def look_up(ids: Sequence[str]) -> dict[str, Sequence[Fact]]:
        return {name: known[name] for name in ids if name in known}

    told: dict[str, Any] = {"mode": "live", "steps": ("copy", "scene"), "blobs": Blobs(folder / "blobs"), "facts": 1} | more
    return Material("small", "job.yaml", told.pop("mode"), told.pop("steps"), output, told.pop("blobs"), look_up, price, **told)


def price(use: str) -> Money | None:
    """Pictures cost four cents; nobody knows what a text costs."""
    return Money(Decimal("0.04"), "USD") if use.endswith("image") else None
