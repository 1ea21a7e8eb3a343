"""Knows how every face of a whole picture is given a mask. Does not know who looks at it.

A mask is drawn in a square about the face, of the size of the crops that training draws on, and
laid back over the picture: what it does not cover keeps its own pixels.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.faces import Detections
from training.draw import Template, draw_mask
from training.sets.pictures import Picture

SQUARE_PX: Final = 160
FACE_SHARE: Final = 0.4  # of the square's side that the longer side of a face's box takes


@dataclass(frozen=True, slots=True)
class Mask:
    """One mask: of a kind of `training.draw.MEANS`, and the same one for the same seed."""

    kind: str
    seed: int


def wear(
    picture: Picture, faces: Detections, mask: Mask, templates: tuple[Template, ...] = ()
) -> Picture:
    """Return a copy of a picture (H, W, 3) on which every face wears the mask."""
    out = picture
    for box, points in zip(faces.boxes, faces.points, strict=True):
        matrix = _square(box)
        bare = np.asarray(
            cv2.warpAffine(out, matrix, (SQUARE_PX, SQUARE_PX), borderMode=cv2.BORDER_REPLICATE),
            np.uint8,
        )
        placed = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
        random = np.random.default_rng(mask.seed)
        drawn = draw_mask(bare, placed, mask.kind, random, templates)
        out = _laid(out, bare, drawn, matrix)
    return out


def _square(box: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the matrix (2, 3) from the picture into the square about a box (4,)."""
    scale = SQUARE_PX * FACE_SHARE / float((box[2:] - box[:2]).max())
    middle = (box[:2] + box[2:]) / 2
    shift = SQUARE_PX / 2 - scale * middle.astype(np.float64)
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])


def _laid(picture: Picture, bare: Picture, drawn: Picture, matrix: NDArray[np.float64]) -> Picture:
    """Return the picture with what differs between two squares laid over it."""
    cover = (bare != drawn).any(axis=2).astype(np.float32)
    soft = max(0.7, matrix[0, 0] / 2)  # of a square larger than the face: or it would alias
    cover = cv2.GaussianBlur(cover, (0, 0), soft)
    if soft > 0.7:
        drawn = np.asarray(cv2.GaussianBlur(drawn, (0, 0), soft), np.uint8)
    back = cv2.invertAffineTransform(matrix)
    corners = np.array([back[:, 2], back[:, 2] + SQUARE_PX * np.diag(back)])
    low = np.clip(np.floor(corners[0]), 0, picture.shape[1::-1]).astype(int)
    high = np.clip(np.ceil(corners[1]) + 1, low, picture.shape[1::-1]).astype(int)
    if (low == high).any():
        return picture
    back[:, 2] -= low
    size = (high - low).tolist()
    share = cv2.warpAffine(cover, back, size)[..., None]
    pixels = cv2.warpAffine(drawn, back, size)
    out = picture.copy()
    under = out[low[1] : high[1], low[0] : high[0]]
    under[:] = np.rint(under * (1 - share) + pixels * share)
    return out
