"""Knows how YuNet's raw outputs become faces of a source picture. Does not know the network.

The arithmetic is OpenCV's `FaceDetectorYN`: an anchor is a cell's upper left corner; a box is the
centre's offset and the logarithm of its sides, in strides; a point is an offset in strides.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.boxes import Letterbox, area, suppress
from engine.faces import Detections, no_detections

STRIDES: Final = (8, 16, 32)
COVERED: Final = 0.6  # a find that lies so much within a face is part of it: an eye, a cheek
CANDIDATES: Final = 512  # before suppression, best first: a crowd, not a flood

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Raw:
    """The network's outputs for one input: scores (A,), boxes (A, 4), points (A, 10)."""

    scores: Floats
    boxes: Floats
    points: Floats


@dataclass(frozen=True, slots=True)
class Limits:
    """Which candidates count: score at least, and overlap at most, both 0..1."""

    score: float
    iou: float


@lru_cache(maxsize=64)
def anchors(width_px: int, height_px: int) -> Floats:
    """Return (A, 3): corner x, corner y, stride, in input pixels, for an input's size."""
    levels = []
    for stride in STRIDES:
        rows, columns = np.mgrid[0 : height_px // stride, 0 : width_px // stride]
        level = np.stack([columns * stride, rows * stride, np.full_like(rows, stride)], axis=-1)
        levels.append(level.reshape(-1, 3))
    return np.concatenate(levels).astype(np.float32)


def decode(raw: Raw, grid: Floats, mapping: Letterbox, limits: Limits) -> Detections:
    """Return the faces of one picture, best first, in pixels of the source picture.

    grid: (A, 3) of `anchors`. Boxes may reach beyond the picture: a face at the border does.
    """
    likely = np.flatnonzero(raw.scores >= limits.score)
    if not likely.size:
        return no_detections()
    if likely.size > CANDIDATES:
        likely = likely[np.argsort(-raw.scores[likely], kind="stable")[:CANDIDATES]]
    corner, stride = grid[likely, :2], grid[likely, 2:]
    centre = corner + raw.boxes[likely, :2] * stride
    half = np.exp(raw.boxes[likely, 2:]) * stride / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
    scores = np.clip(raw.scores[likely], 0, 1).astype(np.float32)
    kept = suppress(boxes, scores, limits.iou)
    offsets = raw.points[likely[kept]].reshape(-1, 5, 2)
    points = offsets * stride[kept, :, None] + corner[kept, None, :]
    return Detections(
        mapping.to_source(boxes[kept]), mapping.to_source(points.astype(np.float32)), scores[kept]
    )


def joined(coarse: Detections, fine: Detections, iou: float) -> Detections:
    """Return the faces of two looks at one picture, best first; of one face the surer find.

    What the finer look finds within a face that fills much of the picture is no face of its own.
    """
    if len(coarse) and len(fine):
        low = np.maximum(fine.boxes[:, None, :2], coarse.boxes[None, :, :2])
        high = np.minimum(fine.boxes[:, None, 2:], coarse.boxes[None, :, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=2)
        sizes = area(fine.boxes)[:, None]
        within = (shared > COVERED * sizes) & (2 * sizes < area(coarse.boxes)[None, :])
        own = np.flatnonzero(~within.any(axis=1))
        fine = Detections(fine.boxes[own], fine.points[own], fine.scores[own])
    boxes = np.concatenate([coarse.boxes, fine.boxes])
    points = np.concatenate([coarse.points, fine.points])
    scores = np.concatenate([coarse.scores, fine.scores])
    kept = suppress(boxes, scores, iou)
    return Detections(boxes[kept], points[kept], scores[kept])
