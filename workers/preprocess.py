"""Knows how a picture is fitted into the detector's input. Does not know what is found in it.

Convention: pictures are BGR, 8 bit, (H, W, 3); an input is the picture scaled, at its upper left
corner, and black to the right and below, so that mapping back is one division.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.boxes import Letterbox, letterbox
from workers.light import lit
from workers.regions import STEP_PX, Area, Part, Sight, Size, part, window

CLOSER: Final = 2  # times the usual scale: four times the pixels of a face
LEAST_CLOSER: Final = 1.4  # a picture without so many more pixels is looked at as ever


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


def scaled_size(width_px: int, height_px: int, longest_px: int) -> Size:
    """Return a picture's size with its longer side at most `longest_px`; never enlarged."""
    if min(width_px, height_px) < 1 or longest_px < STEP_PX or longest_px % STEP_PX:
        raise ValueError(f"no input for {width_px}x{height_px} with a longest side of {longest_px}")
    scale = min(1.0, longest_px / max(width_px, height_px))
    return Size(max(1, round(width_px * scale)), max(1, round(height_px * scale)))


def input_size(width_px: int, height_px: int, longest_px: int) -> Size:
    """Return the detector's input for a picture: its scaled size, sides up to multiples of 32.

    16:9 becomes 640x384. Scaling it a little more, into 640x352, saves 0.8 ms of the network and
    costs 0.7 ms more for a scale that is not one half (1280x720, one thread).
    """
    size = scaled_size(width_px, height_px, longest_px)
    return Size(-(-size.width_px // STEP_PX) * STEP_PX, -(-size.height_px // STEP_PX) * STEP_PX)


def fit(picture: NDArray[np.uint8], longest_px: int, sight: Sight | None = None) -> Fitted:
    """Scale a BGR picture for the detector, take what is looked at, and fill up with black.

    The scale is the whole picture's, whatever the area, or twice as fine. A dark picture is made
    brighter.
    """
    sight = sight or Sight()
    close = _close(picture, longest_px, sight.area) if sight.closely else None
    mapping, shown = close or _usual(picture, longest_px, sight.area)
    scaled = Size(mapping.width_px, mapping.height_px)
    right, bottom = shown.left_px + shown.size.width_px, shown.top_px + shown.size.height_px
    inside = lit(shrink(picture, scaled))[shown.top_px : bottom, shown.left_px : right]
    pixels = np.zeros((shown.size.height_px, shown.size.width_px, 3), np.uint8)
    pixels[: inside.shape[0], : inside.shape[1]] = inside
    return Fitted(pixels, replace(mapping, left_px=shown.left_px, top_px=shown.top_px))


def _usual(picture: NDArray[np.uint8], longest_px: int, area: Area) -> tuple[Letterbox, Part]:
    mapping, whole = _scaled(picture, longest_px)
    return mapping, part(area, Size(mapping.width_px, mapping.height_px), whole)


def _close(
    picture: NDArray[np.uint8], longest_px: int, area: Area
) -> tuple[Letterbox, Part] | None:
    """Return the same at up to CLOSER times the scale; None without pixels, or for a wide area."""
    usual, size = _scaled(picture, longest_px)
    mapping, whole = _scaled(picture, CLOSER * longest_px)
    if mapping.scale < LEAST_CLOSER * usual.scale:
        return None
    shown = window(area, Size(mapping.width_px, mapping.height_px), whole, size)
    return None if shown is None else (mapping, shown)


def _scaled(picture: NDArray[np.uint8], longest_px: int) -> tuple[Letterbox, Size]:
    """Return how the whole picture is scaled, and the size of that with its padding."""
    height, width = picture.shape[:2]
    size = scaled_size(width, height, longest_px)
    mapping = letterbox((width, height), (size.width_px, size.height_px))
    return mapping, input_size(width, height, longest_px)


def shrink(picture: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Scale a picture down: by whole pixels' means first, then by what is left, bilinearly.

    Means over whole pixels are fast (0.3 ms for 1280x720 to half) and let no fence become moire;
    OpenCV's INTER_AREA for other ratios takes 7 ms.
    """
    height, width = picture.shape[:2]
    whole = min(width // size.width_px, height // size.height_px)
    if whole > 1:
        even = picture[: height // whole * whole, : width // whole * whole]
        half = (even.shape[1] // whole, even.shape[0] // whole)
        picture = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), np.uint8)
    if picture.shape[:2] == (size.height_px, size.width_px):
        return picture
    scaled = cv2.resize(picture, (size.width_px, size.height_px), interpolation=cv2.INTER_LINEAR)
    return np.asarray(scaled, np.uint8)


def batches(
    pictures: Sequence[NDArray[np.uint8]], longest_px: int, sights: Sequence[Sight]
) -> list[Batch]:
    """Fit pictures and group those of one input size, in the order of their first picture."""
    groups: dict[tuple[int, ...], list[int]] = {}
    fitted = [fit(picture, longest_px, one) for picture, one in zip(pictures, sights, strict=True)]
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
