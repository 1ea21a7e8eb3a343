"""Which part of a detector's input covers an area: large enough, few sizes, on the grid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.regions import (
    LEAST_PX,
    MARGIN_PX,
    STEP_PX,
    WHOLE,
    Size,
    hull,
    part,
    part_sizes,
    window,
)

pytestmark = pytest.mark.unit

HD = (Size(640, 360), Size(640, 384))
SHAPES = [HD, (Size(640, 480), Size(640, 480)), (Size(360, 640), Size(384, 640)),
          (Size(176, 144), Size(192, 160))]  # fmt: skip
share = st.floats(0, 1, allow_nan=False, width=32)


@st.composite
def areas(draw):
    x1, x2 = sorted((draw(share), draw(share)))
    y1, y2 = sorted((draw(share), draw(share)))
    return np.array([x1, y1, x2, y2], np.float32)


@given(areas(), st.sampled_from(SHAPES))
def test_a_part_covers_its_area_with_a_margin_inside_the_whole(area, shape):
    scaled, whole = shape
    found = part(area, scaled, whole)
    for begin, end, first, length, scaled_px, whole_px in (
        (area[0], area[2], found.left_px, found.size.width_px, scaled.width_px, whole.width_px),
        (area[1], area[3], found.top_px, found.size.height_px, scaled.height_px, whole.height_px),
    ):
        assert first % STEP_PX == 0 and length % STEP_PX == 0
        assert first >= 0 and first + length <= whole_px
        assert first <= max(0, begin * scaled_px - MARGIN_PX) + 1e-3
        assert first + length >= min(whole_px, end * scaled_px + MARGIN_PX) - 1e-3


@given(areas(), st.sampled_from(SHAPES))
def test_a_window_of_one_size_covers_its_area_or_is_none(area, shape):
    usual = shape[1]
    scaled = Size(2 * shape[0].width_px, 2 * shape[0].height_px)
    whole = Size(2 * usual.width_px, 2 * usual.height_px)
    found = window(area, scaled, whole, usual)
    wide = (area[2] - area[0]) * scaled.width_px + 2 * MARGIN_PX
    high = (area[3] - area[1]) * scaled.height_px + 2 * MARGIN_PX
    if found is None:
        assert wide > usual.width_px - STEP_PX or high > usual.height_px - STEP_PX
        return
    assert found.size == usual
    for begin, end, first, length, scaled_px, whole_px in (
        (area[0], area[2], found.left_px, usual.width_px, scaled.width_px, whole.width_px),
        (area[1], area[3], found.top_px, usual.height_px, scaled.height_px, whole.height_px),
    ):
        assert first % STEP_PX == 0 and 0 <= first <= whole_px - length
        assert first <= max(0, begin * scaled_px - MARGIN_PX) + 1e-3
        assert first + length >= min(scaled_px, end * scaled_px + MARGIN_PX) - 1e-3


@pytest.mark.parametrize("shape", SHAPES)
def test_the_whole_area_is_the_whole_input(shape):
    scaled, whole = shape
    found = part(WHOLE, scaled, whole)
    assert (found.left_px, found.top_px, found.size) == (0, 0, whole)


def test_one_face_of_a_wide_picture_costs_a_fraction():
    found = part(np.array([0.45, 0.3, 0.55, 0.5], np.float32), *HD)
    assert found.size.width_px * found.size.height_px < 0.35 * 640 * 384


@given(st.integers(1, 60), st.integers(1, 60))
def test_parts_come_in_at_most_six_sizes_of_which_one_is_the_whole(wide, high):
    whole = Size(wide * STEP_PX, high * STEP_PX)
    found = part_sizes(whole)
    assert len(found) == len(set(found)) <= 6
    assert found[-1] == whole
    for size in found:
        for side_px, whole_px in (
            (size.width_px, whole.width_px), (size.height_px, whole.height_px),
        ):  # fmt: skip
            assert side_px % STEP_PX == 0
            assert side_px == whole_px or LEAST_PX <= side_px < whole_px


def test_a_hull_is_clipped_to_the_picture():
    boxes = np.array([[-0.2, 0.1, 0.3, 0.4], [0.2, 0.3, 0.4, 1.5]], np.float32)
    assert hull(boxes).tolist() == pytest.approx([0.0, 0.1, 0.4, 1.0])
