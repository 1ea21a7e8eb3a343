"""Knows which faces and films the detector learns from. Draws no scene, trains nothing.

Nothing of it is labelled: YuNet itself says where faces are. What recall is measured on
(`python -m benchmarks.masked_detection`) is not among it: masks3_real, pictures of masks_crops that
show one of those again, and all films but `TAUGHT`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data import clip_frames
from training.looking import CROPS as ALONE
from training.looking import STEP_PX, chosen
from training.prepare import near_duplicates
from training.refusal import Refusal
from training.sets.files import opened
from training.sets.pictures import Picture, decode
from workers.detector import Detector

CROPS: Final = "masks_crops"
JUDGED: Final = "masks3_real"
BARE: Final = "without_mask"
TAUGHT: Final = ("clips/webcam_p1", "clips/webcam_p4", "clips/classroom", "clips/store-aisle")
EVERY: Final = 6  # frames of a film: one in so many
AGAIN: Final = 0.95  # correlation from which two crops count as one picture
LEAST_PX: Final = 48
PICTURES: Final = {".jpg", ".jpeg", ".png", ".webp"}
FILMS: Final = {".avi", ".mp4", ".webm"}
VIEW_LEAST_PX: Final = 160  # of a picture of anything: the shorter side
VIEW_PX: Final = 1024  # and the longer at most
VIEW_EVERY: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A face with something around it, (H, W, 3) BGR; bare: it may be given a mask.

    box: (4,) x1 y1 x2 y2 and points: (5, 2) of the face, as YuNet finds it in the crop enlarged
    and alone.
    """

    picture: Picture
    bare: bool
    box: NDArray[np.float32]
    points: NDArray[np.float32]

    def mirrored(self) -> "Crop":
        """Return it as a mirror shows it."""
        picture, wide = np.ascontiguousarray(self.picture[:, ::-1]), self.picture.shape[1]
        x1, y1, x2, y2 = self.box
        points = self.points[[1, 0, 2, 4, 3]].copy()
        points[:, 0] = wide - points[:, 0]
        box = np.array([wide - x2, y1, wide - x1, y2], np.float32)
        return Crop(picture, self.bare, box, points)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What scenes are made of: crops of faces, frames of films of bare people, other pictures."""

    crops: tuple[Crop, ...]
    frames: tuple[Picture, ...]
    views: tuple[Picture, ...] = ()


def seen(data: Path, views: Path | None, detector: Detector) -> Seen:
    """Return what there is to learn from. views: a folder of pictures of anything, or None.

    detector: YuNet. Raises Refusal, OSError.
    """
    for path in (data / f"{CROPS}.zip", data / "clips", data / "occluders"):
        if not path.exists():
            raise Refusal(f"There is no {path}.", "The detector learns from it.")
    crops = tuple(_crops(data, detector))
    judged = data / f"{JUDGED}.zip"
    if judged.is_file():
        others = [picture for _, picture in _pictures(judged)]
        again = near_duplicates([one.picture for one in crops], others, AGAIN)
        crops = tuple(one for one, shown in zip(crops, again, strict=True) if not shown)
    frames = tuple(one.picture for one in clip_frames(data, EVERY) if one.group in TAUGHT)
    return Seen(crops, frames, tuple(_views(views)) if views else ())


def _views(folder: Path) -> Iterator[Picture]:
    """Yield what OpenCV can read in a folder: pictures, and one frame of a film in VIEW_EVERY."""
    if not folder.is_dir():
        raise Refusal(f"There is no folder {folder}.", "The detector learns from its pictures.")
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        kind = path.suffix.lower()
        if kind in PICTURES:
            picture = cv2.imread(str(path))
            if picture is not None and min(picture.shape[:2]) >= VIEW_LEAST_PX:
                yield _no_larger(np.asarray(picture, np.uint8))
        elif kind in FILMS:
            film, count = cv2.VideoCapture(str(path)), 0
            while film.grab():
                if count % VIEW_EVERY == 0:
                    _, picture = film.retrieve()
                    yield _no_larger(np.asarray(picture, np.uint8))
                count += 1


def _no_larger(picture: Picture) -> Picture:
    scale = VIEW_PX / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return np.asarray(
        cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
    )


def _crops(data: Path, detector: Detector) -> Iterator[Crop]:
    for kind, picture in _pictures(data / f"{CROPS}.zip"):
        if min(picture.shape[:2]) < LEAST_PX:
            continue
        scale, pad = ALONE.scale, ALONE.pad_px
        large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
        high, wide = (-(side + 2 * pad) % STEP_PX for side in large.shape[:2])
        border = (pad, pad + high, pad, pad + wide, cv2.BORDER_CONSTANT)
        (found,) = detector.detect([np.asarray(cv2.copyMakeBorder(large, *border), np.uint8)])
        if not len(found):
            continue
        best = chosen(found.boxes, large.shape[1] + 2 * pad, large.shape[0] + 2 * pad)
        box, points = ((one[best] - pad) / np.float32(scale) for one in (found.boxes, found.points))
        yield Crop(picture, kind == BARE, box, points)


def _pictures(archive: Path) -> Iterator[tuple[str, Picture]]:
    """Yield the pictures of a zip of class folders, each with its class."""
    with opened(archive) as files:
        for file in files.files:
            if file.is_picture:
                yield file.path.parent.name, decode(file.read(), str(file.path))
