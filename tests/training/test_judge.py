"""Figures of a classifier against cases that can be counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    balanced_accuracy_score,
    confusion_matrix,
    precision_recall_fscore_support,
)

from training.judge import expected_calibration_error, figures, fit_temperature, softmax

pytestmark = pytest.mark.unit


def chances(said: list[int], classes: int, certainty: float = 0.8) -> np.ndarray:
    out = np.full((len(said), classes), (1 - certainty) / (classes - 1), np.float32)
    out[np.arange(len(said)), said] = certainty
    return out


def test_figures_of_a_case_counted_by_hand():
    truth = np.array([0, 0, 0, 1, 1, 2])
    found = figures(chances([0, 0, 1, 1, 0, 2], 3), truth, ["a", "b", "c"])
    assert found.accuracy == pytest.approx(4 / 6)
    assert found.confusion == ((2, 1, 0), (1, 1, 0), (0, 0, 1))
    first, second, third = found.classes
    assert (first.precision, first.recall, first.support) == pytest.approx((2 / 3, 2 / 3, 3))
    assert (second.precision, second.recall) == pytest.approx((0.5, 0.5))
    assert third.f1 == 1.0
    assert found.balanced_accuracy == pytest.approx((2 / 3 + 0.5 + 1) / 3)


def test_an_absent_class_does_not_lower_the_mean():
    found = figures(chances([0, 0], 2), np.array([0, 0]), ["a", "b"])
    assert found.balanced_accuracy == 1.0


def test_calibration_error_is_the_gap_between_sure_and_right():
    said = chances([0] * 10, 2, certainty=0.9)
    truth = np.array([0] * 6 + [1] * 4)
    assert expected_calibration_error(said, truth) == pytest.approx(0.3, abs=1e-6)


@given(st.floats(0.3, 4.0), st.integers(0, 2**16))
def test_a_temperature_that_was_put_in_is_found(temperature, seed):
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (4000, 3)).astype(np.float32)
    drawn = (softmax(logits).cumsum(axis=1) > random.random((4000, 1))).argmax(axis=1)
    found = fit_temperature(logits * np.float32(temperature), drawn)
    assert found == pytest.approx(temperature, rel=0.15)


def test_softmax_survives_large_logits():
    out = softmax(np.array([[1000.0, 0.0]], np.float32))
    assert out.tolist() == [[1.0, 0.0]]


@given(st.integers(0, 2**16), st.integers(2, 7))
def test_the_figures_are_scikit_learns(seed, classes):
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, 60)
    said = np.where(random.random(60) < 0.6, truth, random.integers(0, classes, 60))
    found = figures(chances(said.tolist(), classes), truth, [str(n) for n in range(classes)])
    labels = list(range(classes))
    theirs = precision_recall_fscore_support(truth, said, labels=labels, zero_division=0)
    ours = [[getattr(one, name) for one in found.classes]
            for name in ("precision", "recall", "f1", "support")]  # fmt: skip
    assert np.allclose(ours, theirs)
    assert np.array_equal(found.confusion, confusion_matrix(truth, said, labels=labels))
    if len(set(truth.tolist())) == classes:
        assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(truth, said))
