"""Recognition's figures agree with slow, plain computations."""

import itertools

import numpy as np
import pytest

from training.recognition import rates
from training.recognition.rates import Owned

pytestmark = pytest.mark.unit


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def somebody(count, people, seed):
    random = np.random.default_rng(seed)
    middles = random.normal(size=(people, 16))
    whose = random.integers(0, people, count)
    return Owned(unit(middles[whose] + random.normal(size=(count, 16))), whose)


def plain_threshold(cosines, rate):
    """The cosine above which at most that share lies, one by one."""
    falling = sorted(cosines, reverse=True)
    return falling[int(len(falling) * rate)]


def test_impostors_within_one_set_count_each_pair_once():
    faces = somebody(90, 12, 1)
    cosines = [
        float(faces.vectors[i] @ faces.vectors[j])
        for i, j in itertools.combinations(range(90), 2)
        if faces.people[i] != faces.people[j]
    ]
    found = rates.impostors(faces)
    assert found.pairs == len(cosines)
    assert np.allclose(found.highest, sorted(cosines, reverse=True), atol=1e-6)
    assert found.threshold(1e-2) == pytest.approx(plain_threshold(cosines, 1e-2), abs=1e-6)
    limit = found.threshold(1e-2)
    assert found.rate(limit) == pytest.approx(sum(c > limit for c in cosines) / len(cosines))


def test_impostors_of_two_sets_keep_the_highest_over_many_blocks(monkeypatch):
    monkeypatch.setattr(rates, "BLOCK", 7)
    these, those = somebody(250, 9, 2), somebody(130, 9, 3)
    cosines = [
        float(these.vectors[i] @ those.vectors[j])
        for i in range(250)
        for j in range(130)
        if these.people[i] != those.people[j]
    ]
    found = rates.impostors(these, those)
    assert found.pairs == len(cosines) > 20_000 == len(found.highest)
    best = sorted(cosines, reverse=True)[:20_000]
    assert np.allclose(found.highest, best, atol=1e-6)


def test_a_rate_of_too_few_impostors_is_none():
    found = rates.impostors(somebody(60, 6, 4))
    assert 1_000 <= found.pairs < 10_000
    assert found.threshold(1e-2) is not None
    assert found.threshold(1e-3) is None
    accepts = rates.true_accepts(np.ones(3, np.float32), found.thresholds())
    assert accepts == {"1e-2": 1.0, "1e-3": None, "1e-4": None}


def test_true_accepts_are_those_above_the_threshold():
    genuine = np.array([0.1, 0.3, 0.30001, 0.9], np.float32)
    assert rates.true_accepts(genuine, {"1e-2": 0.3})["1e-2"] == 0.5


def test_each_fold_is_judged_by_the_others_threshold():
    # the first fold's pairs lie higher: its own best threshold would be 0.55, the others' is 0.25
    cosines = np.array([0.6, 0.5, 0.4, 0.1, 0.4, 0.1, 0.4, 0.1], np.float32)
    same = np.array([True, False] * 4)
    folds = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    found = rates.over_folds(cosines, same, folds)
    plain = []
    for fold in range(4):
        rest = [k for k in range(8) if folds[k] != fold]
        limits = [(a + b) / 2 for a, b in itertools.pairwise(sorted(cosines[rest]))]
        best = min(limits, key=lambda t: sum((cosines[k] > t) != same[k] for k in rest))
        plain.append(
            np.mean([(cosines[k] > best) == same[k] for k in range(8) if folds[k] == fold])
        )
    assert found.accuracy == pytest.approx(np.mean(plain)) == pytest.approx(0.875)
    assert found.deviation == pytest.approx(np.std(plain, ddof=1))
    assert found.standard_error == pytest.approx(np.std(plain, ddof=1) / 2)


@pytest.mark.parametrize("seed", range(20))
def test_the_best_threshold_makes_no_more_errors_than_any_other(seed):
    random = np.random.default_rng(seed)
    same = random.random(60) < 0.5
    cosines = (random.normal(size=60) + same).astype(np.float32)
    best = rates.best_threshold(cosines, same)
    errors = sum((cosines > best) != same)
    edges = np.sort(cosines)
    others = [edges[0] - 1, *((edges[1:] + edges[:-1]) / 2), edges[-1] + 1]
    assert errors == min(sum((cosines > t) != same) for t in others)


def test_search_counts_everybody_as_a_stranger_to_the_gallery_without_him():
    asked = somebody(1_100, 5, 7)
    gallery = [asked.vectors[np.flatnonzero(asked.people == p)[:2]] for p in range(4)]  # 4: nobody
    found = rates.search(gallery, asked, 0.01)
    strangers, missed, known = [], 0, 0
    scores = [[max(float(v @ p) for p in photos) for photos in gallery] for v in asked.vectors]
    for row, person in zip(scores, asked.people, strict=True):
        strangers.append(max(s for k, s in enumerate(row) if k != person))
    limit = plain_threshold(strangers, 0.01)
    for row, person, other in zip(scores, asked.people, strangers, strict=True):
        if person < 4:
            known += 1
            missed += row[person] <= limit or row[person] <= other
    assert (found.people, found.strangers, found.asked) == (4, 1_100, known)
    assert found.threshold == pytest.approx(limit, abs=1e-6)
    assert found.fnir == pytest.approx(missed / known, abs=1e-3)
    few = Owned(asked.vectors[:999], asked.people[:999])
    assert rates.search(gallery, few, 0.01) is None
