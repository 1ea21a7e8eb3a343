"""Films of every kind become pictures with their own times, or one clear sentence."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from fakes.films import turn_metadata, write_film, write_sound
from PIL import Image

from ostiary.analysis.films import Film, film, webcam
from ostiary.analysis.results import Kind, Trouble, Unreadable
from ostiary.analysis.sources import list_sources, opening

pytestmark = pytest.mark.unit

HEIGHT, WIDTH = 48, 64


def field(index, step=3, height=HEIGHT, width=WIDTH):
    """A picture that is bright at its upper left corner, and brighter with each number."""
    pixels = np.full((height, width, 3), 20 + step * index, np.uint8)
    pixels[: height // 3, : width // 3] = 250
    return pixels


def fields(count=20, step=3):
    return [field(index, step) for index in range(count)]


def frames_of(path):
    with film(path, path.name) as found:
        return list(found.frames)


def bright_corner(pixels):
    """Which corner is bright: (row, column) of its third."""
    height, width = pixels.shape[:2]
    grey = pixels.mean(axis=2)
    spots = {
        (row, column): grey[row * 2 * height // 3 :, column * 2 * width // 3 :][
            : height // 3, : width // 3
        ].mean()
        for row, column in itertools.product((0, 1), (0, 1))
    }
    return max(spots, key=spots.get)


def levels(frames):
    return [float(frame.pixels[-8:, -8:].mean()) for frame in frames]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.mov", "a.ts"])
def test_each_picture_once_and_in_order(tmp_path, name):
    frames = frames_of(write_film(tmp_path / name, fields(), options={"bf": "0"}))
    assert len(frames) == 20
    assert np.diff(levels(frames)).min() > 0
    assert [frame.time_s for frame in frames] == pytest.approx(
        [index / 25 for index in range(20)], abs=0.011
    )


def test_b_frames_come_in_the_order_in_which_they_are_shown(tmp_path):
    options = {"bf": "3", "b_strategy": "0", "g": "12"}
    frames = frames_of(write_film(tmp_path / "a.mp4", fields(), options=options))
    assert len(frames) == 20
    assert np.diff(levels(frames)).min() > 0
    assert np.diff([frame.time_s for frame in frames]).min() > 0.03


def test_a_varying_rate_keeps_its_times(tmp_path):
    times_s = [0, 0.04, 0.1, 0.5, 0.52, 2.0]
    frames = frames_of(write_film(tmp_path / "a.mp4", fields(6), times_s))
    assert [frame.time_s for frame in frames] == pytest.approx(times_s, abs=0.002)


def test_times_begin_at_zero_wherever_the_file_begins(tmp_path):
    frames = frames_of(write_film(tmp_path / "a.mkv", fields(4), [7.0, 7.1, 7.2, 7.4]))
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.4], abs=0.002)


@pytest.mark.parametrize(("degrees", "corner"), [(90, (0, 1)), (180, (1, 1)), (270, (1, 0))])
def test_a_phones_rotation_is_followed(tmp_path, degrees, corner):
    path = turn_metadata(write_film(tmp_path / "a.mp4", fields(4)), degrees)
    (first, *_) = frames_of(path)
    shape = (HEIGHT, WIDTH, 3) if degrees == 180 else (WIDTH, HEIGHT, 3)
    assert first.pixels.shape == shape
    assert bright_corner(first.pixels) == corner
    assert first.pixels.flags["C_CONTIGUOUS"]


def test_pixels_become_square(tmp_path):
    path = write_film(tmp_path / "a.mp4", fields(3), aspect=Fraction(4, 3))
    assert frames_of(path)[0].pixels.shape == (HEIGHT, round(WIDTH * 4 / 3), 3)


def test_one_picture_is_a_film_too(tmp_path):
    assert len(frames_of(write_film(tmp_path / "a.mp4", fields(1)))) == 1


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_animations_are_films_with_their_own_times(tmp_path, name):
    path = tmp_path / name
    first, *others = [Image.fromarray(one) for one in fields(4, step=40)]
    first.save(path, save_all=True, append_images=others, duration=[100, 300, 50, 50])
    (source,) = list_sources([path]).sources
    with opening(source) as found:
        assert isinstance(found, Film)
        frames = list(found.frames)
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.4, 0.45])
    assert np.diff(levels(frames)).min() > 0


def said(path):
    with pytest.raises(Unreadable) as error:
        frames_of(path)
    assert "\n" not in str(error.value)
    assert error.value.problem.trouble is Trouble.UNREADABLE
    return error.value.problem.message


def test_an_empty_file(tmp_path):
    (tmp_path / "a.mp4").touch()
    assert "empty" in said(tmp_path / "a.mp4")


def test_sound_alone(tmp_path):
    assert "sound but no picture" in said(write_sound(tmp_path / "a.mp4"))


def test_a_film_without_one_picture(tmp_path):
    path = write_film(tmp_path / "a.mkv", fields(20))
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\x1f\x43\xb6\x75")])  # its first cluster
    assert said(path)


@pytest.mark.parametrize("content", [b"hello, world\n" * 40, b"#EXTM3U\nhttp://192.0.2.1/a.ts\n",
                                     b"ffconcat version 1.0\nfile /etc/passwd\n"])  # fmt: skip
def test_what_is_no_film_and_what_only_names_others(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert "neither a picture nor a film" in said(path)


def test_a_truncated_film_gives_what_it_has_and_says_so(tmp_path):
    path = write_film(tmp_path / "a.mkv", fields(75), options={"g": "10"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    kept = []
    with pytest.raises(Unreadable) as error, film(path, "a.mkv") as found:
        kept.extend(found.frames)
    assert 10 < len(kept) < 75
    assert "truncated" in str(error.value)


def test_an_mp4_without_its_table_of_contents_cannot_be_read(tmp_path):
    path = write_film(tmp_path / "a.mp4", fields(20))
    path.write_bytes(path.read_bytes()[:-400])
    assert said(path)


def test_a_damaged_middle_costs_only_its_pictures(tmp_path):
    path = write_film(tmp_path / "a.ts", fields(60), options={"g": "5"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 1500] = bytes(1500)
    path.write_bytes(data)
    kept = []
    try:
        with film(path, "a.ts") as found:
            kept.extend(found.frames)
    except Unreadable as error:
        assert "damaged" in str(error)
    assert len(kept) > 40


def test_a_missing_webcam_is_missing():
    with pytest.raises(Unreadable) as error, webcam(97, "webcam:97"):
        pass
    assert error.value.problem.trouble is Trouble.MISSING
    assert "webcam" in error.value.problem.message


def test_the_reading_of_a_webcam_on_a_file_that_stands_for_it(tmp_path):
    path = write_film(tmp_path / "a.mp4", fields(12))
    kept = []
    with webcam(str(path), "webcam:0") as live:
        assert live.kind is Kind.WEBCAM
        with pytest.raises(Unreadable, match="no more pictures"):
            kept.extend(live.frames)
    assert len(kept) == 12
    assert kept[0].time_s == 0
    assert np.diff([frame.time_s for frame in kept]).min() >= 0


def test_folders_in_order_with_all_below_and_without_what_is_hidden(tmp_path):
    names = ["b.jpg", "a.PNG", "deep/er/film.MOV", ".hidden.jpg", "notes.txt", "deep/c.heic"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = list_sources([tmp_path])
    inside = [str(source.inside) for source in found.sources]
    assert inside == ["a.PNG", "b.jpg", "deep/c.heic", "deep/er/film.MOV"]
    assert not found.problems


def test_names_that_lead_nowhere_are_told_and_the_others_go_on(tmp_path):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "nothing").mkdir()
    names = [tmp_path / "a.jpg", tmp_path / "nothing", tmp_path / "none", "webcam:2", "webcam"]
    found = list_sources([*names, tmp_path / "a.jpg"])
    assert [source.name for source in found.sources] == [str(names[0]), "webcam:2", "webcam:0"]
    assert {problem.trouble for problem in found.problems} == {Trouble.MISSING}
    assert [problem.name for problem in found.problems] == [str(one) for one in names[1:3]]
