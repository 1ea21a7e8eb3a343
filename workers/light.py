"""Knows how a dark picture is made brighter for networks that learnt from lit ones.

Does not know what it shows. A lit picture stays as it is, to the pixel.
"""

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (H, W, 3) BGR

BRIGHTEST: Final = 97.0  # the percentile of a picture's values that counts as its brightest
DARK: Final = 100.0  # a picture whose brightest is below that is made brighter
BLACK: Final = 8.0  # and below that it shows nothing: a covered lens
GOAL: Final = 200.0  # what its brightest becomes,
MOST: Final = 8.0  # or so many times as bright
NOISY: Final = 60.0  # below that, what a sensor adds is seen, and smoothed
SMOOTH_PX: Final = 1.2  # by a Gaussian so wide
SEEN: Final = 2048  # at most so many pixels are looked at


def lit(picture: Pixels) -> Pixels:
    """Return a dark picture brighter, and smoother where it is very dark; a lit one itself."""
    step = max(1, math.ceil(math.sqrt(picture.shape[0] * picture.shape[1] / SEEN)))
    seen = picture[::step, ::step]
    brightest = float(np.percentile(seen, BRIGHTEST)) if seen.size else 0.0
    if not BLACK <= brightest < DARK:
        return picture
    gain = min(MOST, GOAL / brightest)
    brighter = cv2.convertScaleAbs(picture, alpha=gain)
    if brightest < NOISY:
        brighter = cv2.GaussianBlur(brighter, (0, 0), SMOOTH_PX)
    return np.asarray(brighter, np.uint8)


def all_lit(pictures: Pixels) -> Pixels:
    """Return pictures of one size (N, H, W, 3), each by itself made brighter if it is dark."""
    return np.stack([lit(one) for one in pictures]) if len(pictures) else pictures
