from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.errors import Invalid
from runner.feed.source import SHOWN, Member, Source, check_options, raise_complaint


def test_files_are_called_by_their_paths_unless_named() -> None:
    """Names default to the paths, so messages always have one."""
    source = Source((Path("a.csv"), Path("b.csv")))
    assert [(member.path, member.name) for member in source.members()] == [(Path("a.csv"), "a.csv"), (Path("b.csv"), "b.csv")]
    assert Source((Path("blob"),), ("shop.csv",)).members()[0].name == "shop.csv"


def test_names_and_files_must_match() -> None:
    """A caller that gives two names for one file has made a mistake of ours."""
    with pytest.raises(ValueError, match="1 files have 2 names"):
        Source((Path("a.csv"),), ("a", "b"))


@pytest.mark.parametrize(
    ("options", "path", "words"),
    [
        ({"encoding": "utf-9"}, "feed.encoding", "'utf-9' is not an encoding; write one such as utf-8"),
        ({"encoding": "base64"}, "feed.encoding", "'base64' is not an encoding"),
        ({"encoding": "\0"}, "feed.encoding", "is not an encoding"),
        ({"delimiter": ""}, "feed.delimiter", "cannot part cells; write one character"),
        ({"delimiter": "\\t"}, "feed.delimiter", 'a tab as "\\t" in double quotes'),
        ({"delimiter": '"'}, "feed.delimiter", "cannot part cells"),
        ({"header_line": 0}, "feed.header_line", "is 0; the first line is 1"),
    ],
)
def test_a_wrong_option_is_named_with_its_remedy(options: dict[str, Any], path: str, words: str) -> None:
    """Each option is checked before a file is opened."""
    [complaint] = check_options(Source((Path("a.csv"),), **options))
    assert complaint.path == path
    assert words in complaint.message


def test_all_wrong_options_come_at_once() -> None:
    """No files, a wrong encoding, delimiter and header line are four complaints; right ones none."""
    assert len(check_options(Source((), encoding="x", delimiter="ab", header_line=-1))) == 4
    assert check_options(Source((Path("a"),), encoding="latin-1", delimiter=";", header_line=3)) == []


def test_a_complaint_shows_its_line_unless_that_is_long() -> None:
    """The source line is kept for the caret without its end; a long one is left out."""
    member = Member(Path("a"), "shop.csv", Source((Path("a"),)))
    place = member.complaint(3, "wrong", 5, "a,b\r\n").place
    assert place is not None
    assert (place.file, place.line, place.column, place.text) == ("shop.csv", 3, 5, "a,b")
    long = member.complaint(3, "wrong", text="x" * (SHOWN + 1)).place
    assert long is not None
    assert long.text == ""


def test_the_strict_blame_raises() -> None:
    """Whoever wants to stop at the first mistake passes `raise_complaint`."""
    complaint = Member(Path("a"), "a", Source((Path("a"),))).complaint(1, "wrong")
    with pytest.raises(Invalid) as raised:
        raise_complaint(complaint)
    assert raised.value.complaints == (complaint,)
