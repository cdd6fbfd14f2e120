"""The comparison as pages that open from the disk: before and after beside each other, or one over the other with a slider.

Plain HTML, written once and complete without scripts; one small script adds the slider and the keys. The policy in each page's head
lets nothing run but that file and nothing be loaded but what lies beside it, and whatever comes from a feed or a vendor is escaped.
Memory and pages are bounded: the first few thousand differences are shown, and how many are not is said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from runner.comparison.causes import Cause
from runner.comparison.comparing import Comparison
from runner.comparison.differences import Difference, PartPair, StepDifference
from runner.comparison.measuring import Distance
from runner.comparison.sides import Side
from runner.comparison.wording import compare_words, excerpt
from runner.edge.redaction import redact
from runner.errors import Usage
from runner.report.page import FOLDER_SOURCES, ICON, PAGE, POLICY, write_file
from runner.report.page import HERE as GALLERY
from runner.report.parts import Part
from runner.report.pictures import ENDINGS

HERE: Final = Path(__file__).parent / "page"
GENERATOR: Final = "adbatch-diff"
A_PAGE: Final = 50
"""Differences on one page."""
MOST_SHOWN: Final = 3_000
OURS: Final = re.compile(r"index\.html|page-[0-9]+\.html|page|files")
LONGEST: Final = 2_000
"""Characters of a value that are shown."""
AROUND: Final = 200
"""Characters of a text that are shown on either side of a change."""


class Sheet:
    """Pages of one comparison in the folder `root`. Give it every difference (`add`), then `close` it."""

    def __init__(self, root: Path, comparison: Comparison) -> None:
        self._root, self._comparison = root, comparison
        self._shown: list[dict[str, Any]] = []
        self._seen: dict[tuple[object, ...], str] = {}
        self._left = 0
        self._copied: set[str] = set()
        self._check()

    def add(self, difference: Difference) -> None:
        """Show the difference, and copy its pictures. Raises `OurSide` when the disk fails."""
        if len(self._shown) >= MOST_SHOWN:
            self._left += 1
            return
        steps = [self._step(step, difference.key) for step in difference.steps]
        self._shown.append({"key": difference.key, "how": difference.how, "status": difference.status, "steps": steps})

    def close(self) -> Path:
        """Write the pages, remove what an earlier comparison left here; returns the first page. Raises `OurSide`."""
        for name, folder in ((ICON, GALLERY), ("theme.css", GALLERY), ("diff.css", HERE), ("diff.js", HERE)):
            write_file(self._root / "page" / name, (folder / name).read_bytes())
        chunks = [self._shown[start : start + A_PAGE] for start in range(0, len(self._shown), A_PAGE)] or [[]]
        names = [PAGE, *(f"page-{number}.html" for number in range(2, len(chunks) + 1))]
        for number in range(len(chunks), 0, -1):  # the first at last: a page that is there has all it names
            text = self._render(chunks[number - 1], number, names)
            write_file(self._root / names[number - 1], redact(text).encode("utf-8", "replace"))
        for path in (*self._root.glob("page-*.html"), *self._root.glob("files/*")):
            if path.name not in names and path.name not in self._copied and not path.is_dir():
                path.unlink(missing_ok=True)
        return self._root / PAGE

    def _check(self) -> None:
        """Raise `Usage` unless the folder is new, empty, or of an earlier comparison."""
        if self._root.is_symlink() or (self._root.exists() and not self._root.is_dir()):
            raise Usage(f"{self._root} is not a folder of its own; name another with --html")
        held = list(self._root.iterdir()) if self._root.is_dir() else []
        page = self._root / PAGE
        ours = page.is_file() and GENERATOR in page.read_bytes()[:2000].decode("utf-8", "replace")
        if held and not (ours and all(OURS.fullmatch(path.name) and not path.is_symlink() for path in held)):
            raise Usage(f"{self._root} holds other things than a comparison; name an empty folder with --html")

    def _step(self, step: StepDifference, key: str) -> dict[str, Any]:
        """The step for the template; what variants share is shown with the first of them."""
        first = self._seen.setdefault(step.shared, key)
        told: dict[str, Any] = {"name": step.name, "what": step.what, "parts": [], "causes": [], "first": ""}
        if first != key:
            return {**told, "first": first}
        return {**told, "parts": [self._part(pair) for pair in step.parts], "causes": [_cause(cause) for cause in step.causes]}

    def _part(self, pair: PartPair) -> dict[str, Any]:
        then, now = self._side(pair.then, self._comparison.then), self._side(pair.now, self._comparison.now)
        slides = pair.kind == "picture" and bool(then["href"] and now["href"])
        measured = said(pair.distance) if pair.distance is not None else pair.unseen
        words = excerpt(pair.words, AROUND)
        return {"kind": pair.kind, "then": then, "now": now, "slides": slides, "words": words, "measured": measured}

    def _side(self, part: Part | None, side: Side) -> dict[str, Any]:
        if part is None:
            return {"there": False, "href": "", "width": None, "height": None, "size": ""}
        size = f"{round(part.size / 1000):,} kB" if part.size >= 1000 else f"{part.size} B"
        return {"there": True, "href": self._copy(part, side), "width": part.width, "height": part.height, "size": size}

    def _copy(self, part: Part, side: Side) -> str:
        """The address of the part's file here; empty where it is not at hand, or is nothing that a page shows."""
        ending = ENDINGS.get(part.media_type)
        if ending is None:
            return ""
        other = self._comparison.now if side is self._comparison.then else self._comparison.then
        name = f"{part.digest}.{ending}"
        if name not in self._copied:
            source = side.picture(part) or other.picture(part)
            if source is None:
                return ""
            write_file(self._root / "files" / name, source.read_bytes())
            self._copied.add(name)
        return f"files/{name}"

    def _render(self, differences: list[dict[str, Any]], page: int, names: list[str]) -> str:
        counts: Counter[str] = self._comparison.counts
        about = {"then": self._comparison.then, "now": self._comparison.now, "counts": counts, "left": self._left}
        own = {"scripts": FOLDER_SOURCES, "styles": FOLDER_SOURCES, "media": FOLDER_SOURCES, "connect": "'none'"}
        told = {"beside": self._comparison.beside, "differences": differences, "value": shown_value, "version": version("adbatch")}
        where = {"page": page, "pages": len(names), "names": names, "policy": POLICY.format(**own), "generator": GENERATOR}
        return str(_template().render({**about, **told, **where}))


def said(distance: Distance) -> str:
    """The distance of two pictures in words."""
    pixels = (
        "another size"
        if distance.share is None
        else f"{distance.share:.1%} of the pixels differ, by {distance.mean:.1%} on average"
    )
    return pixels if distance.dhash is None else f"{pixels}; {distance.dhash} of 64 bits of the look (dHash)"


def shown_value(value: Any) -> str:
    """A value for people; what is not there is a dash."""
    text = "—" if value is None else value if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _cause(cause: Cause) -> Mapping[str, Any]:
    texts = isinstance(cause.then, str) and isinstance(cause.now, str)
    words = excerpt(compare_words(cause.then, cause.now), AROUND) if texts else ()
    return {"name": cause.name, "then": cause.then, "now": cause.now, "note": cause.note, "words": words}


@cache
def _template() -> Any:
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.get_template("diff.html.j2")
