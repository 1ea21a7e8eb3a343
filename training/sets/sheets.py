"""Knows FER2013 as sheets of tiles with FER+'s votes. Does not know what is made of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from training.data import TILE_PX, VOTES
from training.sets.classes import Task
from training.sets.files import File, Unreadable
from training.sets.pictures import Picture, decode
from training.sets.samples import Collected, Sample
from training.sets.tables import Row, Table

# FER+'s columns (arXiv:1608.01041), the seven in the network's order first.
TEN = (*VOTES, "contempt", "unknown", "nf")
TRAINING = "training"
SHEET = re.compile(r"sheet[_-]?(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Sheets:
    """The sheets of one set; the last one read is kept, as tiles stand in order."""

    files: Mapping[int, File]
    _number: int = -1
    _pixels: Picture = field(default_factory=lambda: np.zeros((0, 0, 3), np.uint8))

    def tile(self, number: int, place: int) -> Picture:
        """Return one tile (48, 48, 3), counted along rows. Raises Unreadable."""
        if number not in self.files:
            raise Unreadable(f"there is no sheet {number}")
        if number != self._number:
            file = self.files[number]
            self._pixels, self._number = decode(file.read(), str(file.path)), number
        a_row = max(1, self._pixels.shape[1] // TILE_PX)
        y, x = (TILE_PX * part for part in divmod(place, a_row))
        tile = self._pixels[y : y + TILE_PX, x : x + TILE_PX]
        if tile.shape[:2] != (TILE_PX, TILE_PX):
            raise Unreadable(f"sheet {number} has no tile {place}")
        return tile.copy()


def sheet_samples(table: Table, files: Mapping[int, File], task: Task, into: Collected) -> None:
    """Add every tile that a table names, whatever its `usage`."""
    sheets = Sheets(files)
    for row, number, place in _places(table, into):
        label, truth = _label(row, task)
        if truth is None:
            word = task.skipped(label)
            (into.left_out if word else into.unknown)[word or label] += 1
            continue
        usage = row.get("usage", "")
        into.samples.append(
            Sample(
                f"{table.folder.name or 'FER2013'} {usage}".strip(),
                f"{table.folder}: sheet {number}, tile {place}",
                label,
                truth,
                partial(sheets.tile, number, place),
                trained=usage.casefold() == TRAINING,
                sheet=True,
                votes=votes_of(row),
            )
        )


def _places(table: Table, into: Collected) -> Iterator[tuple[Row, int, int]]:
    for line, row in enumerate(table.rows, start=2):
        try:
            number, place = int(row["sheet"]), int(row["tile"])
        except ValueError:
            into.absent.append(f"{table.source.path}: line {line} names no sheet and tile")
            continue
        yield row, number, place


def _label(row: Row, task: Task) -> tuple[str, int | None]:
    """Return a row's own word for its class and the network's class; FER2013 numbers them 0..6."""
    label = row.get("label", "")
    name = row.get("label_name") or label
    if label.isdigit() and int(label) < len(task.classes):
        place = int(label)
        return (name if not name.isdigit() else task.classes[place].usual), place
    return name, task.place(name)


def votes_of(row: Row) -> NDArray[np.float32] | None:
    """Return FER+'s votes of one row, (10,), or None where it has none."""
    try:
        votes = np.array([float(row.get(name) or 0) for name in TEN], np.float32)
    except ValueError:
        return None
    return votes if set(VOTES) <= row.keys() and votes.sum() > 0 else None


def sheet_files(files: Mapping[str, File]) -> dict[int, File]:
    """Return the sheets among a folder's files, by number: "sheet_007.jpg" is 7."""
    found = {}
    for name, file in files.items():
        if file.is_picture and (match := SHEET.fullmatch(name.rpartition(".")[0])):
            found[int(match[1])] = file
    return found
