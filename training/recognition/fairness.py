"""Knows how often people of one set, of another, and of both are taken for each other.

False accepts at the same thresholds, of all pairs across identities: ISO/IEC 19795-10 calls a
difference between groups a demographic differential.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.recognition.embedding import Bench, embedded
from training.recognition.rates import BLOCK, FALSE_ACCEPTS, TEN, Owned
from training.recognition.verification import Question, faces_of
from workers.manifest import Entry

# who stands in both sets, by the Chinese set's name: found by names, all alike by SFace (0.49-0.77)
SHARED: Final = {
    "chenglong": "Jackie_Chan",
    "tianliang": "Tian_Liang",
    "zhangziyi": "Zhang_Ziyi",
}

Limits = Mapping[str, float | None]  # the cosine by false accept rate


@dataclass(frozen=True, slots=True)
class Group:
    """All pairs across identities of some people: how many, and which share is accepted.

    false_accepts: by the rate that a threshold has among the others, None where the pairs are too
    few for it.
    """

    pairs: int
    false_accepts: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Fairness:
    """False accepts among the others, among the Chinese, and between the two, at one threshold."""

    thresholds: dict[str, float | None]
    others: Group
    chinese: Group
    across: Group


def judge(sides: tuple[Question, Question], limits: Limits, entry: Entry, bench: Bench) -> Fairness:
    """Judge others and Chinese at the others' limits. Raises Refusal, Unreadable, OSError."""
    owned = []
    for side in sides:
        faces, _ = faces_of(side, bench)
        people = [SHARED.get(person, person) for person in faces.people]
        owned.append((embedded(faces, side.look(False), entry, bench).vectors, people))
    names = {name: k for k, name in enumerate(sorted({n for _, people in owned for n in people}))}
    others, chinese = (Owned(v, np.array([names[n] for n in people])) for v, people in owned)
    return Fairness(
        dict(limits),
        group(others, others, limits),
        group(chinese, chinese, limits),
        group(others, chinese, limits),
    )


def group(these: Owned, those: Owned, limits: Limits) -> Group:
    """Return what is accepted of the pairs of two people, of two sets or, given twice, of one."""
    known = {name: limit for name, limit in limits.items() if limit is not None}
    levels = np.array(list(known.values()), np.float32)
    accepted, pairs = np.zeros(len(levels), np.int64), 0
    places = np.arange(len(those.people))
    for first in range(0, len(these.people), BLOCK):
        rows = slice(first, first + BLOCK)
        counted = these.people[rows, None] != those.people[None]
        if these is those:
            counted &= np.arange(len(these.people))[rows, None] < places[None]
        cosines = (these.vectors[rows] @ those.vectors.T)[counted]
        accepted += _above(cosines, levels)
        pairs += len(cosines)
    counts = dict(zip(known, accepted.tolist(), strict=True))
    return Group(pairs, {name: _share(counts.get(name), pairs, name) for name in limits})


def _above(cosines: NDArray[np.float32], levels: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.array([np.count_nonzero(cosines > level) for level in levels], np.int64)


def _share(accepted: int | None, pairs: int, name: str) -> float | None:
    if accepted is None or pairs * FALSE_ACCEPTS[name] < TEN:
        return None
    return accepted / pairs
