"""Bytes at hand: found until they are taken or newer ones need the room."""

from __future__ import annotations

from runner.edge.lately import BESIDE, Lately


def test_what_was_put_is_at_hand_until_it_is_taken() -> None:
    """Looking leaves it, taking does not."""
    lately = Lately(10 + BESIDE)
    lately.put("a", b"aaaa")
    assert [lately.get("a"), lately.take("a"), lately.get("a"), lately.take("a")] == [b"aaaa", b"aaaa", None, None]


def test_the_oldest_make_room_for_the_latest() -> None:
    """Never more than the room, also after some have been taken and others put twice; what is larger than all of it is not kept."""
    lately = Lately(10 + 2 * BESIDE)
    for name in "aabc":
        lately.put(name, name.encode() * 4)
    assert [lately.get(name) for name in "abc"] == [None, b"bbbb", b"cccc"]
    lately.take("c")
    lately.put("d", b"dddddd")
    lately.put("e", b"e" * (11 + BESIDE))
    assert [lately.get(name) for name in "bde"] == [b"bbbb", b"dddddd", None]
