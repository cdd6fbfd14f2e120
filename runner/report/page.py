"""The page: one template, plain scripts and styles, and the two forms in which they go to the reader.

As a folder the data lies in files that the page loads as scripts (`fetch` is closed to pages from `file://`), each of which hands
over one text of JSON; so nothing in it is ever run, and a key such as `__proto__` stays a key. As a single file the data lies in
islands that browsers never run. The policy in the page's head lets scripts come from its own folder, or with the digests of the two
that stand in the page, and from nowhere else; nothing may leave it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from runner.edge.redaction import redact
from runner.errors import OurSide, Usage

HERE: Final = Path(__file__).parent / "page"
PAGE: Final = "index.html"
TEMPLATE: Final = "index.html.j2"
ICON: Final = "icon.svg"
STYLES: Final = ("theme.css", "gallery.css", "lightbox.css")
SCRIPTS: Final = (
    "dom.js",
    "store.js",
    "decisions.js",
    "arrange.js",
    "cards.js",
    "grid.js",
    "lightbox.js",
    "filters.js",
    "keys.js",
    "live.js",
    "app.js",
)
"""In the order they are run."""
PAGE_DIGEST: Final = hashlib.sha256(
    b"".join((HERE / name).read_bytes() for name in (TEMPLATE, ICON, *STYLES, *SCRIPTS))
).hexdigest()
GENERATOR: Final = "adbatch-gallery"
OPEN_POLICY: Final = "default-src 'none'; script-src {scripts}; style-src {styles}; img-src {media}; media-src {media}; "
POLICY: Final = OPEN_POLICY + "connect-src {connect}; base-uri 'none'; form-action 'none'"
FOLDER_SOURCES: Final = "'self' file:"
"""What a page from `file://` may load: browsers differ in whether that is `'self'`."""


class Folder:
    """The gallery as a folder at `root`. `hidden` keeps git from looking into it."""

    def __init__(self, root: Path, hidden: bool = False) -> None:
        self.root, self._hidden = root, hidden
        self._names: set[str] = set()

    def stamp(self) -> str | None:
        """The stamp of the gallery that is there, None where there is none."""
        try:
            with (self.root / PAGE).open("rb") as file:
                head = file.read(2000).decode("utf-8", "replace")
        except OSError:
            return None
        return head.partition(f'content="{GENERATOR} ')[2].partition('"')[0] or None

    def open(self) -> None:
        """Make the folder. Raises `Usage` where something else is in it, or it is a link."""
        if self.root.is_symlink() or (self.root.exists() and not self.root.is_dir()):
            raise Usage(f"{self.root} is not a folder of its own; name another with --out")
        if self.root.is_dir() and self.stamp() is None and any(self._foreign()):
            raise Usage(f"{self.root} holds other things than a gallery; name an empty folder with --out")
        for path in self.root.glob("*") if self.root.is_dir() else ():
            if path.is_symlink():
                raise Usage(f"{path} is a link; remove it: what lies where it leads would be overwritten and tidied up")
        for name in (ICON, *STYLES, *SCRIPTS):
            self._write(f"page/{name}", (HERE / name).read_bytes())
        if self._hidden:
            self._write(".gitignore", b"*\n")

    def write_chunk(self, number: int, chunk: Mapping[str, Any]) -> None:
        """Write one chunk of data."""
        self._write_data(f"chunk-{number}", chunk)

    def close(self, index: Mapping[str, Any], stamp: str) -> None:
        """Write the index and at last the page, and remove chunks of an earlier gallery."""
        self._write_data("index", index)
        for path in (self.root / "data").glob("*.js"):
            if path.name not in self._names:
                path.unlink(missing_ok=True)
        own = {"scripts": FOLDER_SOURCES, "styles": FOLDER_SOURCES, "media": FOLDER_SOURCES, "connect": "'self'"}
        files = {"styles": [f"page/{name}" for name in STYLES], "scripts": [f"page/{name}" for name in SCRIPTS]}
        self._write(PAGE, render_page(index, stamp, POLICY.format(**own), **files).encode("utf-8", "replace"))

    def _foreign(self) -> list[Path]:
        """What lies here and cannot be of a gallery that was interrupted."""
        ours = {"page", "data", "thumbs", "files", ".gitignore"}
        return [path for path in self.root.iterdir() if path.name not in ours]

    def _write_data(self, name: str, value: Mapping[str, Any]) -> None:
        self._names.add(f"{name}.js")
        text = orjson.dumps(redact(dump(value))).decode()
        self._write(f"data/{name}.js", f'adbatch.take("{name}",{text});\n'.encode())

    def _write(self, name: str, data: bytes) -> None:
        write_file(self.root / name, data)


class SingleFile:
    """The gallery as the one file at `path`, everything inside, the `pictures` among it (data: addresses, by name)."""

    def __init__(self, path: Path, pictures: Mapping[str, str] | None = None) -> None:
        self._path, self._pictures = path, {} if pictures is None else pictures
        self._islands: list[tuple[str, str]] = []

    def write_chunk(self, number: int, chunk: Mapping[str, Any]) -> None:
        """Keep one chunk of data for the page."""
        self._islands.append((f"chunk-{number}", island(chunk)))

    def close(self, index: Mapping[str, Any], stamp: str) -> None:
        """Write the page."""
        islands = [("index", island(index)), *self._islands]
        islands += [(name, json.dumps(picture)) for name, picture in self._pictures.items()]
        style, script = _joined(STYLES), _joined(SCRIPTS)
        own = {"scripts": _source(script), "styles": _source(style), "media": "data:", "connect": "'none'"}
        page = render_page(index, stamp, POLICY.format(**own), style=style, script=script, islands=islands)
        write_file(self._path, page.encode("utf-8", "replace"))


def render_page(index: Mapping[str, Any], stamp: str, policy: str, **parts: Any) -> str:
    """The page's HTML. What is not told in `parts` (styles, scripts, style, script, islands) is not there."""
    nothing: dict[str, Sequence[Any] | str] = {"styles": (), "scripts": (), "style": "", "script": "", "islands": ()}
    generator = f"{GENERATOR} {stamp}"
    icon = f"page/{ICON}" if not parts.get("script") else f"data:image/svg+xml;base64,{_icon()}"
    about = {"icon": icon, "job": index["about"]["job"], "version": version("adbatch"), "generator": generator, "policy": policy}
    return str(_template().render({**nothing, **parts, **about}))


def dump(value: Any) -> str:
    """JSON, as short as can be; half a surrogate pair, which UTF-8 cannot say, makes it ASCII with escapes."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, separators=(",", ":"), default=str)


def island(value: Any) -> str:
    """JSON that can stand between script tags: nothing in it ends them, or begins a comment."""
    return redact(dump(value)).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def write_file(path: Path, data: bytes) -> None:
    """Write the file, whole or not at all; not at all if it is right already. Raises `OurSide` when the disk fails."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_bytes(data)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise OurSide(f"{path}: cannot be written ({error.strerror}); check the permissions and the disk") from error


@cache
def _template() -> Any:
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.get_template(TEMPLATE)


def _icon() -> str:
    return base64.b64encode((HERE / ICON).read_bytes()).decode()


def _joined(names: Sequence[str]) -> str:
    return "\n".join((HERE / name).read_text("utf-8") for name in names)


def _source(text: str) -> str:
    """How a policy names what stands in the page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
