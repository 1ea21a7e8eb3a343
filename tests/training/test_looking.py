"""Which face a label means, and how a picture is shown to the detector."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.faces import no_detections
from ostiary.demo.portraits import load_portraits, read_picture
from training.live import live_detector
from training.looking import Eyes, chosen, filled
from workers.preprocess import input_size

pytestmark = pytest.mark.unit

PORTRAITS = load_portraits()


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_few_sizes_reach_the_detector(width, height):
    right, below = filled(width, height)
    assert right >= 0
    assert below >= 0
    size = input_size(width + right, height + below, 640)
    assert {size.width_px, size.height_px} <= {128, 256, 384, 512, 640}
    assert max(width + right, height + below) <= max(width, height, 640)


def boxes(*rows: tuple[float, float, float]) -> np.ndarray:
    """Boxes by their centre and side."""
    return np.array([(x - s / 2, y - s / 2, x + s / 2, y + s / 2) for x, y, s in rows], np.float32)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(50, 50, 20), (10, 10, 20)], 0),  # the nearer of two alike
        ([(50, 50, 5), (30, 30, 40)], 1),  # not a speck in the middle
        ([(5, 50, 40), (55, 50, 38)], 1),  # a neighbour cut by the border
    ],
)
def test_a_label_means_the_large_face_near_the_middle(rows, expected):
    assert chosen(boxes(*rows), 100, 100) == expected


class Blind:
    """A detector that finds nothing and keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []

    def detect(self, pictures):
        self.shown += pictures
        return [no_detections()] * len(pictures)


@pytest.mark.parametrize(
    ("side_px", "shown_px", "at_px"),
    [
        (48, [256], [32]),  # a tile: four times, and a border
        (100, [256], [48]),  # a crop: half as much again, and a border
        (300, [384, 512], [0, 75]),  # as it is, then with a border
        (600, [640, 640], [0, 96]),  # the border takes the place of pixels
    ],
)
def test_how_a_square_picture_is_shown(side_px, shown_px, at_px):
    blind, unused = Blind(), Blind()
    assert Eyes(blind, unused).face(np.full((side_px, side_px, 3), 255, np.uint8)) is None
    assert [picture.shape[:2] for picture in blind.shown] == [(px, px) for px in shown_px]
    starts = [tuple(np.argwhere(picture.any(axis=2))[0]) for picture in blind.shown]
    assert starts == [(px, px) for px in at_px]
    assert not unused.shown


def test_a_large_picture_is_looked_at_finely_at_last():
    live, fine = Blind(), Blind()
    assert Eyes(live, fine).face(np.full((1000, 2000, 3), 255, np.uint8)) is None
    assert [picture.shape[:2] for picture in live.shown] == [(1200, 2000), (384, 640)]
    assert [picture.shape[:2] for picture in fine.shown] == [(1200, 2000)]


@pytest.fixture(scope="module")
def eyes(tmp_path_factory):
    live = live_detector(tmp_path_factory.mktemp("networks"))
    return Eyes(live, live)


@pytest.mark.slow
@pytest.mark.parametrize("key", sorted(PORTRAITS))
@pytest.mark.parametrize("side_px", [20, 40, 110, 300])
def test_a_tight_crop_shows_its_face(eyes, key, side_px):
    portrait = PORTRAITS[key]
    x1, y1, x2, y2 = (round(v) for v in portrait.face)
    crop = read_picture(portrait.photo)[y1:y2, x1:x2, :3]
    scale = side_px / (x2 - x1)
    small = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    face = eyes.face(small)
    assert face is not None
    points = (np.array(portrait.points) - [x1, y1]) * scale
    assert np.abs(face.points - points).max() < 0.15 * side_px
    assert 0.6 * side_px < face.side_px < 1.4 * side_px
