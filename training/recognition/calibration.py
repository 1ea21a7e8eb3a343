"""Knows how an embedder's thresholds are set: on people who are there for nothing else.

What is said of bare and of masked faces is brought to one false accept rate each. Photos are
enrolled bare, as people are; whoever asks is bare or masked.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.recognition.rates import FALSE_ACCEPTS, Owned, Search, impostors, search

ENROLLED: Final = 2  # photos of each person in a gallery
FPIR: Final = 0.01
NAMED: Final = "1e-4"  # what a name needs where those who ask are too few for a search
UNLIKE: Final = "1e-2"

Vectors = NDArray[np.float32]  # (N, D) unit vectors


@dataclass(frozen=True, slots=True)
class Kind:
    """What cosines mean for bare or for masked faces, asked against bare photos.

    thresholds: the cosine by false accept rate, None where pairs are too few. separation: by how
    many of the impostors' and genuine pairs' mean deviations their means lie apart (d').
    """

    thresholds: dict[str, float | None]
    separation: float
    search: Search | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is stored in the manifest and decides before cameras."""

    bare: Kind
    masked: Kind
    people: int
    impostor_pairs: int

    def declared(self) -> dict[str, float]:
        """Return the manifest's thresholds by name, and the weight of a masked view.

        What a name needs is what a search among the enrolled needs, at which one in a hundred
        strangers is taken for somebody. Of too few people there are none: the live system's own
        stand instead.
        """
        found: dict[str, float] = {}
        for kind, one in (("bare", self.bare), ("masked", self.masked)):
            searched = one.search.threshold if one.search else one.thresholds[NAMED]
            for name, value in (("accept", searched), ("reject", one.thresholds[UNLIKE])):
                if value is not None:
                    found[f"{name}_{kind}"] = round(value, 4)
            for rate in FALSE_ACCEPTS:
                if (value := one.thresholds[rate]) is not None:
                    found[f"{kind}_{rate.replace('-', '_')}"] = round(value, 4)
        # views are averaged: of independent ones the best weights go by the square of d'
        if self.bare.separation > 0:  # else it tells nobody from anybody
            share = (max(0.0, self.masked.separation) / self.bare.separation) ** 2
            found["masked_weight"] = round(min(1.0, max(0.01, share)), 3)
        return found


def calibrate(bare: Vectors, masked: Vectors, people: NDArray[np.intp]) -> Calibration:
    """Return thresholds by the same faces bare and masked (N, D); people: whose each is, (N,)."""
    enrolled = Owned(bare, people)
    count = impostors(enrolled).pairs
    return Calibration(
        _kind(enrolled, enrolled, within=True),
        _kind(Owned(masked, people), enrolled, within=False),
        len(np.unique(people)),
        count,
    )


def _kind(asked: Owned, enrolled: Owned, within: bool) -> Kind:
    found = impostors(asked, None if within else enrolled)
    same = asked.people[:, None] == enrolled.people[None]
    np.fill_diagonal(same, False)  # the same picture
    cosines = asked.vectors @ enrolled.vectors.T
    genuine, different = cosines[same], cosines[asked.people[:, None] != enrolled.people[None]]
    deviation = max(float(np.sqrt((genuine.var() + different.var()) / 2)), 1e-9)
    return Kind(
        dict(found.thresholds()),
        float((genuine.mean() - different.mean()) / deviation),
        _search(asked, enrolled),
    )


def _search(asked: Owned, enrolled: Owned) -> Search | None:
    """Return 1:N with everybody's first photos enrolled and the others asking."""
    gallery, rest = [], np.ones(len(asked.people), bool)
    for person in np.unique(enrolled.people):
        photos = np.flatnonzero(enrolled.people == person)[:ENROLLED]
        gallery.append(enrolled.vectors[photos])
        rest[photos] = False
    _, places = np.unique(asked.people, return_inverse=True)
    return search(gallery, Owned(asked.vectors[rest], places[rest]), FPIR)
