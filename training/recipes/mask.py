"""Knows how the mask network that is shipped is made. Trains nothing.

MobileNetV2 from ImageNet weights, all layers trained, three classes, on real masks (masks3_real,
masks_crops), bare faces of people of all looks (faces_112, press pictures, clips), drawn masks
(half of masks_synth), and, drawn while training on bare faces, masks and what is no mask.

Every face in masks_synth is a press photograph with a drawn mask and none is bare. Trained on that
alone, suits and white collars came to mean "incorrect": 28 of 200 bare press pictures were said to
wear their masks wrongly. Bare press pictures, and clothes drawn below chins, teach otherwise.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.observations import MaskState
from training.augment import Strength, darken, narrow, shrink, vary
from training.draw import MEANS, draw_mask, dress, load_templates
from training.hide import HIDDEN, hide, load_things
from training.material import Material
from training.prepare import wide
from training.recipe import Made, Make, Optimiser, Recipe, Schedule
from training.sets.known import CLIPS, FACES

DRAWN_CHANCE: Final = 0.35  # of a bare face to get a mask while training
HIDDEN_CHANCE: Final = 0.35  # of one that got none to be hidden by what is no mask
GLASSES_CHANCE: Final = 0.08  # of any face to wear dark glasses
NARROW_CHANCE: Final = 0.4
SHRUNK_CHANCE: Final = 0.35
DRESSED_CHANCE: Final = 0.4
DARK_CHANCE: Final = 0.15  # of any face to be seen by night
KINDS: Final = ("worn", "worn", "under_nose", "under_nose", "under_chin")
STRENGTH: Final = Strength(size=0.18, shift=0.07, colour=0.12, grey=0.2)  # infrared is grey
LABELS: Final = tuple(state.value for state in MaskState)


def make(recipe: Recipe, material: Material) -> Make:
    """Return what makes samples: varied crops, bare ones at times dressed or with a drawn mask."""
    truth = np.eye(len(recipe.labels), dtype=np.float32)
    missing = recipe.labels.index(MaskState.MISSING.value)
    photographed = (material.data / "occluders" / "masks.csv").is_file()
    templates = load_templates(material.data) if photographed else ()
    things = load_things(material.data, seen=True)

    def sample(index: int, size_px: int, random: np.random.Generator) -> Made:
        crop, label = material.crops[index], int(material.truth[index])
        points, found = material.points[index], bool(material.found[index])
        bare = label == missing and found
        if bare and random.random() < DRESSED_CHANCE:
            crop = dress(crop, points, random)
        if bare and random.random() < DRAWN_CHANCE:
            kind = KINDS[random.integers(len(KINDS))]
            crop = draw_mask(crop, points, kind, random, templates)
            label = recipe.labels.index(MEANS[kind].value)
        elif bare and random.random() < HIDDEN_CHANCE:
            crop = hide(crop, points, HIDDEN[random.integers(len(HIDDEN))], random, things)
        if found and random.random() < GLASSES_CHANCE:
            crop = hide(crop, points, "dark glasses", random, things)
        if random.random() < NARROW_CHANCE:
            crop = narrow(crop, random)
        if random.random() < SHRUNK_CHANCE:
            crop = shrink(crop, random)
        varied = vary(crop, size_px, STRENGTH, random)
        if random.random() < DARK_CHANCE:
            varied = darken(varied, random)
        return Made(varied, truth[label])

    return sample


def draw(material: Material, indices: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the training pictures, rare ones repeated, every other drawn mask left out."""
    labels = material.truth[indices]
    samples = [material.samples[index] for index in indices]
    sources = np.array([sample.source for sample in samples])
    drawn = np.array([sample.kind == "drawn" for sample in samples])
    times = np.ones(len(indices), int)
    times[(labels == LABELS.index(MaskState.INCORRECT.value)) & ~drawn] = 4
    times[sources == "press"] = 3
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
    epochs=10,
    batch=48,
    input_px=96,
    sets=("masks3_real", "masks_crops", "masks_synth", "press", CLIPS, FACES),
    framing=wide(96, zoom=0.80, eyes_at=0.36),
    draw=draw,
    choose="last",
    smoothing=0.03,
    longest_gradient=5.0,
    limits=("Masks drawn while training are easier than real ones.",),
)
SHORT: Final = replace(
    SHIPPED,
    name="short",
    about="The shipped recipe with a quarter of the work: its first modules keep their weights.",
    frozen=3,
    epochs=4,
)
