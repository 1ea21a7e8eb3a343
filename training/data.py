"""Knows the data sets and how to read them. Does not know what is learnt from them.

They lie in one folder (`--data`) whose README says what is wrong with each; nothing of them is part
of this repository.
"""

import csv
import io
import zipfile
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
TILES_A_ROW: Final = 40
MASK_SETS: Final = ("masks3_real", "masks_crops", "masks_synth")
MASK_LABELS: Final = {
    "with_mask": MaskState.WORN,
    "incorrect": MaskState.INCORRECT,
    "without_mask": MaskState.MISSING,
}
# FER2013's own numbering is engine.observations.Expression's order; FER+ names its columns.
VOTES: Final = tuple(expression.value for expression in Expression)


@dataclass(frozen=True, slots=True)
class MaskPicture:
    """One picture of a mask set: its group keeps near-duplicates and people together."""

    source: str
    name: str
    group: str
    label: MaskState
    real: bool
    picture: Picture


@dataclass(frozen=True, slots=True)
class FerPicture:
    """One FER2013 tile: 48x48 grey, its label, whether for training, and FER+'s votes (7,)."""

    row: int
    training: bool
    label: int
    votes: NDArray[np.float32]
    unsure: bool
    grey: NDArray[np.uint8]


def decode_jpeg(data: bytes, flags: int = cv2.IMREAD_COLOR) -> NDArray[np.uint8]:
    """Return a picture from its file's bytes. Raises ValueError where it is none."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if picture is None:
        raise ValueError("not a picture that OpenCV can read")
    return np.asarray(picture, np.uint8)


def rows_of(archive: zipfile.ZipFile, name: str = "labels.csv") -> list[dict[str, str]]:
    """Return the rows of a table inside an archive."""
    with archive.open(name) as file:
        return list(csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline="")))


def mask_pictures(data: Path) -> Iterator[MaskPicture]:
    """Yield every picture of the three mask sets.

    Groups: `picture_group`, `dup_group`, and for drawn masks the person of the LFW picture.
    """
    for source in MASK_SETS:
        with zipfile.ZipFile(data / f"{source}.zip") as archive:
            present = set(archive.namelist())
            for row in rows_of(archive):
                if row["name"] not in present or row["label"] not in MASK_LABELS:
                    continue
                person = row.get("lfw_name", "").rpartition("_")[0]
                group = row.get("picture_group") or row.get("dup_group") or person
                yield MaskPicture(
                    source,
                    row["name"],
                    f"{source}/{group}",
                    MASK_LABELS[row["label"]],
                    source == "masks3_real" or row.get("kind") == "real",
                    decode_jpeg(archive.read(row["name"])),
                )


def press_pictures(data: Path) -> Iterator[MaskPicture]:
    """Yield the unaligned LFW pictures, all bare; groups are people."""
    with zipfile.ZipFile(data / "lfw_raw250_devtest.zip") as archive:
        for name in sorted(n for n in archive.namelist() if n.endswith(".jpg")):
            group = f"lfw/{name.partition('/')[0]}"
            picture = decode_jpeg(archive.read(name))
            yield MaskPicture("press", name, group, MaskState.MISSING, True, picture)


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


def fer_pictures(data: Path) -> Iterator[FerPicture]:
    """Yield every tile of FER2013's Training and PublicTest, in the sheets' order."""
    with zipfile.ZipFile(data / "fer2013_train_public.zip") as archive:
        sheets: dict[int, NDArray[np.uint8]] = {}
        for row in rows_of(archive):
            number, tile = int(row["sheet"]), int(row["tile"])
            if number not in sheets:
                data_of_sheet = archive.read(f"sheet_{number:03d}.jpg")
                sheets = {number: decode_jpeg(data_of_sheet, cv2.IMREAD_GRAYSCALE)}
            y, x = (TILE_PX * part for part in divmod(tile, TILES_A_ROW))
            yield FerPicture(
                int(row["fer_row"]),
                row["usage"] == "Training",
                int(row["label"]),
                np.array([float(row[name]) for name in VOTES], np.float32),
                row["dup_unsure"] == "1",
                sheets[number][y : y + TILE_PX, x : x + TILE_PX].copy(),
            )


@dataclass(frozen=True, slots=True)
class Pair:
    """Two aligned pictures of LFW by name, whether they show one person, and the fold (0..9)."""

    first: str
    second: str
    same: bool
    fold: int


def lfw_pairs(data: Path) -> list[Pair]:
    """Return LFW's 6,000 pairs (View 2): ten folds of 300 same and 300 different."""
    lines = (data / "lfw_pairs.txt").read_text().splitlines()
    folds, count = (int(part) for part in lines[0].split())
    pairs = []
    for index, line in enumerate(lines[1:]):
        parts = line.split()
        same = len(parts) == 3
        names = [(parts[0], parts[1]), (parts[0], parts[2])] if same else [parts[:2], parts[2:]]
        first, second = (f"{person}/{person}_{int(n):04d}.jpg" for person, n in names)
        pairs.append(Pair(first, second, same, index // (2 * count)))
    if len(pairs) != folds * 2 * count:
        raise ValueError(f"lfw_pairs.txt has {len(pairs)} pairs, not {folds * 2 * count}")
    return pairs
