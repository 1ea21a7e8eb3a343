"""Knows how well the enrolled people can be told apart, by their own photos. Sees no camera."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.enrolment import UNLIKE_BELOW
from engine.gallery import Enrolled, GallerySettings, unit

BLOCK: Final = 1024  # photos that are compared with all others at once


class Advice(StrEnum):
    """What is worth doing about one person; in the order of its weight."""

    SAME_PERSON = "same_person"  # so alike to another that they may be one person, enrolled twice
    LOOK_ALIKE = "look_alike"  # a single view could be taken for the other
    OUTLYING_PHOTO = "outlying_photo"  # a photo unlike the person's others, or nearer to another
    ONE_PHOTO = "one_photo"  # nothing says whether the photo is a good one


@dataclass(frozen=True, slots=True)
class Apart:
    """One person beside all others; likeness is a cosine.

    own: the least likeness of a photo to the nearest of the person's others, None for one photo.
    nearest, likeness: who is most like this person, and how much; None and -1 where nobody else is.
    outlying: places of photos, in their order, that are unlike the others.
    """

    person_id: str
    photos: int
    own: float | None
    nearest: str | None
    likeness: float
    outlying: tuple[int, ...]
    advice: tuple[Advice, ...]


def apart(people: Sequence[Enrolled], settings: GallerySettings) -> list[Apart]:
    """Return everybody beside all others, those with the most to mend first."""
    if not people:
        return []
    vectors = np.concatenate([unit(person.vectors) for person in people])
    counts = [len(person.vectors) for person in people]
    whose = np.repeat(np.arange(len(people)), counts)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
    nearest, likeness = _others(vectors, whose)
    found = []
    for place, person in enumerate(people):
        mine = slice(starts[place], starts[place + 1])
        own = _own(vectors[mine])
        best = int(likeness[mine].argmax())
        outlying = _outlying(own, likeness[mine])
        most = float(likeness[mine][best])
        advice = _advice(len(own), most, outlying, settings)
        other = people[whose[nearest[mine][best]]].person_id if len(people) > 1 else None
        least = float(own.min()) if len(own) > 1 else None
        found.append(Apart(person.person_id, len(own), least, other, most, tuple(outlying), advice))
    order = list(Advice)
    return sorted(
        found,
        key=lambda one: (min(map(order.index, one.advice), default=len(order)), -one.likeness),
    )


def _others(
    vectors: NDArray[np.float32], whose: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return each photo's nearest photo of somebody else, and its cosine; -1 where nobody is."""
    nearest = np.zeros(len(vectors), np.intp)
    likeness = np.full(len(vectors), -1, np.float32)
    for first in range(0, len(vectors), BLOCK):
        rows = slice(first, first + BLOCK)
        cosines = vectors[rows] @ vectors.T
        cosines[whose[rows, None] == whose[None]] = -1
        nearest[rows], likeness[rows] = cosines.argmax(axis=1), cosines.max(axis=1)
    return nearest, likeness


def _own(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each photo's likeness to the nearest of the person's others (M,); 1 for a lone one."""
    if len(vectors) == 1:
        return np.ones(1, np.float32)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    return np.asarray(cosines.max(axis=1), np.float32)


def _outlying(own: NDArray[np.float32], others: NDArray[np.float32]) -> list[int]:
    if len(own) == 1:
        return []
    return np.flatnonzero((own < UNLIKE_BELOW) | (own < others)).tolist()


def _advice(
    photos: int, likeness: float, outlying: Sequence[int], settings: GallerySettings
) -> tuple[Advice, ...]:
    found = []
    if likeness >= settings.accept_bare + settings.margin:
        found.append(Advice.SAME_PERSON)
    elif likeness >= settings.reject_bare:
        found.append(Advice.LOOK_ALIKE)
    if outlying:
        found.append(Advice.OUTLYING_PHOTO)
    if photos == 1:
        found.append(Advice.ONE_PHOTO)
    return tuple(found)
