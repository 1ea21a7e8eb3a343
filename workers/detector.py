"""Knows how to find the faces of several pictures with one network. Does not know who they are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.faces import Detections, no_detections
from workers.detection import Limits, Raw, anchors, decode
from workers.manifest import Entry
from workers.preprocess import batches
from workers.regions import Sight
from workers.runtime import Runtime


class Detector:
    """YuNet on one device. The longer side of a picture is scaled to at most `longest_px`."""

    def __init__(self, runtime: Runtime, entry: Entry, longest_px: int) -> None:
        self._runtime = runtime
        self._limits = Limits(entry.thresholds["score"], entry.thresholds["iou"])
        self._longest_px = longest_px

    def detect(
        self, pictures: Sequence[NDArray[np.uint8]], sights: Sequence[Sight] | None = None
    ) -> list[Detections]:
        """Return the faces of each BGR picture (H, W, 3), in pixels of that picture.

        sights: for each picture, what is looked at; the whole where it is not said.
        """
        found = [no_detections()] * len(pictures)
        for batch in batches(pictures, self._longest_px, sights or [Sight()] * len(pictures)):
            height, width = batch.pixels.shape[1:3]
            out = self._runtime.run(batch.pixels)
            grid = anchors(width, height)
            for row, index in enumerate(batch.indices):
                raw = Raw(out["scores"][row], out["boxes"][row], out["points"][row])
                found[index] = decode(raw, grid, batch.mappings[row], self._limits)
        return found
