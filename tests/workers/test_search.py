"""Faces of photographs: small ones in large pictures, large ones whole, none twice."""

import numpy as np
import pytest
from fakes.worker_scenes import scene

from engine.faces import Detections, no_detections
from workers.detection import joined

pytestmark = pytest.mark.unit
SIZE = (3200, 1800)


def found(*rows):
    """Detections of rows (x1, y1, x2, y2, score)."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    points = np.repeat(table[:, None, :2], 5, axis=1)
    return Detections(table[:, :4], points, table[:, 4])


def test_the_surer_find_of_one_face_is_kept():
    coarse, fine = found((100, 100, 200, 220, 0.7)), found((104, 98, 203, 222, 0.9))
    both = joined(coarse, fine, 0.3)
    assert both.scores.tolist() == pytest.approx([0.9])
    assert both.boxes.tolist() == fine.boxes.tolist()
    assert len(both.points) == 1


def test_what_lies_within_a_face_is_none():
    coarse, fine = found((100, 100, 900, 1000, 0.7)), found((300, 300, 500, 520, 0.9))
    assert joined(coarse, fine, 0.3).boxes.tolist() == coarse.boxes.tolist()


def test_neighbours_stay_both_the_best_first():
    coarse, fine = found((100, 100, 200, 220, 0.7)), found((400, 100, 430, 140, 0.8))
    assert joined(coarse, fine, 0.3).scores.tolist() == pytest.approx([0.8, 0.7])
    for one, other in ((coarse, no_detections()), (no_detections(), coarse)):
        assert joined(one, other, 0.3).boxes.tolist() == coarse.boxes.tolist()


@pytest.mark.slow
@pytest.mark.integration
def test_small_faces_of_a_large_photograph_are_found_and_large_ones_once(models):
    photograph = scene(("obama", 100, 100, 40), ("hopper", 800, 300, 60), ("biden", 1800, 300, 700),
                       size=SIZE)  # fmt: skip
    (live,), (closely,) = models.detect([photograph]), models.search([photograph])
    assert sorted(_widths(live))[:-1] == []
    small, middle, large = sorted(_widths(closely))
    assert (small, middle, large) == pytest.approx((40, 60, 700), rel=0.25)


@pytest.mark.slow
@pytest.mark.integration
def test_a_small_photograph_is_looked_at_once(models):
    picture = scene(("obama", 100, 60, 90))
    (live,), (closely,) = models.detect([picture]), models.search([picture])
    assert closely.boxes.tolist() == live.boxes.tolist()


def _widths(faces):
    return (faces.boxes[:, 2] - faces.boxes[:, 0]).tolist()
