"""Knows how a mask is drawn on a bare face by its five points. Does not know who looks at it.

Real pictures of masks worn wrongly are few; this makes more, of many shapes and colours. Figures on
drawn masks are easier than on real ones, and every card says which of the two it rests on.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.observations import MaskState

# Where the mask's upper edge lies, from the eyes (0) to the mouth (1); the nose's tip is near 0.55.
UPPER_EDGE: Final = {
    "worn": (0.18, 0.42),
    "under_nose": (0.66, 0.86),
    "under_chin": (1.25, 1.5),
}
MEANS: Final = {
    "worn": MaskState.WORN,
    "under_nose": MaskState.INCORRECT,
    "under_chin": MaskState.INCORRECT,
}
COLOURS_BGR: Final = ((235, 235, 235), (225, 200, 150), (200, 190, 110), (40, 40, 40),
                      (120, 120, 120), (170, 160, 240), (150, 190, 120))  # fmt: skip


def draw_mask(
    crop: NDArray[np.uint8], points: NDArray[np.float32], kind: str, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Return a copy of a crop (S, S, 3) with a mask of one kind over the face at points (5, 2)."""
    outline = _outline(points, kind, random)
    cover = np.zeros(crop.shape[:2], np.float32)
    cv2.fillPoly(cover, [np.round(outline * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    cover = cv2.GaussianBlur(cover, (0, 0), random.uniform(0.4, 1.0))[..., None]
    mixed = crop * (1 - cover) + _cloth(crop, points, random) * cover
    out = np.clip(mixed, 0, 255).astype(np.uint8)
    if random.random() < 0.7:
        _straps(out, outline, points, random)
    return np.asarray(out, np.uint8)


def _outline(
    points: NDArray[np.float32], kind: str, random: np.random.Generator
) -> NDArray[np.float32]:
    """Return the mask's outline (10, 2), clockwise from the upper left."""
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    down, across = mouth - eyes, points[1] - points[0]
    top = random.uniform(*UPPER_EDGE[kind])
    chin = random.uniform(1.72, 2.05) if kind != "under_chin" else top + random.uniform(0.5, 0.8)
    rise = random.uniform(0.0, 0.22) if kind == "worn" else random.uniform(0.0, 0.08)
    broad = random.uniform(0.85, 1.1)
    profile = [(-broad, top + rise + 0.1), (-0.45, top + rise * 0.5), (0.0, top),
               (0.45, top + rise * 0.5), (broad, top + rise + 0.1),
               (broad * 0.93, top + 0.62 * (chin - top)), (0.42, chin - 0.08), (0.0, chin),
               (-0.42, chin - 0.08), (-broad * 0.93, top + 0.62 * (chin - top))]  # fmt: skip
    shift = (points[2] - (eyes + 0.55 * down)) * random.uniform(0.3, 0.8)  # follow a turned head
    shape = [eyes + x * across + y * down for x, y in profile]
    jitter = random.normal(0, 0.02, (len(shape), 2)) * np.linalg.norm(across)
    return np.asarray(np.array(shape) + shift + jitter, np.float32)


def _cloth(
    crop: NDArray[np.uint8], points: NDArray[np.float32], random: np.random.Generator
) -> NDArray[np.float32]:
    """Return cloth for the whole crop: a colour, shaded across, with folds and grain."""
    side = crop.shape[0]
    choice = COLOURS_BGR[random.integers(len(COLOURS_BGR))]
    base = np.array(choice if random.random() < 0.75 else random.uniform(20, 245, 3), np.float32)
    base = np.clip(base + random.normal(0, 12, 3), 5, 250).astype(np.float32)
    exposure = np.clip(crop.mean() / 120, 0.5, 1.25)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    middle = points[2]
    light = 1 - random.uniform(0.1, 0.4) * ((x - middle[0]) / side * 2) ** 2
    light += random.uniform(-0.2, 0.2) * (x - middle[0]) / side
    if random.random() < 0.6:
        light -= 0.07 * (np.sin((y - middle[1]) * random.uniform(0.5, 1.1)) > 0.75)
    grain = random.normal(0, random.uniform(0, 5), (side, side)).astype(np.float32)
    return np.asarray(base * exposure * light[..., None] + grain[..., None], np.float32)


def _straps(
    crop: NDArray[np.uint8],
    outline: NDArray[np.float32],
    points: NDArray[np.float32],
    random: np.random.Generator,
) -> None:
    """Draw the straps from the mask's upper corners towards the ears, in place."""
    across = points[1] - points[0]
    up = (points[:2].mean(axis=0) - points[3:].mean(axis=0)) * random.uniform(0.1, 0.5)
    colour = [int(value) for value in random.uniform(150, 245, 3)]
    for corner, way in ((outline[0], -0.25), (outline[4], 0.25)):
        end = corner + way * across + up
        start, stop = (tuple(int(v) for v in np.round(p)) for p in (corner, end))
        cv2.line(crop, start, stop, colour, 1, cv2.LINE_AA)
