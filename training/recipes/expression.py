"""Knows how the expression network that is shipped is made. Trains nothing.

SFace's convolutions, the first of them left as they are, seven classes, on FER2013's Training part
with FER+'s ten votes as soft targets (E. Barsoum et al., arXiv:1608.01041), mixed with FER2013's
own label. From SFace's weights one epoch comes further (60 % of validation by FER2013's labels,
86 % by FER+'s) than MobileNetV2 from ImageNet's in all of its training.

In two trainings: `first` begins with SFace's weights, and its result, version 2, is where `shipped`
begins, in `training/start/`. Version 2 had learnt too little, not too much: 73.6 % of 1,700
training pictures as they are, and 67.9 % of validation.
"""

from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.observations import Expression
from training.augment import Strength, vary
from training.material import Material
from training.prepare import wide
from training.recipe import Made, Make, Optimiser, Recipe, Schedule
from training.splits import Side
from workers.networks.face_mobilenet import FaceMobileNet

CLASSES: Final = len(Expression)
VOTES_WEIGHT: Final = 0.5  # the rest is on FER2013's label
FIRST_VOTES_WEIGHT: Final = 0.4
FEWEST_VOTES: Final = 4.0  # of ten, on the seven expressions together
STRENGTH: Final = Strength(turn_degrees=12, size=0.16, shift=0.06, worsen=0.12, erase=0.35)
MIXED: Final = 0.5  # of the samples are of two pictures (mixup: H. Zhang et al., arXiv:1710.09412)
MIXED_BETA: Final = 0.3  # how unevenly


def make(recipe: Recipe, material: Material) -> Make:
    """Return what makes samples: varied crops, half of them two mixed, soft targets."""
    return _make(recipe, material, VOTES_WEIGHT)


def make_first(recipe: Recipe, material: Material) -> Make:
    """Return the same with targets closer to FER2013's labels."""
    return _make(recipe, material, FIRST_VOTES_WEIGHT)


def _make(recipe: Recipe, material: Material, votes_weight: float) -> Make:
    wanted = targets(material, votes_weight)
    partners = recipe.draw(material, material.where(Side.TRAINING))

    def sample(index: int, size_px: int, random: np.random.Generator) -> Made:
        crop = vary(material.crops[index], size_px, STRENGTH, random)
        if random.random() >= MIXED:
            return Made(crop, wanted[index])
        share = float(random.beta(MIXED_BETA, MIXED_BETA))
        partner = int(random.choice(partners))
        other = vary(material.crops[partner], size_px, STRENGTH, random)
        return Made(
            cv2.addWeighted(crop, share, other, 1 - share, 0),
            (share * wanted[index] + (1 - share) * wanted[partner]).astype(np.float32),
        )

    return sample


def targets(material: Material, votes_weight: float) -> NDArray[np.float32]:
    """Return the target distributions (N, 7): the votes' shares mixed with the set's label."""
    votes = material.votes[:, :CLASSES]
    labels = np.eye(CLASSES, dtype=np.float32)[material.truth]
    total = votes.sum(axis=1, keepdims=True)
    mixed = votes_weight * votes / np.maximum(total, 1) + (1 - votes_weight) * labels
    return np.asarray(np.where(total > 0, mixed, labels), np.float32)


def draw(material: Material, indices: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the training pictures that enough people saw an expression in, or nobody judged."""
    voted = material.votes[indices]
    enough = (voted[:, :CLASSES].sum(axis=1) >= FEWEST_VOTES) | (voted.sum(axis=1) == 0)
    return np.asarray(indices[enough], np.intp)


def checked(material: Material) -> NDArray[np.intp]:
    """Return FER+'s clear majority, -1 where there is none; the set's label where nobody voted."""
    votes = material.votes
    clear = np.where(votes[:, :CLASSES].max(axis=1) > 5, votes[:, :CLASSES].argmax(axis=1), -1)
    return np.asarray(np.where(votes.sum(axis=1) > 0, clear, material.truth), np.intp)


SHIPPED: Final = Recipe(
    task="expression",
    name="shipped",
    about="Version 2's weights, longer on FER2013 with FER+'s votes as soft targets.",
    labels=tuple(one.value for one in Expression),
    make=make,
    optimiser=Optimiser("adamw", 6e-4, decay=0.05),
    schedule=Schedule("cosine"),
    epochs=22,
    batch=64,
    input_px=48,
    network="face_mobilenet",
    build=FaceMobileNet,
    start="expression",
    frozen=7,
    sets=("fer2013",),
    split="chance",  # what stands in both parts stays, as others train; evaluate tells them apart
    framing=wide(72, zoom=1.19, eyes_at=0.38),
    draw=draw,
    checked=checked,
    choose="last",
    smoothing=0.05,
    average=0.998,
    longest_gradient=2.0,
    limits=("It says what a face shows, never what a person feels.",),
)
FIRST: Final = replace(
    SHIPPED,
    name="first",
    about="SFace's convolutions on FER2013 with FER+'s votes as soft targets: version 2.",
    make=make_first,
    optimiser=Optimiser("adamw", 8e-4, decay=0.05),
    epochs=16,
    start="sface",
)
