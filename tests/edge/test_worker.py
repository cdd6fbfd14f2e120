"""A worker does what we would do, in a process of its own, and what goes wrong with it stays with it."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from runner.edge.blobs import Blobs
from runner.edge.finisher import Finisher
from runner.edge.media import Bad, Media, inspect
from runner.edge.outputs import Outputs
from runner.edge.remaking import Remade, remake
from runner.edge.worker import BUSY, Worker
from runner.errors import OurSide
from runner.job.finishing import GENERATED, Finishing
from runner.records import Artifact

READY_WITHIN = 60.0
WISH = Finishing(source_type=GENERATED)


def store_pictures(blobs: Blobs) -> list[str]:
    """A picture, one cut in half, a page, and a film without sides."""
    buffer = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(buffer, "PNG")
    whole, film = buffer.getvalue(), b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x08moov" + b"\0\0\0\x08mdat"
    return [blobs.put(data).sha256 for data in (whole, whole[: len(whole) // 2], b"<html>", film)]


def hire(worker: Worker) -> int:
    """Have somebody hired, wait until he is ready, and say his process id."""
    worker._left = -1.0
    worker.expect(0, 0)
    assert worker._child is not None
    assert worker._ready.wait(READY_WITHIN)
    return worker._child.pid


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    """A store."""
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def outputs(tmp_path: Path, blobs: Blobs) -> Outputs:
    """An output folder."""
    return Outputs(tmp_path / "out", blobs)


@pytest.fixture
def worker(outputs: Outputs) -> Iterator[Worker]:
    """Who works for them."""
    with closing(Worker(outputs)) as one:
        yield one


def test_a_worker_sees_what_we_see(worker: Worker, blobs: Blobs) -> None:
    """Pictures, films and what is neither, as `inspect` tells it; of a blob that is not there he says nothing."""
    digests = store_pictures(blobs)
    hire(worker)
    seen = worker.look([*digests, "0" * 64])
    assert seen == [*(inspect(blobs.path(sha256)) for sha256 in digests), None]
    assert [type(one) for one in seen] == [Media, Bad, Bad, Media, type(None)]
    assert [one.look for one in seen if isinstance(one, Media)] == [inspect(blobs.path(digests[0])).look, None]  # type: ignore[union-attr]


def test_what_he_marks_and_publishes_is_what_we_would_have(worker: Worker, blobs: Blobs, outputs: Outputs) -> None:
    """A picture marked and published without a blob beside, a text of any newline, and why a broken file is not finished."""
    [whole, half, *_] = store_pictures(blobs)
    wishes = {whole: WISH, half: Finishing(width=20, source_type=GENERATED)}
    pictures = [(Artifact("file", sha256=sha256, size=blobs.size(sha256)), wish) for sha256, wish in wishes.items()]
    text = "é\u2028b".encode()
    hire(worker)
    told = worker.mark(pictures)
    assert told == Finisher(blobs).make_all(pictures)
    assert told is not None
    made, why = told
    assert isinstance(made, Artifact)
    assert isinstance(why, str)
    files = [(str(made.sha256), "a/b.png"), (hashlib.sha256(text).hexdigest(), "t.txt")]
    remade = {files[0][0]: Remade(made.size or 0, partial(remake, blobs, made), made), files[1][0]: Remade(len(text), lambda: text)}
    assert worker.publish(files, remade) == ["written"] * 2
    assert worker.publish(files, remade) == ["unchanged"] * 2
    assert hashlib.sha256((outputs.root / "a/b.png").read_bytes()).hexdigest() == made.sha256
    assert (outputs.root / "t.txt").read_bytes() == text
    assert not any(blobs.has(sha256) for sha256, _ in files)


def test_what_fails_on_our_side_is_told_as_it_is(worker: Worker, blobs: Blobs) -> None:
    """A path that leads out is the same mistake in another process, who is asked on after it."""
    [sha256, *_] = store_pictures(blobs)
    hire(worker)
    with pytest.raises(OurSide, match="not a path below the output folder"):
        worker.publish([(sha256, "../x.png")], {})
    assert worker.publish([(sha256, "x.png")], {}) == ["written"]


def test_nobody_is_hired_for_a_few_files(outputs: Outputs, blobs: Blobs) -> None:
    """A run of a few pictures or some hundred texts does without; one of more has somebody get ready before they come."""
    with closing(Worker(outputs)) as worker:
        assert worker.look(store_pictures(blobs)) is None
        worker.expect(100, 300)
        assert worker._child is None
        if (os.cpu_count() or 1) > 1:
            worker.expect(100, 500)
            assert worker._child is not None


def test_many_questions_are_answered_to_who_asked(worker: Worker, blobs: Blobs) -> None:
    """Threads that ask at once each hear of their own files; where too many wait, pictures are left to who asks."""
    digests = store_pictures(blobs)
    hire(worker)
    assert worker.look(digests) is not None
    heard: dict[int, object] = {}

    def ask(number: int) -> None:
        heard[number] = worker.publish([(digests[number % 4], f"{number}.bin")], {})

    asking = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(READY_WITHIN)
    assert heard == {number: ["written"] for number in range(40)}
    assert all((worker._outputs.root / f"{number}.bin").read_bytes() == blobs.read(digests[number % 4]) for number in range(40))
    worker._waiting |= {-number: None for number in range(1, BUSY + 1)}  # type: ignore[misc]
    assert worker.look(digests) is None
    worker._waiting.clear()


def test_a_worker_is_given_no_key(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """He decodes what strangers send, and has nothing that they could want."""
    monkeypatch.setenv("HOUSE_API_KEY", "hush-hush-hush")
    pid = hire(worker)
    environ = Path(f"/proc/{pid}/environ")
    if not environ.exists():
        pytest.skip("this system does not show what a process was given")
    assert b"PATH=" in environ.read_bytes()
    assert b"hush" not in environ.read_bytes()


@pytest.mark.parametrize("is_ready", [True, False])
def test_who_breaks_is_not_asked_again(worker: Worker, blobs: Blobs, is_ready: bool) -> None:
    """Whoever asks a worker that was killed hears nothing, and works himself from then on."""
    [sha256, *_] = store_pictures(blobs)
    pid = hire(worker)
    if is_ready:
        assert worker.look([sha256]) == [inspect(blobs.path(sha256))]
    os.kill(pid, 9)
    assert worker._child is not None
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert worker.look([sha256]) in (None, [inspect(blobs.path(sha256))])  # he may have said that he is ready before
    assert worker.publish([(sha256, "x.png")], {}) is None
    assert worker._child.poll() == -9


def test_closing_ends_the_process_and_who_waits_for_it(worker: Worker, blobs: Blobs) -> None:
    """Nobody waits for an answer that will not come, and closing once more does no harm."""
    [sha256, *_] = store_pictures(blobs)
    hire(worker)
    assert worker.look([sha256]) is not None
    heard: list[object] = []
    asking = threading.Thread(target=lambda: heard.append(worker.look([sha256] * 5_000)))
    asking.start()
    worker.close()
    asking.join(READY_WITHIN)
    assert heard == [None]
    worker.close()
    assert worker.look([sha256]) is None
