"""Takes the pictures of the documents.

`python -m docs.screenshot`: the running demo's wall; start the demo first. It waits until people
stand before both cameras and an alert is there. `python -m docs.screenshot --analyze URL`: the page
that `ostiary analyze --show --expression` serves at URL, with two of the demo's portraits.
"""

import argparse
import os
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from config.load import load_settings
from ostiary.demo.portraits import FOLDER, load_portraits
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
    """Open the page, wait until it is full, save the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--analyze", metavar="URL")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--size")
    options = parser.parse_args()
    name, usual = ("analyze", "1280x860") if options.analyze else ("wall", "1440x900")
    width, height = (int(side) for side in (options.size or usual).split("x"))
    out = options.out or Path(__file__).parent / f"{name}.png"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": width, "height": height})
        if options.analyze:
            _analyze(page, options.analyze)
        else:
            _wall(page)
        page.screenshot(path=out)
        browser.close()
    sys.stdout.write(f"wrote {out}\n")


def _wall(page: Page) -> None:
    settings = load_settings()
    key = os.environ.get("OSTIARY_KEY") or (settings.home / "cli.key").read_text().strip()
    page.goto(f"{api_url(settings)}/#key={key}")
    page.wait_for_function(READY, timeout=180_000, polling=100)


def _analyze(page: Page, url: str) -> None:
    portraits = load_portraits()
    page.goto(url)
    photos = [FOLDER / portraits[name].photo for name in ("collins", "hopper")]
    page.get_by_label("Pictures or videos").set_input_files(photos)
    page.get_by_text("Expression", exact=True).click()
    page.get_by_role("button", name="Analyze 2 files").click()
    page.get_by_text("Done").wait_for(timeout=180_000)
    page.locator(".result img").last.wait_for()
    page.wait_for_load_state("networkidle")


if __name__ == "__main__":
    main()
