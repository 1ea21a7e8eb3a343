"""Figures agree with scikit-learn's, and their intervals with what chance does."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    balanced_accuracy_score,
    confusion_matrix,
    precision_recall_fscore_support,
)

from training.intervals import Figure, Said, judge, median
from training.judge import expected_calibration_error

pytestmark = [pytest.mark.unit, pytest.mark.slow]

NAMES = ["a", "b", "c"]


def drawn(count: int, right: float, seed: int = 0, classes: int = 3) -> Said:
    """Answers of which about a share is right."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, count)
    told = np.where(random.random(count) < right, truth, random.integers(0, classes, count))
    chances = random.dirichlet(np.ones(classes), count).astype(np.float32)
    chances[np.arange(count), told] += 1
    return Said(chances / 2, truth, random.uniform(5, 200, count).astype(np.float32), NAMES)


@given(st.integers(1, 60), st.floats(0, 1), st.integers(0, 2**16))
@settings(max_examples=25)
def test_figures_are_those_of_scikit_learn(count, right, seed):
    said = drawn(count, right, seed)
    found = judge(said, resamples=10)
    told = said.chances.argmax(axis=1)
    expected = precision_recall_fscore_support(said.truth, told, labels=range(3), zero_division=0)
    for place, one in enumerate(found.classes):
        mine = (one.precision.value, one.recall.value, one.f1.value, one.support)
        assert mine == pytest.approx([column[place] for column in expected])
    assert np.array(found.confusion).tolist() == (
        confusion_matrix(said.truth, told, labels=range(3)).tolist()
    )
    present = [one for one in found.classes if one.support]
    assert found.balanced_accuracy.value == pytest.approx(
        np.mean([one.recall.value for one in present])
    )
    assert found.macro_f1.value == pytest.approx(np.mean([one.f1.value for one in present]))


def test_the_balanced_accuracy_is_scikit_learns():
    said = drawn(300, 0.6)
    expected = balanced_accuracy_score(said.truth, said.chances.argmax(axis=1))
    assert judge(said, 10).balanced_accuracy.value == pytest.approx(expected)


def test_the_interval_of_a_share_is_the_binomial_one():
    said = drawn(400, 0.8)
    found = judge(said).accuracy
    half = 1.96 * np.sqrt(found.value * (1 - found.value) / 400)
    assert found.low == pytest.approx(found.value - half, abs=0.01)
    assert found.high == pytest.approx(found.value + half, abs=0.01)


def test_every_interval_holds_its_figure():
    found = judge(drawn(500, 0.7))
    figures = [found.accuracy, found.balanced_accuracy, found.macro_f1]
    figures += [f for one in found.classes for f in (one.precision, one.recall, one.f1)]
    figures += [size.accuracy for size in found.by_size]
    for figure in figures:
        assert figure.low < figure.value < figure.high
        assert figure.high - figure.low < 0.5


def test_more_pictures_give_narrower_intervals():
    few, many = (judge(drawn(count, 0.7)).ece for count in (100, 2000))
    assert many.high - many.low < (few.high - few.low) / 2


def test_the_draws_calibration_error_is_the_plain_one():
    """With one draw that takes every picture once, both ways of computing it must agree."""
    said = drawn(200, 0.6)
    twice = Said(*(np.concatenate([x, x]) for x in (said.chances, said.truth, said.side_px)), NAMES)
    found = judge(twice).ece
    assert found.value == pytest.approx(expected_calibration_error(said.chances, said.truth))
    assert found.low < found.value + 0.02 < found.high + 0.04


def test_the_draws_are_the_same_every_time():
    assert judge(drawn(50, 0.5)) == judge(drawn(50, 0.5))


def test_a_class_without_pictures_is_nought_and_has_no_interval():
    said = drawn(40, 1.0)
    only = judge(said.where(said.truth != 2), 50)
    assert only.classes[2].support == 0
    assert only.classes[2].recall == Figure(0.0)
    assert only.balanced_accuracy.value == 1.0


def test_faces_fall_into_sizes_by_their_lower_bound():
    sides = np.array([2, 15.9, 16, 31, 32, 64, 127.5, 128, 4000], np.float32)
    chances = np.eye(3, dtype=np.float32)[np.zeros(9, int)]
    truth = np.array([0, 1, 0, 0, 0, 1, 0, 0, 1])
    found = judge(Said(chances, truth, sides, NAMES), 20).by_size
    assert [(one.name, one.count, one.accuracy.value) for one in found] == [
        ("<16", 2, 0.5), ("16-32", 2, 1.0), ("32-64", 1, 1.0), ("64-128", 2, 0.5), (">128", 2, 0.5)
    ]  # fmt: skip
    alone = judge(Said(chances[:1], truth[:1], sides[:1], NAMES), 20).by_size[3]
    assert (alone.count, alone.accuracy) == (0, Figure(None))


def test_a_median_with_its_interval():
    found = median(np.random.default_rng(0).normal(10, 1, 500))
    assert found.low < 10 < found.high
    assert found.high - found.low < 0.4
    assert median(np.zeros(0)) == Figure(None)


def test_near_duplicates_make_no_interval_narrower():
    """40 groups of ten times the same picture say as much as 40 pictures."""
    one, groups = drawn(40, 0.6), np.repeat(np.arange(40), 10)
    again = Said(*(np.repeat(x, 10, axis=0) for x in (one.chances, one.truth, one.side_px)), NAMES)
    grouped, plain = judge(replace(again, groups=groups)), judge(again)
    assert grouped.accuracy == judge(one).accuracy
    assert grouped.ece.high == pytest.approx(judge(one).ece.high)
    assert grouped.classes[0].recall == judge(one).classes[0].recall
    assert grouped.by_size[3].accuracy == judge(one).by_size[3].accuracy
    for wide, narrow in ((grouped.accuracy, plain.accuracy), (grouped.ece, plain.ece)):
        assert wide.high - wide.low > 2.5 * (narrow.high - narrow.low)


def test_groups_of_unlike_size_are_drawn_whole():
    """One group of 90 wrong answers and ten of one right: most figures between are possible."""
    truth = np.repeat([0, 1], [10, 90])
    chances = np.eye(3, dtype=np.float32)[np.zeros(100, int)]
    groups = np.minimum(np.arange(100), 10)
    found = judge(Said(chances, truth, np.full(100, 50, np.float32), NAMES, groups)).accuracy
    assert (found.value, found.high) == (0.1, 1.0)  # in a third of the draws the group is absent
    assert found.low == pytest.approx(8 / (8 + 3 * 90), abs=0.02)


def test_of_one_group_no_interval_is_known():
    found = judge(replace(drawn(50, 0.5), groups=np.zeros(50, int)))
    assert found.accuracy == Figure(found.accuracy.value)
    assert found.ece.low is found.by_size[4].accuracy.high is None


def test_some_of_the_pictures_keep_their_groups():
    said = replace(drawn(6, 1.0), groups=np.array([4, 4, 0, 0, 4, 1]))
    kept = said.where(np.array([True, False, True, False, True, True]))
    assert kept.groups.tolist() == [4, 0, 4, 1]
