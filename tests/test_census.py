"""Who was seen twice, measured against a dict that remembers everything."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.census import BUCKETS, Census, fingerprint

entries = st.lists(
    st.tuples(st.sampled_from(["", "a", "A", "ä", "a\u0308", "7", "007", "\ud800"]) | st.text(), st.integers(0, 2**64 - 1))
)
few = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 3)))


def take(names: list[tuple[str, int]]) -> Census:
    """A census of these names and owners."""
    census = Census()
    for name, owner in names:
        census.add(name, owner)
    return census


def shared(names: list[tuple[str, int]]) -> set[str]:
    """The same answer from a dict: names with more than one owner."""
    owners: dict[str, set[int]] = {}
    for name, owner in names:
        owners.setdefault(name, set()).add(owner)
    return {name for name, who in owners.items() if len(who) > 1}


@settings(max_examples=60)
@given(entries | few)
def test_a_census_says_what_a_dict_would(names: list[tuple[str, int]]) -> None:
    """Repeated are exactly the names that two owners have, whatever the names, owners and their order."""
    census = take(names)
    assert census.repeated() == {fingerprint(name) for name in shared(names)}
    assert len(census) == len(names)


@settings(max_examples=30)
@given(few, st.randoms(use_true_random=False))
def test_order_does_not_matter(names: list[tuple[str, int]], dice: object) -> None:
    """The same entries in another order give the same repeats."""
    mixed = list(names)
    dice.shuffle(mixed)  # type: ignore[attr-defined]
    assert take(mixed).repeated() == take(names).repeated()


@pytest.mark.parametrize(
    ("names", "repeated"),
    [
        ([], set()),
        ([("a", 1)], set()),
        ([("a", 1), ("a", 1)], set()),
        ([("a", 1), ("a", 2)], {"a"}),
        ([("a", 1), ("a", 2), ("a", 1)], {"a"}),
        ([("a", 1), ("b", 1)], set()),
        ([("a", 0), ("a", 2**64 - 1)], {"a"}),
        ([("a", 1), ("A", 2), (" a", 3)], set()),
        ([("a", 1), ("b", 2), ("b", 3), ("a", 4)], {"a", "b"}),
    ],
)
def test_a_repeat_is_a_name_with_two_owners(names: list[tuple[str, int]], repeated: set[str]) -> None:
    """The same owner may say a name as often as it likes, and an owner may have many names."""
    assert take(names).repeated() == {fingerprint(name) for name in repeated}


def test_asking_changes_nothing() -> None:
    """A census can be asked in between and goes on counting."""
    census = take([("a", 1)])
    assert (census.repeated(), census.repeated()) == (set(), set())
    census.add("a", 2)
    assert census.repeated() == {fingerprint("a")}


@pytest.mark.parametrize("owner", [-1, 2**64])
def test_an_owner_has_64_bits(owner: int) -> None:
    """A number that does not fit is refused, not cut."""
    with pytest.raises(OverflowError):
        Census().add("a", owner)


def test_a_fingerprint_is_64_bits_and_the_same_everywhere() -> None:
    """Another process with another hash seed has the same one; half a surrogate pair, which a feed may hold, has one too."""
    assert fingerprint("mug-4711") == 0x1CB2538DE6569B57
    assert all(0 <= fingerprint(name) < 2**64 for name in ("", "\ud800", "x" * 100_000))
    code = "from runner.census import fingerprint; print(fingerprint('mug-4711'))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": "7"})
    assert int(done.stdout) == fingerprint("mug-4711")


def test_similar_names_have_different_fingerprints_in_all_buckets() -> None:
    """Counting names neither collide nor crowd into a few buckets, which would bring a whole plan into one dict."""
    marks = [fingerprint(f"row-{number}") for number in range(20_000)]
    assert len(set(marks)) == len(marks)
    sizes = [0] * BUCKETS
    for mark in marks:
        sizes[mark % BUCKETS] += 1
    assert max(sizes) < 2 * len(marks) / BUCKETS
    assert min(sizes) > len(marks) / BUCKETS / 2


def test_an_entry_takes_sixteen_bytes() -> None:
    """Fifty thousand names cost less than 20 bytes each, and looking for repeats a small share of a set of them."""
    count = 50_000
    tracemalloc.start()
    try:
        census = Census()
        for number in range(count):
            census.add(f"https://shop.example.com/products/{number}.html", number)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        assert census.repeated() == set()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 16 <= kept / count < 20
    assert (peak - kept) / count < 2
