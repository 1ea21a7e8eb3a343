"""Knows whether photographs that are found and aligned here do as well as an aligned set's crops.

Both sides are compared at the same thresholds, on all pairs of the pictures that stand in both. The
intervals of the differences are paired: each draw takes the same people on both sides, with
repetition, and a pair counts as often as its two people were drawn.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.intervals import RESAMPLES, Figure
from training.recognition.embedding import Bench, Vectors, embedded
from training.recognition.faces import Faces
from training.recognition.verification import Question, faces_of
from workers.manifest import Entry

Decided = NDArray[np.bool_]  # (N, N) which pairs are accepted
Times = NDArray[np.float64]  # (R, P) how often each person counts
LOST: Final = -1.0  # the cosine of a picture without a face that was found


@dataclass(frozen=True, slots=True, eq=False)
class Both:
    """The same pictures, embedded from aligned crops and from photographs, (N, D) each.

    people: whose each is, (N,). lost: on which photographs no face was found, (N,).
    """

    aligned: Vectors
    raw: Vectors
    people: NDArray[np.intp]
    lost: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Compared:
    """A share of pairs on both sides, 0..1, at a threshold, and raw less aligned."""

    threshold: float
    aligned: float
    raw: float
    difference: Figure


@dataclass(frozen=True, slots=True)
class Agreement:
    """How photographs do beside aligned crops.

    accuracy: the mean of what is right of one person's pairs and of two people's, as if there were
    as many of either. true_accepts: None where the impostors are too few for their threshold.
    likeness: the median cosine of a photograph with its own aligned crop; least: the lowest.
    """

    people: int
    pictures: int
    genuine: int
    impostors: int
    not_found: tuple[str, ...]
    accuracy: Compared
    true_accepts: Compared | None
    likeness: float
    least: float


def judge(
    sides: tuple[Question, Question], limits: tuple[float, float | None], entry: Entry, bench: Bench
) -> Agreement | None:
    """Judge aligned crops and photographs by the pictures that are in both; None without pairs.

    limits: cosines, for accuracy and for true accepts. Raises Refusal, Unreadable, OSError.
    """
    (crops, _), (photographs, lost) = (faces_of(side, bench) for side in sides)
    crops, photographs = shared(crops, photographs)
    if len(set(crops.people)) < 2 or len(set(crops.people)) == len(crops.people):
        return None
    aligned, raw = (
        embedded(faces, side.look(False), entry, bench).vectors
        for faces, side in zip((crops, photographs), sides, strict=True)
    )
    missing = np.isin(photographs.names, lost)
    not_found = tuple(np.array(photographs.names)[missing].tolist())
    return agreement(Both(aligned, raw, crops.numbers(), missing), limits, not_found)


def shared(these: Faces, those: Faces) -> tuple[Faces, Faces]:
    """Return the faces of both that have a name, but for its ending, in the other; in one order."""
    one, other = ({_stem(name): k for k, name in enumerate(f.names)} for f in (these, those))
    names = sorted(one.keys() & other.keys())
    return these.where([one[name] for name in names]), those.where([other[name] for name in names])


def _stem(name: str) -> str:
    folder, _, file = name.rpartition("/")
    return f"{folder}/{file.rpartition('.')[0]}"


def agreement(
    both: Both, limits: tuple[float, float | None], not_found: tuple[str, ...] = ()
) -> Agreement:
    """Return what the vectors say, at limits for accuracy and for true accepts."""
    same = both.people[:, None] == both.people[None]
    once = np.triu(np.ones_like(same), 1)
    found = ~both.lost
    own = np.einsum("nd,nd->n", both.aligned, both.raw)[found]
    accept = limits[1]
    return Agreement(
        len(np.unique(both.people)),
        len(both.people),
        int((same & once).sum()),
        int((~same & once).sum()),
        not_found,
        _compared(both, limits[0], halves=True),
        None if accept is None else _compared(both, accept, halves=False),
        float(np.median(own)) if len(own) else LOST,
        float(own.min()) if len(own) else LOST,
    )


def _compared(both: Both, threshold: float, halves: bool) -> Compared:
    """Return accuracy by halves, or true accepts alone, on both sides and their difference."""
    drawn = _drawn(int(both.people.max()) + 1)
    sides = []
    for vectors, lost in ((both.aligned, np.zeros_like(both.lost)), (both.raw, both.lost)):
        cosines = vectors @ vectors.T
        cosines[lost] = cosines[:, lost] = LOST
        shares = rightly(cosines > threshold, both.people, drawn)
        sides.append(shares.mean(axis=1) if halves else shares[:, 0])
    aligned, raw = sides
    difference = Figure.of(float(raw[0] - aligned[0]), raw[1:] - aligned[1:])
    return Compared(threshold, float(aligned[0]), float(raw[0]), difference)


def _drawn(people: int) -> Times:
    """Return how often everybody is drawn, (1 + RESAMPLES, P); in the first row once each."""
    random = np.random.default_rng(0)
    drawn = (random.integers(0, people, people) for _ in range(RESAMPLES))
    return np.stack([np.ones(people), *(np.bincount(one, minlength=people) for one in drawn)])


def rightly(above: Decided, people: NDArray[np.intp], times: Times) -> NDArray[np.float64]:
    """Return which share of one person's and of two people's pairs is decided rightly, (R, 2).

    above: which pairs are accepted, (N, N). times: how often each person counts, (R, P). NaN where
    no pair counts.
    """
    whose = np.eye(times.shape[1])[people]
    apart = ~np.eye(len(people), dtype=np.bool_)
    accepted = whose.T @ (above & apart) @ whose  # (P, P), every pair twice
    pairs = whose.T @ apart @ whose
    others = 1 - np.eye(times.shape[1])
    with np.errstate(invalid="ignore"):
        genuine = (times @ np.diagonal(accepted)) / (times @ np.diagonal(pairs))
        rejected = _across((pairs - accepted) * others, times) / _across(pairs * others, times)
    return np.stack([genuine, rejected], axis=1)


def _across(counts: NDArray[np.float64], times: Times) -> NDArray[np.float64]:
    """Return the sums (R,) over pairs of people (P, P), as often as both count."""
    return np.asarray(((times @ counts) * times).sum(axis=1))
