"""So much of a face is hidden, by what chance gives it, and the same on every machine."""

import hashlib

import cv2
import numpy as np
import pytest

from training.recognition.masking import chance
from training.recognition.occluding import occlude

pytestmark = pytest.mark.unit


def disc() -> np.ndarray:
    thing = np.zeros((60, 90, 4), np.uint8)
    cv2.ellipse(thing, (45, 30), (40, 25), 0, 0, 360, (40, 200, 90, 255), -1)
    return thing


def face() -> np.ndarray:
    return np.full((112, 112, 3), 7, np.uint8)


@pytest.mark.parametrize("things", [(), (disc(),)])
@pytest.mark.parametrize("share", [0.1, 0.4, 0.7])
def test_the_share_is_hidden(things, share):
    shares = []
    for seed in range(20):
        dark, light = (
            occlude(one, share, things, np.random.default_rng(seed)).astype(int)
            for one in (face(), face() + 240)
        )
        shares.append(float((np.abs(light - dark).max(axis=2) < 120).mean()))
    assert min(shares) > share - 0.03
    assert np.mean(shares) < share + 0.08


def test_nothing_is_hidden_of_a_share_of_nothing_and_the_face_given_stays():
    given = face()
    assert np.array_equal(occlude(given, 0.0, (disc(),), np.random.default_rng(0)), given)
    occlude(given, 0.4, (disc(),), np.random.default_rng(0))
    assert np.array_equal(given, face())


def test_seed_and_name_decide():
    def hidden(seed: int, name: str) -> str:
        out = occlude(face(), 0.4, (disc(),), chance(seed, name))
        return hashlib.sha256(out.tobytes()).hexdigest()

    assert hidden(0, "a") == hidden(0, "a")
    assert len({hidden(0, "a"), hidden(1, "a"), hidden(0, "b")}) == 3
