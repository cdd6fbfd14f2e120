"""Resolving: what a person says of an uncertain request is checked, written down, and enough for the next run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from runner.core.lifecycle import recall
from runner.edge.blobs import Blobs
from runner.edge.clock import VirtualClock
from runner.edge.journal import Journal
from runner.errors import Usage
from runner.facts import Answered, Fact, Planned, Resolved, Saved, Sent
from runner.providers.registry import Account, open_catalog
from runner.records import Artifact, Money, make_request
from runner.upkeep.resolution import Clerk, Doubt, How, Word, find_doubt, most_cost, read_data, read_doubts, read_text, take_media
from runner.verdicts import Broken, Busy, Lost, Queued

PRICES: Final = {"jivox/text": Money(Decimal("0.05"), "USD"), "sivi/media": Money(Decimal(3), "credits")}
CATALOG: Final = open_catalog({"placewise": Account(options={"club": "mall", "poll_url": None})}, PRICES)
TEXT: Final = make_request("jivox", "text", {"prompt": "a mug"})
PICTURE: Final = make_request("jivox", "trim", {"image": "https://shop.example/mug.png"})
JOB: Final = make_request("sivi", "media", {"prompt": "a mug"})
TASK: Final = make_request("placewise", "text", {"prompt": "a mug"})
GONE: Final = make_request("acme", "poem", {"prompt": "a mug"})
LOST: Final = Lost("no answer")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal on disk."""
    with Journal.open(tmp_path / "journal.db", "sandbox") as journal:
        yield journal


@pytest.fixture
def clerk(tmp_path: Path, journal: Journal) -> Clerk:
    """Somebody who takes down what is said, at the moment 50."""
    return Clerk(journal, Blobs(tmp_path / "blobs"), CATALOG, VirtualClock(50.0))


def lost(request: object = TEXT, at: float = 1.0, raw: str | None = None) -> list[Fact]:
    """A request that was sent and of whose answer nobody knows."""
    planned = Planned(at, request)  # type: ignore[arg-type]
    return [planned, Sent(at + 1, planned.id, "submit"), Answered(at + 2, planned.id, "submit", LOST, raw=raw)]


def doubts(journal: Journal) -> list[Doubt]:
    """What is uncertain."""
    return list(read_doubts(journal, CATALOG))


def picture(path: Path) -> Path:
    """A picture of 8 × 6 pixels at `path`."""
    Image.new("RGB", (8, 6), "navy").save(path, "PNG")
    return path


def test_doubts_are_what_nobody_knows_of_in_the_order_of_planning(journal: Journal) -> None:
    """A lost answer and one that never came are doubts; what was granted, refused to leave, or is settled is none."""
    journal.commit(lost(JOB, at=1.0, raw="ab" * 32))
    journal.commit([Planned(2.0, TASK), Sent(3.0, TASK.id, "submit"), Answered(4.0, TASK.id, "submit", Broken("no route"))])
    journal.commit([Planned(5.0, TEXT), Sent(6.0, TEXT.id, "submit")])
    journal.commit([*lost(PICTURE, at=7.0), Resolved(10.0, PICTURE.id, "not_billed", "ada")])
    journal.commit([Planned(11.0, JOB)])
    first, second = doubts(journal)
    assert (first.life.request, first.sent_at, first.price, first.raw) == (JOB, 2.0, PRICES["sivi/media"], "ab" * 32)
    assert (second.life.request, second.sent_at, second.price, second.raw) == (TEXT, 6.0, PRICES["jivox/text"], None)
    assert second.life.why == "the run ended before the answer to its submit came"


def test_what_the_project_no_longer_has_is_a_doubt_of_unknown_price(journal: Journal) -> None:
    """A request of an account that was removed was bought all the same."""
    journal.commit(lost(GONE))
    assert [(doubt.life.request, doubt.price) for doubt in doubts(journal)] == [(GONE, None)]


SEND: Final = Sent(2.0, TEXT.id, "submit")
AGAIN: Final = Planned(4.0, TEXT, fresh=True)
LEFT: Final = Sent(4.5, TEXT.id, "submit", ticket="of-file:f")
UNKNOWN: Final = Answered(6.0, TEXT.id, "poll", Lost("not listed", final=True))


