"""What is printed: complaints with a caret below the very character, nothing that forges a terminal."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cli.render import FAR, LONG, SHOWN, complaint_lines, printable, shown, tell_bug, tell_failure
from runner.errors import Complaint, Invalid, OurSide, Place, RowPlace


def lines_of(text: str, column: int, **more: Any) -> list[str]:
    """The lines of a complaint about this column of this source line."""
    return list(complaint_lines(Complaint("is wrong", "steps.a", Place("job.yaml", 12, column, text), **more)))


def test_a_complaint_has_place_source_and_caret() -> None:
    """File, line and column come first, as editors read them; then the line with the caret, then the row."""
    row = RowPlace("products.xml", 318, "id", "mug-4711")
    assert lines_of("    styel: anime", 5, row=row, count=4) == [
        "job.yaml:12:5: steps.a: is wrong",
        "    12 |     styel: anime",
        "       |     ^",
        "    feed products.xml:318 (id mug-4711), and 3 more rows",
    ]


@pytest.mark.parametrize(
    ("complaint", "lines"),
    [
        (Complaint("is wrong"), ["is wrong"]),
        (Complaint("is wrong", "feed.path"), ["feed.path: is wrong"]),
        (Complaint("is wrong", "", Place("a.yaml", 1, 1)), ["a.yaml:1:1: is wrong"]),
        (Complaint("is wrong", row=RowPlace("f.csv", 2, "sku", "x")), ["is wrong", "    feed f.csv:2 (sku x)"]),
        (
            Complaint("is wrong", row=RowPlace("f.csv", 2, "sku", "x"), count=2),
            ["is wrong", "    feed f.csv:2 (sku x), and 1 more row"],
        ),
    ],
)
def test_what_is_not_known_is_left_out(complaint: Complaint, lines: list[str]) -> None:
    """A complaint without place, path or row is told without."""
    assert list(complaint_lines(complaint)) == lines


@pytest.mark.parametrize(
    ("text", "column", "caret"),
    [
        ("a: b", 4, 3),
        ("\ta: b", 5, 4),
        ("日本: b", 5, 6),
        ("e\u0301a: b", 6, 4),
        ("ab", 3, 2),
    ],
)
def test_the_caret_stands_below_its_character(text: str, column: int, caret: int) -> None:
    """Tabs count as one, wide characters as two and combining ones as none, as a terminal shows them."""
    assert lines_of(text, column)[2] == f"       | {' ' * caret}^"


@pytest.mark.parametrize("column", [1, FAR, FAR + 1, FAR + 2, 250, 400, 401])
def test_a_long_line_is_clipped_around_its_caret(column: int) -> None:
    """Of a very long line a piece is shown that holds the character, marked where it was cut."""
    text = "".join(chr(ord("a") + number % 26) for number in range(400))
    _, source, caret = lines_of(text, column)
    piece = source.removeprefix("    12 | ")
    at = len(caret) - len("       | ") - 1
    assert len(piece) <= LONG
    assert piece[at : at + 1] == text[column - 1 : column]
    assert piece.startswith("…") == (column > FAR + 1)
    assert piece.endswith("…") == (text[-1:] != piece[-1:])


@given(st.text(max_size=300), st.integers(1, 400))
def test_any_line_can_be_shown(text: str, column: int) -> None:
    """Whatever stands in a file, its line is shown in one line and the caret in another."""
    line = "".join(
        char for char in text if unicodedata.category(char) not in ("Zl", "Zp") and char not in "\r\n\x0b\x0c\x1c\x1d\x1e\x85"
    )
    shown_lines = lines_of(line or "x", min(column, len(line) + 1))
    assert len(shown_lines) == 3
    assert shown_lines[2].endswith("^")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain\n\ttext ☀ ü", "plain\n\ttext ☀ ü"),
        ("\x1b[31mred", "�[31mred"),
        ("over\rwrite", "over�write"),
        ("a\u202eb\u2066c", "a�b�c"),
        ("half \ud83d pair", "half � pair"),
        ("\x00\x7f\x9b", "���"),
        ("\U0001f468\u200d\U0001f469 می\u200cخواهم", "\U0001f468\u200d\U0001f469 می\u200cخواهم"),  # joiners make one word
    ],
)
def test_nothing_forges_what_a_terminal_shows(text: str, safe: str) -> None:
    """Escape sequences, carriage returns and bidirectional overrides of a feed or a vendor are shown as what they are: strange."""
    assert printable(text) == safe


def test_failures_are_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """A failure is one line with the command's name; mistakes are told one by one and counted."""
    tell_failure(OurSide("the disk is full"))
    tell_failure(Invalid([Complaint("one"), Complaint("two")]))
    told_now = capsys.readouterr()
    assert (told_now.out, told_now.err) == ("", "adbatch: the disk is full\none\ntwo\n2 mistakes; nothing was sent.\n")


def test_very_many_mistakes_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Beyond what a person reads, mistakes are only counted."""
    tell_failure(Invalid([Complaint(f"mistake {number}") for number in range(SHOWN + 3)]))
    lines = capsys.readouterr().err.splitlines()
    assert lines[SHOWN - 1 :] == [f"mistake {SHOWN - 1}", "… and 3 more", f"{SHOWN + 3} mistakes; nothing was sent."]


def test_a_bug_is_told_with_where_its_traceback_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours is admitted in two lines; the traceback is in a file."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    try:
        raise KeyError("step")
    except KeyError as bug:
        tell_bug(bug)
    [log] = tmp_path.iterdir()
    err = capsys.readouterr().err
    assert err.startswith("adbatch: a mistake of ours: KeyError: 'step'\n")
    assert str(log) in err
    assert log.read_text().startswith("Traceback (most recent call last):")


def test_paths_are_shown_as_one_would_type_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the folder we stand in a path is relative, elsewhere it is whole."""
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "out" / "x") == "out/x"
    assert shown(Path("/elsewhere/x")) == "/elsewhere/x"
