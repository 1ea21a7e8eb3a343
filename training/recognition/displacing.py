"""Knows how an aligned face is displaced, so that an aligner learns to put it right. No loop.

What lies beyond a crop's border would tell where the face was: a displaced face whose middle, which
is all that the aligner sees, shows any of that is drawn again.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.faces import ALIGNED_PX, TEMPLATE_112
from training.draw import Template, draw_mask, outline_of, paste_template
from training.hide import HIDDEN, Things, hide
from training.recognition.occluding import occlude
from workers.networks.face_aligner import BEGIN, END

Crop = NDArray[np.uint8]  # (112, 112, 3) BGR
Matrix = NDArray[np.float64]  # (2, 3)
SIZE: Final = 0.10  # standard deviations: of the scale's logarithm,
TURN: Final = 0.09  # radians,
SHIFT_PX: Final = 5.5
CLOSE: Final = 0.3  # the share of these in every other face, as seen a second time
NOISE_PX: Final = 2.5  # of the points that masks are drawn by
ANYWHERE: Final = 0.6  # how often what hides a face lies anywhere, and
SHARES: Final = (0.1, 0.45)  # the share of the crop that it then hides
KINDS: Final = ("worn", "worn", "worn", "under_nose", "under_chin")
CORNERS: Final = np.array([(x, y) for x in (BEGIN, END) for y in (BEGIN, END)], np.float64)


def covered(crop: Crop, templates: tuple[Template, ...], random: np.random.Generator) -> Crop:
    """Return an aligned face with a mask, photographed or drawn, at the template's points."""
    points = TEMPLATE_112 + random.normal(0, NOISE_PX, TEMPLATE_112.shape).astype(np.float32)
    kind = KINDS[random.integers(len(KINDS))]
    if templates and random.random() < 0.5:
        outline = outline_of(points, kind, random)
        return paste_template(crop, templates[random.integers(len(templates))], outline, random)
    return draw_mask(crop, points, kind, random)


def behind(crop: Crop, things: Things, random: np.random.Generator) -> Crop:
    """Return an aligned face with something that is no mask before it, or with things anywhere."""
    if random.random() < ANYWHERE:
        lying = (*things.low, *things.glasses)
        return occlude(crop, random.uniform(*SHARES), lying, random)
    return hide(crop, TEMPLATE_112, HIDDEN[random.integers(len(HIDDEN))], random, things)


def displaced(crop: Crop, random: np.random.Generator) -> tuple[Crop, NDArray[np.float32]]:
    """Return an aligned face elsewhere in its crop, mirrored at times, and the offsets (10,).

    Those are how far each of the template's points then lies from its place, in pixels, x y.
    """
    points = TEMPLATE_112.astype(np.float64)
    if random.random() < 0.5:
        crop = np.ascontiguousarray(crop[:, ::-1])
        points = np.array([ALIGNED_PX - 1, 0]) + points[[1, 0, 2, 4, 3]] * (-1, 1)
    matrix = _drawn(random)
    size = (ALIGNED_PX, ALIGNED_PX)
    out = cv2.warpAffine(crop, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(out, np.uint8), (moved - TEMPLATE_112).astype(np.float32).ravel()


def _drawn(random: np.random.Generator) -> Matrix:
    """Return a similarity about the face's middle, after which the crop's own is in the crop."""
    share = 1.0 if random.random() < 0.5 else CLOSE
    middle = TEMPLATE_112.mean(axis=0).astype(np.float64)
    while True:
        scale, turn = np.exp(share * random.normal(0, SIZE)), share * random.normal(0, TURN)
        spin = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        shift = middle - spin @ middle + share * random.normal(0, SHIFT_PX, 2)
        back = (CORNERS - shift) @ np.linalg.inv(spin).T
        if back.min() >= -1 and back.max() <= ALIGNED_PX:
            return np.hstack([spin, shift[:, None]])
