"""When a face is used: the reasons in their order; no score rises as a face worsens."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.quality import Measured, QualityLimits, Unused, judge, ramp

pytestmark = pytest.mark.unit

GOOD = Measured(face_px=120, sharpness=200, brightness=120, yaw_degrees=3, pitch_degrees=-4)
LIMITS = QualityLimits()


def test_a_good_face_scores_one():
    assert judge(GOOD, LIMITS).score == 1.0
    assert judge(GOOD, LIMITS).unused_because is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"face_px": 20}, Unused.TOO_SMALL),
        ({"yaw_degrees": -70}, Unused.TURNED),
        ({"pitch_degrees": 70}, Unused.TURNED),
        ({"brightness": 9}, Unused.DARK),
        ({"brightness": 250}, Unused.BRIGHT),
        ({"sharpness": 1}, Unused.BLURRED),
    ],
)
def test_each_fault_alone_is_named(change, reason):
    quality = judge(dataclasses.replace(GOOD, **change), LIMITS)
    assert quality.unused_because is reason
    assert quality.score == 0.0


def test_the_first_reason_wins():
    worst = Measured(face_px=1, sharpness=0, brightness=0, yaw_degrees=90, pitch_degrees=90)
    assert judge(worst, LIMITS).unused_because is Unused.TOO_SMALL


faces = st.builds(
    Measured,
    face_px=st.floats(1, 500),
    sharpness=st.floats(0, 2000),
    brightness=st.floats(0, 255),
    yaw_degrees=st.floats(-90, 90),
    pitch_degrees=st.floats(-90, 90),
)


@given(faces)
def test_a_score_is_zero_exactly_when_there_is_a_reason(measured):
    quality = judge(measured, LIMITS)
    assert 0 <= quality.score <= 1
    assert (quality.score == 0) == (quality.unused_because is not None)


@given(faces, st.floats(0.1, 1.0))
def test_less_sharpness_and_size_never_score_more(measured, share):
    worse = dataclasses.replace(
        measured, sharpness=measured.sharpness * share, face_px=measured.face_px * share
    )
    assert judge(worse, LIMITS).score <= judge(measured, LIMITS).score


@given(faces)
def test_left_and_right_count_the_same(measured):
    mirrored = dataclasses.replace(measured, yaw_degrees=-measured.yaw_degrees)
    assert judge(mirrored, LIMITS) == judge(measured, LIMITS)


def test_a_ramp_needs_good_above_worst():
    with pytest.raises(ValueError, match="above worst"):
        ramp(1, 5, 5)
