"""Knows whether anything moved before a camera. Does not know what it was."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

THUMBNAIL: Final = (64, 36)
CHANGED: Final = 12.0  # grey levels; sensor noise stays below after the averaging
LEAST_SHARE: Final = 0.004  # of the thumbnail: a face of 24 pixels in a picture of 640x360
LOOK_ANYWAY_NS: Final = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Look:
    """moved: the picture differs. due: it is worth looking at, moved or not."""

    moved: bool
    due: bool


class Motion:
    """Compares each picture with the last one that was looked at, so that slow change adds up."""

    def __init__(self) -> None:
        self._looked_at: NDArray[np.float32] | None = None
        self._looked_ns = 0

    def look(self, picture: NDArray[np.uint8], now_ns: int) -> Look:
        """Return whether a BGR picture (H, W, 3) differs; every two seconds one is due anyway."""
        grey = cv2.cvtColor(cv2.resize(picture, THUMBNAIL, interpolation=cv2.INTER_AREA),
                            cv2.COLOR_BGR2GRAY).astype(np.float32)  # fmt: skip
        before = self._looked_at
        moved = before is None or bool((np.abs(grey - before) > CHANGED).mean() >= LEAST_SHARE)
        due = moved or abs(now_ns - self._looked_ns) >= LOOK_ANYWAY_NS
        if due:
            self._looked_at, self._looked_ns = grey, now_ns
        return Look(moved, due)
