"""Knows where a camera's picture is worth looking at: where something moved, where faces were."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.regions import WHOLE, Area, hull

THUMBNAIL: Final = (64, 36)
CHANGED: Final = 12.0  # grey levels; sensor noise stays below after the averaging
LEAST_SHARE: Final = 0.004  # of the thumbnail: a face of 24 pixels in a picture of 640x360
LOOK_ANYWAY_NS: Final = 1_000_000_000  # the whole picture, whatever moved
AROUND_FACE: Final = 0.5  # of its size, on each side: where it may have gone, and its setting


@dataclass(frozen=True, slots=True)
class Look:
    """moved: the picture differs. area: what is worth looking at, None where nothing is."""

    moved: bool
    area: Area | None


class Motion:
    """Compares each part of a picture with how it last was looked at, so that slow change adds up.

    A face that moves changes the cells that it is in; one that stands still was found before.
    """

    def __init__(self) -> None:
        self._looked_at: NDArray[np.float32] | None = None
        self._whole_ns = 0

    def look(self, picture: NDArray[np.uint8], faces: NDArray[np.float32], now_ns: int) -> Look:
        """Return where a BGR picture (H, W, 3) is worth looking at.

        faces: (N, 4), pixels, where faces were last. Once a second it is the whole picture.
        """
        grey = cv2.cvtColor(cv2.resize(picture, THUMBNAIL, interpolation=cv2.INTER_AREA),
                            cv2.COLOR_BGR2GRAY).astype(np.float32)  # fmt: skip
        before = self._looked_at
        if before is None:
            self._looked_at, self._whole_ns = grey, now_ns
            return Look(True, WHOLE)
        changed = np.abs(grey - before) > CHANGED
        moved = bool(changed.mean() >= LEAST_SHARE)
        if abs(now_ns - self._whole_ns) >= LOOK_ANYWAY_NS:
            self._looked_at, self._whole_ns = grey, now_ns
            return Look(moved, WHOLE)
        areas = [_around(faces, picture.shape)] if len(faces) else []
        if moved:
            areas.append(_cells(changed))
        if not areas:
            return Look(moved, None)
        area = hull(np.concatenate(areas))
        inside = _inside(area)
        before[inside] = grey[inside]
        return Look(moved, area)


def _around(faces: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return faces (N, 4) grown on each side, in 0..1 of the picture."""
    sides = np.tile(faces[:, 2:] - faces[:, :2], 2) * np.array([-1, -1, 1, 1]) * AROUND_FACE
    height, width = shape[:2]
    scaled: NDArray[np.float32] = ((faces + sides) / [width, height, width, height]).astype(
        np.float32
    )
    return scaled


def _cells(changed: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the area (1, 4) around all changed cells (rows, columns)."""
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    first = [columns[0] / changed.shape[1], rows[0] / changed.shape[0]]
    last = [(columns[-1] + 1) / changed.shape[1], (rows[-1] + 1) / changed.shape[0]]
    return np.array([[*first, *last]], np.float32)


def _inside(area: Area) -> tuple[slice, slice]:
    """Return the thumbnail's cells that lie wholly in an area."""
    width, height = THUMBNAIL
    return (
        slice(int(np.ceil(area[1] * height - 1e-3)), int(area[3] * height + 1e-3)),
        slice(int(np.ceil(area[0] * width - 1e-3)), int(area[2] * width + 1e-3)),
    )
