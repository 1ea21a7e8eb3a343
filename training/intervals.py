"""Knows a classifier's figures with their bootstrap intervals. Runs no network, reads no picture.

The interval of a figure holds the middle 95 % of its values over 1,000 sets drawn with repetition
(B. Efron, Annals of Statistics 7, 1979). Drawn are groups, not pictures: near-duplicates and
pictures of one person say little more than one of them. The draws are seeded.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.judge import BINS, bin_of, figures

RESAMPLES: Final = 1000
MOST_TIMES: Final = 2000  # more add nothing to a median but time
SIZES: Final = ((0, 16, "<16"), (16, 32, "16-32"), (32, 64, "32-64"), (64, 128, "64-128"),
                (128, np.inf, ">128"))  # fmt: skip

Drawn = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure and its interval; None where there is nothing to measure it on."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, value: float, drawn: Drawn) -> "Figure":
        """Return a figure with the interval of its values over the draws, NaN being none."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # all draws NaN: no interval
            low, high = np.nanpercentile(drawn, [2.5, 97.5]) if drawn.size else (np.nan, np.nan)
        return cls(float(value), *(None if np.isnan(x) else float(x) for x in (low, high)))


@dataclass(frozen=True, slots=True)
class ClassFigure:
    """One class: precision, recall, F1, and how many pictures show it."""

    name: str
    precision: Figure
    recall: Figure
    f1: Figure
    support: int


@dataclass(frozen=True, slots=True)
class Size:
    """Faces of one size: their count, and the share that was said rightly."""

    name: str
    count: int
    accuracy: Figure


@dataclass(frozen=True, slots=True)
class Judged:
    """What a classifier is worth on one set of pictures; confusion[truth][said] counts."""

    count: int
    accuracy: Figure
    balanced_accuracy: Figure
    macro_f1: Figure
    ece: Figure
    classes: tuple[ClassFigure, ...]
    confusion: tuple[tuple[int, ...], ...]
    by_size: tuple[Size, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What was said of pictures: chances (N, C), truth (N,), side_px (N,), the classes' names.

    groups: (N,) the number of each picture's group; each is one of its own where none are given.
    """

    chances: NDArray[np.float32]
    truth: NDArray[np.intp]
    side_px: NDArray[np.float32]
    names: Sequence[str]
    groups: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))

    def __post_init__(self) -> None:
        if not len(self.groups):
            object.__setattr__(self, "groups", np.arange(len(self.truth)))

    def where(self, chosen: NDArray[np.bool_]) -> "Said":
        """Return some of the pictures."""
        return Said(
            self.chances[chosen],
            self.truth[chosen],
            self.side_px[chosen],
            self.names,
            self.groups[chosen],
        )


@dataclass(frozen=True, slots=True)
class _Draws:
    """Figures over R draws; arrays (R,) and (R, C)."""

    accuracy: Drawn
    balanced: Drawn
    macro_f1: Drawn
    ece: Drawn
    precision: Drawn
    recall: Drawn
    f1: Drawn


def judge(said: Said, resamples: int = RESAMPLES) -> Judged:
    """Return all figures of some pictures, at least one, with their intervals."""
    plain, draws = figures(said.chances, said.truth, said.names), _draws(said, resamples)
    classes = tuple(
        ClassFigure(
            one.name,
            Figure.of(one.precision, draws.precision[:, place]),
            Figure.of(one.recall, draws.recall[:, place]),
            Figure.of(one.f1, draws.f1[:, place]),
            one.support,
        )
        for place, one in enumerate(plain.classes)
    )
    return Judged(
        plain.pictures,
        Figure.of(plain.accuracy, draws.accuracy),
        Figure.of(plain.balanced_accuracy, draws.balanced),
        Figure.of(plain.macro_f1, draws.macro_f1),
        Figure.of(plain.ece, draws.ece),
        classes,
        plain.confusion,
        tuple(_size(said, low, high, name, resamples) for low, high, name in SIZES),
    )


def _size(said: Said, low: float, high: float, name: str, resamples: int) -> Size:
    """Return the accuracy on the faces of one size."""
    chosen = (said.side_px >= low) & (said.side_px < high)
    right = (said.chances.argmax(axis=1) == said.truth)[chosen]
    if not len(right):
        return Size(name, 0, Figure(None))
    counted = np.stack([right, np.ones(len(right))], axis=1)
    draws = _sums(counted, said.groups[chosen], resamples)
    return Size(name, len(right), Figure.of(float(right.mean()), draws[:, 0] / draws[:, 1]))


def median(values: NDArray[np.float64], resamples: int = RESAMPLES) -> Figure:
    """Return the median of some measurements with its interval."""
    if not len(values):
        return Figure(None)
    used = values[-MOST_TIMES:]
    draws = np.array([np.median(used[drawn]) for drawn in _drawings(len(used), resamples)])
    return Figure.of(float(np.median(used)), draws)


def _drawings(count: int, resamples: int) -> Iterator[NDArray[np.intp]]:
    """Yield which of `count` things each draw holds; the same ones on every machine."""
    random = np.random.default_rng(0)
    for _ in range(resamples):
        yield random.integers(0, count, count)


def _sums(values: Drawn, groups: NDArray[np.intp], resamples: int) -> Drawn:
    """Return the sums (R, K) of values (N, K) over the pictures of each draw of groups.

    No draw at all where all pictures are one group: nothing can be said of others.
    """
    _, places = np.unique(groups, return_inverse=True)
    count = int(places.max()) + 1
    if count == 1 < len(groups):
        return np.zeros((0, values.shape[1]))
    by_group = np.stack([np.bincount(places, column, count) for column in values.T], axis=1)
    times = (np.bincount(drawn, minlength=count) for drawn in _drawings(count, resamples))
    return np.stack([how_often.astype(np.float64) @ by_group for how_often in times])


def _draws(said: Said, resamples: int) -> _Draws:
    """Return every figure over the draws. A class that a draw lacks has no recall there: NaN."""
    classes = said.chances.shape[1]
    told, top = said.chances.argmax(axis=1), said.chances.max(axis=1).astype(np.float64)
    cells, bins = said.truth * classes + told, bin_of(said.chances.max(axis=1))
    gaps = top - (told == said.truth)  # summed over a bin: count times (sure - right)
    in_cells, in_bins = np.eye(classes * classes)[cells], np.eye(BINS)[bins] * gaps[:, None]
    sums = _sums(np.concatenate([in_cells, in_bins], axis=1), said.groups, resamples)
    confusion = sums[:, :-BINS].reshape(-1, classes, classes)
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    support, spoken = confusion.sum(axis=2), confusion.sum(axis=1)
    pictures = support.sum(axis=1)
    there = np.where(support > 0, support, np.nan)
    recall = hits / there
    f1 = np.where(support > 0, 2 * hits / np.maximum(support + spoken, 1), np.nan)
    return _Draws(
        accuracy=hits.sum(axis=1) / pictures,
        balanced=np.nanmean(recall, axis=1),
        macro_f1=np.nanmean(f1, axis=1),
        ece=np.abs(sums[:, -BINS:]).sum(axis=1) / pictures,
        precision=hits / np.maximum(spoken, 1),
        recall=recall,
        f1=f1,
    )
