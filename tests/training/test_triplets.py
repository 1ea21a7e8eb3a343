"""Triplets by small independent computations: who is drawn, how they are stacked, the loss."""

import numpy as np
import pytest
import torch

from training.recognition.triplets import apart, drawn, stacked, unstacked, with_mates

pytestmark = pytest.mark.unit

PEOPLE = np.array([0, 1, 0, 2, 1, 1, 3])


def test_only_who_has_two_faces_among_those_shown_has_a_mate():
    mates = with_mates(PEOPLE, np.array([0, 1, 2, 3, 4, 6]))
    assert {person: places.tolist() for person, places in mates.items()} == {0: [0, 2], 1: [1, 4]}


def test_a_triplet_is_two_faces_of_one_person_and_one_of_another():
    mates = with_mates(PEOPLE, np.arange(len(PEOPLE)))
    random = np.random.default_rng(0)
    seen = [drawn(anchor, PEOPLE, mates, random) for anchor in (0, 1, 2, 4, 5) for _ in range(20)]
    for anchor, same, other in seen:
        assert anchor != same
        assert PEOPLE[anchor] == PEOPLE[same] != PEOPLE[other]
        assert other not in {3, 6}  # they have no mate
    assert {same for anchor, same, _ in seen if anchor == 1} == {4, 5}


def test_what_was_stacked_comes_apart_in_order():
    crops = np.random.default_rng(1).integers(0, 255, (6, 5, 5, 3)).astype(np.uint8)
    pictures = np.stack(
        [stacked((0, 1, 2), crops.__getitem__), stacked((3, 4, 5), crops.__getitem__)]
    )
    given = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    assert np.array_equal(unstacked(given).permute(0, 2, 3, 1).numpy(), crops)


def test_the_loss_is_the_papers_formula():
    vectors = np.random.default_rng(2).normal(size=(9, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    total = 0.0
    for a, p, n in vectors.reshape(3, 3, 4):
        total += max(np.linalg.norm(a - p) - np.linalg.norm(a - n) + 0.2, 0)
    assert total > 0
    assert float(apart(torch.from_numpy(vectors), 0.2)) == pytest.approx(total / 3, abs=1e-5)


def test_far_enough_apart_it_costs_nothing():
    vectors = torch.eye(3)[[0, 0, 1]]
    assert float(apart(vectors, 0.2)) == 0
