"""A real browser for the gallery: Debian's Chromium, driven by Playwright. Where either is absent these tests are skipped.

`.ci/run` installs both; by hand: `apt-get install chromium` and `pip install -e '.[browser]'`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

SHOTS: Final = Path(__file__).resolve().parents[2] / "out/screenshots"
"""Where screenshots are kept for people to look at; git does not see them."""
QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--enable-precise-memory-info",
)
OWN: Final = ("file:", "data:", "blob:")


@dataclass(slots=True)
class Watched:
    """A page with everything it said and asked for."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def is_clean(self, *origins: str) -> bool:
        """Whether nothing was complained about and nothing but its own files was asked for."""
        assert self.said == []
        assert [url for url in self.asked if not url.startswith((*OWN, *origins))] == []
        return True

    def tells(self, words: str, within: float = 20.0) -> None:
        """Wait until the line that says how much is shown begins with these words."""
        self.page.locator("#told").filter(has_text=re.compile(f"^{re.escape(words)}")).wait_for(timeout=within * 1000)

    def shoot(self, name: str) -> None:
        """Keep what the page looks like now."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser, once a module."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright here: pip install -e '.[browser]'")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Watched]]:
    """Opens an address in a fresh profile and watches it; `dark`, width and height as wanted."""
    contexts = []

    def go(url: str, width: int = 1280, height: int = 800, dark: bool = False, mobile: bool = False) -> Watched:
        scheme = "dark" if dark else "light"
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=mobile)
        contexts.append(context)
        watched = Watched(context.new_page())
        watched.page.on(
            "console", lambda message: watched.said.append(message.text) if message.type in ("error", "warning") else None
        )
        watched.page.on("pageerror", lambda error: watched.said.append(str(error)))
        watched.page.on("dialog", lambda dialog: watched.said.append(f"dialog: {dialog.message}"))
        watched.page.on("request", lambda request: watched.asked.append(request.url))
        watched.page.goto(url)
        return watched

    yield go
    for context in contexts:
        context.close()
