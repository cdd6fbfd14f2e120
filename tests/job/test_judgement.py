"""All checks of an answer, judged on artifacts as the engine saves them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.job.expect import Expected, complaint_of
from runner.job.judgement import judge, needs_look
from runner.records import Artifact, Look


def unmet(expected: Expected, artifacts: list[Artifact]) -> str | None:
    """What is wrong with these artifacts, None if nothing is."""
    return complaint_of(judge(expected, artifacts)) or None


def text(said: str | None) -> Artifact:
    """Copy the vendor wrote."""
    return Artifact("text", said)


def picture(width: int | None = 300, height: int | None = 250, size: int | None = 1000, kind: str | None = "image/png") -> Artifact:
    """A measured file."""
    return Artifact("file", sha256="0" * 64, size=size, media_type=kind, width=width, height=height)


@pytest.mark.parametrize(
    ("expected", "said", "wrong"),
    [
        (Expected(), "anything", None),
        (Expected(max_chars=5), "12345", None),
        (Expected(max_chars=5), "123456", "6 characters, at most 5 wanted"),
        (Expected(max_chars=0), "", None),
        (Expected(max_chars=0), "1", "1 characters, at most 0 wanted"),
        (Expected(max_chars=2), "ü😀", None),
        (Expected(max_chars=1), "e\u0301", "2 characters, at most 1 wanted"),
        (Expected(min_chars=1), "1", None),
        (Expected(min_chars=1), "", "0 characters, at least 1 wanted"),
        (Expected(min_chars=1), None, "0 characters, at least 1 wanted"),
        (Expected(min_chars=2, max_chars=3), "12", None),
        (Expected(min_chars=2, max_chars=3), "1234", "4 characters, at most 3 wanted"),
        (Expected(width=300, height=250, max_kb=1, formats=("png",)), "no picture", None),
    ],
)
def test_a_text_is_judged_by_its_characters(expected: Expected, said: str | None, wrong: str | None) -> None:
    """Code points are counted, both bounds belong to what is wanted, and what concerns pictures concerns no text."""
    assert unmet(expected, [text(said)]) == wrong


@pytest.mark.parametrize(
    ("expected", "file", "wrong"),
    [
        (Expected(), picture(None, None, None, None), None),
        (Expected(width=300, height=250), picture(), None),
        (Expected(width=301), picture(), "width is 300, 301 wanted"),
        (Expected(height=249), picture(), "height is 250, 249 wanted"),
        (Expected(width=250, height=300), picture(), "width is 300, 250 wanted; height is 250, 300 wanted"),
        (Expected(width=300), picture(width=None), "width is unknown, 300 wanted"),
        (Expected(max_kb=1), picture(size=1000), None),
        (Expected(max_kb=1), picture(size=1001), "1.001 kB, at most 1 wanted"),
        (Expected(max_kb=150), picture(size=150_400), "150.4 kB, at most 150 wanted"),
        (Expected(max_kb=0.5), picture(size=501), "0.501 kB, at most 0.5 wanted"),
        (Expected(max_kb=1_234_567.5), picture(size=1_234_567_501), "1234567.501 kB, at most 1234567.5 wanted"),
        (Expected(max_kb=1), picture(size=None), None),
        (Expected(formats=("png",)), picture(), None),
        (Expected(formats=("jpeg", "png")), picture(), None),
        (Expected(formats=("jpeg",)), picture(kind="image/jpeg"), None),
        (Expected(formats=("mp4",)), picture(kind="video/mp4"), None),
        (Expected(formats=("jpeg",)), picture(), "format is png, jpeg wanted"),
        (Expected(formats=("jpeg", "webp")), picture(), "format is png, jpeg or webp wanted"),
        (Expected(formats=("png",)), picture(kind=None), "format is unknown, png wanted"),
        (Expected(max_chars=0, min_chars=9), picture(), None),
    ],
)
def test_a_file_is_judged_by_what_was_measured(expected: Expected, file: Artifact, wrong: str | None) -> None:
    """Pixels are exact, kB are 1000 bytes and shown to the byte, formats are the content's; an unmeasured size is not as wanted."""
    assert unmet(expected, [file]) == wrong


