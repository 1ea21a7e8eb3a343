"""Knows the colours below a face, by which somebody is found again. Does not know faces."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

BINS: Final = (8, 4, 4)  # hue, saturation, value


def colours_below(
    picture: NDArray[np.uint8], box: NDArray[np.float32]
) -> NDArray[np.float32] | None:
    """Return a histogram (128,) that sums to 1 of the clothes below a face, None where none show.

    picture: (H, W, 3) BGR. box: (4,) x1 y1 x2 y2, pixels.
    """
    height, width = picture.shape[:2]
    x1, _, x2, y2 = (float(side) for side in box)
    side = x2 - x1
    left, right = int(max(0, x1 - side / 2)), int(min(width, x2 + side / 2))
    top, bottom = int(max(0, y2 + side * 0.4)), int(min(height, y2 + side * 2))
    if right - left < 8 or bottom - top < 8:
        return None
    patch = cv2.resize(picture[top:bottom, left:right], (32, 32), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(patch, cv2.COLOR_BGR2HSV)
    histogram = cv2.calcHist([hsv], [0, 1, 2], None, list(BINS), [0, 180, 0, 256, 0, 256])
    return np.asarray(histogram.ravel() / histogram.sum(), np.float32)
