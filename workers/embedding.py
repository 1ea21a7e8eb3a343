"""Knows how kept crops become vectors by an embedder, in use or not yet. Knows nobody's name."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import fields
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.gallery import EMBEDDING_SIZE, GallerySettings, unit
from workers.crops import ALIGNED
from workers.manifest import Entry
from workers.roster import Embedder
from workers.runtime import Runtime

AT_ONCE: Final = 16  # crops between which a lane may analyse cameras
SETTINGS: Final = frozenset(field.name for field in fields(GallerySettings))


def gallery_settings(thresholds: Mapping[str, float]) -> GallerySettings:
    """Return when a face is somebody, by what was measured of an embedder."""
    return GallerySettings(**{name: held for name, held in thresholds.items() if name in SETTINGS})


def embedder_of(entry: Entry, runtime: Runtime, executor: Executor) -> Embedder:
    """Return what people are recognised by, with a network whose lanes are the executor's."""

    async def embed(crops: Sequence[bytes]) -> NDArray[np.float32]:
        loop, parts = asyncio.get_running_loop(), []
        for begin in range(0, len(crops), AT_ONCE):
            some = crops[begin : begin + AT_ONCE]
            parts.append(await loop.run_in_executor(executor, vectors_of, runtime, some))
        return np.concatenate([np.zeros((0, EMBEDDING_SIZE), np.float32), *parts])

    return Embedder(entry.label, gallery_settings(entry.thresholds), embed)


def vectors_of(runtime: Runtime, crops: Sequence[bytes]) -> NDArray[np.float32]:
    """Return unit vectors (N, 128) of aligned faces, JPEG each. Raises ValueError for others."""
    (vectors,) = runtime.run(np.stack([_aligned(crop) for crop in crops])).values()
    return unit(vectors)


def _aligned(crop: bytes) -> NDArray[np.uint8]:
    picture = cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_COLOR) if crop else None
    if picture is None or picture.shape != (ALIGNED.size_px, ALIGNED.size_px, 3):
        raise ValueError("a kept crop is no aligned face: enrol the photo again")
    return np.asarray(picture, np.uint8)
