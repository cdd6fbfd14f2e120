"""The house keeps its own rules: floors, no circles, a test beside every file, and a README that tells the truth."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path
from typing import Final

import pytest

from runner.errors import EXITS

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = sorted((ROOT / "runner").rglob("*.py"))
TESTS: Final = sorted((ROOT / "tests").rglob("test_*.py"))

FLOORS: Final = (
    ("errors", "frozen", "records", "verdicts", "facts", "fields", "census", "packs"),
    ("job", "feed", "core", "schedule"),
    ("providers",),
    ("edge",),
    (
        "hands",
        "compose",
        "batches",
        "loom",
        "jury",
        "engine",
        "tools",
        "outcomes",
        "causes",
        "headway",
        "press",
        "results",
        "standing",
        "stillness",
        "footing",
        "manifest",
        "desk",
        "budgets",
        "inspection",
        "workshop",
        "workflow",
        "refresh",
        "announcements",
        "selection",
        "origin",
        "provenance",
        "tryout",
        "tape",
        "reading",
        "upkeep",
        "report",
        "comparison",
        "exports",
        "decisions",
        "planning",
    ),
    ("cli",),
)
"""From the ground up. A room imports the floors below and itself; on the ground and on the fourth floor, rooms are neighbours."""

NEIGHBOURS: Final = (0, 4)
FORBIDDEN: Final = {"asyncio", "aiohttp", "sqlite3", "time", "random", "os"}
MOST_LINES: Final = 400
MOST_FUNCTION_LINES: Final = 60


def module_name(path: Path) -> str:
    """`runner/job/plan.py` is `runner.job.plan`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def imported(path: Path) -> frozenset[str]:
    """Modules a file imports, also inside functions. Kept, because several rules ask."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def floor_of(module: str) -> int | None:
    """The floor of a module of ours, None for the package itself and for the annex."""
    parts = module.split(".")
    if parts[0] != "runner" or len(parts) < 2:
        return None
    return next((number for number, rooms in enumerate(FLOORS) if parts[1] in rooms), None)


def room_of(module: str) -> str:
    """`runner.job.plan` lies in room `job`."""
    return module.split(".")[1]


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_a_room_imports_only_lower_floors(path: Path) -> None:
    """A module imports its own room and the floors below, nothing beside and nothing above."""
    here = module_name(path)
    floor = floor_of(here)
    if floor is None:
        return
    for other in imported(path):
        height = floor_of(other)
        if height is None or room_of(other) == room_of(here):
            continue
        assert height < floor or (height == floor and floor in NEIGHBOURS), f"{here} imports {other}"


def test_every_module_has_a_floor() -> None:
    """Every room of the package stands on one of the floors or is the annex."""
    rooms = {room_of(module_name(path)) for path in SOURCES if path.parent != ROOT / "runner" or path.stem != "__init__"}
    assert rooms - {room for floor in FLOORS for room in floor} == {"sandbox"}


@pytest.mark.parametrize("path", [path for path in SOURCES if {"core", "providers"} & set(path.parts)], ids=module_name)
def test_the_pure_rooms_cannot_act(path: Path) -> None:
    """Core and providers import no clock, network, disk or chance."""
    assert not {name.split(".")[0] for name in imported(path)} & FORBIDDEN


def test_emulator_and_client_are_independent_witnesses() -> None:
    """The sandbox imports no provider and nobody but the command and the child process imports the sandbox."""
    for path in SOURCES:
        here, others = module_name(path), imported(path)
        if here.startswith("runner.sandbox"):
            assert not any(floor_of(other) not in (None, 0) for other in others), f"{here} leans on the client"
        elif not here.startswith("runner.cli"):
            assert not any(other.startswith("runner.sandbox") for other in others), f"{here} leans on the emulator"


def test_imports_go_in_no_circle() -> None:
    """Following imports from any module never leads back to it."""
    names = {module_name(path) for path in SOURCES}
    edges = {module_name(path): {other for other in imported(path) if other in names} for path in SOURCES}
    done: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way, module))
        if module not in done:
            for other in sorted(edges[module] - {module}):
                walk(other, (*way, module))
            done.add(module)

    for module in sorted(edges):
        walk(module, ())


@pytest.mark.parametrize("path", [path for path in SOURCES if path.stem not in ("__init__", "__main__")], ids=module_name)
def test_every_source_file_has_its_test(path: Path) -> None:
    """`runner/x/y.py` is tested by `tests/x/test_y.py`."""
    inside = path.relative_to(ROOT / "runner")
    assert (ROOT / "tests" / inside.parent / f"test_{inside.name}").is_file()


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_says_what_it_specifies(path: Path) -> None:
    """A test function has a docstring, and no test sleeps or patches our own code."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            assert ast.get_docstring(node), f"{path.name}:{node.lineno} {node.name}"
    if path != Path(__file__):
        assert not re.search(r"\b(time|asyncio)\.sleep\(|mock\.patch|MagicMock|AsyncMock", text)
        assert not re.search(r"monkeypatch\.setattr\(\s*[\"']?runner", text)


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_long_test_file_says_why(path: Path) -> None:
    """A test file of more than 400 lines has its reason in its docstring."""
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MOST_LINES or "Long, because" in str(ast.get_docstring(ast.parse(text)))


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_files_and_functions_stay_readable(path: Path) -> None:
    """A module says what it is for, has at most 400 lines, and no function has more than 60."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module's docstring says what the room is for"
    assert text.count("\n") <= MOST_LINES
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            assert node.end_lineno - node.lineno < MOST_FUNCTION_LINES, f"{node.name} has {node.end_lineno - node.lineno} lines"


@pytest.mark.parametrize("path", [path for path in SOURCES if not {"providers", "sandbox"} & set(path.parts)], ids=module_name)
def test_nothing_is_decided_by_a_vendors_name(path: Path) -> None:
    """Outside the providers and the sandbox no code compares, branches or looks up by a vendor's name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare | ast.Match | ast.If | ast.Subscript):
            named = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            assert not {"jivox", "sivi", "vyro", "placewise"} & set(named), f"line {node.lineno} decides by a vendor's name"


def rooms_of_readme() -> set[str]:
    """The paths that the README's list of rooms names, first column of its table."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("<!-- rooms -->")[1].split("<!-- /rooms -->")[0]
    return set(re.findall(r"^\| `(runner/[^`]+)`", section, re.MULTILINE))


def test_the_readme_lists_every_room() -> None:
    """The README's table of rooms names exactly the files and folders of the package."""
    package = ROOT / "runner"
    tree = {f"runner/{path.name}/" for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"}
    tree |= {f"runner/{path.name}" for path in package.glob("*.py") if path.stem != "__init__"}
    assert rooms_of_readme() == tree


def test_the_readme_tells_every_exit_code() -> None:
    """The README's table of exit codes is the program's own."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for code, meaning in EXITS.items():
        assert f"| {code} | {meaning} |" in text


def test_the_top_level_holds_what_it_should() -> None:
    """Nothing is committed at the top but the agreed files and folders."""
    allowed = {"runner", "jobs", "templates", "tests", "examples", "pyproject.toml", "README.md", "adbatch.yaml", "Makefile"}
    allowed |= {"LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", ".ci", ".gitignore"}
    ignored = set((ROOT / ".gitignore").read_text(encoding="utf-8").split())
    here = {path.name for path in ROOT.iterdir() if f"{path.name}/" not in ignored and path.name != ".git"}
    assert not {name for name in here - allowed if not name.endswith(".egg-info")}
