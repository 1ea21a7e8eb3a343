"""Knows how a share of a face is hidden by things at random, as paper 2 judges. Draws no masks.

H. Qiu et al.: End2End occluded face recognition by masking corrupted features, arXiv:2108.09468.
What hides a picture follows from the seed and its name alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Crop = NDArray[np.uint8]  # (H, W, 3) BGR
Thing = NDArray[np.uint8]  # (H, W, 4) BGRA
MOST: Final = 30  # things before one face


@dataclass(frozen=True, slots=True, eq=False)
class Hidden:
    """What share of a face is hidden, 0..1, and by which things; by rectangles without any."""

    share: float
    things: tuple[Thing, ...] = ()


def occlude(crop: Crop, share: float, things: Sequence[Thing], random: np.random.Generator) -> Crop:
    """Return a copy of a face of whose area things hide a share, 0..1, or little more.

    Without things plain rectangles do it.
    """
    height, width = crop.shape[:2]
    out = crop.astype(np.float32)
    hidden = np.zeros((height, width), bool)
    for _ in range(MOST):
        wanted = share * height * width - hidden.sum()
        if wanted <= 0:
            break
        thing = things[int(random.integers(len(things)))] if things else _rectangle(random)
        placed = _placed(thing, float(wanted), (height, width), random)
        cover = placed[..., 3:].astype(np.float32) / 255
        out += (placed[..., :3] - out) * cover
        hidden |= placed[..., 3] > 127
    return np.clip(out.round(), 0, 255).astype(np.uint8)


def _placed(
    thing: Thing, area_px: float, shape: tuple[int, int], random: np.random.Generator
) -> Thing:
    """Return a thing (H, W, 4) that would cover so much, turned, its middle anywhere."""
    height, width = shape
    covers = max(1.0, float((thing[..., 3] > 127).sum()))
    # little is gained by a last thing that is too small to be seen
    scale = float(np.sqrt(max(area_px, 0.04 * height * width) / covers))
    middle = random.uniform(0, 1, 2) * (width, height)
    turn = cv2.getRotationMatrix2D(
        (thing.shape[1] / 2, thing.shape[0] / 2), random.uniform(-30, 30), scale
    )
    turn[:, 2] += middle - (thing.shape[1] / 2, thing.shape[0] / 2)
    return np.asarray(cv2.warpAffine(thing, turn, (width, height), flags=cv2.INTER_AREA), np.uint8)


def _rectangle(random: np.random.Generator) -> Thing:
    out = np.full((32, int(random.integers(20, 60)), 4), 255, np.uint8)
    out[..., :3] = random.integers(0, 256, 3)
    return out
