"""Pixels: exact sizes, the same bytes every time, and no text outside of its box."""

from __future__ import annotations

import hashlib
import io
import random
from typing import Final
from xml.sax.saxutils import escape

import pytest
from PIL import Image, ImageDraw

from runner.compose.drawing import Undrawable
from tests.compose.conftest import draw

SVG: Final = '<svg xmlns="http://www.w3.org/2000/svg">{}</svg>'
WORDS: Final = ["Thé", "Größe", "Śliwka", "Łódź", "Ångström", "WWWWWW", "fjord", "Qyjg,", "İstanbul", "Ñandú", "Öljy!", "“Deluxe”"]
LATIN: Final = [*WORDS, "Kaffeebechergeschenkset", "12,99", "€", "Set"]
CYRILLIC: Final = ["Летняя", "распродажа", "Рюкзак", "Йод", "Щётка", "Ґанок", "Їжак", "подарочный", "термокружка"]
CJK: Final = list("夏季特卖全新背包水壶咖啡杯蓝色红色サマーセールバッグマグ青い帽子여름세일가방모자、。「」")
COLUMNS, ROWS, WIDE, HIGH = 4, 10, 240, 110


def titles(count: int) -> list[str]:
    """Random titles in Latin, Cyrillic, Chinese with Japanese and Korean, and all of them together."""
    dice = random.Random(7)
    kinds = ((LATIN, " "), (CYRILLIC, " "), (CJK, ""), (LATIN + CYRILLIC + CJK, " "))
    chosen = [kinds[number % len(kinds)] for number in range(count)]
    return [between.join(dice.choices(words, k=dice.randint(1, 9))) for words, between in chosen]


def picture(colour: str, size: tuple[int, int] = (40, 40), form: str = "PNG") -> bytes:
    """One colour."""
    target = io.BytesIO()
    Image.new("RGB", size, colour).save(target, form)
    return target.getvalue()


def test_no_text_leaves_its_box() -> None:
    """200 random titles in boxes of random sizes, by the pixels that were drawn; each box shows something."""
    dice = random.Random(3)
    everything = titles(200)
    for start in range(0, len(everything), COLUMNS * ROWS):
        boxes, parts = [], []
        for place, title in enumerate(everything[start : start + COLUMNS * ROWS]):
            width, height = dice.randint(60, WIDE - 10), dice.randint(24, HIGH - 10)
            x, y = place % COLUMNS * WIDE + 5, place // COLUMNS * HIGH + 5
            boxes.append((x, y, x + width, y + height))
            how = f'anchor="{dice.choice(["start", "middle", "end"])}" valign="{dice.choice(["top", "bottom"])}"'
            lines, weight = dice.randint(1, 4), dice.choice([500, 800])
            size = f'size-max="{dice.randint(14, 60)}" size-min="8" lines="{lines}" font-weight="{weight}"'
            family = dice.choice(["Inter", "Inter Display"])
            parts.append(
                f'<fit x="{x}" y="{y}" width="{width}" height="{height}" {how} {size} font-family="{family}" fill="#fff">'
                f"{escape(title)}</fit>"
            )
        data = draw(SVG.format('<rect width="100%" height="100%"/>' + "".join(parts)), COLUMNS * WIDE, ROWS * HIGH)
        sheet = Image.open(io.BytesIO(data)).convert("L").point(lambda value: 255 * (value > 12))
        assert all(sheet.crop(box).getbbox() for box in boxes)
        outside = ImageDraw.Draw(sheet)
        for left, top, right, bottom in boxes:
            outside.rectangle((left, top, right - 1, bottom - 1), fill=0)
        assert sheet.getbbox() is None


@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_the_same_request_gives_the_same_bytes(form: str) -> None:
    """In both formats, at the exact size, with pictures of any format inside."""
    pictures = {"a": picture("teal", (900, 500), "JPEG"), "b": picture("gold", form="WEBP"), "c": picture("red", form="AVIF")}
    inside = "".join(f'<image href="{name}" x="{50 * at}" width="50" height="50"/>' for at, name in enumerate(pictures))
    svg = SVG.format(
        f'<rect width="100%" height="100%" fill="#fff"/>{inside}<fit width="99" height="30" y="60" size-max="20">Tea</fit>'
    )
    data = draw(svg, 301, 97, pictures, format=form)
    assert draw(svg, 301, 97, pictures, format=form) == data
    made = Image.open(io.BytesIO(data))
    assert (made.size, made.format) == ((301, 97), form.upper())
    red, green, blue = made.convert("RGB").getpixel((125, 40))  # type: ignore[misc]
    assert red > 240
    assert green < 20
    assert blue < 20


def test_what_is_clear_stays_clear_in_a_png() -> None:
    """Nothing is drawn where nothing is asked for."""
    assert Image.open(io.BytesIO(draw(SVG.format("")))).getpixel((5, 5)) == (0, 0, 0, 0)


def test_what_cannot_be_drawn_is_told() -> None:
    """A picture that is none, a font that is none, and a sheet that is too large."""
    with pytest.raises(Undrawable, match="a picture cannot be read"):
        draw(SVG.format('<image href="a" width="9" height="9"/>'), pictures={"a": b"no picture"})
    with pytest.raises(Undrawable, match="a font cannot be read"):
        draw(SVG.format(""), pictures={"a": b"no font"}, fonts=["blob:" + hashlib.sha256(b"no font").hexdigest()])
    with pytest.raises(Undrawable, match="at most 25,000,000"):
        draw(SVG.format(""), 9000, 9000)
