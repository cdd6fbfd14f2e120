"""Product feeds in XML: Google Merchant Center's RSS 2.0, Atom 1.0 and RDF (RSS 1.0).

Rows are `item` elements (`entry` in Atom). A column is an element's local name, so `<g:price>` and `<price>` are both `price`;
where one item has both, Google's namespace counts (https://support.google.com/merchants/answer/14987622), then the item's own. A
tag that comes again makes a list, a group such as `shipping` a dict. Texts lose the space around them, which is layout; an element
without text is its `href` or `url` attribute (Atom's links, RSS's enclosures); other attributes are left.

defusedxml guards the parser: a document type declaration is refused, so there are no entities to expand or to fetch. Its guarded
expat is then driven by three small callbacks, because building elements takes three times as long and does not tell lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn
from xml.parsers.expat import ExpatError, errors

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from runner.feed.files import load_bytes, load_line, load_text
from runner.feed.source import CELL_CAP, DEEPEST, ROW_CAP, SHOWN, Blame, Member, Record
from runner.records import Json

CHUNK: Final = 1 << 16
GOOGLE: Final = "http://base.google.com/ns/1.0"
ITEMS: Final = {"rss": "item", "RDF": "item", "feed": "entry"}
"""What a row is called under each root element."""

REMEDIES: Final[Mapping[int, str]] = {
    errors.codes[errors.XML_ERROR_UNDEFINED_ENTITY]: "XML has no such entity; write the character itself, or & as &amp;",
    errors.codes[errors.XML_ERROR_TAG_MISMATCH]: "an element is closed by another's name; is a < in a text not written &lt;?",
    errors.codes[errors.XML_ERROR_NO_ELEMENTS]: "the file ends too early; fetch it again",
    errors.codes[errors.XML_ERROR_UNCLOSED_TOKEN]: "the file ends too early, or a < in a text is not written &lt;",
    errors.codes[errors.XML_ERROR_UNBOUND_PREFIX]: f'declare the prefix in the first element: xmlns:g="{GOOGLE}"',
    errors.codes[errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]: "the document has ended before this; two files in one?",
}


def read_merchant(member: Member, blame: Blame) -> Iterator[Record]:
    """The rows of a product feed in XML. What is not well-formed raises Invalid: nothing after it can be trusted."""
    items = _Items(member, blame)
    for chunk in _load_chunks(member):
        yield from items.feed(chunk)
    yield from items.feed(b"", last=True)


def _load_chunks(member: Member) -> Iterator[bytes]:
    """The document's bytes: as they are, or recoded to UTF-8 where the job says what they are and not the document."""
    if member.source.encoding is None:
        with load_bytes(member) as file:
            while chunk := file.read(CHUNK):
                yield chunk
    else:
        with load_text(member, in_lines=False) as text:
            while part := text.read(CHUNK):
                yield part.encode()


class _Names(dict[str, str]):
    """Expat's `namespace}name` to the local name, worked out once for each."""

    def __missing__(self, tag: str) -> str:
        name = self[tag] = tag.rpartition("}")[2]
        return name


