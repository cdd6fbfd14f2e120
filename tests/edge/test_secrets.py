"""Secrets: found before anything is spent, and seen by nobody."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import urllib.parse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.edge.secrets import Redactor, SecretRef, Secrets, load_secrets
from runner.errors import OurSide

CANARY = "test-key/with+odd=chars \"and' more&%"


def load(ref: SecretRef, environ: dict[str, str] | None = None, optional: frozenset[str] = frozenset()) -> Secrets:
    """The secrets of lane `sivi`, whose key is at `ref`."""
    return load_secrets("sivi", {"key": ref}, environ or {}, optional)


def keep(tmp_path: Path, text: str, mode: int = 0o600) -> SecretRef:
    """A secret file of these contents."""
    path = tmp_path / "secret"
    path.write_text(text, "latin-1")
    path.chmod(mode)
    return SecretRef(file=str(path))


def test_a_secret_comes_from_the_environment() -> None:
    """The named variable's value is the secret, without the space around it."""
    assert load(SecretRef(env="SIVI"), {"SIVI": " test-key\n"}).reveal("key") == "test-key"


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    """The file's content is the secret, without its final newline."""
    assert load(keep(tmp_path, "test-key\r\n")).reveal("key") == "test-key"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "sivi: no key: environment variable SIVI is not set; set it"),
        ("", "sivi: no key: environment variable SIVI is blank"),
        (" \t\n", "sivi: no key: environment variable SIVI is blank"),
        ("two\nlines", "SIVI has a line break or another character"),
        ("null\0", "SIVI has a line break or another character"),
        ("smart “quotes”", "SIVI has a line break or another character"),
        ("ключ", "SIVI has a line break or another character"),
    ],
)
def test_unusable_variables_are_named(value: str | None, message: str) -> None:
    """What is missing, blank or cannot stand in a header is named, and its value is not repeated."""
    with pytest.raises(OurSide) as failure:
        load(SecretRef(env="SIVI"), {} if value is None else {"SIVI": value})
    assert message in str(failure.value)
    assert not value or not value.strip() or value not in str(failure.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """A secret file must be its owner's alone; the message says how to mend it."""
    with pytest.raises(OurSide, match=r"can be read by others; run: chmod 600 /"):
        load(keep(tmp_path, "test-key", mode))


@pytest.mark.parametrize(
    ("text", "message"), [("", "is blank"), ("x" * 20_000, "is larger than 16384 bytes"), ("a\nb", "line break")]
)
def test_unusable_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    """A file that holds no key says so."""
    with pytest.raises(OurSide, match=message):
        load(keep(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path of a secret file that is not there is in the message."""
    with pytest.raises(OurSide, match=r"the secret file .*/nowhere cannot be read \(No such file or directory\)"):
        load(SecretRef(file=str(tmp_path / "nowhere")))


@pytest.mark.parametrize("ref", [SecretRef(env="NOWHERE"), SecretRef(file="/nowhere/at/all")])
def test_an_optional_secret_may_be_missing(ref: SecretRef) -> None:
    """A lane whose key is optional goes without."""
    assert "key" not in load(ref, optional=frozenset({"key"}))


def test_an_optional_secret_that_is_there_must_be_good() -> None:
    """Optional is not the same as unchecked."""
    with pytest.raises(OurSide, match="blank"):
        load(SecretRef(env="SIVI"), {"SIVI": ""}, frozenset({"key"}))


def test_printing_secrets_shows_names_only() -> None:
    """No way of printing, copying to text or pickling gives a value away."""
    secrets = Secrets({"key": CANARY})
    for shown in (repr(secrets), str(secrets), f"{secrets}", f"{secrets!r}", repr([secrets]), "%s" % secrets):  # noqa: UP031
        assert (CANARY in shown, "key" in shown) == (False, True)
    for use in (pickle.dumps, json.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            use(secrets)


SPELLINGS = {
    "plain": CANARY,
    "json": json.dumps(CANARY)[1:-1],
    "url": urllib.parse.quote(CANARY, safe=""),
    "url path": urllib.parse.quote(CANARY),
    "form": urllib.parse.quote_plus(CANARY),
    "repr": repr(CANARY)[1:-1],
    "base64": base64.b64encode(CANARY.encode()).decode().rstrip("="),
    "base64 of user and key": base64.b64encode(f"u:{CANARY}".encode()).decode(),
    "base64 of a sentence": base64.b64encode(f"a{CANARY} and more".encode()).decode(),
    "url-safe base64": base64.urlsafe_b64encode(CANARY.encode()).decode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_known_spellings_are_redacted(spelling: str) -> None:
    """A secret is masked in each spelling it may have taken, and the text around it stays."""
    redacted = Redactor([CANARY, "another-key"]).redact(f"before {SPELLINGS[spelling]} after, another-key")
    assert redacted.startswith("before ")
    assert redacted.endswith(" after, ***")
    left = redacted.removeprefix("before ").removesuffix(" after, ***")
    assert "***" in left
    assert len(left) <= len("***") + 18, "more is left than the base64 of what stood around the secret"


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60), st.text(max_size=20), st.text(max_size=20)
)
def test_no_value_survives_redaction(value: str, before: str, after: str) -> None:
    """Whatever the secret and whatever stands around it, it does not come through."""
    redacted = Redactor([value]).redact(before + value + after)
    assert value not in redacted.replace("***", "")


def test_the_longer_of_two_secrets_is_masked_whole() -> None:
    """A key that begins like another leaves no tail behind."""
    assert Redactor(["test-key", "test-key-longer"]).redact("test-key-longer") == "***"


def test_without_secrets_nothing_is_redacted() -> None:
    """A redactor that knows nothing, or only what is too short to tell, changes nothing."""
    assert Redactor().redact("as it is") == Redactor(["", "i"]).redact("as it is") == "as it is"
