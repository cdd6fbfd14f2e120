from __future__ import annotations

from pathlib import Path

from runner.sandbox.ledger import Entry, Ledger


def test_what_is_accepted_is_on_disk_at_once(tmp_path: Path):
    """An entry can be read by another reader the moment `accept` returns, before anything is closed."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    entry = ledger.accept(Entry(1, 5.0, "sivi", "media/generate", "d1", "t1", 6.0, 7.0, 0.1))
    again = Ledger(tmp_path / "ledger.jsonl")
    assert again.entries == [entry]
    assert again.job("sivi", "t1") == entry
    assert again.job("vyro", "t1") is None
    ledger.close()
    again.close()


def test_a_torn_last_line_is_cut_off(tmp_path: Path):
    """Half a line was never answered: it is dropped, and the next entry begins on a fresh line."""
    path = tmp_path / "ledger.jsonl"
    first = Ledger(path)
    first.accept(Entry(1, 5.0, "jivox", "textGen", "d"))
    first.close()
    with path.open("ab") as file:
        file.write(b'{"n": 2, "at": 5')
    second = Ledger(path)
    second.accept(Entry(2, 6.0, "jivox", "textGen", "d"))
    second.close()
    third = Ledger(path)
    assert [entry.n for entry in third.entries] == [1, 2]
    third.close()


def test_the_summary_counts_contents(tmp_path: Path):
    """Whatever was bought twice stands first, with its count."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for number, digest in enumerate(("a", "b", "b")):
        ledger.accept(Entry(number, 0.0, "jivox", "textGen", digest, charge=0.5))
    assert ledger.summary() == [
        {"vendor": "jivox", "operation": "textGen", "digest": "b", "count": 2},
        {"vendor": "jivox", "operation": "textGen", "digest": "a", "count": 1},
    ]
    assert ledger.spent("jivox") == 1.5
    assert ledger.spent("sivi") == 0
    ledger.close()


def test_spans_are_the_queued_jobs(tmp_path: Path):
    """Only queued jobs of the vendor have a span."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.accept(Entry(1, 0.0, "sivi", "x", "d", "t", 1.0, 2.0))
    ledger.accept(Entry(2, 0.0, "sivi", "content-from-prompt", "e"))
    ledger.accept(Entry(3, 0.0, "vyro", "x", "f", "t", 3.0, 4.0))
    assert ledger.spans("sivi") == [(1.0, 2.0)]
    assert ledger.entries[1].plain() == {
        "n": 2,
        "at": 0.0,
        "vendor": "sivi",
        "operation": "content-from-prompt",
        "digest": "e",
        "charge": 1.0,
    }
    ledger.close()
