"""Knows what a data set's `labels.csv` says of its pictures. Does not know any set in particular.

Columns are found by their names, whatever their order; what is not known is left alone.
"""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import PurePosixPath
from typing import Final

from training.sets.classes import Task
from training.sets.files import File

NAME: Final = "labels.csv"
FILE_COLUMNS: Final = ("name", "file", "filename", "file_name", "path", "image", "picture")
LABEL_COLUMNS: Final = (
    "label", "label_name", "class", "class_name", "expression", "emotion", "mask", "mask_state",
    "state",
)  # fmt: skip
GROUP_COLUMNS: Final = ("picture_group", "dup_group", "group", "person", "subject", "identity")

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """One `labels.csv`: its folder, its rows by column, and the SHA-256 of its bytes."""

    folder: PurePosixPath
    source: File
    rows: Sequence[Row]
    sha256: str

    @property
    def columns(self) -> frozenset[str]:
        """The names of its columns, in small letters."""
        return frozenset(self.rows[0]) if self.rows else frozenset()

    @property
    def is_sheets(self) -> bool:
        """Whether it names tiles of FER2013's sheets instead of files."""
        return {"sheet", "tile"} <= self.columns

    def file_column(self) -> str | None:
        """Return the column that names pictures, or None."""
        return next((name for name in FILE_COLUMNS if name in self.columns), None)

    def label_column(self, task: Task) -> str | None:
        """Return the first column in which a class of the task is named, or None."""
        for name in LABEL_COLUMNS:
            if name in self.columns and any(known(task, row[name]) for row in self.rows):
                return name
        return None


def known(task: Task, name: str) -> bool:
    """Whether a task scores this class, or leaves it out by name."""
    return task.place(name) is not None or task.skipped(name) is not None


def read_table(file: File) -> Table:
    """Return one table, separated by commas or semicolons. Raises Unreadable."""
    data = file.read()
    text = data.decode("utf-8-sig", errors="replace")
    header = text.partition("\n")[0]
    mark = ";" if ";" in header and "," not in header else ","
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    names = [name.strip().casefold() for name in next(lines, [])]
    rows = [dict(zip_longest(names, map(str.strip, line[: len(names)]), fillvalue=""))
            for line in lines if line]  # fmt: skip
    return Table(file.path.parent, file, rows, hashlib.sha256(data).hexdigest())
