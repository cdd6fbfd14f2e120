"""One process that starts runs, for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flight.starter import Starter


@pytest.fixture(scope="session")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts runs of the command."""
    with Starter(tmp_path_factory.mktemp("runs")) as opened:
        yield opened
