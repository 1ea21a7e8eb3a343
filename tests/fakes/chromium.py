"""Knows how a real Chromium is started for a test and what it complained about."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required", "--disable-background-networking",
    "--disable-component-update", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]  # fmt: skip
WITHIN_S = 60.0


@dataclass
class Tab:
    """A page of a browser, and every error that its console told."""

    page: Any
    errors: list[str] = field(default_factory=list)

    async def value(self, script: str, holds: Callable[[Any], Any]) -> Any:
        """Evaluate again and again until the value is as wanted; fail with the last one."""
        found = None
        try:
            async with asyncio.timeout(WITHIN_S):
                while not holds(found := await self.page.evaluate(script)):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{script} stayed {found!r}; console: {self.errors}") from None
        return found


@contextlib.asynccontextmanager
async def a_tab(
    width: int = 1280, height: int = 800, bypass_csp: bool = False, camera: Path | None = None
) -> AsyncIterator[Tab]:
    """Open a page in a fresh browser; skip where there is none.

    camera: an .mjpeg file that the browser's camera shows again and again.
    """
    if not CHROMIUM.exists():
        pytest.skip("no /usr/bin/chromium: apt-get install chromium")
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        shown = [] if camera is None else [f"--use-file-for-fake-video-capture={camera}"]
        browser = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=ARGUMENTS + shown
        )
        try:
            page = await browser.new_page(
                viewport={"width": width, "height": height}, bypass_csp=bypass_csp
            )
            tab = Tab(page)
            page.on("console", lambda one: one.type == "error" and tab.errors.append(one.text))
            page.on("pageerror", lambda error: tab.errors.append(str(error)))
            yield tab
        finally:
            await browser.close()
