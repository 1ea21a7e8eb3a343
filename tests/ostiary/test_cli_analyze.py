"""`ostiary analyze` end to end: what it prints, writes and saves, and how it ends."""

import csv
import fcntl
import itertools
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from fakes.analysis_scenes import masked_scene, setup_in, walk, written
from fakes.films import turn_metadata, write_film, write_sound
from fakes.worker_scenes import scene
from PIL import Image

from ostiary.analysis import films, sources
from ostiary.analysis.drawing import TONES
from ostiary.analysis.reporting import COLUMNS
from ostiary.analysis.saving import Saver
from ostiary.cli import analysis_output
from ostiary.cli.__main__ import run
from ostiary.cli.failure import ExitCode

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return setup_in(tmp_path_factory.mktemp("analyze")).home


@pytest.fixture
def analyze(home, tmp_path, monkeypatch, capsys):
    """Run the command in an empty folder; return its exit code and both outputs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(analysis_output, "EVERY_S", 600.0)  # no lines of progress on a busy machine

    def call(*words):
        capsys.readouterr()
        code = run(["--home", str(home), "analyze", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def door(tmp_path):
    return written(tmp_path / "door.png", scene(("obama", 60, 60, 110), ("hopper", 360, 60, 110)))


def has(pixels, state):
    """Whether a state's colour stands in a picture, as exactly as its coding lets it."""
    return (np.abs(pixels.astype(int) - TONES[state]).max(axis=2) < 40).mean() > 0.005


