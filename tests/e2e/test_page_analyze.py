"""The page Analyze in a real browser: real files, the fake webcam, the live system and alone."""

import asyncio
import contextlib
import os
import re
import signal
import sys

import cv2
import pytest
from fakes.analysis_scenes import masked_scene, setup_in, walk, written
from fakes.films import write_film
from playwright.async_api import expect

from tests.fakes.analyses import job_process, settings_with
from tests.fakes.chromium import a_tab
from tests.fakes.live_gateway import running_gateway

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

DONE_MS = 240_000
WIDE = "() => document.documentElement.scrollWidth"


@pytest.fixture
def home(tmp_path):
    return setup_in(tmp_path).home


@pytest.fixture
def files(tmp_path):
    """A masked picture, a film, and what is neither."""
    words = tmp_path / "words.txt"
    words.write_text("neither")
    masked = written(tmp_path / "masked.png", masked_scene("biden"))
    return [masked, write_film(tmp_path / "walk.mp4", walk("obama", 25)), words]


async def done(page):
    """Wait until the newest analysis has ended well."""
    await expect(page.locator(".job").first).to_have_attribute(
        "data-state", "done", timeout=DONE_MS
    )


async def loaded(tab, selector):
    """Wait until a picture or film of the results can be seen."""
    script = f"() => {{ const one = document.querySelector('{selector}');"
    script += " return one ? (one.naturalWidth ?? one.videoWidth) : 0; }"
    await tab.value(script, lambda width: width > 100)


async def ask_for(page, files):
    """Choose files, expression with its reason, and Chinese; begin."""
    await page.get_by_label("Pictures or videos").set_input_files(files)
    await page.get_by_text("Expression", exact=True).click()
    await page.get_by_role("button", name="Analyze 3 files").click()
    because = page.get_by_label("Why expressions are looked for")
    assert await because.evaluate("(one) => !one.validity.valid")  # nothing was sent
    await because.fill("a test of the page")
    await page.get_by_text("中文").click()
    await page.get_by_role("button", name="Analyze 3 files").click()


def test_files_are_analysed_in_the_live_system_and_shown_at_every_width(
    home, bus_server, ledger_server, files
):
    async def main():
        settings = settings_with(home, bus_server, ledger_server)
        async with (
            running_gateway(settings) as gateway,
            job_process(settings),
            a_tab(1280, 900) as tab,
        ):
            page = tab.page
            key = gateway.admin.headers["authorization"].removeprefix("Bearer ")
            await page.goto(f"{gateway.url}/#key={key}")
            await page.get_by_role("link", name="Analyze").click()
            await ask_for(page, files)
            await done(page)
            await expect(page.locator(".job-problems")).to_contain_text("words.txt: it is neither")
            await loaded(tab, ".result img")
            await loaded(tab, ".result video")
            first = page.locator(".chart").first
            await expect(first.get_by_label("Mask").locator("li").first).to_contain_text("佩戴口罩")
            await expect(first.get_by_label("Expression").locator("li")).to_have_count(7)
            async with page.expect_download() as saved:
                await page.get_by_role("link", name="Save masked-report.csv").click()
            report = (await (await saved.value).path()).read_text("utf-8")
            assert "masked.png" in report and "walk.mp4" in report
            for width in (390, 1280, 2560):
                await page.set_viewport_size({"width": width, "height": 900})
                assert await page.evaluate(WIDE) <= width
            await page.reload()  # what was done is there again
            await done(page)
            await page.get_by_role("button", name="Remove").click()
            await page.locator("dialog").get_by_role("button", name="Remove").click()
            await expect(page.locator(".job")).to_have_count(0)
            assert not [one for one in (home / "analyses").rglob("*") if one.is_file()]
            assert tab.errors == []

    asyncio.run(main())


DROP = """
(size) => {
  const carried = new DataTransfer();
  carried.items.add(new File([new Uint8Array(size)], "dropped.jpg", { type: "image/jpeg" }));
  const drop = new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true });
  document.querySelector(".drop").dispatchEvent(drop);
}
"""


def test_too_much_is_told_before_it_is_sent_and_can_be_left_out(home, bus_server, ledger_server):
    async def main():
        settings = settings_with(home, bus_server, ledger_server, upload_bytes=1_000_000)
        async with running_gateway(settings) as gateway, a_tab() as tab:
            page = tab.page
            key = gateway.admin.headers["authorization"].removeprefix("Bearer ")
            await page.goto(f"{gateway.url}/#key={key}")
            await page.get_by_role("link", name="Analyze").click()
            nobody = page.get_by_text("Not possible now: no process that analyses answers")
            await expect(nobody).to_be_visible(timeout=30_000)
            await page.evaluate(DROP, 2_000_000)
            told = page.get_by_text("These are 2 MB; at most 1 MB are taken at once.")
            await expect(told).to_be_visible()
            button = page.get_by_role("button", name="Analyze", exact=True)
            await expect(button).to_be_disabled()
            await page.get_by_role("button", name="Leave out dropped.jpg").click()
            await expect(told).to_be_hidden()
            await page.evaluate(DROP, 1000)
            await expect(button).to_be_enabled()
            assert tab.errors == []

    asyncio.run(main())


