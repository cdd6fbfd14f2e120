"""Secrets: found before anything is spent, and seen by nobody."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest

from runner.edge.redaction import MASK, redact
from runner.edge.secrets import SecretRef, Secrets, load_secrets
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


def test_what_becomes_a_secret_is_masked_from_then_on() -> None:
    """A value that this process has looked up is in nothing it prints afterwards."""
    value = load(SecretRef(env="SIVI"), {"SIVI": "test-key-that-is-looked-up"}).reveal("key")
    assert redact(f"Authorization: Bearer {value}") == f"Authorization: Bearer {MASK}"
