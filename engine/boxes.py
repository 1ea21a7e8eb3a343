"""Knows boxes: overlap, suppression, letterbox and its inverse. Does not know what is in them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]  # (N, 4) x1 y1 x2 y2; pixels or 0..1, as the function says


@dataclass(frozen=True, slots=True)
class Box:
    """One box, x1 y1 x2 y2, in 0..1 of the picture."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a picture was fitted into a network's input: scaled, cut, padded right and below.

    Convention: input = source * scale - (left, top).
    """

    scale: float
    width_px: int  # of the whole scaled picture
    height_px: int
    left_px: int = 0  # where the part that is shown begins in the scaled picture
    top_px: int = 0

    def to_source(self, coordinates: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map input pixels (..., x y or x y x y) back to pixels of the source picture."""
        pairs = coordinates.reshape(-1, 2) + np.array([self.left_px, self.top_px], np.float32)
        return (pairs / np.float32(self.scale)).astype(np.float32).reshape(coordinates.shape)


def no_boxes() -> Boxes:
    """Return (0, 4): no boxes at all."""
    return np.zeros((0, 4), np.float32)


def letterbox(source: tuple[int, int], target: tuple[int, int]) -> Letterbox:
    """Fit a source (width, height) into a target (width, height), keeping its proportions."""
    if min(*source, *target) < 1:
        raise ValueError(f"sizes must be positive, got {source} into {target}")
    scale = min(target[0] / source[0], target[1] / source[1])
    width = max(1, round(source[0] * scale))
    height = max(1, round(source[1] * scale))
    return Letterbox(scale, min(width, target[0]), min(height, target[1]))


def area(boxes: Boxes) -> NDArray[np.float32]:
    """Return the areas (N,) of boxes (N, 4); negative sides count as zero."""
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    product: NDArray[np.float32] = (sides[:, 0] * sides[:, 1]).astype(np.float32)
    return product


def iou_matrix(first: Boxes, second: Boxes) -> NDArray[np.float32]:
    """Return intersection over union (N, M) of boxes (N, 4) and (M, 4) in one unit."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.clip(high - low, 0, None)
    shared = sides[..., 0] * sides[..., 1]
    union = area(first)[:, None] + area(second)[None, :] - shared
    iou: NDArray[np.float32] = (shared / np.maximum(union, 1e-12)).astype(np.float32)
    return iou


def suppress(boxes: Boxes, scores: NDArray[np.float32], iou_limit: float) -> NDArray[np.intp]:
    """Return the kept indices, best score first, of greedy non-maximum suppression.

    Ties are broken by the box itself, so that the input's order does not matter.
    """
    order = np.lexsort((*boxes.T[::-1], -scores))
    kept: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        overlap = iou_matrix(boxes[best : best + 1], boxes[rest])[0]
        order = rest[overlap <= iou_limit]
    return np.array(kept, dtype=np.intp)
