"""Photographs beside aligned crops: each pair counts as often as its people were drawn."""

import itertools

import numpy as np
import pytest

from training.recognition.agreement import Both, agreement, rightly, shared
from training.recognition.faces import Faces

pytestmark = pytest.mark.unit
COUNTS = (4, 3, 1, 1, 2, 4, 1, 3, 3)


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def both(noise, lost=()):
    random = np.random.default_rng(8)
    people = np.repeat(np.arange(len(COUNTS)), COUNTS)
    middles = random.normal(size=(len(COUNTS), 8))
    vectors = middles[people] + 0.9 * random.normal(size=(len(people), 8))
    raw = vectors + noise * random.normal(size=vectors.shape)
    return Both(unit(vectors), unit(raw), people, np.isin(np.arange(len(people)), lost))


def plain(vectors, people, threshold, lost=()):
    """The shares decided rightly, pair by pair."""
    right = {True: [], False: []}
    for i, j in itertools.combinations(range(len(people)), 2):
        same = people[i] == people[j]
        accepted = i not in lost and j not in lost and vectors[i] @ vectors[j] > threshold
        right[same].append(accepted == same)
    return np.mean(right[True]), np.mean(right[False])


def test_shares_are_those_of_the_pairs_one_by_one():
    given = both(0.8, lost=(2, 9))
    found = agreement(given, (0.3, 0.5), ("a", "b"))
    for vectors, lost, side in ((given.aligned, (), "aligned"), (given.raw, (2, 9), "raw")):
        halves = np.mean(plain(vectors, given.people, 0.3, lost))
        accepts, _ = plain(vectors, given.people, 0.5, lost)
        assert getattr(found.accuracy, side) == pytest.approx(halves)
        assert getattr(found.true_accepts, side) == pytest.approx(accepts)
    same = sum(n * (n - 1) // 2 for n in COUNTS)
    pictures = sum(COUNTS)
    assert (found.people, found.pictures, found.genuine) == (len(COUNTS), pictures, same)
    assert found.impostors == pictures * (pictures - 1) // 2 - same
    own = [a @ b for k, (a, b) in enumerate(zip(given.aligned, given.raw, strict=True))
           if k not in (2, 9)]  # fmt: skip
    assert found.likeness == pytest.approx(np.median(own), abs=1e-6)
    assert found.least == pytest.approx(min(own), abs=1e-6)


def test_a_draw_counts_pairs_by_how_often_their_people_were_drawn():
    given = both(0.5)
    cosines = given.raw @ given.raw.T
    times = np.array([[2, 0, 1, 3, 1, 1, 0, 1, 0]], float)
    (found,) = rightly(cosines > 0.3, given.people, times)
    weighed = {True: [0.0, 0.0], False: [0.0, 0.0]}
    for i, j in itertools.combinations(range(len(given.people)), 2):
        p, q = given.people[i], given.people[j]
        weight = times[0, p] if p == q else times[0, p] * times[0, q]
        weighed[p == q][0] += weight * ((cosines[i, j] > 0.3) == (p == q))
        weighed[p == q][1] += weight
    assert found.tolist() == pytest.approx([weighed[k][0] / weighed[k][1] for k in (True, False)])


def test_equal_sides_differ_by_nothing_in_any_draw():
    given = both(0.0)
    found = agreement(given, (0.3, 0.5))
    assert (found.accuracy.difference.low, found.accuracy.difference.high) == (0, 0)
    assert found.least == pytest.approx(1, abs=1e-6)
    assert agreement(given, (0.3, None)).true_accepts is None


def test_the_pairing_narrows_the_interval_and_a_loss_is_below_nothing():
    given = both(2.5)
    difference = agreement(given, (0.3, 0.5)).accuracy.difference
    assert difference.low < difference.value < difference.high < 0
    near = agreement(both(0.05), (0.3, 0.5)).accuracy.difference
    assert near.high - near.low < (difference.high - difference.low) / 2


def test_pictures_are_the_same_by_person_and_name_whatever_the_ending():
    blank = np.zeros((3, 112, 112, 3), np.uint8)
    these = Faces(("a/a_1.jpg", "a/a_2.jpg", "b/b_1.jpg"), ("a", "a", "b"), blank)
    those = Faces(("b/b_1.png", "c/a_1.png", "a/a_1.png"), ("b", "c", "a"), blank + 9)
    one, other = shared(these, those)
    assert one.names == ("a/a_1.jpg", "b/b_1.jpg")
    assert other.names == ("a/a_1.png", "b/b_1.png")
    assert other.crops.min() == 9
