"""The colours below a face: a share each, told apart by coat, none where nothing shows."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.clothes import colours_below

pytestmark = pytest.mark.unit

RED, BLUE = (40, 40, 200), (200, 60, 40)
PICTURE = np.random.default_rng(4).integers(0, 255, (180, 320, 3), np.uint8)
sides = st.floats(-50, 350, width=32)


def wearing(colour, light=1.0):
    """A face's box and a picture whose coat below it is of one colour."""
    picture = np.full((360, 640, 3), 120, np.uint8)
    picture[170:] = np.clip(np.array(colour) * light, 0, 255)
    return picture, np.array([300, 100, 350, 160], np.float32)


def likeness(one, other):
    return float(cv2.compareHist(one, other, cv2.HISTCMP_INTERSECT))


@given(sides, sides, st.floats(1, 150), st.floats(1, 150))
def test_any_box_gives_shares_that_sum_to_one_or_nothing(x, y, width, height):
    found = colours_below(PICTURE, np.array([x, y, x + width, y + height], np.float32))
    if found is not None:
        assert found.shape == (128,)
        assert found.dtype == np.float32
        assert found.min() >= 0
        assert found.sum() == pytest.approx(1, abs=1e-5)


def test_the_same_coat_is_alike_and_another_is_not():
    red, blue = colours_below(*wearing(RED)), colours_below(*wearing(BLUE))
    assert likeness(red, colours_below(*wearing(RED, light=0.97))) > 0.9
    assert likeness(red, blue) < 0.1


def test_a_face_at_the_lower_edge_shows_no_clothes():
    assert colours_below(PICTURE, np.array([100, 120, 150, 178], np.float32)) is None
