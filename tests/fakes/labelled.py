"""Knows how labelled pictures are made on the spot, as people keep them. Judges nothing."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from training.sets.sheets import TEN

TILE_PX = 48


def noise(seed: int, height: int = 40, width: int = 30) -> np.ndarray:
    """A picture (height, width, 3) that resembles no other."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (6, 6, 3)).astype(np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def coded(picture: np.ndarray, suffix: str = ".jpg") -> bytes:
    """The bytes of a picture's file."""
    done, data = cv2.imencode(suffix, picture)
    assert done
    return data.tobytes()


def write_folders(root: Path, counts: Mapping[str, int]) -> None:
    """Write so many pictures into each class folder."""
    seed = 0
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            seed += 1
            (root / folder / f"{number}.jpg").write_bytes(coded(noise(seed)))


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a zip of files by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def table(rows: Sequence[Mapping[str, object]]) -> bytes:
    """The bytes of a labels.csv."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def votes(**given: int) -> dict[str, int]:
    """FER+'s ten votes, zero where none is given."""
    return {("NF" if name == "nf" else name): given.get(name, 0) for name in TEN}


def sheet(tiles: Sequence[np.ndarray], a_row: int = 40) -> bytes:
    """The bytes of one sheet of tiles, lossless."""
    rows = -(-len(tiles) // a_row)
    pixels = np.zeros((rows * TILE_PX, a_row * TILE_PX), np.uint8)
    for place, tile in enumerate(tiles):
        y, x = (TILE_PX * part for part in divmod(place, a_row))
        pixels[y : y + TILE_PX, x : x + TILE_PX] = tile
    return coded(pixels, ".png")


def tile(seed: int) -> np.ndarray:
    """A grey tile (48, 48) that resembles no other."""
    return cv2.cvtColor(noise(seed, TILE_PX, TILE_PX), cv2.COLOR_BGR2GRAY)
