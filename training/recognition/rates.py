"""Knows what cosines of pairs say of an embedder: accuracy, true and false accepts. No pictures.

Terms as in ISO/IEC 19795-1. FAR: the share of pairs of different people that are accepted; it rests
on all pairs across identities, and is None where those are fewer than TEN / FAR.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Cosines = NDArray[np.float32]
Vectors = NDArray[np.float32]  # (N, D) unit vectors
DISTANCE: Final = 0.90  # Euclidean, at which paper 1 decides
FALSE_ACCEPTS: Final = {"1e-2": 1e-2, "1e-3": 1e-3, "1e-4": 1e-4}
TEN: Final = 10  # false accepts that a rate rests on at least
BLOCK: Final = 512  # rows of a matrix of cosines that are held at once


@dataclass(frozen=True, slots=True)
class Folds:
    """Accuracy of verification: each fold by the threshold that is best on the others.

    accuracy, deviation: mean and standard deviation over the folds, 0..1. standard_error: of the
    mean. threshold: the mean of the folds', a cosine.
    """

    accuracy: float
    deviation: float
    standard_error: float
    threshold: float


def over_folds(cosines: Cosines, same: NDArray[np.bool_], folds: NDArray[np.intp]) -> Folds:
    """Return the accuracy over folds (N,) 0..K-1 of pairs, by cosine and whether they are one."""
    accuracies, thresholds = [], []
    for fold in range(int(folds.max()) + 1):
        rest = folds != fold
        best = best_threshold(cosines[rest], same[rest])
        thresholds.append(best)
        accuracies.append(float(((cosines[~rest] > best) == same[~rest]).mean()))
    spread = float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else 0.0
    return Folds(
        float(np.mean(accuracies)),
        spread,
        spread / len(accuracies) ** 0.5,
        float(np.mean(thresholds)),
    )


def at_distance(cosines: Cosines, same: NDArray[np.bool_], distance: float) -> float:
    """Return the accuracy at a fixed Euclidean distance of unit vectors, 0..2."""
    return float(((cosines > 1 - distance**2 / 2) == same).mean())


def best_threshold(cosines: Cosines, same: NDArray[np.bool_]) -> float:
    """Return the cosine that separates same from different pairs with the fewest errors."""
    order = np.argsort(cosines)
    sorted_same = same[order]
    # errors when cutting after position i: same below the cut, different above it
    errors = np.cumsum(sorted_same) + (~sorted_same).sum() - np.cumsum(~sorted_same)
    cut = int(errors.argmin())
    above = cosines[order][min(cut + 1, len(cosines) - 1)]
    return float((cosines[order][cut] + above) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Impostors:
    """The highest cosines of pairs of different people, falling, and how many pairs there are."""

    highest: Cosines
    pairs: int

    def threshold(self, rate: float) -> float | None:
        """Return the cosine above which that share of the pairs lies, None where they are few."""
        if self.pairs * rate < TEN:
            return None
        return float(self.highest[min(int(self.pairs * rate), len(self.highest) - 1)])

    def thresholds(self) -> Mapping[str, float | None]:
        """Return the threshold at each of FALSE_ACCEPTS."""
        return {name: self.threshold(rate) for name, rate in FALSE_ACCEPTS.items()}

    def rate(self, threshold: float) -> float:
        """Return the share of the pairs above a threshold; of those that are kept, at least."""
        return float((self.highest > threshold).sum() / max(self.pairs, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Owned:
    """Unit vectors (N, D) and whose each is, (N,)."""

    vectors: Vectors
    people: NDArray[np.intp]


def impostors(probes: Owned, references: Owned | None = None) -> Impostors:
    """Return the pairs across identities of two sets, or of one with itself, each pair once.

    Kept are the highest hundredth of the cosines, and twenty thousand at least.
    """
    other, within = references or probes, references is None
    pairs = len(probes.people) * len(other.people) - _same_count(probes.people, other.people)
    pairs //= 1 + within
    room = max(20_000, int(pairs * max(FALSE_ACCEPTS.values())) + 1)
    highest = np.zeros(0, np.float32)
    places = np.arange(len(other.people))
    for first in range(0, len(probes.people), BLOCK):
        rows = slice(first, first + BLOCK)
        cosines = probes.vectors[rows] @ other.vectors.T
        counted = probes.people[rows, None] != other.people[None]
        if within:
            counted &= places[rows, None] < places[None]
        found = cosines[counted]
        if len(highest) == room:
            found = found[found > highest[-1]]
        highest = np.concatenate([highest, found])
        if len(highest) > room:
            highest = np.partition(highest, len(highest) - room)[-room:]
        highest = np.sort(highest)[::-1]
    return Impostors(highest, pairs)


def _same_count(whose: NDArray[np.intp], theirs: NDArray[np.intp]) -> int:
    size = int(max(whose.max(initial=0), theirs.max(initial=0))) + 1
    mine, others = np.bincount(whose, minlength=size), np.bincount(theirs, minlength=size)
    return int((mine.astype(np.int64) * others).sum())


def true_accepts(
    genuine: Cosines, thresholds: Mapping[str, float | None]
) -> dict[str, float | None]:
    """Return the share of one person's pairs above the threshold at each false accept rate."""
    return {
        name: None if value is None or not len(genuine) else float((genuine > value).mean())
        for name, value in thresholds.items()
    }


@dataclass(frozen=True, slots=True)
class Search:
    """A search among N enrolled people, strangers among those who ask: ISO/IEC 19795-1, 1:N.

    threshold: the cosine at which FPIR, the share of strangers for whom anybody is returned, is
    `fpir`. fnir: the share of the enrolled who are not returned first, or not above it.
    """

    people: int
    strangers: int
    asked: int
    fpir: float
    threshold: float
    fnir: float


def search(gallery: Sequence[Vectors], asked: Owned, fpir: float) -> Search | None:
    """Return open-set identification; None where fewer than TEN / fpir strangers ask.

    gallery: each person's photos (M, D). asked: people are places in the gallery, others are
    strangers. Each of the enrolled is a stranger too: to the gallery without him.
    """
    scores = np.stack([(asked.vectors @ photos.T).max(axis=1) for photos in gallery], axis=1)
    known = np.flatnonzero((asked.people >= 0) & (asked.people < len(gallery)))
    if len(scores) * fpir < TEN or not len(known):
        return None
    own = scores[known, asked.people[known]]
    scores[known, asked.people[known]] = -np.inf
    others = scores.max(axis=1)
    threshold = float(np.sort(others)[::-1][int(len(others) * fpir)])
    missed = (own <= threshold) | (own <= others[known])
    return Search(len(gallery), len(others), len(known), fpir, threshold, float(missed.mean()))
