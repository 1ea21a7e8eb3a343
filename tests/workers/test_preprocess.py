"""Pictures into the detector's input, and faces into crops: sizes, inverses, CPU against kornia."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.faces import TEMPLATE_112
from workers.crops import ALIGNED, EXPRESSION, MASK, crop_faces, similarities
from workers.preprocess import batches, fit, input_size, shrink
from workers.regions import WHOLE, Sight, Size

pytestmark = pytest.mark.unit

sides = st.integers(1, 3000)


@given(sides, sides)
def test_input_sides_are_multiples_of_32_and_hold_the_picture(width, height):
    size = input_size(width, height, 640)
    assert size.width_px % 32 == size.height_px % 32 == 0
    assert max(size.width_px, size.height_px) <= 640
    scale = min(1.0, 640 / max(width, height))
    assert 0 <= size.width_px - round(width * scale) < 32 or round(width * scale) == 0


@pytest.mark.parametrize(
    ("source", "wanted"),
    [((1280, 720), (640, 384)), ((720, 1280), (384, 640)), ((640, 360), (640, 384)),
     ((640, 480), (640, 480)), ((250, 250), (256, 256))],
)  # fmt: skip
def test_input_sizes_of_usual_pictures(source, wanted):
    assert input_size(*source, 640) == Size(*wanted)


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 0)])
def test_an_empty_picture_is_refused(width, height):
    with pytest.raises(ValueError, match="no input for"):
        input_size(width, height, 640)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1000, 700), (300, 900), (77, 51)])
def test_a_mark_comes_back_to_its_place(width, height):
    picture = np.zeros((height, width, 3), np.uint8)
    x, y = int(width * 0.7), int(height * 0.6)
    cv2.circle(picture, (x, y), max(6, width // 50), (255, 255, 255), -1)
    fitted = fit(picture, 640)
    rows, columns = np.nonzero(fitted.pixels[..., 0] > 127)
    middle = np.array([[columns.mean(), rows.mean()]], np.float32)
    assert fitted.mapping.to_source(middle)[0] == pytest.approx([x, y], abs=2.0)


def test_padding_is_black_on_the_right_and_below():
    fitted = fit(np.full((360, 640, 3), 200, np.uint8), 640)
    assert fitted.pixels.shape == (384, 640, 3)
    assert (fitted.pixels[360:] == 0).all()
    assert (fitted.pixels[:360] == 200).all()


@pytest.mark.parametrize("area", [(0.1, 0.2, 0.3, 0.5), (0.6, 0.5, 0.95, 0.9)])
def test_a_part_shows_what_the_whole_shows_there(area):
    picture = np.random.default_rng(2).integers(0, 256, (720, 1280, 3)).astype(np.uint8)
    whole, some = fit(picture, 640), fit(picture, 640, Sight(np.array(area, np.float32)))
    top, left = some.mapping.top_px, some.mapping.left_px
    height, width = some.pixels.shape[:2]
    assert some.pixels.size < whole.pixels.size / 2
    assert (some.pixels == whole.pixels[top : top + height, left : left + width]).all()
    corner = np.array([[10.0, 20.0, 30.0, 40.0]], np.float32)
    shifted = corner + np.array([left, top, left, top], np.float32)
    assert np.array_equal(some.mapping.to_source(corner), whole.mapping.to_source(shifted))


SMALL = np.array([0.55, 0.4, 0.75, 0.7], np.float32)
WIDE = np.array([0.1, 0.4, 0.75, 0.7], np.float32)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080), (960, 540), (720, 1280)])
def test_a_closer_look_is_finer_and_costs_as_much_as_the_whole(width, height):
    picture = np.zeros((height, width, 3), np.uint8)
    x, y = int(width * 0.65), int(height * 0.5)
    cv2.circle(picture, (x, y), 8, (255, 255, 255), -1)
    whole, close = fit(picture, 640), fit(picture, 640, Sight(SMALL, closely=True))
    assert close.pixels.shape == whole.pixels.shape
    assert close.mapping.scale == pytest.approx(min(2 * whole.mapping.scale, 1.0))
    rows, columns = np.nonzero(close.pixels[..., 0] > 127)
    middle = np.array([[columns.mean(), rows.mean()]], np.float32)
    assert close.mapping.to_source(middle)[0] == pytest.approx([x, y], abs=1.5)


@pytest.mark.parametrize(
    ("size", "area"),
    [((1280, 720), WIDE), ((1280, 720), WHOLE), ((640, 360), SMALL), ((800, 450), SMALL)],
)
def test_without_room_or_pixels_the_look_is_as_ever(size, area):
    picture = np.random.default_rng(2).integers(0, 256, (*size[::-1], 3)).astype(np.uint8)
    usual, asked = (fit(picture, 640, Sight(area, closely=close)) for close in (False, True))
    assert usual.mapping == asked.mapping
    assert (usual.pixels == asked.pixels).all()


def test_shrinking_makes_no_moire_of_a_fence():
    fence = np.zeros((900, 1200, 3), np.uint8)
    fence[:, ::2] = 255
    size = Size(410, 307)
    plain = cv2.resize(fence, (size.width_px, size.height_px), interpolation=cv2.INTER_LINEAR)
    assert plain.std() > 50
    assert shrink(fence, size).std() < 5


def test_pictures_of_one_size_form_one_batch():
    small, wide = np.zeros((360, 640, 3), np.uint8), np.zeros((720, 1280, 3), np.uint8)
    tall = np.zeros((640, 360, 3), np.uint8)
    made = batches([small, tall, wide], 640, [Sight()] * 3)
    assert [batch.indices for batch in made] == [(0, 2), (1,)]
    assert made[0].pixels.shape == (2, 384, 640, 3)


@given(st.floats(0.2, 5.0), st.floats(-3.1, 3.1), st.floats(-500, 500), st.floats(-500, 500))
def test_a_similarity_is_found_exactly(scale, angle, x, y):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (TEMPLATE_112 @ turn.T + (x, y)).astype(np.float32)
    (matrix,) = similarities(points[None], TEMPLATE_112)
    back = points @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(back - TEMPLATE_112).max() < 0.05


def test_a_similarity_never_mirrors():
    mirrored = TEMPLATE_112 * (-1, 1) + (112, 0)
    (matrix,) = similarities(mirrored[None].astype(np.float32), TEMPLATE_112)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_coinciding_points_are_refused():
    with pytest.raises(ValueError, match="coincide"):
        similarities(np.ones((1, 5, 2), np.float32), TEMPLATE_112)


def textured() -> np.ndarray:
    noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2.5) * 3


def points_in(picture: np.ndarray) -> np.ndarray:
    angle = np.radians(17)
    turn = 1.3 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    inside = (TEMPLATE_112 - 56) @ turn.T + (300, 220)
    border = (TEMPLATE_112 - 56) * 0.8 + (20, 30)
    return np.stack([inside, border]).astype(np.float32)


@pytest.mark.parametrize("wanted", [ALIGNED, MASK, EXPRESSION], ids=["aligned", "mask", "expr"])
def test_kornia_and_opencv_cut_the_same_crop(wanted):
    from workers.warp import warp_faces

    picture = textured()
    points = points_in(picture)
    ours = crop_faces(picture, points, wanted).astype(int)
    theirs = warp_faces(picture, points, wanted, "cpu").astype(int)
    assert ours.shape == theirs.shape == (2, wanted.size_px, wanted.size_px, 3)
    assert np.abs(ours[0] - theirs[0]).mean() < 1.0
    # beyond the picture: black where SFace expects it, the border repeated elsewhere
    assert np.abs(ours[1] - theirs[1]).mean() < 2.0


def test_the_chin_stays_in_a_mask_crop():
    eyes, mouth = MASK.template[:2].mean(axis=0), MASK.template[3:].mean(axis=0)
    chin = mouth + 0.85 * (mouth - eyes)
    assert chin[1] < 0.96 * MASK.size_px
