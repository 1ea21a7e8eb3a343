"""Knows how a face is cut out for each network: framings and the similarity between point sets.

Does not know what a network makes of a crop, nor whether a face is good enough.

Convention: points (N, 5, 2) are x y in pixels of the source picture, pixel centres at whole
numbers, the eye at the picture's left first. A matrix (2, 3) maps source pixels to crop pixels.
"""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.faces import ALIGNED_PX, TEMPLATE_112
from workers.light import all_lit

Crops = NDArray[np.uint8]  # (N, S, S, 3) BGR
Matrices = NDArray[np.float32]  # (N, 2, 3)


@dataclass(frozen=True, slots=True)
class Framing:
    """Where the five points come to lie in a square crop.

    size_px: the crop's side. template: (5, 2) x y in crop pixels.
    replicate: whether pixels beyond the picture repeat its border; black otherwise.
    lit: whether a dark crop is made brighter (`workers.light`).
    """

    size_px: int
    template: NDArray[np.float32]
    replicate: bool
    lit: bool = False

    def resized(self, size_px: int) -> "Framing":
        """Return the same cut for a network with another input size."""
        if size_px == self.size_px:
            return self
        template = self.template * np.float32(size_px / self.size_px)
        return replace(self, size_px=size_px, template=template)


def framing(size_px: int, zoom: float, eyes_at: float) -> Framing:
    """Return ArcFace's template zoomed about the eyes, which lie at `eyes_at` (0..1) of the height.

    zoom: 1 shows as much as ArcFace's own crop, less shows more of head, chin and neck.
    """
    eyes = TEMPLATE_112[:2].mean(axis=0)
    points = (TEMPLATE_112 - eyes) * zoom / ALIGNED_PX + np.array([0.5, eyes_at])
    return Framing(size_px, (points * size_px).astype(np.float32), True, lit=True)


# As SFace was trained; the face's quality is told by it too, so it is lit only when it is embedded.
ALIGNED: Final = Framing(ALIGNED_PX, TEMPLATE_112, False)
# The size of these two is the shipped networks'; another network's follows from its entry.
# The chin (about 0.85 of the distance from eyes to mouth below the mouth) and a mask pulled under
# it stay visible.
MASK: Final = framing(96, zoom=0.80, eyes_at=0.36)
# FER2013's own framing: the median of its eyes and mouths, so that training needs no border.
EXPRESSION: Final = framing(48, zoom=1.19, eyes_at=0.38)


def similarities(points: NDArray[np.float32], template: NDArray[np.float32]) -> Matrices:
    """Return the least-squares similarity of each face to a template, (N, 2, 3).

    In two dimensions Umeyama's solution without reflection (IEEE TPAMI 13, 1991) is one complex
    number: rotation and scale together. Raises ValueError where all five points coincide.
    """
    source = points[..., 0].astype(np.float64) + 1j * points[..., 1]
    target = template[:, 0].astype(np.float64) + 1j * template[:, 1]
    centre = source.mean(axis=1, keepdims=True)
    spread = source - centre
    power = (np.abs(spread) ** 2).sum(axis=1)
    if np.any(power <= 0):
        raise ValueError("a face's five points coincide: no similarity maps them to a template")
    turn = (spread.conj() * (target - target.mean())).sum(axis=1) / power
    shift = target.mean() - turn * centre[:, 0]
    rows = [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]]
    return np.moveaxis(np.array(rows), -1, 0).astype(np.float32).reshape(-1, 2, 3)


def crop_faces(
    picture: NDArray[np.uint8], points: NDArray[np.float32], wanted: Framing = ALIGNED
) -> Crops:
    """Cut each face (N, 5, 2) out of a BGR picture into a crop of one framing, on the CPU."""
    size = (wanted.size_px, wanted.size_px)
    crops = np.empty((len(points), *size, 3), np.uint8)
    border = cv2.BORDER_REPLICATE if wanted.replicate else cv2.BORDER_CONSTANT
    for crop, matrix in zip(crops, similarities(points, wanted.template), strict=True):
        cv2.warpAffine(picture, matrix, size, dst=crop, flags=cv2.INTER_LINEAR, borderMode=border)
    return all_lit(crops) if wanted.lit else crops
