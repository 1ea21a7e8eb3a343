"""Knows what an analysis says of pictures. Does not know how it is found out, or shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.boxes import Box
from engine.observations import Expression, Knowledge, MaskState

Pixels = NDArray[np.uint8]  # (H, W, 3) BGR, upright


class Kind(StrEnum):
    """What a source is: one picture, pictures with times, or a camera on this machine."""

    PHOTOGRAPH = "photograph"
    FILM = "film"
    WEBCAM = "webcam"


@dataclass(frozen=True, slots=True)
class MaskSaid:
    """How a mask is worn; state is None while a film is undecided.

    probability: of a photograph what the network gave the state, of a film the state's share of
    the evidence so far. probabilities: what the network last said of this face.
    """

    state: MaskState | None
    probability: float
    probabilities: Mapping[MaskState, float]


@dataclass(frozen=True, slots=True)
class ExpressionSaid:
    """Which expression a face has; as `MaskSaid`."""

    label: Expression | None
    probability: float
    probabilities: Mapping[Expression, float]


@dataclass(frozen=True, slots=True)
class PersonSaid:
    """Who a face is; a name only when known. score: cosine to the nearest enrolled person."""

    knowledge: Knowledge
    name: str | None
    score: float


@dataclass(frozen=True, slots=True)
class Face:
    """One face of one picture.

    box: 0..1 of the picture. track: the same number for the same face in one film; None in a
    photograph. tentative: a film has not shown it for long enough to be sure of it.
    score: the detector's, 0..1. quality: 0..1; 0 with the reason where the face is unfit for use:
    then a film says nothing of it, and a photograph its best guess but no name.
    mask, expression, person: None where they were not asked for, or nothing is said yet.
    """

    box: Box
    score: float
    quality: float
    unused_because: str | None = None
    track: int | None = None
    tentative: bool = False
    mask: MaskSaid | None = None
    expression: ExpressionSaid | None = None
    person: PersonSaid | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture and its faces.

    name: the file's path as it was given, or "webcam:N". inside: its path below the folder that
    was named, or its own name. index: place in the film, 0 in a photograph. time_s: since the
    film's first picture, by its own clock; None in a photograph.
    """

    name: str
    inside: Path
    kind: Kind
    index: int
    time_s: float | None
    pixels: Pixels = field(repr=False)
    faces: tuple[Face, ...]

    @property
    def size_px(self) -> tuple[int, int]:
        """Width, height."""
        height, width = self.pixels.shape[:2]
        return width, height


class Trouble(StrEnum):
    """Why a source is not analysed."""

    MISSING = "missing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Problem:
    """A source, or part of it, that could not be analysed; message: one line for people."""

    name: str
    trouble: Trouble
    message: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


class Unreadable(Exception):
    """A source cannot be analysed."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an analysis is. share: 0..1 of all, None where a film does not say how long it is."""

    name: str
    done: int  # files
    total: int  # files
    share: float | None