@pytest.mark.parametrize(
    ("more", "times"),
    [
        ([], 1),
        ([AGAIN, SEND], 2),
        ([AGAIN, SEND, Answered(5.0, TEXT.id, "submit", LOST)], 2),
        ([AGAIN, SEND, Answered(5.0, TEXT.id, "submit", Busy()), SEND], 2),
        ([AGAIN, SEND, Answered(5.0, TEXT.id, "submit", Broken("refused")), SEND], 2),
        ([Resolved(4.0, TEXT.id, "not_billed", "ada"), SEND], 1),
        ([Resolved(4.0, TEXT.id, "again", "ada"), SEND], 1),
        ([AGAIN, SEND, Saved(5.0, TEXT.id, (Artifact("text", text="x"),)), AGAIN, SEND], 1),
        ([AGAIN, SEND, Answered(5.0, TEXT.id, "submit", Queued("7")), AGAIN, SEND], 2),
        ([AGAIN, LEFT, Answered(5.0, TEXT.id, "submit", Queued("of-file:f")), UNKNOWN], 2),
        ([AGAIN, LEFT, UNKNOWN], 2),
    ],
)
def test_every_submit_that_may_have_been_billed_counts(journal: Journal, more: Sequence[Fact], times: int) -> None:
    """Each that left and was not surely turned away, since the last word that settled any."""
    journal.commit([*lost(), *more])
    [doubt] = doubts(journal)
    assert doubt.times == times


DOUBT: Final = Doubt(recall(lost()), 2.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "cost"),
    [
        ([], "nothing"),
        ([Doubt(DOUBT.life, 2.0, 2, PRICES["jivox/text"])], "0.10 USD"),
        ([DOUBT], "1 submit of unknown price"),
        ([DOUBT, Doubt(DOUBT.life, 2.0, 3)], "4 submits of unknown price"),
        (
            [Doubt(DOUBT.life, 2.0, 1, price) for price in (*PRICES.values(), *PRICES.values(), None)],
            "0.10 USD + 6 credits + 1 submit of unknown price",
        ),
    ],
)
def test_the_most_they_can_have_cost(found: list[Doubt], cost: str) -> None:
    """Sums by currency, and what has no known price is counted, never taken for nothing."""
    assert most_cost(found) == cost


def test_a_doubt_is_found_by_the_beginning_of_its_id(journal: Journal) -> None:
    """Enough of the id to tell it from the others; too little, or one that is not there, says what there is."""
    for number in range(20):
        journal.commit(lost(make_request("jivox", "text", {"prompt": str(number)})))
    found = doubts(journal)
    assert all(find_doubt(found, doubt.id[:12]) is doubt for doubt in found)
    with pytest.raises(Usage, match=f"20 uncertain requests begin with ''; uncertain are: {found[0].id[:12]}, .*, …$"):
        find_doubt(found, "")
    with pytest.raises(Usage, match=r"no uncertain request begins with 'xyz'; uncertain are: none$"):
        find_doubt([], "xyz")


@pytest.mark.parametrize(
    ("how", "state"),
    [("not_billed", "new"), ("again", "new"), ("billed", "spoiled")],
)
def test_a_word_is_journaled_with_who_when_and_why(journal: Journal, clerk: Clerk, how: How, state: str) -> None:
    """All doubts of one call are settled by one fact each, and no longer uncertain."""
    journal.commit([*lost(TEXT), *lost(JOB)])
    clerk.settle(doubts(journal), Word(how, "ada", "I asked them"))
    assert doubts(journal) == []
    for request in (TEXT, JOB):
        history = journal.histories([request.id])[request.id]
        assert history[-1] == Resolved(50.0, request.id, how, "ada", "I asked them")
        life = recall(history)
        assert life is not None
        assert life.state == state


def test_a_billed_job_waits_for_its_result(journal: Journal, clerk: Clerk) -> None:
    """With a ticket it is as if the answer had come: the next run polls."""
    journal.commit(lost(JOB))
    clerk.settle(doubts(journal), Word("billed", "ada", ticket="r-17"))
    life = recall(journal.histories([JOB.id])[JOB.id])
    assert life is not None
    assert (life.state, life.ticket) == ("waiting", "r-17")


def test_a_billed_picture_is_taken_in(tmp_path: Path, journal: Journal, clerk: Clerk) -> None:
    """With a file it is saved: the bytes are in the store, measured as any other picture."""
    journal.commit(lost(PICTURE))
    path = picture(tmp_path / "from the dashboard")
    clerk.settle(doubts(journal), Word("billed", "ada", file=path))
    life = recall(journal.histories([PICTURE.id])[PICTURE.id])
    assert life is not None
    [artifact] = life.artifacts
    assert (life.state, artifact.media_type, artifact.width, artifact.height) == ("saved", "image/png", 8, 6)
    assert Blobs(tmp_path / "blobs").path(str(artifact.sha256)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("request_", "content", "artifact"),
    [
        (TEXT, "A mug for life\n", Artifact("text", text="A mug for life")),
        (TASK, '{"text_generation_task": {"id": 7}}', Artifact("json", data={"text_generation_task": {"id": 7}})),
    ],
)
def test_a_billed_text_or_value_is_taken_in(
    tmp_path: Path, journal: Journal, request_: object, content: str, artifact: Artifact
) -> None:
    """What the operation gives decides how the file is read."""
    journal.commit(lost(request_))
    (tmp_path / "given").write_text(content, "utf-8")
    [doubt] = doubts(journal)
    clerk = Clerk(journal, Blobs(tmp_path / "blobs"), CATALOG, VirtualClock(50.0))
    clerk.settle([doubt], Word("billed", "ada", file=tmp_path / "given"))
    life = recall(journal.histories([doubt.id])[doubt.id])
    assert life is not None
    assert life.artifacts == (artifact,)


