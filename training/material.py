"""Knows how labelled pictures become what a network is trained on. Does not know any recipe.

Faces are found and cut exactly as `ostiary evaluate` cuts them, only wider, so that shifts and
turns find pixels; that is done once and kept in a cache.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from training.answers import FEWEST_FOUND, Report
from training.live import LONGEST_PX, live_runtime
from training.looking import FINE_PX, Eyes
from training.prepare import Pictures
from training.sets.pictures import Picture
from training.sets.samples import Sample
from workers.crops import Framing, crop_faces, similarities
from workers.detector import Detector
from workers.manifest import load_manifest

WHOLE_PX: Final = 256  # the longest side of a picture that is kept whole


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Pictures ready for training, as parallel arrays.

    samples: (N,) what the sets say of them. crops: (N,) BGR; faces of one size, or whole pictures
    of any. points: (N, 5, 2) in crop pixels; found: (N,) whether the detector saw the face. truth:
    (N,) the place in the recipe's labels. sides: (N,) of `training.splits.Side`. sha256: of all.
    data: the folder, for what besides pictures lies there. fold: which of a cross-validation.
    """

    samples: tuple[Sample, ...]
    crops: Pictures
    points: NDArray[np.float32]
    found: NDArray[np.bool_]
    truth: NDArray[np.intp]
    sides: NDArray[np.str_]
    sha256: str
    data: Path
    fold: int = 0

    def where(self, side: str) -> NDArray[np.intp]:
        """Return the indices of one side of the split."""
        return np.flatnonzero(self.sides == side)

    @property
    def votes(self) -> NDArray[np.float32]:
        """FER+'s votes, (N, 10); zeros where a picture has none."""
        none = np.zeros(10, np.float32)
        return np.stack([none if s.votes is None else s.votes for s in self.samples])


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Crops of one set of pictures; see Material."""

    crops: Pictures
    points: NDArray[np.float32]
    found: NDArray[np.bool_]


def keep_whole(pictures: Sequence[Picture]) -> Cut:
    """Return pictures as they are, large ones made smaller."""
    crops = []
    for picture in pictures:
        scale = WHOLE_PX / max(picture.shape[:2])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        crops.append(picture if scale >= 1 else np.asarray(small, np.uint8))
    none = np.zeros((len(crops), 5, 2), np.float32)
    return Cut(crops, none, np.zeros(len(crops), np.bool_))


@dataclass(frozen=True, slots=True)
class Cutting:
    """How faces are cut, and where the result and converted networks are kept."""

    framing: Framing
    cache: Path

    def cut(self, pictures: Sequence[Picture], sources: Sequence[str], report: Report) -> Cut:
        """Cut every picture's face; from the cache where the very same was cut before."""
        digest = hashlib.sha256(f"{self.framing.size_px} {self.framing.template.tolist()}".encode())
        for picture in pictures:
            digest.update(picture.tobytes())
        path = self.cache / "training" / f"{digest.hexdigest()[:24]}.npz"
        if not path.is_file():
            made = self._cut(pictures, sources, report)
            path.parent.mkdir(parents=True, exist_ok=True)
            crops = np.asarray(made.crops)
            grey = bool((crops == crops[..., :1]).all())
            part = path.with_suffix(".part.npz")
            np.savez(
                part,
                crops=crops[..., 0] if grey else crops,
                points=made.points,
                found=made.found,
            )
            part.replace(path)
        with np.load(path) as held:
            crops = held["crops"]
            if crops.ndim == 3:  # grey in colour's place costs no memory
                crops = np.broadcast_to(crops[..., None], (*crops.shape, 3))
            return Cut(crops, held["points"], held["found"])

    def _cut(self, pictures: Sequence[Picture], sources: Sequence[str], report: Report) -> Cut:
        eyes, relative = _eyes(self.cache), []
        for done, picture in enumerate(pictures, start=1):
            face = eyes.face(picture)
            size = np.array(picture.shape[1::-1], np.float32)
            relative.append(None if face is None else face.points / size)
            report(done, len(pictures))
        usual = {source: self._usual(source, sources, relative) for source in set(sources)}
        crops, inside = [], []
        for picture, source, points in zip(pictures, sources, relative, strict=True):
            size = np.array(picture.shape[1::-1], np.float32)
            used = (usual[source] if points is None else points) * size
            (matrix,) = similarities(used[None], self.framing.template)
            crops.append(crop_faces(picture, used[None], self.framing)[0])
            inside.append(used @ matrix[:, :2].T + matrix[:, 2])
        found = np.array([points is not None for points in relative])
        return Cut(np.stack(crops), np.stack(inside).astype(np.float32), found)

    def _usual(
        self,
        source: str,
        sources: Sequence[str],
        relative: Sequence[NDArray[np.float32] | None],
    ) -> NDArray[np.float32]:
        """Return where a set's faces lie, (5, 2) in 0..1: their median, or as a crop has them."""
        found = [p for p, s in zip(relative, sources, strict=True) if p is not None and s == source]
        if len(found) < FEWEST_FOUND:
            return self.framing.template / np.float32(self.framing.size_px)
        return np.asarray(np.median(np.stack(found), axis=0), np.float32)


def _eyes(cache: Path) -> Eyes:
    """Return the live detector, as evaluation uses it."""
    cv2.setNumThreads(1)
    entry = load_manifest()["detector"]
    runtime = live_runtime(entry, cache / "networks")
    return Eyes(Detector(runtime, entry, LONGEST_PX), Detector(runtime, entry, FINE_PX))
