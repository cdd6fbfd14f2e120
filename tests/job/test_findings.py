"""Forty bad pictures and sixty bad texts: each check finds its own and nothing else, and nothing on a hundred good ones of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image, ImageDraw

from runner.edge.looks import look_of
from runner.job.expect import Expected, Ratio
from runner.job.figures import facts_in
from runner.job.judgement import judge
from runner.job.picture_checks import Compared
from runner.records import Artifact
from tests.job.pictures import draw, measured, noise, saved

WANTED: Final = Expected(
    min_width=100, max_width=200, min_height=80, max_height=170, ratios=(Ratio("6:5", Fraction(6, 5)),), max_kb=30, min_kb=0.25,
    formats=("png", "jpeg"), modes=("rgb", "grey", "palette"), alpha="forbidden", animation="forbidden", blank="forbidden",
    unlike_siblings=6, unlike_source=6,
)  # fmt: skip
SIBLINGS: Final = [look_of(draw(1000)).dhash, look_of(draw(1001)).dhash]
SOURCES: Final = [look_of(draw(2000)).dhash]
ANY_SHAPE: Final = replace(WANTED, ratios=())
LIGHT: Final = replace(WANTED, min_kb=None)


def failed(expected: Expected, artifact: Artifact) -> list[str]:
    """The names of the checks that are not met."""
    return [check.name for check in judge(expected, [artifact], compared=Compared(SIBLINGS, SOURCES)) if not check.ok]


def clear(number: int, corner: int) -> Image.Image:
    """A picture with a transparent corner."""
    picture = draw(number, mode="RGBA")
    ImageDraw.Draw(picture).rectangle((0, 0, corner, corner), fill=(0, 0, 0, 0))
    return picture


def of_wrong_size() -> Iterator[tuple[str, bytes, Expected]]:
    """Pictures with a side, a shape or a weight that is not wanted, and what is wanted."""
    for number, size in enumerate([(96, 80), (99, 83), (60, 90), (30, 100)]):
        yield "min_width", saved(draw(number, size)), ANY_SHAPE
    for number, size in enumerate([(201, 168), (260, 100), (220, 120)]):
        yield "max_width", saved(draw(number, size)), ANY_SHAPE
    for number, size in enumerate([(110, 79), (180, 20)]):
        yield "min_height", saved(draw(number, size)), ANY_SHAPE
    for number, size in enumerate([(120, 171), (160, 300)]):
        yield "max_height", saved(draw(number, size)), ANY_SHAPE
    for number, size in enumerate([(120, 120), (100, 120), (123, 100), (200, 100)]):
        yield "ratio", saved(draw(number, size)), WANTED
    for size in [(120, 100), (180, 150), (144, 120)]:
        yield "max_kb", saved(noise(size)), WANTED
    for size in [(120, 100), (180, 150)]:
        half = Image.new("L", size)
        half.paste(255, (size[0] // 2, 0, *size))
        yield "min_kb", saved(half.convert("1")), WANTED


def of_wrong_kind() -> Iterator[tuple[str, bytes, Expected]]:
    """Pictures of a format, mode or content that is not wanted, and what is wanted."""
    for number, kind in enumerate(["WEBP", "GIF", "WEBP"]):
        yield "format", saved(draw(number), kind), WANTED
    for number in range(3):
        yield "mode", saved(draw(number, mode="CMYK"), "JPEG"), WANTED
    for number, corner in enumerate([0, 10, 60]):
        yield "alpha", saved(clear(number, corner)), WANTED
    for number in range(2):
        yield "animation", saved(draw(number), save_all=True, append_images=[draw(number + 50)]), WANTED
    for colour in ["white", "black", "#123456"]:
        yield "blank", saved(Image.new("RGB", (120, 100), colour)), LIGHT
    yield "blank", saved(Image.new("RGB", (120, 100), "white"), "JPEG", quality=30), LIGHT
    yield "blank", saved(noise((200, 167), 200, 207), "JPEG", quality=30), LIGHT
    yield "unlike_siblings", saved(draw(1000)), WANTED
    yield "unlike_siblings", saved(draw(1000), "JPEG", quality=50), WANTED
    yield "unlike_siblings", saved(draw(1001).resize((180, 150))), WANTED
    yield "unlike_source", saved(draw(2000).point([round(each * 0.9) for each in range(256)] * 3)), WANTED


BAD_PICTURES: Final = [
    pytest.param(*each, id=f"{each[0]}-{number}") for number, each in enumerate([*of_wrong_size(), *of_wrong_kind()])
]
TEXTS: Final = (
    ("en-US", "Acme mug for summer", "Acme mug, now €19.99", "best", "free shipping with Acme"),
    ("de-DE", "Acme Becher für den Sommer", "Acme Becher, jetzt 19,99 €", "bester", "gratis Versand mit Acme"),
    ("fr-FR", "La tasse Acme de l'été", "Tasse Acme à 19,99 €", "meilleure", "livraison Acme offerte"),
    ("es-ES", "La taza Acme del verano", "Taza Acme: 19,99 €", "mejor", "envío Acme gratis"),
    ("pl-PL", "Kubek Acme na lato", "Kubek Acme 19,99 EUR", "najlepszy", "Acme za darmo"),
    ("ru-RU", "Кружка Acme на лето", "Кружка Acme за 19,99 €", "лучшая", "Acme бесплатно"),
    ("uk-UA", "Горнятко Acme на літо", "Acme за 19,99 €", "найкраще", "Acme безкоштовно"),
    ("ja-JP", "夏のAcmeマグカップ", "Acmeマグ €19.99", "最高の", "Acme送料込み"),
    ("zh-CN", "夏日Acme马克杯", "Acme马克杯 19.99€", "最好", "Acme包邮"),
    ("ko-KR", "여름 Acme 머그컵", "Acme 머그 €19.99", "최고", "Acme 무료 배송"),
)
FORBIDDEN: Final = tuple(text[3] for text in TEXTS)
ENDS: Final = ("", "!", " ☀️", " 350 ml", " — Acme")


def wanted(locale: str) -> Expected:
    """What every text must be like."""
    facts = facts_in({"price": "19.99 EUR", "title": "Mug 350 ml", "stock": 7})
    return Expected(
        max_width=40, min_chars=6, blank="forbidden", forbidden=FORBIDDEN, required=("Acme",), facts=tuple(facts), locale=locale,
        fact_names=("price", "title", "stock"),
    )  # fmt: skip


def bad_texts() -> Iterator[tuple[str, str, str]]:
    """What is wrong, the locale, and the text: six in each of ten languages."""
    for locale, plain, priced, word, _ in TEXTS:
        yield "max_width", locale, f"{plain} " + "夏" * 20
        yield "forbidden", locale, f"Acme: {word.upper()}"
        yield "required", locale, plain.replace("Acme", "Acmex")
        yield "facts", locale, priced.replace("19", "18")
        yield "facts", locale, f"Acme −20 % {'!' * len(word)}"
        yield "blank", locale, f"{plain[:20]} {{{{ x }}}}"


def failed_text(locale: str, text: str) -> list[str]:
    """The names of the checks that are not met."""
    return [check.name for check in judge(wanted(locale), [Artifact("text", text)]) if not check.ok]


@pytest.mark.parametrize(("name", "data", "expected"), BAD_PICTURES)
def test_a_bad_picture_fails_for_what_is_wrong_with_it(tmp_path: Path, name: str, data: bytes, expected: Expected) -> None:
    """One check finds it, and no other."""
    assert failed(expected, measured(data, tmp_path)) == [name]


def test_there_are_enough_bad_ones() -> None:
    """Forty pictures, sixty texts."""
    assert (len(BAD_PICTURES), len(list(bad_texts()))) == (40, 60)


def test_a_hundred_good_pictures_pass(tmp_path: Path) -> None:
    """As PNG and JPEG, in colour, in grey and with a palette."""
    ways: list[tuple[str, dict[str, Any], str]] = [
        ("RGB", {}, "PNG"),
        ("L", {}, "PNG"),
        ("P", {}, "PNG"),
        ("RGB", {"quality": 80}, "JPEG"),
    ]
    for number in range(100):
        mode, how, kind = ways[number % 4]
        good = measured(saved(draw(number, (120 + number % 3 * 6, 100 + number % 3 * 5), mode), kind, **how), tmp_path)
        assert failed(WANTED, good) == [], number


@pytest.mark.parametrize(("name", "locale", "text"), list(bad_texts()))
def test_a_bad_text_fails_for_what_is_wrong_with_it(name: str, locale: str, text: str) -> None:
    """One check finds it, and no other, in any language."""
    assert failed_text(locale, text) == [name]


def test_a_hundred_good_texts_pass() -> None:
    """Ten languages, plain and with a price, however they end."""
    good = [(text[0], each + end) for text in TEXTS for each in text[1:3] for end in ENDS]
    assert len(good) == 100
    assert [(locale, text, found) for locale, text in good if (found := failed_text(locale, text))] == []
    assert not [text for text in TEXTS if failed_text(text[0], text[4])]