def film_of(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        return stream.codec_context.name, [frame.time for frame in frames], [
            frame.to_ndarray(format="bgr24") for frame in frames
        ]  # fmt: skip


def test_a_photograph_saved_reported_and_summed_up(analyze, door, tmp_path):
    code, out, err = analyze(door, "--save", "out.jpg", "--report", "out.csv", "--expression")
    assert (code, err) == (ExitCode.DONE, "")
    assert "door.png" in out
    saved = cv2.imread(str(tmp_path / "out.jpg"))
    assert saved.shape == (360, 640, 3)
    assert has(saved, "missing")
    assert not has(saved, "worn")
    rows = list(csv.DictReader((tmp_path / "out.csv").open(encoding="utf-8")))
    assert tuple(rows[0]) == COLUMNS
    assert [row["mask"] for row in rows] == ["missing", "missing"]
    assert rows[0]["expression"] == "happiness"
    assert float(rows[0]["x1"]) < float(rows[0]["x2"]) < float(rows[1]["x1"]) < 640
    assert rows[0]["person"] == rows[0]["track"] == rows[0]["time_s"] == ""


def test_json_for_programs(analyze, door):
    code, out, _ = analyze(door, "--json")
    found = json.loads(out)
    assert code == ExitCode.DONE
    (file,) = found["files"]
    assert (file["people"], file["masks"]["missing"], file["names"]) == (2, 2, [])
    assert [face["mask"] for face in file["faces"]] == ["missing", "missing"]
    assert found["problems"] == []


def test_in_a_folder_nothing_is_overwritten(analyze, door, tmp_path):
    other = written(tmp_path / "there" / "door.png", scene(("biden", 60, 60, 110)))
    film = write_film(tmp_path / "there" / "door.mp4", walk("biden", 3), [0.0, 0.1, 0.2])
    bmp = written(tmp_path / "there" / "door.bmp", scene(("biden", 60, 60, 110)))
    before = {path: path.read_bytes() for path in (other, film, bmp)}
    code, out, err = analyze(door, "there", "--save", "there", "--json")
    assert (code, err) == (ExitCode.DONE, "")
    saved = [Path(file["saved"]).name for file in json.loads(out)["files"]]
    assert saved == ["door-2.png", "door-2.bmp", "door-2.mp4", "door-3.png"]
    assert all(path.read_bytes() == old for path, old in before.items())
    assert len(list((tmp_path / "there").iterdir())) == 7


def test_what_was_analysed_beside_what_is_missing(analyze, door):
    code, out, err = analyze(door, "nothing.png")
    assert code == ExitCode.FAILED
    assert "door.png" in out
    assert "nothing.png" in err


def test_a_film_saved_with_its_own_times(analyze, tmp_path):
    times_s = [index / 12 + (0.3 if index > 9 else 0) for index in range(22)]
    path = write_film(tmp_path / "走廊 a.mp4", walk("biden", 22, masked=True), times_s)
    code, out, _ = analyze(path, "--save", "out", "--report", "out.jsonl", "--lang", "zh", "--json")
    assert code == ExitCode.DONE
    (file,) = json.loads(out)["files"]
    assert (file["people"], file["masks"]["worn"]) == (1, 1)
    assert file["tracks"][0]["mask"] == "worn"
    codec, kept_s, frames = film_of(tmp_path / "out" / "走廊 a.mp4")
    assert codec == "h264"
    assert kept_s == pytest.approx(times_s, abs=0.002)
    assert has(frames[-1], "worn")
    assert not has(frames[0], "worn")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(rows) == 22
    assert [row["frame"] for row in rows] == list(range(22))
    assert rows[0]["state"] == "tentative"
    assert rows[-1] | {"mask": "worn", "track": 1, "state": "confirmed"} == rows[-1]
    assert not list(tmp_path.rglob("*.part"))


def test_a_film_of_odd_size_on_its_side(analyze, tmp_path):
    path = write_film(tmp_path / "a.mp4", walk("obama", 3, size=(482, 322)))
    assert analyze(turn_metadata(path, 90), "--save", "b.mp4")[0] == ExitCode.DONE
    assert film_of(tmp_path / "b.mp4")[2][0].shape == (482, 322, 3)


def test_an_animation_of_odd_size_becomes_a_film(analyze, tmp_path):
    first, *others = [Image.fromarray(one[:-1, :-1, ::-1]) for one in walk("obama", 3)]
    first.save(tmp_path / "a.webp", save_all=True, append_images=others, duration=100)
    assert analyze("a.webp", "--save", "out")[0] == ExitCode.DONE
    _, times_s, frames = film_of(tmp_path / "out" / "a.mp4")
    assert times_s == pytest.approx([0, 0.1, 0.2], abs=0.002)
    assert frames[0].shape == (320, 480, 3)


def test_a_folder_with_everything_wrong_in_it(analyze, tmp_path):
    folder = tmp_path / "all"
    written(folder / "a.png", scene(("obama", 60, 60, 100)))
    written(folder / "deep" / "z.webp", masked_scene("biden"))
    (folder / "b.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    (folder / "c.heic").write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")
    (folder / "d.mp4").touch()
    write_sound(folder / "e.mp4")
    code, out, err = analyze(folder, "--save", "out", "--json")
    assert code == ExitCode.FAILED
    found = json.loads(out)
    assert [file["masks"]["worn"] for file in found["files"]] == [0, 1]
    assert [one["file"].rpartition("/")[2] for one in found["problems"]] == [
        "b.jpg", "c.heic", "d.mp4", "e.mp4",
    ]  # fmt: skip
    assert len(err.splitlines()) == 4
    for line, word in zip(err.splitlines(), ("read", "HEIC", "empty", "sound"), strict=True):
        assert word in line
    kept = sorted(str(one.relative_to(tmp_path / "out")) for one in (tmp_path / "out").rglob("*.*"))
    assert kept == ["a.png", "deep/z.webp"]


def test_a_webcam_ends_by_ctrl_c_and_what_it_saw_counts(analyze, tmp_path, monkeypatch):
    """A film stands for the camera; the loop that reads it, and the interruption, are the real."""
    path = write_film(tmp_path / "camera.mp4", walk("obama", 40))

    @contextmanager
    def plugged_in(number, name):
        with films.webcam(str(path), name) as live:
            yield replace(live, frames=interrupted(live.frames))

    def interrupted(frames):
        for index, frame in enumerate(frames):
            if index == 30:
                signal.raise_signal(signal.SIGINT)
            yield replace(frame, time_s=index / 25)

    monkeypatch.setattr(sources, "webcam", plugged_in)
    code, out, _ = analyze("webcam", "--save", "seen.mp4", "--report", "seen.jsonl")
    assert code == ExitCode.DONE
    assert "30 in 1.2 s" in out
    assert len(film_of(tmp_path / "seen.mp4")[1]) == 30
    assert len((tmp_path / "seen.jsonl").read_text().splitlines()) == 30


def test_a_film_that_is_stopped_leaves_no_half_of_it(analyze, tmp_path, monkeypatch):
    path = write_film(tmp_path / "a.mp4", walk("obama", 8))
    monkeypatch.setattr(Saver, "add", stopping_at(5, Saver.add))
    code, _, said = analyze(path, "--save", "out")
    assert (code, said.splitlines()[-1]) == (ExitCode.FAILED, "Stopped.")
    assert not [one for one in (tmp_path / "out").rglob("*") if one.is_file()]


def stopping_at(count, add):
    """What Ctrl-C does at the picture of that number."""
    calls = itertools.count()

    def interrupted(self, picture):
        if next(calls) == count:
            signal.raise_signal(signal.SIGINT)
        return add(self, picture)

    return interrupted


def test_a_terminal_shows_a_bar_and_what_is_seen(home, door, tmp_path):
    """The command in a terminal of its own."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    command = [
        sys.executable,
        "-m",
        "ostiary.cli.__main__",
        "--home",
        str(home),
        "analyze",
        str(tmp_path),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=follower, cwd=ROOT) as process:
        os.close(follower)
        shown = b""
        with suppress(OSError):  # Linux ends a terminal without its other side so
            while part := os.read(leader, 65536):
                shown += part
        out, _ = process.communicate()
    os.close(leader)
    assert process.returncode == ExitCode.FAILED
    text = shown.decode()
    assert "No mask 9" in text
    assert "broken.jpg: it is neither a picture nor a film" in text
    assert "door.png" in out.decode()


def test_names_in_words_and_in_the_report(analyze, door, home, tmp_path):
    code, _, err = analyze(door, "--people")
    assert code == ExitCode.NOT_FOUND
    assert str(home / "people") in err
    written(tmp_path / "staff" / "Grace" / "1.png", scene(("hopper", 150, 40, 150)))
    code, out, _ = analyze(door, "--people-from", "staff", "--report", "r.csv")
    assert code == ExitCode.DONE
    assert "Grace" in out
    rows = list(csv.DictReader((tmp_path / "r.csv").open()))
    assert [row["person"] for row in rows] == ["", "Grace"]
    assert rows[1]["knowledge"] == "known"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("door.png", "--people", "--expression"), ExitCode.USAGE, "never joined"),
        (("door.png", "--lang", "fr"), ExitCode.USAGE, "en or zh"),
        (("door.png", "--model", "mask"), ExitCode.USAGE, "TASK=NAME"),
        (("door.png", "--model", "mask=nothing"), ExitCode.NOT_FOUND, "mobilenet-v2-mask"),
        (("door.png", "--model", "recognition=nobody"), ExitCode.NOT_FOUND, "sface@2021dec"),
        (("door.png", "--report", "r.txt"), ExitCode.USAGE, ".csv or .jsonl"),
        (("door.png", "--save", "door.mp4"), ExitCode.USAGE, "A photograph"),
        (("door.png", "--save", "door.png"), ExitCode.FAILED, "door.png would be overwritten"),
        (("nothing.png",), ExitCode.NOT_FOUND, "no such file"),
        (("webcam:97",), ExitCode.NOT_FOUND, "no such webcam"),
        (("/dev/null",), ExitCode.FAILED, "neither a file nor a folder"),
        ((), ExitCode.USAGE, "Name a photograph"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_code(analyze, door, words, code, said):
    found, out, err = analyze(*words)
    assert found == code
    assert said in err
    assert out == ""
    assert len(err.strip().splitlines()) <= 2
    assert cv2.imread(str(door)) is not None


def test_a_place_that_cannot_be_written(analyze, door, tmp_path):
    (tmp_path / "file").touch()
    code, _, err = analyze(door, "--save", "file/out.png")
    assert code == ExitCode.FAILED
    assert "cannot be written" in err
