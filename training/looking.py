"""Knows where the labelled face of a picture is, whatever the picture's size. Judges nothing.

A small picture is a crop and is shown to the detector as in training; a larger one as the live
system shows it. Where that finds nothing, it is shown with a border (a face that fills its picture
is cut at all sides) and, if it is large, in more pixels than the live system spends.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from training.live import LONGEST_PX
from training.prepare import Enlarge
from training.sets.pictures import Picture
from workers.detector import Detector

CROP_PX: Final = 128  # the longest side of the crops that the networks learnt from
TILE_PX: Final = 64  # and of FER2013's tiles, with room for CK+'s
CROPS: Final = Enlarge(1.5, 48)
TILES: Final = Enlarge(4.0, 32)
BORDERED_PX: Final = 384
BORDER: Final = 0.25
STEP_PX: Final = 128
WHOLE: Final = Enlarge(1.0, 0)
FINE_PX: Final = 2 * LONGEST_PX


@dataclass(frozen=True, slots=True)
class Face:
    """One face: its points (5, 2) and the shorter side of its box, pixels of the picture."""

    points: NDArray[np.float32]
    side_px: float


@dataclass(frozen=True, slots=True)
class Eyes:
    """The live detector, and the same network for a larger input."""

    live: Detector
    fine: Detector

    def face(self, picture: Picture) -> Face | None:
        """Return the face that a picture's label means: large and near to the middle."""
        longest = max(picture.shape[:2])
        if longest <= CROP_PX:
            return _look(picture, self.live, TILES if longest <= TILE_PX else CROPS)
        found = _look(picture, self.live, WHOLE)
        if found is None:
            scale = BORDERED_PX / longest if longest > BORDERED_PX else 1.0
            bordered = Enlarge(scale, round(BORDER * scale * longest))
            found = _look(picture, self.live, bordered)
        if found is None and longest > LONGEST_PX:
            found = _look(picture, self.fine, WHOLE)
        return found


def _look(picture: Picture, detector: Detector, shown: Enlarge) -> Face | None:
    """Return the face that is seen in one way of showing a picture."""
    framed = picture
    if shown.scale != 1.0:
        way = cv2.INTER_AREA if shown.scale < 1 else cv2.INTER_LINEAR
        framed = _u8(cv2.resize(picture, None, fx=shown.scale, fy=shown.scale, interpolation=way))
    pad = shown.pad_px
    height, width = framed.shape[0] + 2 * pad, framed.shape[1] + 2 * pad
    right, below = filled(width, height)
    border = (pad, pad + below, pad, pad + right, cv2.BORDER_CONSTANT)
    if any(border[:4]):
        framed = _u8(cv2.copyMakeBorder(framed, *border, value=(0, 0, 0)))
    (faces,) = detector.detect([framed])
    if not len(faces):
        return None
    best = chosen(faces.boxes, width, height)
    sides = (faces.boxes[best, 2:] - faces.boxes[best, :2]) / shown.scale
    points = (faces.points[best] - pad) / np.float32(shown.scale)
    return Face(points.astype(np.float32), float(sides.min()))


def filled(width_px: int, height_px: int) -> tuple[int, int]:
    """Return how much black, right and below, brings the detector's input to one of few sizes.

    It is compiled anew for each size, and photographs have all of them.
    """
    longest = max(width_px, height_px)
    step = STEP_PX * max(1.0, longest / LONGEST_PX)  # in pixels of the picture
    if longest > LONGEST_PX:  # the longer side is scaled to the detector's
        wide = longest if width_px == longest else _up(width_px, step)
        high = longest if height_px == longest else _up(height_px, step)
    else:
        wide, high = _up(width_px, step), _up(height_px, step)
    return wide - width_px, high - height_px


def _up(side_px: int, step: float) -> int:
    return int(-(-side_px // step) * step)


def chosen(boxes: NDArray[np.float32], width_px: int, height_px: int) -> int:
    """Return which box (N, 4) a label means: the largest, half a size less at a corner."""
    middle = np.array([width_px, height_px], np.float32) / 2
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    away = np.linalg.norm(centres - middle, axis=1) / np.linalg.norm(middle)
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    return int((sides * (1 - 0.5 * away)).argmax())


def _u8(pixels: NDArray[np.generic]) -> Picture:
    return np.asarray(pixels, np.uint8)
