"""Artists draw beside the run: the interpreter stays free, and what goes wrong with one stays with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from runner.compose.artist import NotDrawn, Studio

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{}</svg>'
BLURRED = '<filter id="f"><feGaussianBlur stdDeviation="2"/></filter>' + '<rect width="9" height="9" filter="url(#f)"/>' * 6


@pytest.fixture
def studio() -> Iterator[Studio]:
    """A studio that is closed in the end."""
    hired = Studio()
    yield hired
    hired.close()


def test_one_artist_draws_again_and_again(studio: Studio) -> None:
    """The same drawing gives the same bytes, a broken one a reason, and the artist is there for the next."""
    drawn = studio.draw(SVG.format("<rect width='5' height='5'/>"), 9, 9, [])
    assert drawn.startswith(b"\x89PNG")
    with pytest.raises(NotDrawn, match="root node"):
        studio.draw("<svg", 9, 9, [])
    assert studio.draw(SVG.format("<rect width='5' height='5'/>"), 9, 9, []) == drawn


def test_other_threads_work_while_a_picture_is_drawn(studio: Studio) -> None:
    """What takes resvg long keeps nobody in this process waiting."""
    done, turns = threading.Event(), 0

    def draw() -> None:
        studio.draw(SVG.format(BLURRED), 300, 300, [])
        done.set()

    drawing = threading.Thread(target=draw)
    drawing.start()
    while not done.wait(0.001):
        turns += 1
    drawing.join()
    assert turns > 5


def test_who_takes_too_long_or_breaks_is_replaced() -> None:
    """A drawing without end ends with a reason; the next is drawn by another artist."""
    studio = Studio(longest=0.01)
    with pytest.raises(NotDrawn, match=r"longer than 0\.01 s; make the drawing simpler"):
        studio.draw(SVG.format(BLURRED), 3000, 3000, [])
    studio = Studio()
    studio.draw(SVG.format(""), 9, 9, [])
    studio._idle[0].kill()
    studio._idle[0].wait()
    assert studio.draw(SVG.format(""), 9, 9, [])
    studio.close()
