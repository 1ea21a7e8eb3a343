"""How training samples are made: splits, variations, drawn masks, near-duplicates."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.augment import Strength, darken, middle, narrow, vary
from training.draw import MEANS, draw_mask, dress
from training.prepare import near_duplicates, wide
from training.splits import Side, side_of
from workers.crops import MASK, crop_faces

pytestmark = pytest.mark.unit


def face_crop(side: int = 128) -> tuple[np.ndarray, np.ndarray]:
    noise = np.random.default_rng(5).integers(60, 200, (side, side, 3)).astype(np.uint8)
    points = wide(MASK.size_px, zoom=0.80, eyes_at=0.36).template
    return cv2.GaussianBlur(noise, (0, 0), 3), points


@given(st.text(min_size=1, max_size=30))
def test_a_group_has_one_side(group):
    assert side_of(group) is side_of(group)


def test_the_sides_have_their_shares():
    sides = [side_of(f"masks/{n}") for n in range(5000)]
    assert sides.count(Side.TEST) / 5000 == pytest.approx(0.20, abs=0.02)
    assert sides.count(Side.VALIDATION) / 5000 == pytest.approx(0.08, abs=0.02)


@pytest.mark.parametrize("size_px", [64, 96])
def test_the_middle_of_a_wide_crop_is_the_live_crop(size_px):
    picture = cv2.GaussianBlur(
        np.random.default_rng(2).integers(0, 256, (400, 400, 3)).astype(np.uint8), (0, 0), 6
    )
    points = MASK.template[None] * 2 + 90
    live = crop_faces(picture, points, MASK)[0]
    live = cv2.resize(live, (size_px, size_px), interpolation=cv2.INTER_AREA).astype(int)
    framing = wide(MASK.size_px, zoom=0.80, eyes_at=0.36)
    ours = middle(crop_faces(picture, points, framing)[0], size_px).astype(int)
    assert np.abs(ours - live).mean() < 4


@given(st.integers(0, 2**20))
def test_every_variation_is_a_picture_of_the_asked_size(seed):
    crop, _ = face_crop()
    random = np.random.default_rng(seed)
    out = vary(narrow(crop, random), 96, Strength(), random)
    assert out.shape == (96, 96, 3)
    assert out.dtype == np.uint8


@given(st.integers(0, 2**20))
def test_by_night_a_face_keeps_its_light_side_and_is_as_bright_as_live(seed):
    crop = np.full((96, 96, 3), 60, np.uint8)
    crop[:, 48:] = 200
    seen = darken(crop, np.random.default_rng(seed)).astype(int)
    assert seen[:, 50:].mean() > seen[:, :46].mean() + 40
    assert seen[:, 50:].mean() > 90  # where nobody made it brighter it would be 16 to 100


@pytest.mark.parametrize("kind", sorted(MEANS))
def test_a_drawn_mask_covers_what_its_kind_says(kind):
    crop, points = face_crop()
    for seed in range(8):
        drawn = draw_mask(crop, points, kind, np.random.default_rng(seed))
        changed = np.abs(drawn.astype(int) - crop).max(axis=2) > 8
        nose, mouth = points[2].round().astype(int), points[3:].mean(axis=0).round().astype(int)
        chin = (mouth + 0.62 * (points[3:].mean(axis=0) - points[:2].mean(axis=0))).astype(int)
        assert changed[chin[1] - 1 : chin[1] + 2, chin[0] - 3 : chin[0] + 4].mean() > 0.5
        covered = [bool(changed[p[1] - 1 : p[1] + 2, p[0] - 1 : p[0] + 2].mean() > 0.5)
                   for p in (nose, mouth)]  # fmt: skip
        assert (
            covered
            == {
                "worn": [True, True],
                "under_nose": [False, True],
                "under_chin": [False, False],
            }[kind]
        )


def test_clothes_stay_below_the_mouth():
    crop, points = face_crop()
    for seed in range(8):
        dressed = dress(crop, points, np.random.default_rng(seed))
        rows = np.nonzero((dressed != crop).any(axis=(1, 2)))[0]
        assert rows.min() > points[3:, 1].max()


def test_the_same_picture_again_is_found_after_jpeg():
    random = np.random.default_rng(3)
    shapes = [cv2.resize(random.integers(0, 256, (6, 6, 3)).astype(np.uint8), (96, 96),
                         interpolation=cv2.INTER_CUBIC) for _ in range(6)]  # fmt: skip
    _, data = cv2.imencode(".jpg", shapes[0], [cv2.IMWRITE_JPEG_QUALITY, 60])
    again = cv2.imdecode(data, cv2.IMREAD_COLOR)
    found = near_duplicates(np.stack([again, shapes[5]]), np.stack(shapes[:5]), 0.97)
    assert found.tolist() == [True, False]
