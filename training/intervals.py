"""Knows a classifier's figures with their bootstrap intervals. Runs no network, reads no picture.

The interval of a figure holds the middle 95 % of its values over 1,000 sets drawn with repetition
from the judged pictures (B. Efron, Annals of Statistics 7, 1979); the draws are seeded.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
    """What was said of pictures: chances (N, C), truth (N,), side_px (N,), the classes' names."""

    chances: NDArray[np.float32]
    truth: NDArray[np.intp]
    side_px: NDArray[np.float32]
    names: Sequence[str]

    def where(self, chosen: NDArray[np.bool_]) -> "Said":
        """Return some of the pictures."""
        return Said(self.chances[chosen], self.truth[chosen], self.side_px[chosen], self.names)


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
    draws = np.array([right[drawn].mean() for drawn in _drawings(len(right), resamples)])
    return Size(name, len(right), Figure.of(float(right.mean()), draws))


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


def _draws(said: Said, resamples: int) -> _Draws:
    """Return every figure over the draws. A class that a draw lacks has no recall there: NaN."""
    classes = said.chances.shape[1]
    told, top = said.chances.argmax(axis=1), said.chances.max(axis=1).astype(np.float64)
    cells, bins = said.truth * classes + told, bin_of(said.chances.max(axis=1))
    gaps = top - (told == said.truth)  # summed over a bin: count times (sure - right)
    confusions = np.zeros((resamples, classes * classes))
    ece = np.zeros(resamples)
    for row, drawn in enumerate(_drawings(len(cells), resamples)):
        confusions[row] = np.bincount(cells[drawn], minlength=classes * classes)
        ece[row] = np.abs(np.bincount(bins[drawn], gaps[drawn], BINS)).sum() / len(cells)
    confusion = confusions.reshape(resamples, classes, classes)
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    support, spoken = confusion.sum(axis=2), confusion.sum(axis=1)
    there = np.where(support > 0, support, np.nan)
    recall = hits / there
    f1 = np.where(support > 0, 2 * hits / np.maximum(support + spoken, 1), np.nan)
    return _Draws(
        accuracy=hits.sum(axis=1) / len(cells),
        balanced=np.nanmean(recall, axis=1),
        macro_f1=np.nanmean(f1, axis=1),
        ece=ece,
        precision=hits / np.maximum(spoken, 1),
        recall=recall,
        f1=f1,
    )
