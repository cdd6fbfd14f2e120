"""The folder keeps its own rules: a provider is one file, one test of facts, one line in the registry."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from runner.providers import registry
from runner.providers.contract import Provider

ROOM = Path(registry.__file__).parent
TESTS = Path(__file__).parent
SOURCES = sorted(path.stem for path in ROOM.glob("*.py") if path.stem != "__init__")
PROVIDERS = [name for name in SOURCES if hasattr(importlib.import_module(f"runner.providers.{name}"), "submit")]
FORBIDDEN = {"asyncio", "aiohttp", "sqlite3", "time", "random", "os", "socket", "threading", "subprocess", "runner.sandbox"}


def test_every_provider_is_in_the_registry_and_every_line_there_is_a_file() -> None:
    """Under the name of its file, which is the name it gives itself."""
    assert sorted(registry.PROVIDERS) == PROVIDERS
    for name, provider in registry.PROVIDERS.items():
        assert name == provider.NAME
        assert provider is importlib.import_module(f"runner.providers.{name}")


def test_every_file_has_its_test_and_every_test_its_file() -> None:
    """Of the same name, in the mirrored place."""
    tested = {path.stem.removeprefix("test_") for path in TESTS.glob("test_*.py")} - {"folder"}
    assert tested == set(SOURCES)


@pytest.mark.parametrize("name", [name for name in PROVIDERS if name != registry.LOCAL])
def test_every_provider_faces_the_hard_questions(name: str) -> None:
    """Its test subclasses them with facts of its own; nothing is asked of anybody by what is carried out here."""
    text = (TESTS / f"test_{name}.py").read_text(encoding="utf-8")
    assert "(HardQuestions):" in text
    assert "FACTS = Facts(" in text


@pytest.mark.parametrize("name", SOURCES)
def test_nothing_here_can_wait_dial_or_throw_dice(name: str) -> None:
    """Providers are pure: what they would need for anything else is not even imported."""
    tree = ast.parse((ROOM / f"{name}.py").read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {module for module in imported if module in FORBIDDEN or module.split(".")[0] in FORBIDDEN}
    assert all(
        module.startswith(("runner.providers", "runner.fields", "runner.frozen", "runner.records", "runner.verdicts"))
        for module in imported
        if module.startswith("runner")
    )


@pytest.mark.parametrize("name", SOURCES)
def test_no_vendor_is_named_outside_its_files(name: str) -> None:
    """The shared reading knows no vendor; only the registry lists them, and a vendor's data carries its name."""
    own = PROVIDERS if name == "registry" else [name.partition("_")[0]]
    text = (ROOM / f"{name}.py").read_text(encoding="utf-8").lower()
    assert [other for other in PROVIDERS if other not in own and re.search(rf"\b{other}\b", text)] == []


def test_the_contract_is_offered_by_every_provider() -> None:
    """Every name of the protocol, as the contract declares it."""
    names = {name for name in vars(Provider) if not name.startswith("_")} | set(Provider.__annotations__)
    for provider in registry.PROVIDERS.values():
        assert [name for name in sorted(names) if not hasattr(provider, name)] == []
