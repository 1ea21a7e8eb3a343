"""Knows the faces that an embedder learns from, and parts of them. Does not know where they lie."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.recognition.faces import Crops, Faces

Vectors = NDArray[np.float32]  # (N, D) unit vectors


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """Faces, each with copies that wear masks (C, N, 112, 112, 3), and the classes (N, D).

    What learns by points needs neither masks nor classes: C and D are 0. training, validation:
    places of the faces. sha256: of all that was read.
    """

    faces: Faces
    masked: Crops
    classes: Vectors
    training: NDArray[np.intp]
    validation: NDArray[np.intp]
    sha256: str


def some_of(taught: Taught, share: float) -> Taught:
    """Return what is left when fewer people are learnt from, with a share (0..1] of the faces.

    Who is among a share is among every larger one; validation stays. Not for what learns by points.
    """
    if share == 1:
        return taught
    named = np.array(taught.faces.people)
    people, counts = np.unique(named[taught.training], return_counts=True)
    order = sorted(range(len(people)), key=lambda place: _drawn(str(people[place])))
    wanted = share * len(taught.training)
    kept = people[[place for place, before in zip(order, _before(counts[order]), strict=True)
                   if before < wanted]]  # fmt: skip
    places = taught.training[np.isin(named[taught.training], kept)]
    both = np.concatenate([places, taught.validation])
    return replace(
        taught,
        faces=taught.faces.where(both),
        masked=taught.masked[:, both],
        classes=taught.classes[both],
        training=np.arange(len(places)),
        validation=np.arange(len(places), len(both)),
    )


def _before(counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return how many faces the people before each one have."""
    return np.asarray(np.cumsum(counts) - counts, np.intp)


def _drawn(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
