"""Knows how a picture is fitted into the detector's input. Does not know what is found in it.

Convention: pictures are BGR, 8 bit, (H, W, 3); an input is the picture scaled, at its upper left
corner, and black to the right and below, so that mapping back is one division.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.boxes import Letterbox, letterbox

STEP_PX: Final = 32  # the detector's coarsest stride


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a detector's input, pixels."""

    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """One picture as the detector takes it: pixels (H, W, 3), and how they map back."""

    pixels: NDArray[np.uint8]
    mapping: Letterbox


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures of one input size: (N, H, W, 3), and which pictures they were."""

    pixels: NDArray[np.uint8]
    mappings: tuple[Letterbox, ...]
    indices: tuple[int, ...]


def input_size(width_px: int, height_px: int, longest_px: int) -> Size:
    """Return the detector's input for a picture: its longer side at most `longest_px`.

    The shorter side goes to the *nearest* multiple of 32: 16:9 becomes 640x352, where rounding up
    to 384 would cost 9 % more work for 2 % more scale. Small pictures are never enlarged.
    """
    if min(width_px, height_px) < 1 or longest_px < STEP_PX or longest_px % STEP_PX:
        raise ValueError(f"no input for {width_px}x{height_px} with a longest side of {longest_px}")
    longer = max(width_px, height_px)
    if longer <= longest_px:
        return Size(_up(width_px), _up(height_px))
    scale = longest_px / longer
    return Size(_nearest(width_px * scale), _nearest(height_px * scale))


def _up(side: float) -> int:
    return int(-(-side // STEP_PX)) * STEP_PX


def _nearest(side: float) -> int:
    return max(STEP_PX, round(side / STEP_PX) * STEP_PX)


def fit(picture: NDArray[np.uint8], longest_px: int) -> Fitted:
    """Scale a BGR picture into the detector's input size and pad it right and below with black."""
    height, width = picture.shape[:2]
    size = input_size(width, height, longest_px)
    mapping = letterbox((width, height), (size.width_px, size.height_px))
    if mapping.scale > 1:
        mapping = Letterbox(1.0, width, height)
    pixels = np.zeros((size.height_px, size.width_px, 3), np.uint8)
    inside = pixels[: mapping.height_px, : mapping.width_px]
    if (mapping.width_px, mapping.height_px) == (width, height):
        inside[...] = picture
    else:
        # AREA where four or more source pixels make one, else moire makes faces out of fences
        method = cv2.INTER_AREA if mapping.scale < 0.45 else cv2.INTER_LINEAR
        scaled = cv2.resize(picture, (mapping.width_px, mapping.height_px), interpolation=method)
        inside[...] = scaled
    return Fitted(pixels, mapping)


def batches(pictures: Sequence[NDArray[np.uint8]], longest_px: int) -> list[Batch]:
    """Fit pictures and group those of one input size, in the order of their first picture."""
    groups: dict[tuple[int, ...], list[int]] = {}
    fitted = [fit(picture, longest_px) for picture in pictures]
    for index, each in enumerate(fitted):
        groups.setdefault(each.pixels.shape, []).append(index)
    return [
        Batch(
            np.stack([fitted[index].pixels for index in indices]),
            tuple(fitted[index].mapping for index in indices),
            tuple(indices),
        )
        for indices in groups.values()
    ]
