"""What a face network begins with: SFace's steps, in the same order, whatever the variant."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from training.recognition.beginning import UnknownNetwork, begin, sface
from training.recognition.recipes import ALIGNER, DISTILLED, PAPER
from training.refusal import Refusal
from workers.networks.face_net import FAMILY

NOBODY = np.zeros((0, 112, 112, 3), np.uint8)
pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.mark.parametrize("name", ["facenet", "facenet-full", "facenet-less-a-layer"])
def test_every_step_of_sface_is_lent(name):
    lent, lender = begin(name, DISTILLED, 0, NOBODY).state_dict(), sface().state_dict()
    steps = {
        key: held for key, held in lender.items() if key.startswith(("stem.0", "stem.1", "body"))
    }
    convolutions = [held for key, held in steps.items() if key.endswith(".0.weight")]
    mine = [held for held in lent.values() if held.dim() == 4]
    found = [
        any(held.shape == one.shape and held.equal(one) for one in mine) for held in convolutions
    ]
    replaced = 1 if name == "facenet-less-a-layer" else 0
    assert found.count(False) == replaced
    assert len(found) == 27


def test_a_block_that_attention_replaces_shifts_no_other():
    lent, lender = begin("facenet-less-three", DISTILLED, 0, NOBODY), sface()
    last = lent.stage_3[1][3].weight
    assert last.equal(lender.body[25][0].weight)
    third = lent.stage_2[2][3].weight  # the third block of stage 2 is SFace's eighth step
    assert third.equal(lender.body[15][0].weight)


def test_from_nothing_it_follows_from_the_seed_alone():
    one, same, other = (begin("facenet", PAPER, seed, NOBODY).state_dict() for seed in (1, 1, 2))
    assert all(held.equal(same[name]) for name, held in one.items())
    assert not one["project.weight"].equal(other["project.weight"])
    stem = sface().stem[0].weight
    assert not one["stage_1.0.0.weight"].equal(stem)


def test_the_recipes_dropout_is_taken():
    assert begin("facenet", replace(DISTILLED, dropout=0.25), 0, NOBODY).dropout.p == 0.25


def test_an_unknown_network_is_named_with_those_there_are():
    with pytest.raises(UnknownNetwork, match=r"'resnet'.*facenet-full"):
        begin("resnet", DISTILLED, 0, NOBODY)


def test_every_variant_gives_vectors_from_the_start():
    faces = torch.rand(2, 3, 112, 112) * 255
    for name in FAMILY:
        with torch.no_grad():
            out = begin(name, DISTILLED, 0, NOBODY).eval()(faces)
        assert torch.isfinite(out).all()
        assert (out.norm(dim=1) - 1).abs().max() < 1e-4


def test_a_recipe_for_aligners_teaches_no_other_network():
    with pytest.raises(Refusal, match="teaches sface-aligned, not facenet"):
        begin("facenet", ALIGNER, 0, NOBODY)