def test_all_that_is_wrong_is_told() -> None:
    """A picture that is wrong in every way gives every reason, in one line."""
    expected = Expected(width=1, height=2, max_kb=0.001, formats=("webp",))
    told = "width is 300, 1 wanted; height is 250, 2 wanted; 1 kB, at most 0.001 wanted; format is png, webp wanted"
    assert unmet(expected, [picture()]) == told


def test_among_several_each_is_named() -> None:
    """Of four variations it is told which one is not as expected."""
    files = [picture(), picture(width=301), picture(), picture(height=None)]
    assert (
        unmet(Expected(width=300, height=250), files) == "file 2: width is 301, 300 wanted; file 4: height is unknown, 250 wanted"
    )
    mixed = [text("too long"), picture(kind="image/gif")]
    assert (
        unmet(Expected(max_chars=3, formats=("png",)), mixed)
        == "text 1: 8 characters, at most 3 wanted; file 2: format is gif, png wanted"
    )


@pytest.mark.parametrize("artifacts", [[], [Artifact("json", data={"width": 5})]])
def test_what_has_no_measure_is_as_expected(artifacts: list[Artifact]) -> None:
    """JSON and nothing at all are not judged."""
    assert unmet(Expected(1, 1, 1, 1, 1, ("png",), blank="forbidden", ratios=()), artifacts) is None


@given(st.text(max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_a_text_is_wanted_exactly_within_its_bounds(said: str, least: int, most: int) -> None:
    """Nothing is wrong with a text if and only if its length lies between the bounds."""
    assert (unmet(Expected(max_chars=most, min_chars=least), [text(said)]) is None) is (least <= len(said) <= most)


@given(st.integers(0, 10**9), st.floats(0.001, 10**6))
def test_a_file_is_wanted_exactly_up_to_its_weight(size: int, most: float) -> None:
    """Nothing is wrong with a file if and only if it has at most that many thousands of bytes."""
    assert (unmet(Expected(max_kb=most), [picture(size=size)]) is None) is (size <= most * 1000)


def test_what_is_not_asked_for_is_not_looked_at() -> None:
    """No expectation gives no check, and no picture is opened for limits of its size."""
    assert judge(Expected(), [text("anything"), picture()]) == ()
    opened: list[str] = []

    def look_at(sha256: str) -> Look | None:
        opened.append(sha256)
        return None

    assert len(judge(Expected(width=300, max_kb=1), [picture()], look_at)) == 2
    assert opened == []
    judge(Expected(blank="forbidden"), [picture()], look_at)
    assert opened == ["0" * 64]


def test_several_pictures_of_one_answer_are_siblings() -> None:
    """The third of three files is the first one again: that one fails, and it is named."""
    looks = {"1": Look("rgb", False, 1, 99, 0), "2": Look("rgb", False, 1, 99, 2**40 - 1), "3": Look("rgb", False, 1, 99, 1)}
    files = [Artifact("file", sha256=name, media_type="image/png", look=str(look)) for name, look in looks.items()]
    checks = judge(Expected(unlike_siblings=6), files)
    assert [(check.of, check.ok, check.got) for check in checks] == [
        ("file 1", True, None),
        ("file 2", True, 40),
        ("file 3", False, 1),
    ]


@pytest.mark.parametrize(
    ("expected", "needs"),
    [
        (Expected(width=1, max_chars=1, formats=("png",)), False),
        (Expected(modes=("rgb",)), True),
        (Expected(alpha="required"), True),
        (Expected(animation="forbidden"), True),
        (Expected(unlike_source=0), True),
        (Expected(unlike_siblings=0), True),
    ],
)
def test_a_look_is_needed_for_what_is_in_the_picture(expected: Expected, needs: bool) -> None:
    """Size, weight and format are known without looking."""
    assert needs_look(expected) is needs
