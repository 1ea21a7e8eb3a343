"""The pictures that a temperature is fitted on: validation's, without what was trained on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from fakes.tiny_training import RECIPE, coloured

from training.material import Material
from training.publish import calibration
from training.sets.samples import Sample
from training.splits import Side


def material(sides: list[Side], pictures: list[np.ndarray]) -> Material:
    count = len(pictures)
    samples = tuple(
        Sample("set", f"{place}", "with_mask", 0, lambda: pictures[0]) for place in range(count)
    )
    return Material(
        samples, pictures, np.zeros((count, 5, 2), np.float32), np.zeros(count, np.bool_),
        np.arange(count) % 2, np.array([side.value for side in sides]), "", Path(),
    )  # fmt: skip


def test_a_validation_picture_that_was_also_learnt_from_is_left_out():
    learnt, seen, again = (coloured("worn", seed) for seed in (1, 2, 1))
    sides = [Side.TRAINING, Side.VALIDATION, Side.VALIDATION]
    found = calibration(RECIPE, material(sides, [learnt, seen, again]))
    assert found.truth.tolist() == [1]
    assert found.crops.shape == (1, RECIPE.input_px, RECIPE.input_px, 3)


def test_the_sets_own_labels_are_meant_not_those_an_epoch_is_chosen_by():
    other = replace(RECIPE, checked=lambda material: 1 - material.truth)
    pictures = [coloured("worn", seed) for seed in range(3)]
    sides = [Side.VALIDATION, Side.VALIDATION, Side.TRAINING]
    assert calibration(other, material(sides, pictures)).truth.tolist() == [0, 1]


def test_where_all_of_validation_was_learnt_from_all_of_it_is_taken():
    one = coloured("worn", 1)
    assert len(calibration(RECIPE, material([Side.TRAINING, Side.VALIDATION], [one, one])).truth)
