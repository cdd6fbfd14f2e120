"""What every part of a file has in common."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from runner.job.spec import Spec


class Shelf(Spec):
    """A part of a file."""

    books: int = 1


@pytest.mark.parametrize("given", [{"books": "5"}, {"books": None}, {"boks": 5}, {"books": 1.5}])
def test_a_part_is_strict(given: dict[str, object]) -> None:
    """No text for a number, no empty value, no unknown key."""
    with pytest.raises(ValidationError):
        Shelf.model_validate(given)


def test_a_part_is_frozen() -> None:
    """Nobody changes what was read."""
    shelf = Shelf(books=2)
    with pytest.raises(ValidationError):
        shelf.books = 3  # type: ignore[misc]
