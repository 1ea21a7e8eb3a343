"""What an embedder is shown while it learns: how many faces bare, masked and behind things."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.augment import Strength
from training.recognition.faces import Faces
from training.recognition.material import Taught, make
from training.recognition.recipes import CLEAN, HIDDEN, UNMASKED

pytestmark = pytest.mark.unit
PLAIN = Strength(turn_degrees=0, shift=0, size=0, light=0, colour=0, worsen=0)
DRAWS = 600
GREY, WHITE = 60, 255


def shown(teaching) -> dict[str, float]:
    """Shares of what is drawn: faces are dark and even, masked copies white and even."""
    crops = np.full((2, 112, 112, 3), GREY, np.uint8)
    faces = Faces(("a/1", "b/1"), ("a", "b"), crops)
    masked, classes = np.full((2, 2, 112, 112, 3), WHITE, np.uint8), np.zeros((2, 0), np.float32)
    taught = Taught(faces, masked, classes, np.arange(2), np.arange(0), "")
    sample = make(taught, replace(teaching, strength=PLAIN), Path("nowhere"))
    random, counts = np.random.default_rng(3), dict.fromkeys(("bare", "masked", "hidden"), 0)
    for turn in range(DRAWS):
        crop = sample(turn % 2, 112, random).crop
        even = int(crop.max()) - int(crop.min()) < 6
        counts["hidden" if not even else "masked" if crop.mean() > 150 else "bare"] += 1
    return {kind: count / DRAWS for kind, count in counts.items()}


@pytest.mark.parametrize("teaching", [HIDDEN, UNMASKED])
def test_paper_2_shows_one_clean_face_to_two_occluded_ones(teaching):
    found = shown(teaching)
    assert found == {kind: pytest.approx(1 / 3, abs=0.07) for kind in found}


def test_a_clean_lesson_hides_nothing():
    assert shown(CLEAN) == {"bare": 1, "masked": 0, "hidden": 0}
