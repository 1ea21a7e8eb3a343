"""Knows which pictures the shipped networks have learnt from. Does not know how sets are laid out.

A set is recognised by its table's SHA-256: another set that bears its name is a stranger's, and is
used whole. FER2013 is not here: its `usage` says it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from training.data import MASK_SETS, clip_frames
from training.prepare import faces_of
from training.sets.classes import MISSING
from training.sets.files import File
from training.sets.pictures import Picture, decode
from training.sets.samples import Collected, Sample
from training.sets.tables import Row
from training.splits import Side, side_of
from workers.detector import Detector

PRESS: Final = "lfw_raw250_devtest"
CLIPS: Final = "clips"
BARE: Final = "without_mask"
FACES: Final = "faces_112"  # bare faces of all looks; says nothing of masks, nobody wears one
FACES_EACH: Final = 900  # of each kind of looks that the set tells apart
FACES_SHA256: Final = "0f260ee20c86581396090d2eada4cf22780e0ddea7df6c36e548a5fbb1b1c9a8"


@dataclass(frozen=True, slots=True)
class KnownSet:
    """One set that was trained on: how its groups and its kinds are found in a row."""

    name: str
    group_column: str
    kind_always: str = ""

    def trained(self, row: Row) -> bool:
        """Whether a row is on another side of the split than the test side."""
        group = row.get(self.group_column, "")
        if self.group_column == "lfw_name":  # the person, not the picture
            group = group.rpartition("_")[0]
        return not tested(f"{self.name}/{group}")

    def kind(self, row: Row) -> str:
        """Return "real" or "drawn"."""
        return self.kind_always or ("real" if row.get("kind") == "real" else "drawn")


KNOWN: Final = {
    "3162ddd4cdce39584b50c570ae934f28ae40e96ab00dab3c5299b30750fb668d": KnownSet(
        "masks3_real", "picture_group", "real"
    ),
    "f4d9b7fc6f0845d9f540953b684ca9b34b1295384c51f9c233831f7ff4ddb5bc": KnownSet(
        "masks_crops", "dup_group"
    ),
    "2edab272e7eec8ddc142c0c81c7292a64bef5713e65a8ea0a81c59f52dbee52b": KnownSet(
        "masks_synth", "lfw_name", "drawn"
    ),
}


def tested(group: str) -> bool:
    """Whether a group is on the test side of the split, and so was not learnt from."""
    return side_of(group) is Side.TEST


def all_known(found: Collected) -> bool:
    """Whether every set that the mask network learnt from is there, unchanged."""
    return found.known_sets >= set(MASK_SETS)


def press_samples(files: Sequence[File]) -> Iterator[Sample]:
    """Yield the bare press pictures among the files; groups are people."""
    for file in files:
        if file.path.parts[0] == PRESS and len(file.path.parts) > 2:
            group = f"lfw/{file.path.parts[1]}"
            read, trained = partial(picture_of, file), not tested(group)
            yield Sample("press", str(file.path), BARE, MISSING, read, trained, "real", group=group)


def face_samples(rows: Sequence[Row], places: Mapping[str, File]) -> Iterator[Sample]:
    """Yield bare faces of `faces_112`, as many of each kind of looks; groups are named people."""
    counts: Counter[str] = Counter()
    for row in rows:
        file = places.get(row["file"])
        counts[row["race"]] += 1
        if file is None or counts[row["race"]] > FACES_EACH:
            continue
        group = f"{FACES}/{row['identity'] or row['file']}"
        read, trained = partial(picture_of, file), not tested(group)
        people = row["race"].removeprefix("?")
        yield Sample(
            FACES, f"{FACES}/{row['file']}", BARE, MISSING, read, trained, "real",
            group=group, people=people,
        )  # fmt: skip


def clip_samples(data: Path, detector: Detector) -> Iterator[Sample]:
    """Yield every bare face in the clips; groups are people."""
    for frame in clip_frames(data):
        trained = not tested(frame.group)
        for place, face in enumerate(faces_of(frame.picture, detector)):
            yield Sample(
                CLIPS,
                f"{frame.name}/{place}",
                BARE,
                MISSING,
                partial(np.copy, face),
                trained,
                "real",
                group=frame.group,
            )


def picture_of(file: File) -> Picture:
    """Return a file's picture. Raises Unreadable."""
    return decode(file.read(), str(file.path))
