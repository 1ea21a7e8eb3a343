"""Knows what FER+'s ten votes say of a picture (E. Barsoum et al., arXiv:1608.01041).

The verdict is what most of the ten said, over all ten columns. A tie has none; nor do contempt,
unknown and no face belong to the seven. They are left out and counted.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.sets.samples import Sample
from training.sets.sheets import TEN

SEVEN = 7
WORDS = {"nf": "no_face"}


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What the votes say: the class of each picture or -1, (N,), and why the others have none.

    clear: (N,) whether more than half of ten voted for the class.
    """

    truth: NDArray[np.intp]
    clear: NDArray[np.bool_]
    left_out: Counter[str]


def verdicts(samples: Sequence[Sample]) -> Verdicts | None:
    """Return what FER+ says of each sample, or None where none has votes."""
    if not any(sample.votes is not None for sample in samples):
        return None
    left_out: Counter[str] = Counter(tie=0, contempt=0, unknown=0, no_face=0)
    truth = np.full(len(samples), -1, np.intp)
    clear = np.zeros(len(samples), np.bool_)
    for place, sample in enumerate(samples):
        said = verdict(sample.votes)
        if isinstance(said, str):
            left_out[said] += 1
        else:
            truth[place] = said
            clear[place] = sample.votes is not None and sample.votes[said] > 5
    return Verdicts(truth, clear, left_out)


def verdict(votes: NDArray[np.float32] | None) -> int | str:
    """Return the class that most voted for, or why there is none."""
    if votes is None:
        return "no_votes"
    first = np.flatnonzero(votes == votes.max())
    if len(first) > 1:
        return "tie"
    winner = int(first[0])
    return winner if winner < SEVEN else WORDS.get(TEN[winner], TEN[winner])
