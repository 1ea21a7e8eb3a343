"""Takes the README's picture of the running demo's wall: `python -m docs.screenshot`.

Start the demo first. It waits until people stand before both cameras and an alert is there.
"""

import argparse
import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from config.load import load_settings
from ostiary.supervisor.address import api_url

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--headless=new", "--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
READY = """
() => ["lobby", "studio"].every((camera) => (ostiary.drawn(camera)?.boxes.length ?? 0) > 0)
  && ostiary.drawn("lobby").boxes.length > 1
  && ostiary.drawn("lobby").boxes.every((box) => box.name && box.mask)
  && ostiary.drawn("studio").boxes.every((box) => box.expression)
  && document.querySelectorAll(".alert img").length > 2
"""


def main() -> None:
    """Open the wall, wait for a full scene, save the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "wall.png")
    parser.add_argument("--size", default="1440x900")
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    settings = load_settings()
    key = os.environ.get("OSTIARY_KEY") or (settings.home / "cli.key").read_text().strip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(f"{api_url(settings)}/#key={key}")
        page.wait_for_function(READY, timeout=180_000, polling=100)
        page.screenshot(path=options.out)
        browser.close()
    sys.stdout.write(f"wrote {options.out}\n")


if __name__ == "__main__":
    main()
