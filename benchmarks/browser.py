"""Opens the wall in a real Chromium for a measurement, and times its first picture."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import psutil

from benchmarks.installation import Installation

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required", "--disable-background-networking",
    "--disable-component-update",
]  # fmt: skip
# From the offer of the first connection to the first picture on the screen, in ms.
WATCH = """
(() => {
  const Native = window.RTCPeerConnection;
  window.firstPictureMs = [];
  window.RTCPeerConnection = class extends Native {
    async createOffer(...all) {
      this.offered = performance.now();
      return super.createOffer(...all);
    }
    constructor(...all) {
      super(...all);
      this.addEventListener("track", () => {
        const wait = () => {
          const video = [...document.querySelectorAll("video")].find(
            (one) => one.srcObject && !one.seen && one.srcObject.getVideoTracks().some(
              (track) => this.getReceivers().some((receiver) => receiver.track === track)));
          if (!video) return requestAnimationFrame(wait);
          video.seen = true;
          video.requestVideoFrameCallback((now) =>
            window.firstPictureMs.push(Math.round(now - this.offered)));
        };
        wait();
      });
    }
  };
})();
"""


@dataclass(frozen=True, slots=True)
class Viewer:
    """A page that watches: how long its pictures took, and its browser's process."""

    first_picture_ms: list[int]
    pid: int


@contextlib.asynccontextmanager
async def viewer(system: Installation, cameras: int) -> AsyncIterator[Viewer]:
    """Open the wall, wait until every camera plays, keep it open."""
    from playwright.async_api import async_playwright

    before = {one.pid for one in psutil.process_iter()}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        pid = next(
            one.pid
            for one in psutil.process_iter(["cmdline"])
            if one.pid not in before and "--headless=new" in (one.info["cmdline"] or [])
        )
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        await page.add_init_script(WATCH)
        await page.goto(f"http://127.0.0.1:{system.port}/#key={system.key}")
        until = time.monotonic() + 60
        first: list[int] = []
        while len(first) < cameras and time.monotonic() < until:
            await asyncio.sleep(0.2)
            first = await page.evaluate("() => window.firstPictureMs")
        yield Viewer(first, pid)
        await browser.close()
