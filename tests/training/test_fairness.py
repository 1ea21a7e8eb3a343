"""False accepts of groups agree with counting pairs one by one."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from training.recognition import fairness
from training.recognition.fairness import group
from training.recognition.rates import Owned
from training.recognition.verification import Question

pytestmark = pytest.mark.unit


def somebody(count, people, seed, middle=0.0):
    random = np.random.default_rng(seed)
    middles = random.normal(size=(people, 16)) + middle
    whose = random.integers(0, people, count)
    vectors = middles[whose] + random.normal(size=(count, 16))
    return Owned((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32),
                 whose)  # fmt: skip


def plain(pairs, limit):
    cosines = [float(a @ b) for (a, p), (b, q) in pairs if p != q]
    return len(cosines), sum(c > limit for c in cosines) / len(cosines)


def listed(one):
    return list(zip(one.vectors, one.people, strict=True))


def test_pairs_within_a_set_count_once_and_across_all(monkeypatch):
    monkeypatch.setattr(fairness, "BLOCK", 7)
    these, those = somebody(60, 9, 1), somebody(45, 9, 2, middle=0.5)
    limits = {"1e-2": 0.35, "1e-3": None}
    within = group(those, those, limits)
    pairs, share = plain(itertools.combinations(listed(those), 2), 0.35)
    assert (within.pairs, within.false_accepts["1e-3"]) == (pairs, None)
    assert within.false_accepts["1e-2"] is None  # of 880 pairs one in a hundred says little
    within = group(these, these, limits)
    pairs, share = plain(itertools.combinations(listed(these), 2), 0.35)
    assert within.pairs == pairs > 1_000
    assert within.false_accepts["1e-2"] == pytest.approx(share)
    across = group(these, those, limits)
    pairs, share = plain(itertools.product(listed(these), listed(those)), 0.35)
    assert across.pairs == pairs
    assert across.false_accepts["1e-2"] == pytest.approx(share)
    assert 0 < share < 1


def test_a_group_whose_faces_are_alike_is_accepted_more_often_at_one_threshold():
    apart, alike = somebody(80, 40, 3), somebody(80, 40, 4, middle=0.7)
    limits = {"1e-2": 0.4}
    assert (
        group(alike, alike, limits).false_accepts["1e-2"]
        > 3 * group(apart, apart, limits).false_accepts["1e-2"]
    )


def test_who_stands_in_both_sets_is_one_person_across(monkeypatch):
    people = {"lfw.zip": ("Jackie_Chan", "Ann"), "cn.zip": ("chenglong", "anhu", "anhu")}
    monkeypatch.setattr(
        fairness, "faces_of", lambda one, _: (SimpleNamespace(people=people[str(one.pictures)]), ())
    )
    monkeypatch.setattr(
        fairness,
        "embedded",
        lambda faces, *_: SimpleNamespace(vectors=np.ones((len(faces.people), 1), np.float32)),
    )
    sides = (Question(Path("lfw.zip")), Question(Path("cn.zip")))
    found = fairness.judge(sides, {"1e-2": 0.4}, None, None)
    assert (found.others.pairs, found.chinese.pairs, found.across.pairs) == (1, 2, 5)
