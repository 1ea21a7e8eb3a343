"""A displaced face comes with where its points lie, and never shows what lies beyond its crop."""

import numpy as np
import pytest

from engine.faces import ALIGNED_PX, TEMPLATE_112
from training.hide import Things
from training.recognition.displacing import behind, covered, displaced
from workers.networks.face_aligner import BEGIN, END

pytestmark = pytest.mark.unit

INNER = slice(BEGIN, END)


def bump(x: float, y: float) -> np.ndarray:
    """A soft dot on black at a place, the same in all colours."""
    down, across = np.mgrid[0:ALIGNED_PX, 0:ALIGNED_PX]
    dot = 250 * np.exp(-((across - x) ** 2 + (down - y) ** 2) / 8)
    return np.repeat(dot[..., None], 3, axis=2).astype(np.uint8)


def centre(picture: np.ndarray) -> np.ndarray:
    weights = picture[..., 0].astype(float)
    down, across = np.mgrid[0:ALIGNED_PX, 0:ALIGNED_PX]
    return np.array([(weights * across).sum(), (weights * down).sum()]) / weights.sum()


@pytest.mark.parametrize("place", range(5))
def test_each_point_lies_where_it_is_said_to(place):
    mirrored_place = [1, 0, 2, 4, 3][place]
    seen = set()
    for seed in range(12):
        picture, offsets = displaced(bump(*TEMPLATE_112[place]), np.random.default_rng(seed))
        said = offsets.reshape(5, 2) + TEMPLATE_112
        away = [np.abs(centre(picture) - said[k]).max() for k in (place, mirrored_place)]
        assert min(away) < 0.35, seed
        seen.add(int(np.argmin(away)))
    assert seen == ({0} if place == 2 else {0, 1})  # some are mirrored, and the nose is its own


def test_it_is_drawn_by_chance_alone():
    face = bump(50, 50)
    one, same, other = (displaced(face, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(one[0], same[0]) and np.array_equal(one[1], same[1])
    assert not np.array_equal(one[1], other[1])


def test_nothing_beyond_the_crop_is_seen():
    framed = np.zeros((ALIGNED_PX, ALIGNED_PX, 3), np.uint8)
    framed[[0, -1]], framed[:, [0, -1]] = 255, 255  # beyond the border this would be repeated
    for seed in range(200):
        picture, _ = displaced(framed, np.random.default_rng(seed))
        assert (picture[INNER, INNER] > 128).mean() < 0.03, seed


def test_half_are_as_near_as_when_seen_again():
    away = [
        np.abs(displaced(bump(50, 50), np.random.default_rng(seed))[1]).mean()
        for seed in range(300)
    ]
    assert np.median(away) > 2 and np.mean(np.array(away) < 2.5) > 0.3


def test_a_mask_covers_what_is_below_the_eyes():
    face = np.full((ALIGNED_PX, ALIGNED_PX, 3), 128, np.uint8)
    changed = np.zeros((ALIGNED_PX, ALIGNED_PX))
    for seed in range(40):
        masked = covered(face, (), np.random.default_rng(seed))
        changed += np.abs(masked.astype(int) - face).max(axis=2) > 8
    assert changed[90:100, 45:67].mean() > 20  # mouth, 40 at most
    assert changed[20:40, 45:67].mean() < 1  # forehead


def test_what_hides_a_face_may_lie_anywhere_and_be_large():
    red = np.full((40, 40, 4), (0, 0, 255, 255), np.uint8)
    face = np.full((ALIGNED_PX, ALIGNED_PX, 3), 128, np.uint8)
    shares, changed = [], np.zeros((ALIGNED_PX, ALIGNED_PX))
    for seed in range(60):
        out = behind(face, Things((red,), (red,)), np.random.default_rng(seed))
        shares.append((out != face).any(axis=2).mean())
        changed += (out != face).any(axis=2)
    assert max(shares) > 0.4
    assert (changed[5:-5, 5:-5] > 0).all()
    same = [behind(face, Things((red,), ()), np.random.default_rng(7)) for _ in range(2)]
    assert np.array_equal(*same)
