"""A template's SVG is read with suspicion."""

from __future__ import annotations

import pytest

from runner.compose.drawing import Sheet, Undrawable, read_drawing
from tests.compose.conftest import faces

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'


def drawn(inside: str) -> str:
    """The drawing of a sheet with one picture."""
    return read_drawing(f"{HEAD}{inside}</svg>", Sheet(100, 50, {"scene": lambda *_: ("image/png", b"png")}, faces()))


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ("<script>alert(1)</script>", "<script> is not drawn here"),
        ("<style>@import url(http://x/)</style>", "<style> is not drawn here"),
        ("<foreignObject/>", "<foreignObject> is not drawn here"),
        ('<use href="#a"/>', "<use> is not drawn here"),
        ('<rect onload="x()"/>', "has an attribute onload"),
        ('<image href="file:///etc/passwd"/>', "there is no picture 'file:///etc/passwd'"),
        ('<image xlink:href="http://example.com/a.png"/>', "there is no picture"),
        ('<image href="data:image/png;base64,AAAA"/>', "there is no picture"),
        ('<rect fill="url(http://example.com/#a)"/>', "refers to something outside"),
        ("<rect style=\"fill:URL( 'x.svg#a')\"/>", "refers to something outside"),
        ('<linearGradient href="other.svg#a"/>', "only a gradient of this file"),
        ('<rect href="#a"/>', "refers to something"),
        ('<filter id="a"><feGaussianBlur stdDeviation="100000"/></filter>', "a blur of"),
        ('<filter id="a"><feImage href="x"/></filter>', "<feImage> is not drawn here"),
        ('<rect filter="url(#a)"/>' * 51, "more than 50 elements with a filter"),
        ("<rect/>" * 2001, "more than 2,000 elements"),
        ("<rect>", "well-formed"),
        ("&undefined;", "well-formed"),
        ('<fit x="0" y="0" width="a" height="5" size-max="9">a</fit>', "<fit> needs width, a number"),
        ('<fit width="50" height="20" size-max="9" anchor="left">a</fit>', "<fit anchor> is start, middle, end"),
        ('<fit width="50" height="20" size-max="9" font-family="Arial">a</fit>', "no declared font is of the family 'Arial'"),
        ("<text>ᚠ</text>", "no declared font has ᚠ"),
    ],
)
def test_what_could_do_harm_or_has_no_meaning_is_refused(inside: str, told: str) -> None:
    """Nothing loads, links, runs, repeats itself or takes for ever; the message says what it was."""
    with pytest.raises(Undrawable, match=r".") as refused:
        drawn(inside)
    assert told in str(refused.value)


def test_entities_and_other_documents_are_refused() -> None:
    """Neither a billion laughs nor anything that is not SVG."""
    bomb = '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg">&b;</svg>'
    for svg in (bomb, "<html/>", "", "hello"):
        with pytest.raises(Undrawable):
            read_drawing(svg, Sheet(10, 10, {}, []))


def test_texts_are_set_and_pictures_put_in() -> None:
    """`<fit>` becomes text in named fonts, `<image>` holds its bytes, and the sheet has the exact size."""
    svg = drawn(
        '<image href="scene" width="5" height="5"/>'
        '<fit width="90" height="40" size-max="20" font-family="Inter Display" font-weight="800" fill="red">Tea &amp; 夏</fit>'
    )
    assert 'width="100"' in svg
    assert "data:image/png;base64,cG5n" in svg
    assert "fit" not in svg
    assert 'fill="red"' in svg
    assert 'font-family="Inter Display" font-weight="800">Tea &amp;' in svg
    assert "Noto Sans CJK" in svg