BOXES = """
() => {
  const canvas = document.querySelector(".live-picture canvas");
  if (!canvas?.width) return 0;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let worn = 0;
  for (let i = 0; i < data.length; i += 4)
    worn += data[i + 3] > 200 && Math.abs(data[i] - 0x58) < 12 && Math.abs(data[i + 2] - 0xff) < 12;
  return worn;
}
"""


@contextlib.asynccontextmanager
async def showing(home, *sources):
    """Run `ostiary analyze --show`; yield the address that it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ostiary.cli", "--home", str(home), "analyze", "--show", *sources,
        stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name != "DISPLAY"},
    )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            line = (await process.stdout.readline()).decode()
        yield re.search(r"http://\S+", line)[0]
    finally:
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0


def test_alone_with_a_named_picture_and_the_webcam(home, files):
    async def main():
        async with showing(home, str(files[0])) as url, a_tab(1280, 900) as tab:
            page = tab.page
            await page.goto(url)
            await done(page)  # what the command named was begun by itself
            await expect(page.locator(".chart")).to_contain_text("Mask worn")
            assert "key" not in page.url
            await page.get_by_role("button", name="Use this device's camera").click()
            await tab.value(
                "() => document.querySelector('.camera-live video').videoWidth", lambda px: px > 0
            )
            await page.get_by_role("button", name="Take a picture").click()
            await page.get_by_role("button", name="Record 5 s").click()
            await expect(page.locator(".staged")).to_have_count(2, timeout=30_000)
            await page.get_by_role("button", name="Analyze 2 files").click()
            await expect(page.locator(".job")).to_have_count(2)
            await done(page)
            results = page.locator(".job").first.locator(".result")
            await expect(results).to_have_count(2)
            await expect(results.nth(1)).to_contain_text(re.compile(r"[3-6]\.\d s, \d+ pictures"))
            assert tab.errors == []

    asyncio.run(main())


def camera_file(path, pictures):
    """What the browser's camera shows: JPEG after JPEG."""
    path.write_bytes(b"".join(cv2.imencode(".jpg", one)[1].tobytes() for one in pictures))
    return path


def test_the_camera_is_analysed_live_and_kept(home, tmp_path):
    there = walk("biden", 30, masked=True, size=(640, 360))
    camera = camera_file(tmp_path / "camera.mjpeg", there + there[::-1])

    async def main():
        async with showing(home, "webcam") as url, a_tab(1280, 900, camera=camera) as tab:
            page = tab.page
            await page.goto(url)
            await page.get_by_text("Expression", exact=True).click()
            await page.get_by_role("button", name="Analyze live").click()
            job = page.locator(".job")
            chart = job.locator(".live-view .chart").first
            await expect(chart.get_by_label("Mask").locator("li").first).to_contain_text(
                "Mask worn", timeout=DONE_MS
            )
            await expect(chart.get_by_label("Expression").locator("li")).to_have_count(
                7, timeout=60_000
            )
            await expect(job.get_by_text(re.compile(r"\d+ pictures? a second"))).to_be_visible(
                timeout=60_000
            )
            await tab.value(BOXES, lambda coloured: coloured > 50)
            await job.get_by_role("button", name="Stop and keep").click()
            await done(page)
            await loaded(tab, ".result video")
            await expect(job.locator(".result")).to_contain_text(re.compile(r"\d+ pictures"))
            await expect(job.locator(".chart").first).to_contain_text("Mask worn")
            assert tab.errors == []

    asyncio.run(main())


def test_of_a_folder_its_pictures_and_videos_are_taken(home, tmp_path):
    folder = tmp_path / "holiday"
    (folder / "inner" / ".thumbs").mkdir(parents=True)
    for name in ("a.jpg", "words.txt", ".hidden.jpg", "inner/b.png", "inner/.thumbs/c.jpg"):
        (folder / name).write_bytes(b"not looked at here")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "words.txt").write_text("no picture")

    async def main():
        async with showing(home) as url, a_tab() as tab:
            page = tab.page
            await page.goto(url)
            async with page.expect_file_chooser() as asked:
                await page.get_by_role("button", name="choose a folder").click()
            await (await asked.value).set_files(folder)
            names = page.locator(".staged .photo-name")
            await expect(names).to_have_count(2)
            assert sorted(await names.all_text_contents()) == ["a.jpg", "b.png"]
            await page.get_by_label("A folder").set_input_files(tmp_path / "nothing")
            await expect(page.get_by_text("no picture or video in this folder")).to_be_visible()
            await expect(names).to_have_count(2)
            await page.get_by_role("button", name="Leave out a.jpg").click()
            assert tab.errors == []

    asyncio.run(main())


def test_a_cancelled_analysis_goes_and_a_stranger_sees_nothing(home, tmp_path):
    long = write_film(tmp_path / "long.mp4", walk("obama", 140, step_px=2))

    async def main():
        async with showing(home) as url, a_tab() as tab:
            page = tab.page
            await page.goto(url)
            await page.get_by_label("Pictures or videos").set_input_files(long)
            await page.get_by_role("button", name="Analyze", exact=True).click()
            job = page.locator(".job")
            await expect(job).to_have_attribute("data-state", "running", timeout=60_000)
            await job.get_by_role("button", name="Cancel").click()
            await expect(page.locator(".job")).to_have_count(0)
            assert tab.errors == []
            async with a_tab() as other:
                await other.page.goto(url.partition("#")[0])
                await expect(other.page.get_by_role("alert")).to_contain_text("Open the address")

    asyncio.run(main())
