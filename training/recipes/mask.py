"""Knows how the mask network that is shipped is made. Trains nothing.

MobileNetV2 from ImageNet weights, all layers trained, three classes, on real masks (masks3_real,
masks_crops), bare press pictures and clips, drawn masks (half of masks_synth) and masks drawn while
training on bare faces.

Every face in masks_synth is a press photograph with a drawn mask and none is bare. Trained on that
alone, suits and white collars came to mean "incorrect": 28 of 200 bare press pictures were said to
wear their masks wrongly. Bare press pictures, and clothes drawn below chins, teach otherwise.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.observations import MaskState
from training.augment import Strength, narrow, vary
from training.draw import MEANS, draw_mask, dress, load_templates
from training.material import Material
from training.prepare import wide
from training.recipe import Made, Make, Optimiser, Recipe, Schedule
from training.sets.known import CLIPS

DRAWN_CHANCE: Final = 0.45  # of a bare face to get a mask while training
NARROW_CHANCE: Final = 0.4
DRESSED_CHANCE: Final = 0.4
KINDS: Final = ("worn", "worn", "under_nose", "under_nose", "under_chin")
STRENGTH: Final = Strength(size=0.18, shift=0.07, colour=0.12)
LABELS: Final = tuple(state.value for state in MaskState)


def make(recipe: Recipe, material: Material) -> Make:
    """Return what makes samples: varied crops, bare ones at times dressed or with a drawn mask."""
    truth = np.eye(len(recipe.labels), dtype=np.float32)
    missing = recipe.labels.index(MaskState.MISSING.value)
    photographed = (material.data / "occluders" / "masks.csv").is_file()
    templates = load_templates(material.data) if photographed else ()

    def sample(index: int, size_px: int, random: np.random.Generator) -> Made:
        crop, label = material.crops[index], int(material.truth[index])
        bare = label == missing and bool(material.found[index])
        if bare and random.random() < DRESSED_CHANCE:
            crop = dress(crop, material.points[index], random)
        if bare and random.random() < DRAWN_CHANCE:
            kind = KINDS[random.integers(len(KINDS))]
            crop = draw_mask(crop, material.points[index], kind, random, templates)
            label = recipe.labels.index(MEANS[kind].value)
        if random.random() < NARROW_CHANCE:
            crop = narrow(crop, random)
        return Made(vary(crop, size_px, STRENGTH, random), truth[label])

    return sample


def draw(material: Material, indices: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the training pictures, rare ones repeated, every other drawn mask left out."""
    labels = material.truth[indices]
    sources = np.array([material.samples[index].source for index in indices])
    drawn = np.array([material.samples[index].kind == "drawn" for index in indices])
    times = np.ones(len(indices), int)
    times[(labels == LABELS.index(MaskState.INCORRECT.value)) & ~drawn] = 3
    times[labels == LABELS.index(MaskState.MISSING.value)] = 2
    times[sources == "press"] = 8
    # nobody in masks_synth is bare, and press pictures must not mean masks
    times[(sources == "masks_synth") & (np.arange(len(indices)) % 2 == 1)] = 0
    return np.repeat(indices, times)


SHIPPED: Final = Recipe(
    task="mask",
    name="shipped",
    about="MobileNetV2, three classes, all layers trained on the live system's crops.",
    labels=LABELS,
    make=make,
    optimiser=Optimiser("adamw", 1e-3, decay=0.02),
    schedule=Schedule("cosine"),
    epochs=12,
    batch=48,
    input_px=96,
    sets=("masks3_real", "masks_crops", "masks_synth", "press", CLIPS),
    framing=wide(96, zoom=0.80, eyes_at=0.36),
    draw=draw,
    choose="balanced",
    later=0.01,
    smoothing=0.03,
    longest_gradient=5.0,
    limits=("Masks drawn while training are easier than real ones.",),
)
