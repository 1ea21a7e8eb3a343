"""Knows which pictures a model of `ostiary train` has learnt from: its `split.csv`. Judges nothing.

What it writes, it reads: a picture is known by its name, its path below the data's root.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from training.sets.samples import Sample
from training.splits import Side

NAME: Final = "split.csv"
SEEN: Final = (Side.TRAINING.value, Side.VALIDATION.value)  # by the second, an epoch was chosen


def write_split(samples: Sequence[Sample], sides: Iterable[str], path: Path) -> None:
    """Write which picture was on which side. Raises OSError."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("source", "name", "label", "side"))
        for sample, side in zip(samples, sides, strict=True):
            writer.writerow((sample.source, sample.name, sample.label, side))


def tested_by(folder: Path) -> set[str] | None:
    """Return the names of the test side of a model's folder, or None where it says nothing.

    Raises OSError.
    """
    rows = _rows(folder)
    return None if rows is None else {name for name, side in rows if side == Side.TEST}


def marked(samples: Sequence[Sample], folder: Path) -> list[Sample]:
    """Return samples with `trained` as a model's folder says it; as they are where it says nothing.

    Raises OSError.
    """
    rows = _rows(folder)
    if rows is None:
        return list(samples)
    seen = {name for name, side in rows if side in SEEN}
    return [replace(one, trained=one.name in seen) for one in samples]


def _rows(folder: Path) -> list[tuple[str, str]] | None:
    """Return each picture's name and side, or None where the folder has no such file."""
    path = folder / NAME
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        return [(row.get("name") or "", row.get("side") or "") for row in csv.DictReader(file)]
