"""Knows how bare and masked faces are shown to the live detector. Draws no conclusion."""

import csv
import io
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.films import Frame
from benchmarks.installation import CACHE
from benchmarks.recall import LIVE, Look, best_match
from engine.faces import Detections
from training.draw import MEANS, Template
from training.live import live_runtime
from training.looking import CROPS, STEP_PX, TILE_PX, TILES
from training.prepare import Enlarge
from training.sets.pictures import Picture, decode
from training.wearing import Mask, wear
from workers.detector import Detector
from workers.manifest import load_models
from workers.preprocess import scaled_size

SEEN_FROM: Final = 0.2  # finds of lower scores are not looked at
SCALES: Final = (1.0, 0.5, 0.25, 0.125)
SMALL_PX: Final = (48, 24)  # to what faces of crops are shrunk
FACE_OF_CROP: Final = (
    0.6  # of its shorter side, where a crop was shrunk and nobody says by how much
)
BORDER_PX: Final = 48
CROP_SETS: Final = ("masks3_real", "masks_crops")


@dataclass(frozen=True, slots=True)
class Drawing:
    """How many masks of each kind a film's faces wear, of what, and where frames are kept."""

    masks: int
    templates: tuple[Template, ...] = ()
    frames: Path | None = None


class Eye:
    """The live detector, or another that is shipped, which also tells of doubtful finds.

    A lower limit changes no find above it: suppression keeps the surest of each face.
    """

    def __init__(self, longest_px: int, model: str | None = None) -> None:
        entry = load_models(None).of("detector", model)
        lower = replace(entry, thresholds={**entry.thresholds, "score": SEEN_FROM})
        runtime = live_runtime(entry, CACHE / "networks")
        self._detector, self._longest_px = Detector(runtime, lower, longest_px), longest_px

    def all(self, picture: Picture) -> Detections:
        """Return every find, doubtful ones too, in the picture's pixels."""
        return self._detector.detect([picture])[0]

    def sure(self, picture: Picture) -> Detections:
        """Return what the live system finds."""
        found = self.all(picture)
        chosen = found.scores >= LIVE
        return Detections(found.boxes[chosen], found.points[chosen], found.scores[chosen])

    def side_px(self, box: NDArray[np.float32], picture: Picture) -> float:
        """Return the shorter side of a box (4,) as the detector sees it."""
        height, width = picture.shape[:2]
        scale = scaled_size(width, height, self._longest_px).width_px / width
        return float((box[2:] - box[:2]).min() * scale)


def drawn_looks(frames: Iterator[Frame], eye: Eye, judge: Eye, drawing: Drawing) -> Iterator[Look]:
    """Yield faces with and without each mask, in frames as they are and shrunk.

    judge: says which faces there are: those that it finds bare. Both scores are the eye's.
    """
    films: dict[str, int] = {}
    for frame in frames:
        if frame.film not in films:
            films[frame.film] = 1000 * len(films)
            print(frame.film, file=sys.stderr, flush=True)
        faces = judge.sure(frame.picture)
        if not len(faces):
            continue
        bare = [_bare(frame.picture, faces, judge, scale) for scale in SCALES]
        first = [eye.all(shrunk(frame.picture, scale)) for scale in SCALES]
        for kind in MEANS:
            for number in range(drawing.masks):
                # one seed a film: the same mask, which follows the face
                worn = wear(
                    frame.picture, faces, Mask(kind, films[frame.film] + number), drawing.templates
                )
                for scale, mine, before in zip(SCALES, bare, first, strict=True):
                    smaller = shrunk(worn, scale)
                    found = eye.all(smaller) if len(mine) else mine
                    for box in mine.boxes:
                        yield Look(frame.group, kind, eye.side_px(box, smaller),
                                   best_match(box, before), best_match(box, found),
                                   scale < 1)  # fmt: skip
                if drawing.frames is not None:
                    name = f"{frame.film}-{frame.number:03d}-{kind}-{number}.png"
                    cv2.imwrite(str(drawing.frames / name), marked(worn, eye.sure(worn)))


def _bare(picture: Picture, faces: Detections, judge: Eye, scale: float) -> Detections:
    """Return which of the faces that will wear a mask are found in the shrunk bare picture."""
    if scale == 1:
        return faces
    found = judge.sure(shrunk(picture, scale))
    own = [best_match(box / np.float32(scale), faces) > 0 for box in found.boxes]
    chosen = np.array(own, np.bool_)
    return Detections(found.boxes[chosen], found.points[chosen], found.scores[chosen])


