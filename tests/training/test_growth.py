"""How far a network goes as the data grows: the points of the curve, and when there is none."""

from dataclasses import replace

import numpy as np
import pytest

from training.recognition.growth import curve, draw
from training.recognition.rates import Impostors, over_folds
from training.recognition.tabled import Judged, Whole
from training.recognition.tables import GROWTH
from training.recognition.verification import Verification

pytestmark = pytest.mark.unit


def judged(name: str, wrong: int) -> Judged:
    """A row whose network took so many of 400 pairs wrongly, as many in each of ten folds."""
    same = np.arange(400) % 2 == 0
    cosines = np.where(same, 0.9, 0.1).astype(np.float32)
    cosines[np.flatnonzero(same)[:: 200 // wrong]] = 0.0
    folds = over_folds(cosines, same, np.arange(400) // 40)
    none = Impostors(np.zeros(0, np.float32), 0)
    found = Verification("one", 400, 2, 2, folds, 0.5, cosines[same], none, {}, 1.0, ())
    row = next(row for row in GROWTH.rows if row.name == name)
    return Judged(row, None, steps=500, found={"lfw": found})


def whole(*rows: Judged) -> Whole:
    there = {one.row.name for one in rows}
    missing = [Judged(row, None) for row in GROWTH.rows if row.name not in there]
    return Whole(GROWTH, 2, (*rows, *missing), None)


def test_a_point_is_a_rows_share_its_accuracy_and_its_interval():
    rows = [judged("eighth", 40), judged("whole", 20)]
    shares, accuracy, reach = curve(rows, "lfw")
    assert list(shares) == [0.125, 1.0]
    assert accuracy == pytest.approx([0.9, 0.95])
    assert reach == pytest.approx([1.96 * one.found["lfw"].folds.standard_error for one in rows])


def test_a_curve_needs_two_shares_that_were_taught(tmp_path):
    one = judged("half", 20)
    twice = replace(one, row=replace(one.row, name="again"))
    assert draw(whole(one), tmp_path / "none") == {}
    assert draw(whole(one, twice), tmp_path / "none") == {}
    assert not (tmp_path / "none").exists()
    drawn = draw(whole(one, judged("quarter", 40)), tmp_path / "plots")
    assert drawn == {"growth": tmp_path / "plots" / "recognition-growth.png"}
    assert drawn["growth"].read_bytes().startswith(b"\x89PNG")
