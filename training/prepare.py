"""Knows how training pictures become crops as the live system cuts them. Knows no network's task.

Every picture is enlarged, padded and shown to the live detector; the face nearest to the middle is
cut by the live framing. Where the detector finds none (profiles, blur, hands), the picture is cut
where the set's faces usually lie: its median eye, nose and mouth positions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.crops import Framing, crop_faces, framing, similarities
from workers.detector import Detector

Pictures = Sequence[NDArray[np.uint8]] | NDArray[np.uint8]  # each (H, W, 3) BGR

SAME_PICTURE: Final = 0.97  # correlation of 12x12 pixels; JPEG and scaling leave about 0.99
MARGIN: Final = 4 / 3  # crops are kept this much wider, so that shifts and turns find pixels


@dataclass(frozen=True, slots=True)
class Enlarge:
    """How a small picture is shown to the detector: scaled, then padded with black on all sides."""

    scale: float
    pad_px: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """Crops of one set, as parallel arrays.

    crops: (N, S, S, 3) BGR, S = side of the wide framing. points: (N, 5, 2) in crop pixels.
    found: (N,) whether the detector found the face.
    """

    crops: NDArray[np.uint8]
    points: NDArray[np.float32]
    found: NDArray[np.bool_]


def wide(size_px: int, zoom: float, eyes_at: float) -> Framing:
    """Return a framing with MARGIN times the extent of a live one, at the same resolution."""
    side = round(size_px * MARGIN)
    return framing(side, zoom / MARGIN, (eyes_at - 0.5) / MARGIN + 0.5)


def find_points(
    detector: Detector, picture: NDArray[np.uint8], enlarge: Enlarge
) -> NDArray[np.float32] | None:
    """Return the five points (5, 2), in the picture's pixels, of the face nearest to its middle."""
    pad = enlarge.pad_px
    larger = cv2.resize(picture, None, fx=enlarge.scale, fy=enlarge.scale)
    framed = cv2.copyMakeBorder(larger, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    (faces,) = detector.detect([np.asarray(framed, np.uint8)])
    if not len(faces):
        return None
    middle = np.array(framed.shape[1::-1], np.float32) / 2
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    sides = (faces.boxes[:, 2:] - faces.boxes[:, :2]).max(axis=1)
    away = np.linalg.norm(centres - middle, axis=1) / np.maximum(sides, 1)
    points: NDArray[np.float32] = (faces.points[int(away.argmin())] - pad) / enlarge.scale
    return points.astype(np.float32)


def faces_of(
    frame: NDArray[np.uint8], detector: Detector, side_px: int = 160
) -> list[NDArray[np.uint8]]:
    """Return a square about each face of a whole picture, 2.4 faces wide, at most `side_px`."""
    (faces,) = detector.detect([frame])
    squares = []
    for x1, y1, x2, y2 in faces.boxes:
        half = 1.2 * max(x2 - x1, y2 - y1)
        left, top = (max(0, int(v)) for v in ((x1 + x2) / 2 - half, (y1 + y2) / 2 - half))
        right, bottom = (max(1, int(v)) for v in ((x1 + x2) / 2 + half, (y1 + y2) / 2 + half))
        square = frame[top:bottom, left:right]
        scale = min(1.0, side_px / max(square.shape[:2]))
        smaller = cv2.resize(square, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        squares.append(np.asarray(smaller, np.uint8))
    return squares


def prepare(
    pictures: Sequence[NDArray[np.uint8]], detector: Detector, enlarge: Enlarge, wanted: Framing
) -> Prepared:
    """Cut every picture by one framing; the fall-back is the median of the found, per 0..1."""
    found = [find_points(detector, picture, enlarge) for picture in pictures]
    sizes = [np.array(picture.shape[1::-1], np.float32) for picture in pictures]
    relative = [
        points / size for points, size in zip(found, sizes, strict=True) if points is not None
    ]
    if not relative:
        raise ValueError("the detector found no face in any of the pictures")
    usual = np.median(np.stack(relative), axis=0).astype(np.float32)
    crops, inside = [], []
    for picture, points, size in zip(pictures, found, sizes, strict=True):
        used = usual * size if points is None else points
        (matrix,) = similarities(used[None], wanted.template)
        crops.append(crop_faces(picture, used[None], wanted)[0])
        inside.append(used @ matrix[:, :2].T + matrix[:, 2])
    return Prepared(
        np.stack(crops),
        np.stack(inside).astype(np.float32),
        np.array([points is not None for points in found]),
    )


def near_duplicates(these: Pictures, of_those: Pictures, limit: float) -> NDArray[np.bool_]:
    """Return which of these crops (H, W, 3) show, at 12x12 grey pixels, one of those again.

    limit: the correlation from which two pictures count as one; JPEG and scaling leave about 0.99.
    """
    mine, others = _thumbnails(these), _thumbnails(of_those)
    if not len(others):
        return np.zeros(len(these), np.bool_)
    again = [(mine[k : k + 512] @ others.T).max(axis=1) >= limit for k in range(0, len(mine), 512)]
    return np.concatenate([np.zeros(0, np.bool_), *again])


def _thumbnails(crops: Pictures) -> NDArray[np.float32]:
    """Return each crop's middle as a (144,) vector of zero mean and unit length."""
    rows = []
    for crop in crops:
        high, wide = (side // 8 for side in crop.shape[:2])
        inner = crop[high : crop.shape[0] - high, wide : crop.shape[1] - wide]
        grey = cv2.cvtColor(inner, cv2.COLOR_BGR2GRAY)
        rows.append(cv2.resize(grey, (12, 12), interpolation=cv2.INTER_AREA).reshape(-1))
    flat = np.array(rows, np.float32).reshape(len(crops), 144)
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6))
