"""The page's pure modules in a real browser: which boxes belong to a picture, where they lie."""

import json
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from streams.gateway.page import FOLDER
from tests.fakes.chromium import ARGUMENTS, CHROMIUM

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PREAMBLE = """
const { Timeline, unwrap, between, TICKS_PER_S } = await import("/page/js/timeline.js");
const { contain, place, describe, placeLabel } = await import("/page/js/boxes.js");
const { wait_ms } = await import("/page/js/backoff.js");
const { dropped, within } = await import("/page/js/folders.js");
const { columns } = await import("/page/js/wall.js");
const track = (id, x, state = "confirmed") => ({ id, box: [x, 0, x + 0.1, 0.2], state });
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing: a test's output is for failures."""


@pytest.fixture(scope="module")
def in_page():
    """Return a function that runs a script beside the modules and returns its value."""
    if not CHROMIUM.exists():
        pytest.skip("no /usr/bin/chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    serve = partial(Quiet, directory=str(FOLDER.parent))
    server = ThreadingHTTPServer(("127.0.0.1", 0), serve)
    Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/page/fonts/OFL.txt")
        yield lambda script: page.evaluate("async () => {" + PREAMBLE + script + "}")
        browser.close()
    server.shutdown()


def test_boxes_are_interpolated_between_two_observations(in_page):
    found = in_page("""
        const line = new Timeline();
        line.add(0, [track("a", 0.0), track("gone", 0.5)]);
        line.add(9000, [track("a", 0.4), track("new", 0.7)]);
        return [0, 2250, 4499, 4500, 9000].map((rtp) => line.at(rtp).tracks
          .map((one) => [one.id, Math.round(one.box[0] * 1000) / 1000]));
    """)
    assert found == [
        [["a", 0.0], ["gone", 0.5]],
        [["a", 0.1], ["gone", 0.5]],
        [["a", 0.2], ["gone", 0.5]],
        [["a", 0.2], ["new", 0.7]],
        [["a", 0.4], ["new", 0.7]],
    ]


def test_a_box_is_held_for_a_second_and_then_hidden(in_page):
    found = in_page("""
        const line = new Timeline();
        line.add(90000, [track("a", 0.1)]);
        return [89999, 90000, 179999, 180000, 180001].map((rtp) => line.at(rtp).tracks.length);
    """)
    assert found == [0, 1, 1, 1, 0]


def test_two_observations_far_apart_are_not_joined(in_page):
    found = in_page("""
        const line = new Timeline();
        line.add(0, [track("a", 0.0)]);
        line.add(270000, [track("a", 0.8)]);
        return [45000, 100000, 269999, 270000].map((rtp) => line.at(rtp).tracks
          .map((one) => one.box[0]));
    """)
    assert found == [[0], [], [], [0.8]]


def test_rtp_time_may_wrap_and_messages_may_come_in_any_order(in_page):
    found = in_page("""
        const start = 2 ** 32 - 4500;
        const results = [];
        for (const order of [[0, 1, 2], [2, 0, 1], [1, 2, 0]]) {
          const line = new Timeline();
          for (const number of order) {
            line.add((start + number * 4500) % 2 ** 32, [track("a", number / 10)]);
          }
          results.push([0, 2250, 4500, 6750, 9000].map((tick) =>
            Math.round(line.at((start + tick) % 2 ** 32).tracks[0].box[0] * 100)));
        }
        return results;
    """)
    assert found == [[0, 5, 10, 15, 20]] * 3


def test_lost_tracks_are_not_drawn_and_the_line_is_bounded(in_page):
    found = in_page("""
        const line = new Timeline({ limit: 5 });
        for (let i = 0; i < 9; i += 1) {
          line.add(i * 900, [track("a", 0.1), track("b", 0.2, "lost")]);
        }
        return [line.entries.length, line.dropped, line.at(7200).tracks.map((one) => one.id)];
    """)
    assert found == [5, 4, ["a"]]


def test_a_box_lies_on_its_place_however_the_picture_is_fitted(in_page):
    found = in_page("""
        const wide = contain({ width: 400, height: 400 }, { width: 1280, height: 720 });
        const tall = contain({ width: 400, height: 100 }, { width: 1280, height: 720 });
        return [wide, tall, place([0.5, 0, 1, 1.2], wide)];
    """)
    assert found[0] == {"x": 0, "y": 87.5, "width": 400, "height": 225}
    assert found[1]["y"] == 0
    assert found[1]["x"] == pytest.approx((400 - 100 * 16 / 9) / 2)
    assert found[2] == {"x": 200, "y": 87.5, "width": 200, "height": 225}


def test_every_state_is_told_in_words_and_never_by_colour_alone(in_page):
    tracks = [
        {"state": "confirmed", "who": {"knowledge": knowledge, "person_id": person},
         "mask": {"state": mask, "probability": 0.9}, "expression": None}
        for knowledge, person, mask in (
            ("known", "p-1", "worn"), ("unknown", None, "missing"),
            ("undecided", None, "incorrect"), ("known", "p-2", None),
        )
    ]  # fmt: skip
    found = in_page(f"""
        const names = new Map([["p-1", "Ada"]]);
        return {json.dumps(tracks)}.map((one) => describe(one, names));
    """)
    assert [one["title"] for one in found] == ["Ada", "Unknown", "Identifying…", "Enrolled"]
    assert [one["mask"] for one in found] == [
        "✓ Mask worn",
        "✕ No mask",
        "! Mask worn wrongly",
        None,
    ]
    assert len({one["tone"] for one in found}) == 4


def test_labels_do_not_cover_each_other_where_there_is_room(in_page):
    found = in_page("""
        const area = { x: 0, y: 0, width: 400, height: 300 };
        const taken = [];
        for (const x of [100, 130, 160]) {
          const box = { x, y: 100, width: 60, height: 60 };
          taken.push(placeLabel(box, { width: 80, height: 30 }, area, taken));
        }
        return taken;
    """)
    for spot in found:
        assert 0 <= spot["x"] <= 320
        assert 0 <= spot["y"] <= 270
    first, second = found[:2]
    apart_x = abs(first["x"] - second["x"]) >= 80
    assert apart_x or abs(first["y"] - second["y"]) >= 30


def test_waits_grow_to_their_bound_and_differ(in_page):
    found = in_page("""
        const low = Array.from({ length: 12 }, (_, n) => wait_ms(n, { random: () => 0 }));
        const high = Array.from({ length: 12 }, (_, n) => wait_ms(n, { random: () => 1 }));
        return [low, high];
    """)
    low, high = found
    assert high[:5] == [500, 1000, 2000, 4000, 8000]
    assert max(high) == 10_000
    assert all(short == pytest.approx(long / 4, abs=1) for short, long in zip(low, high))  # noqa: B905


def test_the_wall_chooses_the_columns_that_make_pictures_largest(in_page):
    found = in_page("""
        return [[1, 1000, 700], [2, 2000, 700], [2, 700, 1200], [4, 1600, 900], [9, 1600, 900]]
          .map(([count, width, height]) => columns(count, width, height).columns);
    """)
    assert found == [1, 2, 1, 2, 3]


def test_what_a_picture_waits_for_reads_as_far_as_it_is_known(in_page):
    found = in_page("""
        const { awaited } = await import("/page/js/words.js");
        const waits = [[23000, 60000], [61000, 60000], [3000, null], [null, null]];
        return waits.map(([since_ms, every_ms]) => Object.values(awaited({ since_ms, every_ms })));
    """)
    next_one = "Waiting for the next one"
    assert found == [
        [
            "This camera sends a whole picture only every 60 s",
            "The next one comes in about 37 s",
        ],
        ["This camera sent its last whole picture 61 s ago", next_one],
        ["This camera sent its last whole picture 3 s ago", next_one],
        ["This camera sends whole pictures rarely", next_one],
    ]


FOLDERS = """
    const file = (name, type = "") => ({
      name, isDirectory: false, file: (then) => then(new File([], name, { type })),
    });
    const folder = (name, ...all) => ({ name, isDirectory: true, createReader: () => {
      const parts = [all.slice(0, 2), all.slice(2), []];  // a browser gives them in parts
      return { readEntries: (then) => then(parts.shift()) };
    } });
    const names = (files) => files.map((one) => one.name);
"""


def test_a_dropped_folder_is_read_to_its_depth_and_no_further_than_asked(in_page):
    found = in_page(
        FOLDERS
        + """
        const all = folder("all", file("words.txt"), file("c.JPG"), folder("b", file("x.webm")),
                           folder(".git", file("d.png")), file(".e.png"), file("a", "image/jpeg"));
        return [names(await within(all, 100)), names(await within(all, 2))];
    """
    )
    assert found == [["a", "x.webm", "c.JPG"], ["a", "x.webm"]]


def test_of_what_is_dropped_folders_are_told_from_files(in_page):
    found = in_page(
        FOLDERS
        + """
        const item = (entry) => ({ kind: "file", webkitGetAsEntry: () => entry,
                                   getAsFile: () => new File([], entry.name) });
        const odd = { ...item(file("odd")), webkitGetAsEntry: () => null };
        const { files, folders } = dropped({ items: [item(file("a.jpg")), item(folder("all")), odd,
                                                     { kind: "string" }] });
        return [names(files), names(folders)];
    """
    )
    assert found == [["a.jpg", "odd"], ["all"]]
