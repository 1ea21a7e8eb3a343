"""Knows pairs of pictures, and files of them in LFW's format. Compares nothing.

G. B. Huang et al.: Labeled Faces in the Wild, UMass TR 07-49: "NAME 1 4" is a pair of one person,
"NAME 1 OTHER 2" of two; the first line says how many folds there are, and pairs of each kind.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.refusal import Refusal

FOLDS: Final = 10  # of a file that has none of its own
NUMBER: Final = re.compile(r"(\d+)$")


@dataclass(frozen=True, slots=True)
class Named:
    """One picture, as a pairs file names it: a person's folder and the picture's number."""

    person: str
    number: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures, and the fold (0, 1, …) that they are judged in."""

    first: Named
    second: Named
    fold: int

    @property
    def same(self) -> bool:
        """Whether they show one person."""
        return self.first.person == self.second.person


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs by their pictures' places: first, second (N,); whether one person's; fold (N,)."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    same: NDArray[np.bool_]
    fold: NDArray[np.intp]


def read_pairs(path: Path) -> list[Pair]:
    """Return the pairs of a file. Raises Refusal, with the line, where it is none; OSError."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    if not lines:
        raise Refusal(f"{path} is empty: pairs are wanted, in the format of LFW's pairs.txt.")
    header = lines[0].split()
    counted = all(part.isdigit() for part in header) and len(header) in (1, 2)
    rest = [(n, line) for n, line in enumerate(lines[counted:], 1 + counted) if line.strip()]
    if not rest:
        raise Refusal(f"{path} names no pairs.")
    each = len(rest)
    if counted:
        folds, count = (int(header[0]), int(header[1])) if len(header) == 2 else (1, int(header[0]))
        each = 2 * count
        if folds * each != len(rest):
            raise Refusal(
                f"{path} has {len(rest):,} pairs, but its first line says {folds * each:,}: "
                f"{folds} times {count} of one person and {count} of two."
            )
    several = each < len(rest)
    return [
        _pair(path, number, line, place // each if several else place % FOLDS)
        for place, (number, line) in enumerate(rest)
    ]


def _pair(path: Path, number: int, line: str, fold: int) -> Pair:
    parts = line.split("\t") if "\t" in line else line.split()
    parts = [part.strip() for part in parts]
    match parts:
        case [person, first, second] if first.isdigit() and second.isdigit():
            return Pair(Named(person, int(first)), Named(person, int(second)), fold)
        case [person, first, other, second] if first.isdigit() and second.isdigit():
            return Pair(Named(person, int(first)), Named(other, int(second)), fold)
    raise Refusal(
        f"{path}, line {number}: {line.strip()!r} is no pair.",
        "Wanted: NAME 1 4 for one person's, NAME 1 OTHER 2 for two people's.",
    )


def numbered(names: Sequence[str]) -> dict[Named, int]:
    """Return which picture is meant by a person and a number, by the names "person/file"."""
    found: dict[Named, int] = {}
    for place, name in enumerate(names):
        person, _, file = name.rpartition("/")
        number = NUMBER.search(file.rpartition(".")[0])
        if number:
            found.setdefault(Named(person.rpartition("/")[2], int(number[1])), place)
    return found


def placed(pairs: Sequence[Pair], places: Mapping[Named, int]) -> Pairs:
    """Return pairs by places. Raises Refusal where pictures are missing."""
    named = {one for pair in pairs for one in (pair.first, pair.second)}
    missing = sorted(f"{n.person} {n.number}" for n in named if n not in places)
    if missing:
        raise Refusal(
            f"{len(missing):,} of the {len(named):,} pictures that the pairs name are missing: "
            f"{', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}.",
            "They are looked for as NAME/NAME_0001.jpg, in folders or in the zip.",
        )
    return Pairs(
        np.array([places[pair.first] for pair in pairs], np.intp),
        np.array([places[pair.second] for pair in pairs], np.intp),
        np.array([pair.same for pair in pairs], np.bool_),
        np.array([pair.fold for pair in pairs], np.intp),
    )


def every_pair(
    people: NDArray[np.intp], left: NDArray[np.bool_], right: NDArray[np.bool_]
) -> Pairs:
    """Return every pair of a picture of `left` with one of `right`, (N,), each once.

    people: whose each picture is, (N,). A pair's fold is that of the first one's person.
    """
    if (left == right).all():
        places = np.flatnonzero(left)
        first, second = (places[side] for side in np.triu_indices(len(places), 1))
    else:
        one, other = np.flatnonzero(left), np.flatnonzero(right)
        first, second = np.repeat(one, len(other)), np.tile(other, len(one))
    return Pairs(first, second, people[first] == people[second], people[first] % FOLDS)