def film_looks(frames: Iterator[Frame], eye: Eye) -> Iterator[Look]:
    """Yield one look a frame of a real film: the surest face in it. way: film and what it shows."""
    for frame in frames:
        found = eye.all(frame.picture)
        side = eye.side_px(found.boxes[found.scores.argmax()], frame.picture) if len(found) else 0
        best = float(found.scores.max(initial=0.0))
        yield Look(frame.film, f"{frame.film}: {frame.shows}", side, 1, best)


def crop_looks(data: Path, eye: Eye, most: int) -> Iterator[Look]:
    """Yield looks at crops of real masks, at most so many of a class and set, evenly spread.

    way: how they are shown, set, class. Those of masks_crops that YuNet itself has cut are no
    evidence of what it misses; they are said to be so.
    """
    for name in CROP_SETS:
        path = data / f"{name}.zip"
        if not path.is_file():
            print(f"{path} is not there: skipped", file=sys.stderr)
            continue
        with zipfile.ZipFile(path) as archive, archive.open("labels.csv") as table:
            lines = list(csv.DictReader(io.TextIOWrapper(table, "utf-8")))
            kinds = [_kind(name, line) for line in lines]
            for kind in sorted(set(kinds)):
                mine = [one for one, its in zip(lines, kinds, strict=True) if its == kind]
                for line in mine[:: max(1, -(-len(mine) // most))]:
                    crop = decode(archive.read(line["name"]), line["name"])
                    group = line.get("picture_group") or line.get("dup_group", "")
                    yield from _ways(crop, _face_px(crop, line), f"{name}/{group}", kind, eye)


def _kind(source: str, line: dict[str, str]) -> str:
    drawn = " drawn" if line.get("kind") == "artificial" else ""
    cut = ", cut by YuNet" if line.get("crop") == "yunet" else ""
    return f"{source} {line['label']}{drawn}{cut}"


def _face_px(crop: Picture, line: dict[str, str]) -> float:
    """Return about how large the face in a crop is, whether or not it is found."""
    least = FACE_OF_CROP * min(crop.shape[:2])
    return min(float(line.get("box_min_side") or least), 1.25 * least)


def _ways(crop: Picture, face_px: float, group: str, kind: str, eye: Eye) -> Iterator[Look]:
    usual = TILES if max(crop.shape[:2]) <= TILE_PX else CROPS
    ways = {"as evaluate": usual, "plainly": Enlarge(1.0, BORDER_PX)}
    ways |= {f"at {px} px": Enlarge(px / face_px, BORDER_PX) for px in SMALL_PX if px < face_px}
    for way, shown in ways.items():
        score = _middle(eye.all(bordered(crop, shown)), crop, shown)
        yield Look(group, f"{way}: {kind}", face_px * shown.scale, 1, score, shown.scale < 1)


def _middle(found: Detections, crop: Picture, shown: Enlarge) -> float:
    """Return the best score of a find whose centre lies in the middle half of a crop."""
    size = np.array(crop.shape[1::-1], np.float32) * np.float32(shown.scale)
    centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2 - shown.pad_px
    near = (np.abs(centres / size - 0.5) <= 0.25).all(axis=1)
    return float(found.scores[near].max(initial=0.0))


def bordered(crop: Picture, shown: Enlarge) -> Picture:
    """Return a crop scaled and set in black, filled up to few sizes, as each is compiled anew."""
    way = cv2.INTER_AREA if shown.scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(crop, None, fx=shown.scale, fy=shown.scale, interpolation=way)
    pad, (high, wide) = shown.pad_px, scaled.shape[:2]
    below, right = (-(side + 2 * pad) % STEP_PX for side in (high, wide))
    return np.asarray(
        cv2.copyMakeBorder(scaled, pad, pad + below, pad, pad + right, cv2.BORDER_CONSTANT),
        np.uint8,
    )


def shrunk(picture: Picture, scale: float) -> Picture:
    """Return a picture made smaller."""
    if scale == 1:
        return picture
    smaller = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8)


def marked(picture: Picture, faces: Detections) -> Picture:
    """Return a copy with boxes and scores."""
    out = picture.copy()
    for box, score in zip(faces.boxes.round().astype(int), faces.scores, strict=True):
        x1, y1, x2, y2 = box.tolist()
        cv2.rectangle(out, (x1, y1), (x2, y2), (0, 255, 0), 1)
        cv2.putText(out, f"{score:.2f}", (x1, y1 - 2), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 255, 0))
    return out
