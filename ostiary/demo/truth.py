"""Knows what is really to be seen in each picture of a scene, and the file that says so.

Does not know how it is drawn. The file is JSON lines: a head, then one line a picture.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.observations import MaskState


@dataclass(frozen=True, slots=True)
class TrueFace:
    """One face: box x1 y1 x2 y2 in pixels of the main stream, clipped to the picture.

    visible: which part of the face's area lies inside the picture, 0..1.
    near: at its nearest and frontal (within 8 degrees).
    """

    person: str
    portrait: str
    enrolled: bool
    mask: MaskState
    box: tuple[float, float, float, float]
    visible: float
    near: bool


@dataclass(frozen=True, slots=True)
class TruePicture:
    """One picture; index and pts (90 kHz) count from the loop's start."""

    index: int
    pts: int
    faces: tuple[TrueFace, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """A whole scene."""

    scene: str
    width_px: int
    height_px: int
    length_ticks: int
    pictures: tuple[TruePicture, ...]


def write_truth(path: Path, truth: Truth) -> None:
    """Write the file anew."""
    head = {
        name: getattr(truth, name) for name in ("scene", "width_px", "height_px", "length_ticks")
    }
    lines = [head, *(asdict(picture) for picture in truth.pictures)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def read_truth(path: Path) -> Truth:
    """Read a file that write_truth wrote."""
    head, *lines = (json.loads(line) for line in path.read_text().splitlines())
    pictures = tuple(
        TruePicture(line["index"], line["pts"], tuple(_face(face) for face in line["faces"]))
        for line in lines
    )
    return Truth(**head, pictures=pictures)


def _face(row: dict[str, object]) -> TrueFace:
    values = row | {"mask": MaskState(str(row["mask"])), "box": tuple(row["box"])}  # type: ignore[arg-type]
    return TrueFace(**values)  # type: ignore[arg-type]
