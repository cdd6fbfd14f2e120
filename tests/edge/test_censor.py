"""The censor: nothing a vendor quotes of our keys is told or stored, and pictures stay what they are."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from runner.edge.blobs import Blobs
from runner.edge.censor import CensoredSink, censor
from runner.edge.redaction import Redactor
from runner.records import Answer, Blob, NoAnswer

KEY = "test-key-0123456789abcdef"
REDACTOR = Redactor([KEY])


def test_the_reason_of_a_failure_is_censored() -> None:
    """No answer keeps how far it got, and loses the key."""
    assert censor(NoAnswer(True, f"Bad header: {KEY}"), REDACTOR) == NoAnswer(True, "Bad header: ***")


@pytest.mark.parametrize("status", [200, 400, 500])
def test_headers_and_body_are_censored(status: int) -> None:
    """Whatever its status, an answer loses the key from its headers and its body and nothing else."""
    reply = Answer(status, {"location": f"/?key={KEY}", "date": "now"}, f'{{"you sent": "{KEY}"}}'.encode(), Blob("ab" * 32, 1))
    assert censor(reply, REDACTOR) == Answer(status, {"location": "/?key=***", "date": "now"}, b'{"you sent": "***"}', reply.blob)


def test_a_key_in_one_header_alone_is_found() -> None:
    """A body without the key does not make the headers clean."""
    assert censor(Answer(200, {"x-echo": KEY}, b"{}"), REDACTOR) == Answer(200, {"x-echo": "***"}, b"{}")


def test_an_answer_without_secrets_is_passed_on_as_it_is() -> None:
    """The usual answer is not copied."""
    reply = Answer(200, {"date": "now"}, b"{}")
    assert censor(reply, REDACTOR) is reply


@pytest.mark.parametrize("cut", range(1, len(KEY) + 8, 3))
def test_a_text_is_stored_without_the_key(tmp_path: Path, cut: int) -> None:
    """A body that goes to the store loses the key, wherever the pieces it comes in are cut."""
    text = f"<p>key {KEY} is not valid</p>".encode()
    blobs = Blobs(tmp_path)
    with CensoredSink(blobs, REDACTOR) as sink:
        for piece in (text[:cut], text[cut:]):
            sink.write(piece)
        blob = sink.finish()
    assert blobs.read(blob.sha256) == b"<p>key *** is not valid</p>"
    assert blob.size == len(b"<p>key *** is not valid</p>")


def test_a_picture_is_stored_as_it_came(tmp_path: Path) -> None:
    """A picture's bytes are what was paid for; none of them is touched."""
    drawn = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(drawn, "PNG")
    data = drawn.getvalue() + KEY.encode()
    blobs = Blobs(tmp_path)
    with CensoredSink(blobs, REDACTOR) as sink:
        sink.write(data[:100])
        sink.write(data[100:])
        blob = sink.finish()
    assert blobs.read(blob.sha256) == data


def test_an_empty_body_is_an_empty_blob(tmp_path: Path) -> None:
    """Nothing written is nothing stored."""
    blobs = Blobs(tmp_path)
    with CensoredSink(blobs, REDACTOR) as sink:
        blob = sink.finish()
    assert (blob.size, blobs.read(blob.sha256)) == (0, b"")


def test_what_was_aborted_leaves_nothing(tmp_path: Path) -> None:
    """A sink that is left unfinished leaves no file, whatever it held back."""
    with CensoredSink(Blobs(tmp_path), REDACTOR) as sink:
        sink.write(b"half of the key: " + KEY[:12].encode())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
