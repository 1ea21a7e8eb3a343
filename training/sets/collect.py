"""Knows how sets of labelled pictures are laid out: tables, sheets, class folders, zips of them.

Does not know what is judged by them. A table wins over the folders that its pictures lie in; else a
picture's class is the nearest folder above it that is named like one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from training.sets.classes import Task
from training.sets.files import File, Opened, Unreadable
from training.sets.known import (
    FACES_SHA256,
    KNOWN,
    PRESS,
    KnownSet,
    all_known,
    face_samples,
    picture_of,
    press_samples,
)
from training.sets.samples import Collected, Sample
from training.sets.sheets import sheet_files, sheet_samples
from training.sets.tables import GROUP_COLUMNS, NAME, Row, Table, known, read_table

CKPLUS: Final = re.compile(r"(S\d{3})_\d{3}_\d{8}\.")  # subject, sequence, frame


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture with what its set says of it."""

    file: File
    source: str
    label: str
    trained: bool = False
    kind: str = ""
    group: str = ""


def collect(opened: Opened, task: Task, root: str) -> Collected:
    """Return every labelled picture for a task; root: what the root itself is called."""
    collecting = _Collecting(task, root, Collected())
    files = [file for file in opened.files if file.is_picture]
    for table in _tables(opened, collecting.found):
        mine = [file for file in files if _below(file, table)]
        if collecting.table(table, mine):
            taken = set(map(id, mine))
            files = [file for file in files if id(file) not in taken]
    if task.name == "mask" and all_known(collecting.found):
        collecting.found.samples += press_samples(files)
        files = [file for file in files if file.path.parts[0] != PRESS]
    collecting.folders(files)
    return collecting.found


def _tables(opened: Opened, found: Collected) -> list[Table]:
    """Return the tables, those of inner folders first."""
    tables = []
    for file in opened.files:
        if file.path.name.casefold() == NAME:
            try:
                tables.append(read_table(file))
            except Unreadable as error:
                found.absent.append(str(error))
    return sorted(tables, key=lambda table: len(table.folder.parts), reverse=True)


def _below(file: File, table: Table) -> bool:
    """Whether a file lies below a table, in the same zip."""
    return file.archive is table.source.archive and file.path.is_relative_to(table.folder)


@dataclass(frozen=True, slots=True)
class _Collecting:
    """What has been found so far for one task."""

    task: Task
    root: str
    found: Collected

    def table(self, table: Table, files: Sequence[File]) -> bool:
        """Add what one table labels; return whether its folder is done with."""
        if table.is_sheets:
            if self.task.name == "expression":
                sheets = sheet_files({file.path.name: file for file in files})
                sheet_samples(table, sheets, self.task, self.found)
            else:
                self.found.elsewhere[table.folder.name or self.root] += len(table.rows)
            return True
        if table.sha256 == FACES_SHA256 and self.task.name == "mask":
            self.found.samples += face_samples(table.rows, _places(table, files))
            return True
        by_file, by_label = table.file_column(), table.label_column(self.task)
        if by_file is None or by_label is None:
            return False
        own = KNOWN.get(table.sha256)
        if own is not None:
            self.found.known_sets.add(own.name)
        places = _places(table, files)
        for row in table.rows:
            name = row[by_file].replace("\\", "/").removeprefix("./")
            file = places.get(name) or places.get(f"{row[by_label]}/{name}")
            if file is None:
                self.found.absent.append(f"{table.folder / name}: listed, but not there")
            else:
                source = table.folder.name or self.root
                group = group_of(row, source)
                self.add(Labelled(file, source, row[by_label], *_about(own, row), group))
        return True

    def folders(self, files: Sequence[File]) -> None:
        """Add what lies in class folders; what lies beside them is of an unknown class."""
        sources: set[tuple[str, ...]] = set()
        without: list[File] = []
        for file in files:
            parts = file.path.parent.parts
            at = next((i for i in reversed(range(len(parts))) if known(self.task, parts[i])), None)
            if at is None:
                without.append(file)
                continue
            sources.add(parts[:at])
            source = "/".join(parts[:at]) or self.root
            self.add(Labelled(file, source, parts[at], group=subject_of(file, source)))
        for file in without:
            parts = file.path.parent.parts
            beside = next((parts[i] for i in range(len(parts)) if parts[:i] in sources), None)
            if beside is not None:
                self.found.unknown[beside] += 1
            else:
                self.found.elsewhere[parts[0] if parts else self.root] += 1

    def add(self, one: Labelled) -> None:
        """Add one picture, or count it where its class is not scored."""
        truth = self.task.place(one.label)
        if truth is not None:
            read = partial(picture_of, one.file)
            self.found.samples.append(
                Sample(
                    one.source,
                    str(one.file.path),
                    one.label,
                    truth,
                    read,
                    one.trained,
                    one.kind,
                    group=one.group,
                )
            )
        elif (word := self.task.skipped(one.label)) is not None:
            self.found.left_out[word] += 1
        else:
            self.found.unknown[one.label] += 1


def _places(table: Table, files: Sequence[File]) -> dict[str, File]:
    """Return files by path below the table, and by bare name where only one has it."""
    by_name: dict[str, list[File]] = {}
    for file in files:
        by_name.setdefault(file.path.name, []).append(file)
        by_name.setdefault(file.path.stem, []).append(file)
    alone = {name: same[0] for name, same in by_name.items() if len(same) == 1}
    return alone | {file.path.relative_to(table.folder).as_posix(): file for file in files}


def _about(own: KnownSet | None, row: Row) -> tuple[bool, str]:
    """Return whether a row was trained on, and its kind."""
    if own is not None:
        return own.trained(row), own.kind(row)
    kind = row.get("kind", "").casefold()
    return False, kind if kind in ("real", "drawn") else ""


def subject_of(file: File, source: str) -> str:
    """Return whom a picture of CK+ shows, whose names begin with it, or ""."""
    named = CKPLUS.match(file.path.name)
    return f"{source}/{named[1]}" if named else ""


def group_of(row: Row, source: str) -> str:
    """Return what a row shares with near-duplicates and pictures of the same person, or ""."""
    person = row.get("lfw_name", "").rpartition("_")[0]
    group = next((row[name] for name in GROUP_COLUMNS if row.get(name)), person)
    return f"{source}/{group}" if group else ""
