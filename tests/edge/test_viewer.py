"""A viewer sees what we would see, in a process of its own, and what goes wrong with it stays with it."""

from __future__ import annotations

import io
import os
import select
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from runner.edge.media import Bad, Media, inspect
from runner.edge.viewer import READY, Viewer, look_on

READY_WITHIN = 60.0


def write_pictures(folder: Path) -> list[Path]:
    """A picture, one cut in half, a page, and a film without sides."""
    buffer = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(buffer, "PNG")
    whole, film = buffer.getvalue(), b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x08moov" + b"\0\0\0\x08mdat"
    paths = [folder / name for name in ("whole", "half", "page", "film")]
    for path, data in zip(paths, (whole, whole[: len(whole) // 2], b"<html>", film), strict=True):
        path.write_bytes(data)
    return paths


def hire(viewer: Viewer, path: Path) -> int:
    """Ask until somebody is hired, wait until he is ready, and say his process id."""
    while viewer._child is None:
        assert viewer.see([path]) == [None]
    assert viewer._child.stdout is not None
    assert select.select([viewer._child.stdout], [], [], READY_WITHIN)[0]
    return viewer._child.pid


@pytest.fixture
def viewer() -> Iterator[Viewer]:
    """A viewer that is hired with the second picture, wherever there are two processors."""
    with closing(Viewer(many=1)) as one:
        one._left = 1
        yield one


def test_a_viewer_sees_what_we_see(viewer: Viewer, tmp_path: Path) -> None:
    """Pictures, films and what is neither, as `inspect` tells it; of a file that is not there he says nothing."""
    paths = write_pictures(tmp_path)
    hire(viewer, paths[0])
    seen = viewer.see([*paths, tmp_path / "gone"])
    assert seen == [*(inspect(path) for path in paths), None]
    assert [type(one) for one in seen] == [Media, Bad, Bad, Media, type(None)]
    assert [one.look for one in seen if isinstance(one, Media)] == [inspect(paths[0]).look, None]  # type: ignore[union-attr]


def test_nobody_is_hired_for_a_few_pictures(tmp_path: Path) -> None:
    """A run of a few pictures does without, as does a machine with one processor."""
    with closing(Viewer()) as viewer:
        assert viewer.see(write_pictures(tmp_path)) == [None] * 4
        assert viewer._child is None


def test_a_viewer_is_given_no_key(viewer: Viewer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """He decodes what strangers send, and has nothing that they could want."""
    monkeypatch.setenv("HOUSE_API_KEY", "hush-hush-hush")
    pid = hire(viewer, write_pictures(tmp_path)[0])
    environ = Path(f"/proc/{pid}/environ")
    if not environ.exists():
        pytest.skip("this system does not show what a process was given")
    assert b"PATH=" in environ.read_bytes()
    assert b"hush" not in environ.read_bytes()


@pytest.mark.parametrize("is_ready", [True, False])
def test_who_breaks_is_not_asked_again(viewer: Viewer, tmp_path: Path, is_ready: bool) -> None:
    """Whoever asks a viewer that was killed hears nothing, and looks himself from then on."""
    [path, *_] = write_pictures(tmp_path)
    pid = hire(viewer, path)
    if is_ready:
        assert viewer.see([path]) == [inspect(path)]
    os.kill(pid, 9)
    assert viewer._child is not None
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert viewer.see([path]) in ([None], [inspect(path)])  # he may have said that he is ready before
    assert viewer.see([path]) == [None]
    assert viewer._child.poll() == -9


def test_closing_ends_the_process_and_who_waits_for_it(viewer: Viewer, tmp_path: Path) -> None:
    """Nobody waits for an answer that will not come, and closing once more does no harm."""
    [path, *_] = write_pictures(tmp_path)
    hire(viewer, path)
    heard: list[object] = []
    asking = threading.Thread(target=lambda: heard.extend(viewer.see([path] * 5_000)))
    asking.start()
    viewer.close()
    asking.join(READY_WITHIN)
    assert heard == [None] * 5_000
    viewer.close()
    assert viewer.see([path]) == [None]


def test_a_viewers_day_ends_with_his_input(tmp_path: Path) -> None:
    """He says that he is ready, answers line by line, and goes when nothing more comes."""
    [path, *_] = write_pictures(tmp_path)
    told = io.BytesIO()
    look_on(io.BytesIO(f'["{path}"]\n[]\n'.encode()), told)
    hello, answer, nothing = told.getvalue().splitlines(keepends=True)
    assert (hello, nothing) == (READY, b"[]\n")
    assert answer.startswith(b'[["image/png","png",256,256,"rgb opaque 1 ')
