"""What is no mask is drawn where it belongs, and evaluation makes its pictures of it."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes.labelled import coded

from ostiary.demo.portraits import load_portraits, read_picture
from training.hide import HIDDEN, Place, Things, hide, load_things
from training.live import live_detector
from training.looking import Eyes
from training.sets.classes import MISSING, WORN
from training.sets.known import FACES
from training.sets.made import FEW_PX, MADE, WAYS, made_of
from training.sets.samples import Sample

pytestmark = [pytest.mark.integration, pytest.mark.slow]
NOTHING = Things((), ())
FACE_PX = 60


@pytest.fixture(scope="module")
def eyes(tmp_path_factory):
    live = live_detector(tmp_path_factory.mktemp("networks"))
    return Eyes(live, live)


@pytest.fixture(scope="module")
def portrait():
    """A face of FACE_PX pixels and its five points."""
    one = load_portraits()["hopper"]
    left, _, right, bottom = one.face
    scale = FACE_PX / (right - left)
    picture = cv2.resize(read_picture(one.photo), None, fx=scale, fy=scale)
    picture = picture[: int(bottom * scale * 1.6)]
    return np.ascontiguousarray(picture[..., :3]), np.array(one.points, np.float32) * scale


def changed(before, after, at) -> bool:
    """Whether most pixels about a place are others."""
    x, y = at.astype(int)
    window = slice(y - 2, y + 3), slice(x - 2, x + 3)
    return (np.abs(before[window].astype(int) - after[window]).max(axis=-1) > 10).mean() > 0.5


# a place in the face that is covered, and one that stays free: eye distances, eyes to mouth
WHERE = {
    "hand": ((0.0, 1.05), (0.0, -0.6)),
    "thing": ((0.0, 1.1), (0.0, -0.6)),
    "scarf": ((0.0, 2.2), (0.0, -0.2)),
    "beard": ((0.0, 1.5), (0.0, 0.3)),
    "dark glasses": ((0.5, 0.05), (0.0, 1.0)),
    "microphone": ((0.0, 1.25), (0.0, 0.1)),
}


@pytest.mark.parametrize("kind", HIDDEN)
def test_each_kind_covers_what_it_hides_and_leaves_the_rest(portrait, kind):
    picture, points = portrait
    place = Place.of(points)
    covered, free = (place.at(*at) for at in WHERE[kind])
    times = [hide(picture, points, kind, np.random.default_rng(n), NOTHING) for n in range(30)]
    assert sum(changed(picture, one, covered) for one in times) >= 15
    assert sum(changed(picture, one, free) for one in times) <= 6
    again = hide(picture, points, kind, np.random.default_rng(3), NOTHING)
    assert np.array_equal(again, times[3])


def write_things(data: Path) -> None:
    for folder in ("lower_face", "eye"):
        (data / "occluders" / "ocfr" / folder).mkdir(parents=True)
        for number in range(4):
            pixels = np.full((40 + number, 50, 4), (0, 0, 60 * number, 255), np.uint8)
            path = data / "occluders" / "ocfr" / folder / f"{number}.png"
            path.write_bytes(coded(pixels, ".png"))


def test_things_that_were_seen_in_training_are_not_evaluated_with(tmp_path):
    write_things(tmp_path)
    seen, kept = (load_things(tmp_path, seen=seen) for seen in (True, False))
    heights = [[one.shape[0] for one in things.low] for things in (seen, kept)]
    assert heights == [[40, 42], [41, 43]]
    assert len(seen.glasses) == len(kept.glasses) == 2
    assert load_things(tmp_path / "none", seen=True) == NOTHING


def test_a_photographed_thing_lies_before_the_mouth(portrait, tmp_path):
    write_things(tmp_path)
    picture, points = portrait
    things = load_things(tmp_path, seen=False)
    hidden = [hide(picture, points, "thing", np.random.default_rng(n), things) for n in range(20)]
    mouth = points[3:].mean(axis=0)
    assert sum(changed(picture, one, mouth) for one in hidden) >= 10


def test_a_file_that_is_no_picture_is_named(tmp_path):
    write_things(tmp_path)
    broken = tmp_path / "occluders" / "ocfr" / "eye" / "0.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(OSError, match=r"0\.png is no picture"):
        load_things(tmp_path, seen=True)


def detail(picture) -> float:
    return float(np.abs(cv2.Laplacian(picture, cv2.CV_32F)).mean())


def test_evaluation_hides_bare_faces_and_looks_from_afar(portrait, eyes, tmp_path):
    picture, _ = portrait
    write_things(tmp_path)
    bare = Sample(FACES, "", "without_mask", MISSING, lambda: picture, kind="real", people="White")
    masked = replace(bare, source="masks3_real", truth=WORN, people="")
    samples = [replace(bare, name=f"{n}") for n in range(60)] + [replace(masked, name="m")]
    made = list(made_of(samples, eyes, tmp_path))
    hidden = [one for one in made if one.source.startswith("bare behind")]
    assert {one.source for one in hidden} == {f"bare behind a drawn {kind}" for kind in HIDDEN}
    assert all(one.truth == MISSING and one.kind == MADE and not one.people for one in hidden)
    assert all(not np.array_equal(one.read(), picture) for one in hidden)
    far, *worsened = (one for one in made if one not in hidden)
    assert [one.source for one in worsened] == [f"masks3_real, {way}" for way in WAYS]
    assert all(one.kind == MADE and one.truth == WORN for one in worsened)
    sharp = detail(picture)
    blurred, compressed, dark, grey = (one.read() for one in worsened)
    assert detail(blurred) < 0.5 * sharp
    assert 0 < np.abs(compressed.astype(int) - picture).mean() < 12
    assert dark.mean() < 0.25 * picture.mean()
    assert np.ptp(grey, axis=2).max() == 0 and abs(grey.mean() - picture.mean()) < 25
    assert all(np.array_equal(one.read(), again.read()) for one, again in
               zip(worsened, list(made_of(samples, eyes, tmp_path))[-4:], strict=True))  # fmt: skip
    assert far.truth == WORN
    shown = eyes.face(picture).side_px * far.read().shape[0] / picture.shape[0]
    assert shown == pytest.approx(FEW_PX, abs=1)
