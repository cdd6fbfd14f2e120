"""What a job wishes of its pictures, and how they come about."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.desk import load_files, open_desk
from runner.job.finishing import COMPOSITE, GENERATED, Finishing, finishing_of, source_types
from tests.projects import COPY, SCENE, write_project

PHOTO = """\
  cutout:
    use: jivox/remove-background
    with: {image: "{{ row.picture }}"}
  placed:
    use: vyro/ai-background
    with: {image: "{{ steps.cutout.file }}", prompt: beach}
  again:
    use: vyro/upscale
    with: {image: "{{ steps.scene.file }}"}
"""
LAID_OUT = """\
  words:
    use: local/compose
    with: {svg: "<svg/>", width: 10, height: 10}
  banner:
    use: local/compose
    with: {svg: "<svg/>", width: 10, height: 10, pictures: {one: "{{ steps.again.file }}"}}
"""


def test_how_pictures_come_about_follows_from_the_steps(tmp_path: Path) -> None:
    """From words: generated. With a photo in it, however far up: composite. Laid out here: composite of what is generated."""
    desk = open_desk(load_files(write_project(tmp_path, COPY + SCENE + PHOTO + LAID_OUT)))
    found = source_types(desk.plan.steps)
    assert {name: found[name] for name in ("scene", "cutout", "placed", "again", "words", "banner")} == {
        "scene": GENERATED,
        "cutout": COMPOSITE,
        "placed": COMPOSITE,
        "again": GENERATED,
        "words": None,
        "banner": COMPOSITE,
    }


def test_every_wish_has_its_own_digest() -> None:
    """Whatever differs is another way of finishing."""
    wishes = [Finishing(), Finishing(width=5), Finishing(height=5), Finishing(fit="pad"), Finishing(source_type=GENERATED)]
    assert len({wish.digest for wish in wishes}) == len(wishes)
    assert Finishing(source_type=GENERATED).is_mark_only
    assert not Finishing(max_kb=5).is_mark_only


@pytest.mark.parametrize(
    ("rendered", "told"),
    [
        ({"width": 0}, "finish.width must be"),
        ({"height": "40"}, "finish.height must be"),
        ({"max_kb": -1}, "finish.max_kb must be"),
    ],
)
def test_a_value_that_is_no_size_is_refused(rendered: dict[str, object], told: str) -> None:
    """What an expression gives is looked at before it is used."""
    with pytest.raises(ValueError, match=told):
        finishing_of(rendered, None)
