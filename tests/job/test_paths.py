from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.job.paths import PATH_BYTES, RESERVED, SEGMENT_BYTES, clean_path, clean_segment, fold

KEPT = set(" -_.()'&,+@")

SEGMENTS = [
    ("scene-1", "scene-1"),
    ("Größe 42", "Größe 42"),
    ("цена", "цена"),
    ("商品 (大)", "商品 (大)"),
    ("हिन्दी", "हिन्दी"),
    ("a/b", "a-b"),
    ("a\\b", "a-b"),
    ("C:\\x", "C--x"),
    ("mug|locale=en-US|1", "mug-locale-en-US-1"),
    ("tab\tline\nnul\0", "tab-line-nul-"),
    ("emoji 🎉", "emoji -"),
    ("zero\u200bwidth", "zero-width"),
    ("\u202egnp.exe", "-gnp.exe"),
    ("", "-"),
    (".", "-"),
    ("..", "-"),
    ("...", "-"),
    ("   ", "-"),
    (".hidden", "-hidden"),
    ("trailing. . ", "trailing"),
    (" both ", "both"),
    ("CON", "CON-"),
    ("nul.txt", "nul-.txt"),
    ("Com1", "Com1-"),
    ("LPT9 .x", "LPT9-.x"),
    ("lpt¹", "lpt¹-"),
    ("console", "console"),
    ("com10", "com10"),
    ("e\u0301", "é"),
    ("O'Neill & Sons, +1@x", "O'Neill & Sons, +1@x"),
]


@pytest.mark.parametrize(("text", "name"), SEGMENTS)
def test_a_name_keeps_what_is_on_the_list(text, name):
    """Letters, marks and digits of any script and a few signs stay; everything else becomes a dash, and no name is special."""
    assert clean_segment(text) == name


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a/b/c", "a/b/c"),
        ("/etc/passwd", "etc/passwd"),
        ("../../x", "-/-/x"),
        ("a//b/ /c/", "a/b/c"),
        ("./a", "-/a"),
        ("\\\\host\\share", "--host-share"),
        ("", "-"),
        ("///", "-"),
        ("x/aux/y.", "x/aux-/y"),
    ],
)
def test_a_path_never_leads_out(text, path):
    """Only slashes separate; absolute, upward and empty parts lose their meaning."""
    assert clean_path(text) == path


@given(st.text())
def test_a_cleaned_path_is_safe_whatever_was_given(text):
    """Every segment is on the allowlist, within its bytes, not special, and NFC; the whole is within its bytes."""
    path = clean_path(text)
    assert len(path.encode()) <= PATH_BYTES
    assert unicodedata.is_normalized("NFC", path)
    for name in path.split("/"):
        assert name not in {"", ".", ".."}
        assert name[0] != "."
        assert name[-1] not in {".", " "}
        assert len(name.encode()) <= SEGMENT_BYTES
        assert not RESERVED.match(name)
        assert all(char in KEPT or char.isalnum() or unicodedata.category(char)[0] == "M" for char in name)


@given(st.text())
def test_cleaning_again_changes_nothing(text):
    """Cleaning is idempotent, for names and for paths."""
    assert clean_path(clean_path(text)) == clean_path(text)
    assert clean_segment(clean_segment(text)) == clean_segment(text)


@given(st.text())
def test_folding_ignores_case_and_composition(text):
    """A path folds as its upper-case and its decomposed forms do."""
    assert fold(unicodedata.normalize("NFD", text)) == fold(text)
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(("one", "other"), [("STRASSE", "straße"), ("K", "\u212a"), ("É.png", "e\u0301.PNG"), ("A/b", "a/B")])
def test_names_that_are_one_file_somewhere_fold_alike(one, other):
    """Sharp s, the Kelvin sign, accents composed or not, and case: one file on some file system."""
    assert fold(one) == fold(other)


@pytest.mark.parametrize("letter", ["x", "ü", "商", "🎉x"])
def test_long_names_are_cut_at_a_character_and_stay_two(letter):
    """A name beyond its bytes is cut at a boundary; a digest of the whole keeps different names different."""
    one, other = clean_segment(letter * 300 + "1"), clean_segment(letter * 300 + "2")
    assert one != other
    assert len(one.encode()) <= SEGMENT_BYTES
    assert one.encode().decode() == one


def test_a_long_path_is_cut_and_stays_two():
    """A path of many long names is cut as a whole, with a digest of the whole."""
    one, other = clean_path("abc/" * 400 + "1"), clean_path("abc/" * 400 + "2")
    assert one != other
    assert len(one.encode()) <= PATH_BYTES


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("results.jsonl/x", "results.jsonl-/x"),
        ("Manifest.JSON/x", "Manifest.JSON-/x"),
        ("a.png/b", "a.png-/b"),
        ("a/b.TXT/c", "a/b.TXT-/c"),
        ("a.json/b", "a.json-/b"),
        ("Manifest", "Manifest-"),
        ("provenance.intoto", "provenance.intoto-"),
        ("a/manifest", "a/manifest"),
        ("a.png", "a.png"),
        ("results.jsonl", "results.jsonl"),
        ("x.results.jsonl/y", "x.results.jsonl/y"),
    ],
)
def test_a_folder_is_never_called_as_a_file_may_be(text, path):
    """Whatever one row's folder or file is called, no other row's file, and none of ours, is in its way."""
    assert clean_path(text) == path