@pytest.mark.parametrize(
    ("request_", "word", "told"),
    [
        (JOB, Word("again", "ada", ticket="7"), "a ticket or a file proves that it was billed; give them with --as billed"),
        (JOB, Word("not_billed", "ada", file=Path("x.png")), "a ticket or a file proves that it was billed"),
        (JOB, Word("billed", "ada", ticket="7", file=Path("x.png")), "not both"),
        (JOB, Word("billed", "ada", ticket=" "), "the ticket is empty"),
        (TEXT, Word("billed", "ada", ticket="7"), "jivox/text answers at once and gives no ticket; give the result with --file"),
        (
            TASK,
            Word("billed", "ada", ticket="7"),
            "placewise/text gives nothing but its ticket; give it as the result, with --file",
        ),
        (GONE, Word("billed", "ada", ticket="7"), "the project has no acme/poem any more"),
        (JOB, Word("billed", "ada", file=Path("none.png")), "none.png: cannot be read (No such file or directory)"),
        (JOB, Word("billed", "ada", file=Path()), ".: cannot be read (Is a directory)"),
    ],
)
def test_what_cannot_be_meant_is_refused(journal: Journal, clerk: Clerk, request_: object, word: Word, told: str) -> None:
    """A word that no run could go on from is told with its remedy, and nothing is written."""
    journal.commit([*lost(PICTURE), *lost(request_)])
    before = list(journal.facts())
    with pytest.raises(Usage) as refused:
        clerk.settle(doubts(journal)[1:], word)
    assert told in str(refused.value)
    assert list(journal.facts()) == before


def test_of_several_doubts_all_are_settled_or_none(journal: Journal, clerk: Clerk) -> None:
    """A word that does not fit the last of them leaves the first as it was."""
    journal.commit([*lost(JOB), *lost(TEXT)])
    with pytest.raises(Usage, match="answers at once"):
        clerk.settle(doubts(journal), Word("billed", "ada", ticket="7"))
    assert len(doubts(journal)) == 2


@pytest.mark.parametrize("content", [b"", b"<html>sign in</html>", b"\x89PNG\r\n\x1a\nhalf a picture"])
def test_what_is_no_picture_is_not_taken(tmp_path: Path, content: bytes) -> None:
    """A page, an empty file or half a picture is refused with its name, and the store stays empty."""
    (tmp_path / "given.png").write_bytes(content)
    with pytest.raises(Usage, match=r"given\.png: "):
        take_media(tmp_path / "given.png", Blobs(tmp_path / "blobs"))
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(("content", "told"), [(b" \n", "is empty"), (b"\xff\xfe\x00", "not a text in UTF-8")])
def test_what_is_no_text_is_not_taken(tmp_path: Path, content: bytes, told: str) -> None:
    """Nothing and bytes are no copy."""
    (tmp_path / "given.txt").write_bytes(content)
    with pytest.raises(Usage, match=rf"given\.txt: {told}.*; the request gives a text"):
        read_text(tmp_path / "given.txt")


@pytest.mark.parametrize("content", ["", "{'id': 7}", "NaN", "[" * 100_000])
def test_what_is_no_json_is_not_taken(tmp_path: Path, content: str) -> None:
    """Neither Python's notation, nor what JSON cannot say, nor what nests without end."""
    (tmp_path / "given.json").write_text(content)
    with pytest.raises(Usage, match=r"given\.json: not JSON .*; the request gives a JSON value"):
        read_data(tmp_path / "given.json")


@settings(deadline=None)  # it writes files
@given(st.text(min_size=1).filter(lambda text: text.strip() != "" and text == text.rstrip("\r\n") and text[0] != "\ufeff"))
def test_a_text_is_taken_as_it_stands(text: str) -> None:
    """Only line ends after it, which editors add, and a byte order mark before it are left out."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "given.txt"
        path.write_bytes(f"\ufeff{text}\r\n".encode())
        assert read_text(path).text == text
