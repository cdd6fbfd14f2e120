"""Our own failures: every one knows how the program ends."""

from __future__ import annotations

import dataclasses
import pickle
import re

import pytest

from runner import errors
from runner.errors import EXITS, AdbatchError, Complaint, Held, Interrupted, Invalid, OurSide, Place, RowPlace, Usage

FAILURES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, AdbatchError) and value is not AdbatchError
]


@pytest.mark.parametrize(
    ("failure", "code"), [(Invalid, 2), (Usage, 2), (OurSide, 3), (Held, 75), (Interrupted, 130), (AdbatchError, 3)]
)
def test_a_failure_knows_its_exit_code(failure: type[AdbatchError], code: int) -> None:
    """What the job, the command line, our side or another run is to blame for ends in different codes."""
    assert failure.exit_code == code


@pytest.mark.parametrize("failure", FAILURES)
def test_every_failure_ends_in_a_code_that_is_explained(failure: type[AdbatchError]) -> None:
    """No exception ends the program with a code that the README does not tell, and none with success."""
    assert failure.exit_code in EXITS.keys() - {0}


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """The module draws every class of failure with its own exit code, and no other."""
    drawn = re.findall(r"[├└]── (\w+) +(\d+) ", errors.__doc__ or "")
    assert {(failure.__name__, str(failure.exit_code)) for failure in FAILURES} == set(drawn)


def test_exit_codes_are_told_in_order_and_cannot_be_changed() -> None:
    """The table rises, each code fits a shell's eight bits and says what it means, and nobody edits it at run time."""
    assert list(EXITS) == sorted(EXITS)
    assert all(0 <= code < 256 and meaning for code, meaning in EXITS.items())
    with pytest.raises(TypeError):
        EXITS[0] = "fine"  # type: ignore[index]


@pytest.mark.parametrize(("signal", "code"), [(1, 129), (2, 130), (15, 143)])
def test_ends_by_signal_follow_the_shells_rule(signal: int, code: int) -> None:
    """128 plus the signal's number, resumable."""
    assert code == 128 + signal
    assert "resumable" in EXITS[code]


@pytest.mark.parametrize(
    ("complaints", "message"),
    [
        ([], ""),
        ([Complaint("no feed")], "no feed"),
        ([Complaint("no feed", "feed"), Complaint("no steps", count=7)], "no feed; no steps"),
    ],
)
def test_invalid_carries_all_complaints(complaints: list[Complaint], message: str) -> None:
    """Every mistake comes at once, in order, as records and as one line."""
    failure = Invalid(complaints)
    assert failure.complaints == tuple(complaints)
    assert str(failure) == message


def test_invalid_keeps_what_it_was_given() -> None:
    """A list that grows afterwards adds nothing to what was raised."""
    complaints = [Complaint("no feed")]
    failure = Invalid(complaints)
    complaints.append(Complaint("no steps"))
    assert len(failure.complaints) == 1


@pytest.mark.parametrize(
    "failure",
    [
        Invalid([Complaint("no feed", place=Place("job.yaml", 2, 7))]),
        Usage("no such job"),
        Held("busy"),
        Interrupted("stopped", 143),
    ],
)
def test_a_failure_can_cross_processes(failure: AdbatchError) -> None:
    """One that is raised in a child arrives whole: the same class, message and complaints."""
    arrived = pickle.loads(pickle.dumps(failure))
    assert (type(arrived), str(arrived), arrived.args, vars(arrived)) == (type(failure), str(failure), failure.args, vars(failure))


def test_one_door_catches_them_all() -> None:
    """Whoever catches `AdbatchError` catches every failure of ours, and no bug."""
    for failure in (Invalid([Complaint("x")]), Usage("x"), OurSide("x"), Held("x")):
        with pytest.raises(AdbatchError):
            raise failure
    assert not issubclass(ValueError, AdbatchError)


@pytest.mark.parametrize(
    "record",
    [Place("jobs/x.yaml", 12, 7, "  styel: pop"), RowPlace("feed.csv", 318, "id", "mug-4711"), Complaint("no feed", "feed")],
)
def test_what_a_complaint_says_is_fixed_once_said(record: Place | RowPlace | Complaint) -> None:
    """Places and complaints are values: equal by content, usable as keys, not to be changed."""
    assert dataclasses.replace(record) == record
    assert len({record, dataclasses.replace(record)}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, dataclasses.fields(record)[0].name, "other")
    assert not hasattr(record, "__dict__")


def test_a_complaint_needs_only_its_message() -> None:
    """Without more it is one mistake, at no path, in no file, of no row."""
    complaint = Complaint("no feed")
    assert (complaint.path, complaint.place, complaint.row, complaint.count) == ("", None, None, 1)
