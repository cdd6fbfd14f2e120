"""Recovery: what a damaged journal still holds becomes a new one, and nothing of it can be bought again unnoticed."""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.core.lifecycle import Life, recall
from runner.edge.journal import Journal, Run
from runner.edge.recovery import UNKNOWN, WHY, examine, recover, swap
from runner.errors import OurSide
from runner.facts import Answered, Fact, Planned, Saved, Sent
from runner.records import Artifact, Blob, make_request
from runner.verdicts import Broken, Done, Held, Link, Lost, Queued

HASH = "ab" * 32


def life_of(number: int, length: int) -> list[Fact]:
    """The first `length` of the eight facts of a request's life."""
    request = make_request("house", "image", {"prompt": "mug " * (number * 37 % 900), "number": number})
    life: list[Fact] = [
        Planned(1.0, request),
        Sent(2.0, request.id, "submit"),
        Answered(3.0, request.id, "submit", Queued(f"t-{number}", 1.0)),
        Sent(4.0, request.id, "poll"),
        Answered(5.0, request.id, "poll", Done((Link("https://x.test/1"),))),
        Sent(6.0, request.id, "fetch"),
        Answered(7.0, request.id, "fetch", Done((Held(Blob(HASH, 9)),))),
        Saved(8.0, request.id, (Artifact("file", sha256=HASH, size=9),)),
    ]
    return life[:length]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal of the test is."""
    return tmp_path / "jobs" / "journal.db"


def write(path: Path, count: int = 60, seed: int = 1) -> dict[str, Life]:
    """A journal of lives of all lengths, in small commits; what each life was."""
    dice = random.Random(seed)
    lives = [life_of(number, dice.randint(1, 8)) for number in range(count)]
    facts = [fact for life in lives for fact in life]
    with Journal.open(path, "live") as journal:
        journal.end_run(journal.begin_run(1.0, {"rows": 3}), 9.0, {"rows": 3, "exit": 0})
        for start in range(0, len(facts), 7):
            journal.commit(facts[start : start + 7])
    return {life[0].id: known for life in lives if (known := recall(life)) is not None}


def read(path: Path, names: list[str]) -> dict[str, Life]:
    """What a journal knows of these requests."""
    with Journal.open(path, "live") as journal:
        histories = journal.histories(names)
    return {name: known for name, facts in histories.items() if (known := recall(facts)) is not None}


def flip(path: Path, count: int = 200, seed: int = 3) -> None:
    """So many random bytes are others."""
    data, dice = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(count):
        data[dice.randrange(len(data))] ^= dice.randrange(1, 256)
    path.write_bytes(data)


def blank(path: Path) -> None:
    """The first page is gone, and the list of tables with it."""
    with path.open("r+b") as file:
        file.write(bytes(4096))


def cut(path: Path) -> None:
    """The second half is gone."""
    os.truncate(path, path.stat().st_size // 2)


def would_buy(life: Life) -> bool:
    """Whether the next run submits this request."""
    return life.state in ("new", "failed")


def test_a_whole_journal_is_left_alone(path: Path) -> None:
    """There is nothing to recover, and nothing is written."""
    write(path)
    before = path.read_bytes()
    assert recover(path, "live") is None
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]


@pytest.mark.parametrize("damage", [flip, blank, cut])
@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_is_known_of_is_bought_again(path: Path, damage: Callable[[Path], None], seed: int) -> None:
    """After any damage, no request that the new journal knows is left to be bought; what is certain is as it was."""
    before = write(path, seed=seed)
    damage(path)
    damaged = path.read_bytes()
    recovered = recover(path, "live")
    assert recovered is not None
    assert path.read_bytes() == damaged
    after = read(recovered.target, list(before))
    assert not any(would_buy(life) for life in after.values())
    assert len(after) >= len(before) - 4
    for name, life in after.items():
        if life.state not in ("uncertain", before[name].state):
            assert recovered.lost, f"{before[name].state} became {life.state}"
    assert recovered.holds.requests >= len(after)
    assert stat.S_IMODE(recovered.target.stat().st_mode) == 0o600


def test_without_its_first_page_everything_is_found(path: Path) -> None:
    """When only the head is gone, every fact and every run is there again; planned requests are parked all the same."""
    before = write(path)
    blank(path)
    recovered = recover(path, "live")
    assert recovered is not None
    after = read(recovered.target, list(before))
    assert recovered.lost == 0
    for name, life in before.items():
        assert after[name] == life or (would_buy(life) and after[name].why == WHY)
    assert recovered.parked == sum(would_buy(life) for life in before.values())
    with Journal.open(recovered.target, "live") as journal:
        assert journal.runs() == [Run(1, 1.0, 9.0, {"rows": 3, "exit": 0})]


def test_the_log_that_was_not_folded_in_counts(path: Path) -> None:
    """Facts that a killed run left in the write-ahead log are recovered with the rest."""
    write(path, 5)
    facts = life_of(99, 3)
    with Journal.open(path, "live") as journal:
        journal.commit(facts)
        copy = path.parent.parent / "copy" / "journal.db"
        copy.parent.mkdir()
        for name in ("journal.db", "journal.db-wal"):
            (copy.parent / name).write_bytes((path.parent / name).read_bytes())
    blank(copy)
    recovered = recover(copy, "live")
    assert recovered is not None
    assert read(recovered.target, [facts[0].id])[facts[0].id] == recall(facts)


LOST_PARTS: dict[str, tuple[list[int], str]] = {
    "its plan": ([1, 2], "waiting"),
    "its ticket": ([0, 1, 3], "uncertain"),
    "its links": ([0, 1, 2, 5, 6], "waiting"),
    "all but its end": ([7], "saved"),
    "all but its plan": ([0], "uncertain"),
    "all": ([], "uncertain"),
}


@pytest.mark.parametrize("what", LOST_PARTS)
def test_a_request_that_lost_facts_is_told_safely(path: Path, what: str) -> None:
    """What a request has lost decides: it is asked for further, done, or uncertain, and never bought."""
    kept, state = LOST_PARTS[what]
    whole = life_of(1, 8)
    with Journal.open(path, "live") as journal:
        journal.commit(whole)
        for number in set(range(8)) - set(kept):
            journal._connection.execute("UPDATE fact SET seal = seal + 1 WHERE n = ?", (number + 1,))
    recovered = recover(path, "live")
    assert recovered is not None
    (life,) = read(recovered.target, [whole[0].id]).values()
    assert life.state == state
    assert (life.request.provider == UNKNOWN) == (0 not in kept)
    assert recovered.lost == (8 - len(kept))


def test_a_request_that_failed_may_have_been_sent_since(path: Path) -> None:
    """Planned, tried in vain and ready to be tried again is not safe to try after damage."""
    request = make_request("house", "image", {"prompt": "mug"})
    facts: list[Fact] = [Planned(1.0, request), Sent(2.0, request.id, "submit"), Answered(3.0, request.id, "submit", Broken("x"))]
    with Journal.open(path, "live") as journal:
        journal.commit([*facts, *life_of(1, 8)])
    blank(path)
    recovered = recover(path, "live")
    assert recovered is not None
    with Journal.open(recovered.target, "live") as journal:
        assert journal.histories([request.id])[request.id][-1] == Answered(3.0, request.id, "submit", Lost(WHY))
        assert [name for name, _ in journal.uncertain()] == [request.id]


def test_no_run_begins_while_a_recovered_journal_waits(path: Path) -> None:
    """Between recovery and swap nothing opens the job's journal; after it the new one serves and the old one is kept."""
    before = write(path)
    cut(path)
    damaged = path.read_bytes()
    recovered = recover(path, "live")
    assert recovered is not None
    with pytest.raises(OurSide, match=r"journal\.db\.recovered: waits to take the place .*adbatch journal recover JOB --yes"):
        Journal.open(path, "live")
    aside = swap(path)
    assert (aside.name, aside.read_bytes()) == ("journal.db.damaged-1", damaged)
    assert sorted(file.name for file in path.parent.iterdir()) == ["journal.db", "journal.db.damaged-1"]
    assert examine(path, "live") == recovered.holds
    assert set(read(path, list(before))) <= set(before)