class _Items:
    """What is open between expat's callbacks.

    `_groups` holds the item that is open and the groups open inside it, by name and outermost first; `_leaf` is the element in them
    that has had no element inside so far.
    """

    def __init__(self, member: Member, blame: Blame) -> None:
        self._member = member
        self._blame = blame
        self._names = _Names()
        self._item_name: str | None = None
        self._item_tag = ""
        self._line = 0
        self._unread = 0
        self._groups: list[tuple[str, dict[str, Json]]] = []
        self._leaf: str | None = None
        self._texts: list[str] = []
        self._link: str | None = None
        self._ready: list[Record] = []
        guarded = DefusedXMLParser(encoding=member.source.encoding and "utf-8", forbid_dtd=True)
        self._parser: Any = guarded.parser
        self._parser.buffer_text = True
        self._parser.ordered_attributes = False
        self._parser.DefaultHandlerExpand = None
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._texts.append

    def feed(self, chunk: bytes, *, last: bool = False) -> Iterator[Record]:
        """Parse on, and give the rows that became complete."""
        try:
            self._parser.Parse(chunk, last)
        except ExpatError as error:
            yield from self._ready
            self._fail(error.lineno, error.offset, error.code)
        except DefusedXmlException as error:
            line, column = self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1
            remedy = "a feed needs none, and it can make a reader fetch files: remove it"
            raise self._member.invalid(line, f"has a document type declaration (<!DOCTYPE>); {remedy}", column) from error
        except (LookupError, ValueError) as error:
            if self._item_name is not None:
                raise
            remedy = "name it in the job instead: `encoding: gbk`"
            raise self._member.invalid(1, f"declares an encoding the parser does not know ({error}); {remedy}") from error
        self._unread = 0 if self._ready else self._unread + len(chunk)
        yield from self._ready
        self._ready.clear()
        if self._unread > ROW_CAP:
            size = f"{ROW_CAP >> 20} MiB"
            if self._groups:
                raise self._member.invalid(self._line, f"this item has more than {size}")
            raise self._member.invalid(
                self._parser.CurrentLineNumber, f"{size} hold no <{self._item_name}>; is this a product feed?"
            )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._texts.clear()
        if self._groups:
            if self._leaf is not None:
                self._open_group(self._leaf)
            self._leaf = tag
            self._link = attributes.get("href") or attributes.get("url") if attributes else None
        elif self._item_name is None:
            self._open_root(self._names[tag])
        elif self._names[tag] == self._item_name:
            self._item_tag = tag
            self._line = self._parser.CurrentLineNumber
            self._groups.append((tag, {}))

    def _open_group(self, tag: str) -> None:
        if len(self._groups) > DEEPEST:
            raise self._member.invalid(self._parser.CurrentLineNumber, f"elements are nested deeper than {DEEPEST}")
        self._groups.append((tag, {}))

    def _open_root(self, name: str) -> None:
        if name not in ITEMS:
            known = "rss, feed (Atom) or rdf:RDF"
            raise self._member.invalid(
                self._parser.CurrentLineNumber, f"is no product feed: its first element is <{name}>, not {known}"
            )
        self._item_name = ITEMS[name]

    def _end(self, tag: str) -> None:
        groups = self._groups
        if self._leaf is not None:
            self._leaf = None
            value: Json = self._text()
        elif groups:
            value = self._rename(groups.pop()[1])
            if not groups:
                self._ready.append((self._line, value))
                return
        else:
            return
        parent = groups[-1][1]
        if tag not in parent:
            parent[tag] = value
        elif isinstance(known := parent[tag], list):
            known.append(value)
        else:
            parent[tag] = [known, value]

    def _text(self) -> str:
        """The text of the element that ends; expat gives a long one in pieces."""
        if len(self._texts) == 1:
            text = self._texts[0].strip()
        else:
            text = "".join(self._texts).strip()
            if len(text) > CELL_CAP:
                self._blame(self._member.complaint(self._line, f"a text in this item has more than {CELL_CAP >> 20} MiB"))
        return text or self._link or ""

    def _rename(self, values: dict[str, Json]) -> dict[str, Json]:
        """The values under local names; of two with the same local name the better namespace's."""
        names = self._names
        renamed = {names[tag]: value for tag, value in values.items()}
        if len(renamed) < len(values):
            for tag in sorted(values, key=self._rank, reverse=True):
                renamed[names[tag]] = values[tag]
        return renamed

    def _rank(self, tag: str) -> int:
        space = tag.rpartition("}")[0]
        return 0 if space == GOOGLE else 1 if space == self._item_tag.rpartition("}")[0] else 2

    def _fail(self, line: int, offset: int, code: int) -> NoReturn:
        text = load_line(self._member, line)
        if _is_bare_ampersand(text, offset):
            offset = text.rindex("&", 0, offset + 1)
        remedy = REMEDIES.get(code) or _explain(text, offset)
        near = f", near {text[max(0, offset - 40) : offset + 20].strip()!r}" if len(text) > SHOWN else ""
        message = f"is not well-formed XML ({errors.messages[code]}){near}: {remedy}"
        raise self._member.invalid(line, message, offset + 1, text)


def _is_bare_ampersand(text: str, offset: int) -> bool:
    """Whether the parser stumbled here over an & that begins no entity: it says so a few characters later."""
    before = text[: offset + 1]
    return "&" in before and not set(before[before.rindex("&") :]) & set(";<>")


def _explain(text: str, offset: int) -> str:
    """What is probably meant by an invalid token here: most are a bare & in a URL."""
    if text[offset : offset + 1] == "&":
        return "write & as &amp;"
    if "]]>" in text[max(0, offset - 3) : offset + 3]:
        return "]]> ends a CDATA section; outside of one write ]]&gt;"
    if any(ord(character) < 32 and character not in "\t\r\n" for character in text[offset : offset + 1]):
        return "a control character stands here, which XML cannot hold; remove it"
    if not text[offset : offset + 1].isascii() or text[offset : offset + 2] == "\\x":
        return "these bytes are not in the encoding the file declares; if it has another, write `encoding: latin-1`"
    return "write < as &lt; and & as &amp; in texts"
