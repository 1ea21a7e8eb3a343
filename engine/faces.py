"""Knows a picture's detected faces and the alignment template. Does not know who they are."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.boxes import no_boxes

ALIGNED_PX: Final = 112
# Eyes, nose, mouth corners in a 112x112 crop (ArcFace, arXiv:1801.07698); image left first.
TEMPLATE_112: Final = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]],
    dtype=np.float32,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Detections:
    """The faces of one picture, as parallel arrays.

    boxes: (N, 4) float32, x1 y1 x2 y2, pixels of the source picture.
    points: (N, 5, 2) float32, the eye at the picture's left, the other eye, nose, mouth corners.
    scores: (N,) float32, 0..1.
    """

    boxes: NDArray[np.float32]
    points: NDArray[np.float32]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)


def no_detections() -> Detections:
    """Return the detections of a picture without faces."""
    return Detections(no_boxes(), np.zeros((0, 5, 2), np.float32), np.zeros(0, np.float32))
