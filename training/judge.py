"""Knows figures of a classifier: accuracy, per class, calibration, temperature. Runs no network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

BINS: Final = 15  # of the calibration error and its plot


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Precision, recall and F1 (0..1) of one class, and how many pictures show it."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What a classifier is worth on one set: 0..1; confusion[truth][said] counts."""

    pictures: int
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    ece: float
    classes: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]


def softmax(logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float32]:
    """Return probabilities (N, C) of logits (N, C) divided by a temperature."""
    scaled = logits / np.float32(temperature)
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)


def expected_calibration_error(
    chances: NDArray[np.float32], truth: NDArray[np.intp], bins: int = BINS
) -> float:
    """Return the ECE (Guo et al., arXiv:1706.04599) over equal bins of the top probability."""
    top, right = chances.max(axis=1), chances.argmax(axis=1) == truth
    place = bin_of(top, bins)
    gaps = [
        (place == b).mean() * abs(right[place == b].mean() - top[place == b].mean())
        for b in range(bins)
        if np.any(place == b)
    ]
    return float(sum(gaps))


def bin_of(top: NDArray[np.float32], bins: int = BINS) -> NDArray[np.intp]:
    """Return in which of equal bins of 0..1 each probability lies."""
    return np.minimum((top * bins).astype(np.intp), bins - 1)


def fit_temperature(logits: NDArray[np.float32], truth: NDArray[np.intp]) -> float:
    """Return the temperature that minimises the negative log likelihood, between 0.2 and 5."""

    def loss(logarithm: float) -> float:
        chances = softmax(logits, float(np.exp(logarithm)))
        return float(-np.log(np.maximum(chances[np.arange(len(truth)), truth], 1e-9)).mean())

    return float(np.exp(lowest(loss, float(np.log(0.2)), float(np.log(5.0)))))


def lowest(
    function: Callable[[float], float], low: float, high: float, within: float = 1e-4
) -> float:
    """Return where a function with one valley is lowest between two places, by golden sections."""
    share = (np.sqrt(5) - 1) / 2
    left, right = high - share * (high - low), low + share * (high - low)
    at_left, at_right = function(left), function(right)
    while high - low > within:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - share * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + share * (high - low)
            at_right = function(right)
    return float((low + high) / 2)


def figures(chances: NDArray[np.float32], truth: NDArray[np.intp], names: Sequence[str]) -> Figures:
    """Return all figures of probabilities (N, C) against the truth (N,)."""
    said, count = chances.argmax(axis=1), len(names)
    confusion = np.zeros((count, count), int)
    np.add.at(confusion, (truth, said), 1)
    hits, support = np.diag(confusion), confusion.sum(axis=1)
    precision = hits / np.maximum(confusion.sum(axis=0), 1)
    recall = hits / np.maximum(support, 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    present = support > 0
    classes = tuple(
        ClassFigures(name, float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
        for i, name in enumerate(names)
    )
    return Figures(
        len(truth),
        float(hits.sum() / max(len(truth), 1)),
        float(recall[present].mean()),
        float(f1[present].mean()),
        expected_calibration_error(chances, truth),
        classes,
        tuple(tuple(int(v) for v in row) for row in confusion),
    )
