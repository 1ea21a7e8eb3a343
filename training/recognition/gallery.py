"""Knows how people are found among 1,000 who are enrolled, strangers among those who ask: 1:N.

One picture of each is enrolled, bare; the others ask, and all pictures of people who are not
enrolled. Where too few people have two pictures, people with one fill the gallery; nobody asks for
them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.recognition.embedding import Bench, Look, Vectors, embedded
from training.recognition.masking import chance
from training.recognition.rates import Owned, Search, search
from training.recognition.verification import Question, faces_of
from workers.manifest import Entry

ENROLLED: Final = 1000
FPIR: Final = 0.01
SEED: Final = 0
STRANGER: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class Enrolment:
    """Whose picture is enrolled, and who asks.

    enrolled: places of pictures, (G,). asking: places of pictures, (K,). whose: for each of those
    the place in `enrolled` of the person's picture, or STRANGER, (K,). several: how many people
    have two pictures. filling: how many of the enrolled have no other picture.
    """

    enrolled: NDArray[np.intp]
    asking: NDArray[np.intp]
    whose: NDArray[np.intp]
    several: int
    filling: int


@dataclass(frozen=True, slots=True)
class Found:
    """What searches came to; None where too few asked for the rate.

    enrolled: people. several: people with two pictures in the set. filling: the enrolled for whom
    nobody asks. bare, masked: how the ones who ask look.
    """

    enrolled: int
    several: int
    filling: int
    bare: Search | None
    masked: Search | None


def judge(bare: Question, masked: Question, entry: Entry, bench: Bench) -> Found:
    """Search a set's people. Raises Refusal, Unreadable, OSError.

    masked: the same set, its second pictures masked.
    """
    faces, _ = faces_of(bare, bench)
    enrolment = enrol(faces.numbers(), ENROLLED)

    def asked(look: Look) -> Search | None:
        probes = embedded(faces.where(enrolment.asking), look, entry, bench).vectors
        return searched(gallery, probes, enrolment)

    gallery = embedded(faces.where(enrolment.enrolled), bare.look(False), entry, bench).vectors
    return Found(
        len(enrolment.enrolled),
        enrolment.several,
        enrolment.filling,
        asked(bare.look(False)),
        asked(masked.look(True)),
    )


def enrol(people: NDArray[np.intp], count: int) -> Enrolment:
    """Return who is enrolled by chance, by whose each picture is: 0 to P-1, (N,)."""
    pictures = np.bincount(people)
    order = chance(SEED, "gallery").permutation(len(pictures))
    order = order[np.argsort(pictures[order] < 2, kind="stable")]  # people with two come first
    chosen = order[:count]
    _, first = np.unique(people, return_index=True)  # everybody's first picture
    places = np.full(len(pictures), STRANGER, np.intp)
    places[chosen] = np.arange(len(chosen))
    enrolled = np.asarray(first[chosen], np.intp)
    asking = np.setdiff1d(np.arange(len(people)), enrolled)
    return Enrolment(
        enrolled,
        asking,
        places[people[asking]],
        int((pictures > 1).sum()),
        int((pictures[chosen] < 2).sum()),
    )


def searched(gallery: Vectors, probes: Vectors, enrolment: Enrolment) -> Search | None:
    """Return the search of probes (K, D) in a gallery (G, D); None where too few ask."""
    return search([one[None] for one in gallery], Owned(probes, enrolment.whose), FPIR)
