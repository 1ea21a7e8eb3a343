"""Knows the demo's public-domain portraits and what was measured on them. Does not know scenes."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

FOLDER: Final = Path(__file__).parent
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class MaskShape:
    """Where a mask is drawn: its edges from left to right, and the ear loops."""

    upper: tuple[Point, ...]
    lower: tuple[Point, ...]
    loops: tuple[tuple[Point, ...], ...]


@dataclass(frozen=True, slots=True)
class Portrait:
    """One photograph; all places are pixels of the committed file.

    face: x1 y1 x2 y2, and points: eyes, nose, mouth corners, both as YuNet found them.
    outline: polygon around the person, for the cut-out; empty where there is none.
    band: half the width of the outline's doubtful band, in heights of the face.
    """

    key: str
    person: str
    photo: str
    face: tuple[float, float, float, float]
    points: tuple[Point, ...]
    outline: tuple[Point, ...]
    band: float
    mask: MaskShape | None

    @property
    def cutout(self) -> str:
        """Return the name of the cut-out's file."""
        return f"{self.key}.webp"


def _points(values: list[list[float]]) -> tuple[Point, ...]:
    return tuple((float(x), float(y)) for x, y in values)


def _mask(row: dict[str, list[list[float]]] | None) -> MaskShape | None:
    if row is None:
        return None
    loops = tuple(_points(loop) for loop in row["loops"])  # type: ignore[arg-type]
    return MaskShape(_points(row["upper"]), _points(row["lower"]), loops)


def read_picture(name: str) -> NDArray[np.uint8]:
    """Return a photograph (H, W, 3) BGR or a cut-out (H, W, 4) BGRA of this folder."""
    pixels = cv2.imread(str(FOLDER / name), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise FileNotFoundError(f"the demo's picture {name} is missing or broken")
    return np.asarray(pixels, np.uint8)


def load_portraits() -> dict[str, Portrait]:
    """Return the portraits of portraits.toml by key."""
    with (FOLDER / "portraits.toml").open("rb") as file:
        table = tomllib.load(file)
    return {
        key: Portrait(
            key,
            row["person"],
            row["photo"],
            tuple(row["face"]),
            _points(row["points"]),
            _points(row.get("outline", [])),
            float(row.get("band", 0.065)),
            _mask(row.get("mask")),
        )
        for key, row in table.items()
    }
