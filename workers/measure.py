"""Knows how a face's size, sharpness, light and turn are measured. Judges nothing.

Convention: as in `workers.crops`. Angles are estimates from five points of a rigid head, good to
about 10 degrees; they tell turned from frontal, not more.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.faces import TEMPLATE_112, Detections
from engine.quality import Measured
from workers.crops import Crops

# A head's nose stands about 0.55 of the distance between the eyes before the plane of the eyes.
NOSE_DEPTH: Final = 0.55
_EYES: Final = TEMPLATE_112[:2].mean(axis=0)
_MOUTH: Final = TEMPLATE_112[3:].mean(axis=0)
# Where a frontal nose lies from the eyes (0) to the mouth (1), and that way's length in eye
# distances, in ArcFace's template.
NOSE_AT: Final = float((TEMPLATE_112[2] - _EYES)[1] / (_MOUTH - _EYES)[1])
EYES_TO_MOUTH: Final = float((_MOUTH - _EYES)[1] / (TEMPLATE_112[1] - TEMPLATE_112[0])[0])


def measure(aligned: Crops, faces: Detections) -> list[Measured]:
    """Return what is measured of each face; aligned: (N, 112, 112, 3), in the faces' order."""
    sides = (faces.boxes[:, 2:] - faces.boxes[:, :2]).min(axis=1)
    angles = turns(faces.points)
    return [
        Measured(float(side), *_light(crop), float(yaw), float(pitch))
        for crop, side, (yaw, pitch) in zip(aligned, sides, angles, strict=True)
    ]


def _light(crop: NDArray[np.uint8]) -> tuple[float, float]:
    """Return the sharpness and the brightness of the middle of one aligned crop."""
    grey = cv2.cvtColor(crop[12:-4, 16:-16], cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var()), float(grey.mean())


def turns(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return yaw and pitch (N, 2), degrees, of faces' five points (N, 5, 2); roll is taken out."""
    eyes, mouth = points[:, :2].mean(axis=1), points[:, 3:].mean(axis=1)
    across = points[:, 1] - points[:, 0]
    down = mouth - eyes
    nose = points[:, 2] - eyes
    # nose = a * across + b * down, by Cramer's rule; a profile makes the basis flat
    flat = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]
    size = np.linalg.norm(down, axis=1) ** 2 / EYES_TO_MOUTH
    safe = np.where(flat > 0.02 * size, flat, 0.02 * size + 1e-6)
    a = (nose[:, 0] * down[:, 1] - nose[:, 1] * down[:, 0]) / safe
    b = (across[:, 0] * nose[:, 1] - across[:, 1] * nose[:, 0]) / safe
    yaw = np.arctan(a / NOSE_DEPTH)
    pitch = np.arctan((NOSE_AT - b) * EYES_TO_MOUTH / NOSE_DEPTH)
    return np.asarray(np.degrees(np.stack([yaw, pitch], axis=1)), np.float32)
