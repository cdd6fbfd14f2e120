"""Redaction: no secret comes through, however it is dressed."""

from __future__ import annotations

import base64
import html
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.edge.redaction import MASK, SHORTEST, Redactor, learn, redact

CANARY = "test-key/with+odd=chars <\"and' & more>%"
PLAIN = "test-key-0123456789abcdef"

SPELLINGS = {
    "plain": CANARY,
    "json": json.dumps(CANARY)[1:-1],
    "json as PHP writes it": json.dumps(CANARY)[1:-1].replace("/", "\\/"),
    "json as Go writes it": json.dumps(CANARY)[1:-1].replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
    "url": urllib.parse.quote(CANARY, safe=""),
    "url in lower case": urllib.parse.quote(CANARY, safe="").replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d")
    .replace("%3C", "%3c").replace("%3E", "%3e"),
    "url path": urllib.parse.quote(CANARY),
    "form": urllib.parse.quote_plus(CANARY),
    "html": html.escape(CANARY),
    "html as others write it": html.escape(CANARY).replace("&#x27;", "&#39;"),
    "repr": repr(CANARY)[1:-1],
    "repr of bytes": repr(CANARY.encode())[2:-1],
    "hex": CANARY.encode().hex(),
    "base64": base64.b64encode(CANARY.encode()).decode().rstrip("="),
    "base64 of user and key": base64.b64encode(f"u:{CANARY}".encode()).decode(),
    "base64 of a sentence": base64.b64encode(f"a{CANARY} and more".encode()).decode(),
    "url-safe base64": base64.urlsafe_b64encode(CANARY.encode()).decode(),
}  # fmt: skip

keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=SHORTEST, max_size=60)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_known_spellings_are_redacted(spelling: str) -> None:
    """A secret is masked in each spelling it may have taken, in text and in bytes, and what stands around it stays."""
    redactor, text = Redactor([CANARY, "another-key"]), f"before {SPELLINGS[spelling]} after, another-key"
    redacted = redactor.redact(text)
    assert redactor.redact_bytes(text.encode()).decode() == redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(f" after, {MASK}")
    left = redacted.removeprefix("before ").removesuffix(f" after, {MASK}")
    assert MASK in left
    assert len(left) <= len(MASK) + 18, "more is left than the base64 of what stood around the secret"


def test_a_key_that_is_not_ascii_is_masked_in_both_encodings() -> None:
    """A Latin-1 key, as a header may hold it, is masked as Latin-1 and as UTF-8."""
    redactor = Redactor(["test-kéy-ünïcode"])
    for coding in ("latin-1", "utf-8"):
        assert redactor.redact_bytes("a test-kéy-ünïcode".encode(coding)) == b"a ***"


@given(keys, st.text(max_size=20), st.text(max_size=20))
def test_no_value_survives_redaction(value: str, before: str, after: str) -> None:
    """Whatever the secret and whatever stands around it, it does not come through."""
    redacted = Redactor([value]).redact(before + value + after)
    assert value not in redacted.replace(MASK, "")


@given(keys, st.lists(st.binary(max_size=40), min_size=1, max_size=6), st.lists(st.integers(1, 30), min_size=1, max_size=30))
def test_a_stream_is_redacted_as_its_whole(value: str, around: list[bytes], sizes: list[int]) -> None:
    """However a stream is cut into pieces, what comes out is what the whole would have given."""
    redactor, whole = Redactor([value]), value.encode().join(around)
    out, rest, at = b"", b"", 0
    while at < len(whole):
        size = sizes[at % len(sizes)]
        done, rest = redactor.redact_piece(rest + whole[at : at + size])
        out, at = out + done, at + size
    assert out + redactor.redact_bytes(rest) == redactor.redact_bytes(whole)


@pytest.mark.parametrize("size", [1, 2, 7, 64, 4096])
def test_a_stream_without_secrets_is_held_back_no_longer_than_needed(size: int) -> None:
    """Of a piece, only as much waits for the next as could be the beginning of a secret."""
    redactor = Redactor([PLAIN])
    done, rest = redactor.redact_piece(b"x" * size)
    assert done + rest == b"x" * size
    assert len(rest) == min(size, redactor.longest - 1)


def test_the_longer_of_two_secrets_is_masked_whole() -> None:
    """A key that begins like another leaves no tail behind, in a stream neither."""
    redactor = Redactor(["test-key-one", "test-key-one-longer"])
    assert redactor.redact("test-key-one-longer") == MASK
    done, rest = redactor.redact_piece(b"test-key-one-lon")
    assert done + redactor.redact_bytes(rest + b"ger") == b"***"


@pytest.mark.parametrize("values", [[], ["", "i"], ["test", "none", "x" * (SHORTEST - 1)]])
def test_what_is_no_secret_is_left_alone(values: list[str]) -> None:
    """A redactor that knows nothing, or only what is too short to guard anything, changes nothing and holds nothing back."""
    redactor, text = Redactor(values), "as it is: test, none, i"
    assert redactor.redact(text) is text
    assert redactor.redact_bytes(b"as it is") == b"as it is"
    assert redactor.redact_piece(b"as it is") == (b"as it is", b"")


def test_the_process_masks_what_it_has_learned() -> None:
    """`redact` knows every value the process ever learned, also those learned after its first use."""
    assert redact("zebra-learned-late") == "zebra-learned-late"
    learn(["zebra-learned-late"])
    learn(["zebra-learned-later"])
    assert redact("zebra-learned-late, zebra-learned-later") == f"{MASK}, {MASK}"
