"""Knows the two papers' own recipes. Does not know ours.

Mask: N. A. Abd Elhameed, M. Saad, Face-mask-detection Project (2023). Expression: S. Wu,
MobileNet-based facial expression recognition system (2023). Where they differ from the papers: the
ImageNet weights are PyTorch's instead of Keras's or MATLAB's, a validation part is cut from the
training part, and the pictures of the mask recipe are a later state of the same set.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from engine.observations import Expression, MaskState
from training.augment import Affine, move
from training.material import Material
from training.recipe import Made, Make, Optimiser, Recipe, Schedule
from workers.networks.mobilenet_v2 import MobileNetV2Hidden

# Keras's ImageDataGenerator; its shear is in degrees
MASK_MOVES: Final = Affine(
    turn_degrees=30, zoom=0.2, shift=0.4, shear_degrees=0.18, flip=True, replicate=True
)
EXPRESSION_MOVES: Final = Affine(shift=30 / 224, flip=True)  # MATLAB's imageDataAugmenter
EPOCHS: Final = 12
RATE: Final = 1e-4


def moved(moves: Affine) -> Callable[[Recipe, Material], Make]:
    """Return a recipe's `make`: whole pictures, moved."""

    def make(recipe: Recipe, material: Material) -> Make:
        targets = np.eye(len(recipe.labels), dtype=np.float32)[material.truth]

        def sample(index: int, size_px: int, random: np.random.Generator) -> Made:
            return Made(move(material.crops[index], size_px, moves, random), targets[index])

        return sample

    return make


MASK: Final = Recipe(
    task="mask",
    name="paper",
    about="MobileNetV2 with a frozen base, as the paper has it; 80/20 by chance.",
    labels=(MaskState.WORN.value, MaskState.MISSING.value),
    make=moved(MASK_MOVES),
    optimiser=Optimiser("adam", RATE, epsilon=1e-7),
    schedule=Schedule("inverse", slowing=RATE / EPOCHS),
    epochs=EPOCHS,
    batch=30,
    input_px=224,
    network="mobilenet_v2_hidden",
    build=MobileNetV2Hidden,
    frozen=len(MobileNetV2Hidden(2).features),
    sets=("masks_crops",),
    split="chance",
    choose="last",
    limits=(
        "It knows no mask that is worn incorrectly: the live system refuses it, `ostiary evaluate` "
        "and `ostiary analyze` take it.",
        "It was trained on whole pictures of faces, not on the live system's aligned crops.",
    ),
)
MASK_GROUPED: Final = replace(
    MASK,
    name="paper-grouped",
    about="The paper's recipe, with near-duplicates on one side of the split.",
    split="groups",
)
EXPRESSION: Final = Recipe(
    task="expression",
    name="paper",
    about="MobileNetV2, all layers trained by SGD with momentum, as the paper has it.",
    labels=tuple(one.value for one in Expression),
    make=moved(EXPRESSION_MOVES),
    optimiser=Optimiser("sgd", RATE, decay=1e-4, momentum=0.9, head_times=10.0),
    schedule=Schedule("constant"),
    epochs=300,
    batch=64,
    input_px=224,
    sets=("fer2013",),
    split="chance",
    choose="loss",
    cpu_minutes=180.0,
    limits=("It was trained on whole tiles of FER2013, not on the live system's aligned crops.",),
)
EXPRESSION_SHORT: Final = replace(
    EXPRESSION,
    name="paper-short",
    about="The paper's network and moves within an hour of a CPU: fewer pixels, faster steps.",
    optimiser=replace(EXPRESSION.optimiser, rate=0.01, head_times=1.0),
    schedule=Schedule("cosine"),
    epochs=10,
    input_px=96,
    choose="last",
    cpu_minutes=None,
)
