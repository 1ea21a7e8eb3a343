"""Dark pictures: made brighter for the networks, which then find and judge what lit ones show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.observations import MaskState
from ostiary.demo.portraits import load_portraits, read_picture
from workers.crops import ALIGNED, EXPRESSION, MASK, crop_faces
from workers.light import BLACK, BRIGHTEST, DARK, GOAL, all_lit, lit

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PORTRAITS = load_portraits()
LIGHT, NOISE = 0.15, 4.0  # of a lit picture; what a sensor adds


def by_night(picture: np.ndarray, light: float = LIGHT) -> np.ndarray:
    noise = np.random.default_rng(5).normal(0, NOISE, picture.shape)
    return np.clip(np.rint(light * picture + noise), 0, 255).astype(np.uint8)


def portrait(key: str) -> np.ndarray:
    return np.ascontiguousarray(read_picture(PORTRAITS[key].photo)[..., :3])


def test_a_lit_picture_and_a_black_one_stay_as_they_are():
    for picture in (*(portrait(key) for key in PORTRAITS), np.full((90, 70, 3), 5, np.uint8)):
        assert lit(picture) is picture


@given(st.integers(1, 255), st.integers(1, 60), st.integers(1, 60))
def test_no_picture_becomes_darker_or_another_size(value, height, width):
    picture = np.full((height, width, 3), value, np.uint8)
    out = lit(picture)
    assert out.shape == picture.shape
    assert out.min() >= value
    assert out.max() <= max(value, GOAL)
    assert (out.max() > value) == (BLACK <= value < DARK)


def test_a_dark_picture_becomes_as_bright_as_a_lit_one():
    dark = by_night(portrait("obama"), 0.3)
    assert np.percentile(dark, BRIGHTEST) < DARK
    assert np.percentile(lit(dark), BRIGHTEST) == pytest.approx(GOAL, rel=0.08)


def test_each_crop_is_lit_by_itself_and_the_aligned_one_stays_for_its_quality():
    crops = np.stack([np.full((9, 9, 3), value, np.uint8) for value in (40, 180)])
    assert [int(one.mean()) for one in all_lit(crops)] == [200, 180]
    picture, points = np.full((200, 200, 3), 40, np.uint8), ALIGNED.template[None] + 30
    means = [crop_faces(picture, points, one).mean() for one in (MASK, EXPRESSION, ALIGNED)]
    assert means == [200, 200, 40]


@pytest.mark.parametrize("key", sorted(PORTRAITS))
def test_by_night_a_face_is_found_and_said_to_be_bare_and_who_it_is(models, key):
    picture = portrait(key)
    dark = by_night(picture)
    (seen,), (found,) = models.detect([picture]), models.detect([dark])
    assert len(found), "nobody is found in the dark"
    assert np.abs(found.boxes[0] - seen.boxes[0]).max() < 0.2 * np.ptp(seen.boxes[0])
    if key != "obama3":  # its bright jaw is taken for a mask by day, too
        chances = models.mask(models.crop(dark, found.points[:1], MASK))[0]
        assert tuple(MaskState)[int(chances.argmax())] is MaskState.MISSING
    by_day, night = (
        models.embed(models.crop(one, faces.points[:1], ALIGNED))[0]
        for one, faces in ((picture, seen), (dark, found))
    )
    assert float(by_day @ night) > models.thresholds("embedder")["accept_bare"]


def test_noise_in_the_dark_is_nobody(models):
    random = np.random.default_rng(6)
    frames = [
        np.clip(np.rint(random.normal(mean, NOISE, (360, 640, 3))), 0, 255).astype(np.uint8)
        for mean in (0, 3, 8, 20)
    ]
    assert [len(found) for found in models.detect(frames)] == [0, 0, 0, 0]
