"""Knows how like the enrolled people a face is, and who may claim a name. Keeps no track."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from engine.belief import weight_of
from engine.observations import Knowledge, Who

EMBEDDING_SIZE = 128
Vectors = NDArray[np.float32]  # (N, 128), unit length


def no_vectors() -> Vectors:
    """Return zero vectors (0, 128)."""
    return np.zeros((0, EMBEDDING_SIZE), np.float32)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One person's photos, as vectors (M, 128) of unit length, M at least 1.

    anchors: (A, 128) views that staff said were not this person.
    """

    person_id: str
    vectors: Vectors
    anchors: Vectors = field(default_factory=no_vectors)


@dataclass(frozen=True, slots=True)
class GallerySettings:
    """When a face is somebody. Similarities are cosines of SFace vectors.

    accept_*: mean similarity a name needs, bare or masked; reject_*: below it nobody is like it;
    in between nothing can be said. They belong to one false accept rate each, as measured.
    masked_weight: what a view of a masked face weighs beside one of a bare face.
    margin: lead over the second person; switch_extra: how much more of it a standing name's
    replacement needs.
    votes_needed, unknown_votes_needed: evidence in seconds of perfectly clear sight.
    half_life_s, view_cap_s: as in belief.
    anchor_margin: a view counts against a person whose anchor is this much nearer, or more.
    """

    accept_bare: float = 0.40
    accept_masked: float = 0.36
    reject_bare: float = 0.30
    reject_masked: float = 0.24
    margin: float = 0.06
    switch_extra: float = 0.04
    votes_needed: float = 0.35
    unknown_votes_needed: float = 0.4
    half_life_s: float = 1.5
    view_cap_s: float = 0.3
    anchor_margin: float = 0.0
    masked_weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.masked_weight <= 1:
            raise ValueError("masked_weight must be above 0 and at most 1")
        if self.reject_bare >= self.accept_bare or self.reject_masked >= self.accept_masked:
            raise ValueError("what is rejected must lie below what is accepted")

    def reliability(self, quality: float, masked: float) -> float:
        """Return what an embedding weighs, 0..1, by its crop's quality and its chance of a mask."""
        return weight_of(quality) * (1 - masked * (1 - self.masked_weight))

    def limits(self, masked: float) -> tuple[float, float]:
        """Return the cosines that reject and accept a face whose chance of a mask is `masked`."""
        return (
            self.reject_bare + masked * (self.reject_masked - self.reject_bare),
            self.accept_bare + masked * (self.accept_masked - self.accept_bare),
        )


class Gallery:
    """The enrolled people as one matrix; a new one is made when somebody comes or goes."""

    def __init__(self, people: Sequence[Enrolled], settings: GallerySettings) -> None:
        for person in people:
            if not len(person.vectors):
                raise ValueError(f"person {person.person_id} has no vector")
        self.settings = settings
        self.people = tuple(people)
        self.person_ids = tuple(person.person_id for person in people)
        stacked = [no_vectors(), *(unit(person.vectors) for person in people)]
        self._vectors = np.concatenate(stacked)
        counts = [len(person.vectors) for person in people]
        self._starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.intp)

    def without(self, person_id: str) -> "Gallery":
        """Return the gallery without one person."""
        left = [person for person in self.people if person.person_id != person_id]
        return Gallery(left, self.settings)

    def compare(self, embeddings: Vectors) -> NDArray[np.float32]:
        """Return the similarity (N, P) of embeddings (N, 128) to each person's nearest photo.

        Where an anchor is nearer than every photo, the similarity falls by twice the difference:
        what staff have called "not this person" stays that.
        """
        if not self.people:
            return np.zeros((len(embeddings), 0), np.float32)
        faces = unit(embeddings)
        nearest = np.maximum.reduceat(faces @ self._vectors.T, self._starts, axis=1)
        for column, person in enumerate(self.people):
            if len(person.anchors):
                anchor = (faces @ unit(person.anchors).T).max(axis=1)
                beyond = anchor - nearest[:, column] - self.settings.anchor_margin
                nearest[:, column] -= 2 * np.clip(beyond, 0, None)
        return nearest.astype(np.float32)


def unit(vectors: Vectors) -> Vectors:
    """Return vectors (N, D) at unit length; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Vectors = (vectors / np.maximum(length, 1e-12)).astype(np.float32)
    return found


def assign_once(claims: Mapping[int, Who]) -> dict[int, Who]:
    """Let each person stand once in a picture: claims of its visible tracks, by track number.

    Where two tracks claim a person the likelier keeps the name (the older where they are
    equal), the other becomes undecided: it is not unknown, for nobody else is known to be it.
    """
    holder: dict[str, int] = {}
    for number in sorted(claims):
        who = claims[number]
        if who.knowledge is Knowledge.KNOWN and who.person_id is not None:
            rival = holder.get(who.person_id)
            if rival is None or claims[rival].score < who.score:
                holder[who.person_id] = number
    return {
        number: who
        if who.person_id is None or holder.get(who.person_id) == number
        else replace(who, knowledge=Knowledge.UNDECIDED, person_id=None)
        for number, who in claims.items()
    }
