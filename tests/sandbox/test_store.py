from __future__ import annotations

from pathlib import Path

import pytest

from runner.sandbox.intake import Made, Order
from runner.sandbox.store import Store

ORDER = Order("sivi", "media/generate", {"image": "sha256:abc"}, {"sha256:abc": b"picture"})


def test_orders_survive(tmp_path: Path):
    """A saved order is loaded by another store with its pictures."""
    Store(tmp_path, "salt").save_order(ORDER)
    assert Store(tmp_path, "salt").load_order(ORDER.digest) == ORDER


def test_results_survive_and_are_linked(tmp_path: Path):
    """Saved results are found by token and name, whole and in order."""
    store = Store(tmp_path, "salt")
    token = store.token("sivi", ORDER.digest)
    made = [Made("a.png", "image/png", b"1", 3, 4), Made("b.txt", "text/plain", b"2")]
    assert store.load_results(token) is None
    store.save_results(token, made)
    assert store.load_results(token) == tuple(made)
    assert store.load_file(token, "b.txt") == made[1]
    assert store.own(f"http://127.0.0.1:9/files/{token}/a.png") == b"1"
    assert not list(tmp_path.rglob("*.part"))


def test_links_cannot_be_guessed(tmp_path: Path):
    """The token depends on the salt and begins with the vendor's name."""
    first, second = Store(tmp_path, "salt").token("sivi", "d"), Store(tmp_path, "other").token("sivi", "d")
    assert first != second
    assert first.startswith("sivi-")


@pytest.mark.parametrize(
    ("token", "name"), [("..", "ledger.jsonl"), ("sivi-" + "0" * 32, "a.png"), ("{token}", "../x"), ("{token}", "index.json")]
)
def test_only_results_are_served(tmp_path: Path, token: str, name: str):
    """No path leads out of the result folders, nor to their index."""
    store = Store(tmp_path, "salt")
    real = store.token("sivi", "d")
    store.save_results(real, [Made("a.png", "image/png", b"1")])
    assert store.load_file(token.replace("{token}", real), name) is None


@pytest.mark.parametrize(
    "url", ["https://shop.example/files/{token}/a.png", "http://127.0.0.1/other/{token}/a.png", "http://127.0.0.1/files/x"]
)
def test_foreign_links_are_not_ours(tmp_path: Path, url: str):
    """Only loopback links to /files are our own."""
    store = Store(tmp_path, "salt")
    token = store.token("sivi", "d")
    store.save_results(token, [Made("a.png", "image/png", b"1")])
    assert store.own(url.replace("{token}", token)) is None


def test_deletion_is_remembered(tmp_path: Path):
    """A deleted job stays deleted after a restart."""
    Store(tmp_path, "salt").delete("vyro", "7")
    assert Store(tmp_path, "salt").is_deleted("vyro", "7")
    assert not Store(tmp_path, "salt").is_deleted("vyro", "8")


def test_a_cancellation_is_remembered(tmp_path: Path):
    """A cancelled job stays cancelled after a restart."""
    Store(tmp_path, "salt").cancel("fal", "7")
    assert Store(tmp_path, "salt").is_canceled("fal", "7")
    assert not Store(tmp_path, "salt").is_canceled("fal", "8")
