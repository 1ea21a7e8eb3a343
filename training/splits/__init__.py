"""Knows on which side of a split a group falls. Does not know what is in the group."""

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

# "groups": near-duplicates and people stay on one side, the same on every machine, whatever the
# seed; pictures that show one of another side again are left out of training. "chance": every
# picture by itself, by the seed, as the papers do.
SplitBy = Literal["groups", "chance"]
FOLDS: Final = 5  # of a cross-validation: each is the test side once; the usual split is fold 0


class Side(StrEnum):
    """What a picture is for."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"
    LEFT_OUT = "left out"  # it shows a picture of another side again


def side_of(
    group: str, validation_percent: int = 8, test_percent: int = 100 // FOLDS, fold: int = 0
) -> Side:
    """Return a group's side by its name's hash: the same on every machine, whatever the order."""
    place = int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") % 100
    place = (place - 100 // FOLDS * fold) % 100
    if place < test_percent:
        return Side.TEST
    return Side.VALIDATION if place < test_percent + validation_percent else Side.TRAINING


def listed(name: str) -> frozenset[str]:
    """Return a list that is kept beside this file: people, or pictures, one a line."""
    lines = (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
