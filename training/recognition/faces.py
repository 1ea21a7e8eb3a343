"""Knows sets of aligned faces and whose they are. Embeds none of them, judges nothing."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.faces import ALIGNED_PX
from training.refusal import Refusal
from training.sets.files import File, Unreadable, opened
from training.sets.pictures import Picture, decode
from training.sets.tables import read_table

Crops = NDArray[np.uint8]  # (N, 112, 112, 3) BGR, ArcFace's template

FACES: Final = "faces_112"
MASKED: Final = "m_"  # how the names of masked pictures begin in `masked_identities`


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Aligned faces: each one's name, unique, whose it is, and the crops (N, 112, 112, 3) BGR."""

    names: tuple[str, ...]
    people: tuple[str, ...]
    crops: Crops

    def where(self, chosen: Collection[int] | NDArray[np.intp]) -> "Faces":
        """Return some of the faces, by their places."""
        places = np.asarray(chosen, np.intp)
        return Faces(
            tuple(self.names[place] for place in places),
            tuple(self.people[place] for place in places),
            self.crops[places],
        )

    def of(self, people: Collection[str]) -> "Faces":
        """Return the faces of some people."""
        return self.where([k for k, person in enumerate(self.people) if person in people])

    def numbers(self) -> NDArray[np.intp]:
        """Return whose each face is as a number (N,), equal where the person is."""
        _, numbers = np.unique(np.array(self.people), return_inverse=True)
        return np.asarray(numbers, np.intp)


def joined(parts: Collection[Faces]) -> Faces:
    """Return the faces of several sets as one."""
    return Faces(
        tuple(name for part in parts for name in part.names),
        tuple(person for part in parts for person in part.people),
        np.concatenate([part.crops for part in parts]),
    )


def identities(data: Path, people: Collection[str] | None = None) -> Faces:
    """Return the faces of a folder or zip with a folder for each person, or of some people there.

    Names are "person/file". Raises Refusal where there are none, OSError.
    """
    with opened(data) as files:
        pictures = [file for file in files.files if file.is_picture and file.path.parent.name]
        if people is not None:
            pictures = [file for file in pictures if file.path.parent.name in people]
        if not pictures:
            raise Refusal(
                f"There are no pictures of people in {data}.",
                "Name a folder or a zip with one folder for each person.",
                *files.damaged[:1],
            )
        return _read((file, file.path.parent.name) for file in pictures)


def faces_112(data: Path, left_out: Collection[str] = ()) -> Faces:
    """Return the set `faces_112`: whoever has no identity there is somebody of his own."""
    with opened(data / f"{FACES}.zip") as files:
        (table,) = (file for file in files.files if file.path.name == "labels.csv")
        whose = {row["file"]: row["identity"] for row in read_table(table).rows}
        pictures = [
            file
            for file in files.files
            if file.is_picture and f"{FACES}/{file.path.name}" not in left_out
        ]
        return _read((file, whose[file.path.name] or file.path.name) for file in pictures)


def _read(found: Iterator[tuple[File, str]]) -> Faces:
    names, people, crops = [], [], []
    for file, person in found:
        names.append(f"{file.path.parent.name}/{file.path.name}")
        people.append(person)
        crops.append(as_aligned(decode(file.read(), str(file.path)), str(file.path)))
    return Faces(tuple(names), tuple(people), np.stack(crops))


def as_aligned(picture: Picture, name: str) -> Picture:
    """Return an aligned face at 112 pixels. Raises Unreadable where it cannot be one."""
    height, width = picture.shape[:2]
    if height != width:
        raise Unreadable(f"{name} is {width}x{height}: an aligned face is square; else say --raw")
    if height == ALIGNED_PX:
        return picture
    way = cv2.INTER_AREA if height > ALIGNED_PX else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (ALIGNED_PX, ALIGNED_PX), interpolation=way), np.uint8)
