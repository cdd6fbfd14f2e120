"""`adbatch providers test`, and described vendors among the others."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Adbatch
from tests.test_tryout import project


def test_without_a_word_examples_are_only_shown(adbatch: Adbatch, tmp_path: Path) -> None:
    """They cost what a request costs, so the command that sends them is told and nothing leaves."""
    project(tmp_path)
    ended = adbatch("providers", "test", "acme/copy")
    assert ended.code == 0
    assert "POST https://api.acme.example/v2/accounts/1042/textGen" in ended.out
    assert ended.err == "nothing was sent; to send and pay for 1 request: adbatch providers test acme/copy --yes\n"


def test_in_the_sandbox_they_are_sent(adbatch: Adbatch, tmp_path: Path) -> None:
    """What failed is in the exit code."""
    project(tmp_path)
    ended = adbatch("providers", "test", "acme/copy", "--sandbox")
    assert (ended.code, ended.err) == (0, "1 of 1 request gave what was promised\n")
    assert "> text: " in ended.out


def test_live_without_a_key_nothing_is_sent(adbatch: Adbatch, tmp_path: Path) -> None:
    """A missing secret is told by its place."""
    project(tmp_path)
    ended = adbatch("providers", "test", "acme/copy", "--yes")
    assert ended.code == 3
    assert "ACME_KEY" in ended.err


def test_a_described_vendor_is_told_like_any_other(adbatch: Adbatch, tmp_path: Path) -> None:
    """In the list, whole, and by operation."""
    project(tmp_path)
    assert "acme/copy" in adbatch("providers").out
    told = adbatch("providers", "acme").out
    assert told.startswith("acme: https://acme.example/docs\n  base_url: https://api.acme.example/v2\n  key: {env: ACME_KEY}\n")
    assert "prompt: text, required, at most 40" in adbatch("providers", "acme/copy").out


def test_options_belong_to_test(adbatch: Adbatch) -> None:
    """Anything else is a mistake of usage."""
    for words in (["test"], ["vyro", "--yes"], ["vyro", "acme"]):
        ended = adbatch("providers", *words)
        assert (ended.code, "providers test ACCOUNT" in ended.err) == (2, True)