def test_a_journal_keeps_its_name_through_recovery(path: Path) -> None:
    """The id of the journal, which manifests carry, is the same where it can be read."""
    write(path, 300)
    with Journal.open(path, "live") as journal:
        name = journal.id
    cut(path)
    recovered = recover(path, "live")
    assert recovered is not None
    with Journal.open(recovered.target, "live") as journal:
        assert journal.id == name


def test_a_torn_recovery_is_done_anew(path: Path) -> None:
    """What a killed recovery left half written does not disturb the next one."""
    write(path)
    cut(path)
    for name in (".journal.db.recovered.draft", ".journal.db.recovered.draft-wal", ".journal.db.copy-wal"):
        path.with_name(name).write_bytes(b"half")
    assert recover(path, "live") is not None
    assert sorted(file.name for file in path.parent.iterdir()) == ["journal.db", "journal.db.recovered"]


def test_a_missing_journal_is_told(path: Path) -> None:
    """Where there is no journal there is nothing to examine or recover."""
    for ask in (examine, recover):
        with pytest.raises(OurSide, match="there is no journal"):
            ask(path, "live")


def test_examining_reads_everything(path: Path) -> None:
    """Counts of a whole journal; a damaged one is told with the way to recover it."""
    before = write(path)
    health = examine(path, "live")
    assert (health.requests, health.runs) == (60, 1)
    assert health.uncertain == sum(life.state == "uncertain" for life in before.values())
    flip(path)
    with pytest.raises(OurSide, match=r"damaged.*adbatch journal recover"):
        examine(path, "live")
