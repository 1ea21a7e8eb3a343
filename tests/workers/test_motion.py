"""Whether anything moved: noise does not count, a small face does, slow change adds up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.motion import LOOK_ANYWAY_NS, Look, Motion

pytestmark = pytest.mark.unit

MS = 1_000_000
BEGIN_NS = 1_800_000_000_000 * MS


def flat(level=100, size=(640, 360)):
    return np.full((size[1], size[0], 3), level, np.uint8)


def with_square(side_px, left=300, top=150, level=200):
    picture = flat()
    picture[top : top + side_px, left : left + side_px] = level
    return picture


def test_the_first_picture_counts_as_moved():
    assert Motion().look(flat(), BEGIN_NS) == Look(moved=True, due=True)


@given(st.integers(1, LOOK_ANYWAY_NS - 1))
def test_the_same_picture_has_not_moved(later_ns):
    motion = Motion()
    motion.look(flat(), BEGIN_NS)
    assert motion.look(flat(), BEGIN_NS + later_ns) == Look(moved=False, due=False)


@pytest.mark.parametrize("later_ns", [LOOK_ANYWAY_NS, -LOOK_ANYWAY_NS])
def test_every_two_seconds_one_is_due_although_nothing_moved(later_ns):
    motion = Motion()
    motion.look(flat(), BEGIN_NS)
    assert motion.look(flat(), BEGIN_NS + later_ns) == Look(moved=False, due=True)
    assert not motion.look(flat(), BEGIN_NS + later_ns + MS).due


def test_noise_of_the_sensor_is_no_motion():
    motion, random = Motion(), np.random.default_rng(5)
    for step in range(8):
        noisy = np.clip(flat() + random.normal(0, 8, flat().shape), 0, 255).astype(np.uint8)
        assert motion.look(noisy, BEGIN_NS + step * 125 * MS).moved == (step == 0)


@given(st.integers(0, 600), st.integers(0, 320))
def test_what_is_as_large_as_the_least_face_is_seen_wherever_it_comes(left, top):
    motion = Motion()
    motion.look(flat(), BEGIN_NS)
    assert motion.look(with_square(36, left, top), BEGIN_NS + 125 * MS).moved


def test_slow_change_adds_up():
    motion = Motion()
    moved = [motion.look(flat(100 + step), BEGIN_NS + step * 50 * MS).moved for step in range(30)]
    assert [step for step, one in enumerate(moved) if one] == [0, 13, 26]
