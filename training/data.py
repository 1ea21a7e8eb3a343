"""Knows the data sets and how to read them. Does not know what is learnt from them.

They lie in one folder (`--data`) whose README says what is wrong with each; nothing of them is part
of this repository.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.observations import Expression, MaskState

Picture = NDArray[np.uint8]  # (H, W, 3) BGR

TILE_PX: Final = 48
MASK_SETS: Final = ("masks3_real", "masks_crops", "masks_synth")
# FER2013's own numbering is engine.observations.Expression's order; FER+ names its columns.
VOTES: Final = tuple(expression.value for expression in Expression)


@dataclass(frozen=True, slots=True)
class MaskPicture:
    """One picture of the bare clips: its group keeps a person's pictures together."""

    source: str
    name: str
    group: str
    label: MaskState
    real: bool
    picture: Picture


def decode_jpeg(data: bytes, flags: int = cv2.IMREAD_COLOR) -> NDArray[np.uint8]:
    """Return a picture from its file's bytes. Raises ValueError where it is none."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if picture is None:
        raise ValueError("not a picture that OpenCV can read")
    return np.asarray(picture, np.uint8)


def clip_frames(data: Path, every: int = 12) -> Iterator[MaskPicture]:
    """Yield whole pictures of the bare clips, one in `every`; groups are people or clips."""
    for path in sorted((data / "clips").glob("*.m*")):
        group = "_".join(path.stem.split("_")[:2]) if path.stem.startswith("webcam") else path.stem
        capture = cv2.VideoCapture(str(path))
        for count in range(100_000):
            if not capture.grab():
                break
            if count % every == 0:
                picture = np.asarray(capture.retrieve()[1], np.uint8)
                name = f"{path.stem}/{count}"
                yield MaskPicture("clips", name, f"clips/{group}", MaskState.MISSING, True, picture)
