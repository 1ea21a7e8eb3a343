"""Where it is worth looking: noise does not count, a small face does, slow change adds up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.boxes import no_boxes
from workers.motion import LOOK_ANYWAY_NS, Motion
from workers.regions import WHOLE

pytestmark = pytest.mark.unit

MS = 1_000_000
BEGIN_NS = 1_800_000_000_000 * MS
NOBODY = no_boxes()


def flat(level=100, size=(640, 360)):
    return np.full((size[1], size[0], 3), level, np.uint8)


def with_square(side_px, left=300, top=150, level=200):
    picture = flat()
    picture[top : top + side_px, left : left + side_px] = level
    return picture


def begun():
    motion = Motion()
    motion.look(flat(), NOBODY, BEGIN_NS)
    return motion


def covers(area, x1, y1, x2, y2):
    """Whether an area of a picture of 640x360 holds a box in its pixels."""
    left, top, right, bottom = area * [640, 360, 640, 360]
    return left <= x1 and top <= y1 and right >= x2 and bottom >= y2


def test_of_the_first_picture_all_is_looked_at():
    look = Motion().look(flat(), NOBODY, BEGIN_NS)
    assert look.moved and look.area is WHOLE


@given(st.integers(1, LOOK_ANYWAY_NS - 1))
def test_the_same_picture_has_not_moved(later_ns):
    look = begun().look(flat(), NOBODY, BEGIN_NS + later_ns)
    assert not look.moved and look.area is None


@pytest.mark.parametrize("later_ns", [LOOK_ANYWAY_NS, -LOOK_ANYWAY_NS])
def test_once_a_second_all_is_looked_at_although_nothing_moved(later_ns):
    motion = begun()
    look = motion.look(flat(), NOBODY, BEGIN_NS + later_ns)
    assert not look.moved and look.area is WHOLE
    assert motion.look(flat(), NOBODY, BEGIN_NS + later_ns + MS).area is None


def test_noise_of_the_sensor_is_no_motion():
    motion, random = Motion(), np.random.default_rng(5)
    for step in range(7):
        noisy = np.clip(flat() + random.normal(0, 8, flat().shape), 0, 255).astype(np.uint8)
        assert motion.look(noisy, NOBODY, BEGIN_NS + step * 125 * MS).moved == (step == 0)


@given(st.integers(0, 600), st.integers(0, 320))
def test_what_is_as_large_as_the_least_face_is_looked_at_wherever_it_comes(left, top):
    look = begun().look(with_square(36, left, top), NOBODY, BEGIN_NS + 125 * MS)
    assert look.moved
    inner = (left + 8, top + 8, min(640, left + 36) - 8, min(360, top + 36) - 8)
    assert covers(look.area, *inner)
    assert (look.area[2] - look.area[0]) * 640 <= 36 + 20


def test_slow_change_adds_up():
    motion = Motion()
    moved = [
        motion.look(flat(100 + step), NOBODY, BEGIN_NS + step * 30 * MS).moved for step in range(30)
    ]
    assert [step for step, one in enumerate(moved) if one] == [0, 13, 26]


def test_slow_change_adds_up_beside_something_that_is_looked_at_all_the_time():
    motion, face = begun(), np.array([[40, 40, 80, 90]], np.float32)
    moved = []
    for step in range(1, 16):
        picture = flat()
        picture[200:280, 400:480] = 100 + step
        moved.append(motion.look(picture, face, BEGIN_NS + step * 30 * MS).moved)
    assert moved.index(True) == 12  # the thirteenth grey level


def test_where_faces_were_is_looked_at_although_nothing_moved():
    face = np.array([[300, 100, 350, 160]], np.float32)
    look = begun().look(flat(), face, BEGIN_NS + MS)
    assert not look.moved
    assert covers(look.area, 280, 75, 370, 185) and look.area[2] - look.area[0] < 0.2


def test_what_moved_and_where_faces_were_are_looked_at_together():
    face = np.array([[20, 20, 60, 70]], np.float32)
    look = begun().look(with_square(60, 500, 250), face, BEGIN_NS + MS)
    assert look.moved and covers(look.area, 20, 20, 555, 305)
