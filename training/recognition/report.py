"""Knows how a verification is written down: as one JSON object, and as plots. Judges nothing.

The object's keys are a contract: programs of others read them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.plots import AMBER, BLUE, DPI, GREY, INK, Words, clean, head
from training.recognition.verification import Verification

Json = dict[str, Any]
POINTS: Final = 400  # of a curve
COLOURS: Final = (BLUE, AMBER, "#2f855a", "#6b46c1", GREY)
RATES: Final = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
MISSES: Final = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6)


def as_json(found: Verification) -> Json:
    """Return all figures; shares are 0..1, thresholds cosines, None where pairs are too few."""
    return {
        "model": found.model,
        "pairs": found.pairs,
        "accuracy": found.folds.accuracy,
        "accuracy_std": found.folds.deviation,
        "accuracy_se": found.folds.standard_error,
        "threshold": found.folds.threshold,
        "accuracy_at_distance_0_90": found.at_distance,
        "tar_at_far": found.true_accepts,
        "threshold_at_far": found.thresholds,
        "people": found.people,
        "pictures": found.pictures,
        "same_pairs": len(found.genuine),
        "impostor_pairs": found.impostors.pairs,
        "impostor_highest": _first(found.impostors.highest),
        "not_found": list(found.not_found),
        "ms_per_face": found.ms_per_face,
    }


def _first(falling: NDArray[np.float32]) -> float | None:
    return float(falling[0]) if len(falling) else None


def draw(found: Mapping[str, Verification], out: Path) -> dict[str, Path]:
    """Write ROC and DET of some verifications, by their names, as PNG. Raises OSError."""
    out.mkdir(parents=True, exist_ok=True)
    curves = {name: curve(one) for name, one in found.items()}
    model = next(iter(found.values())).model
    paths = {"roc": out / "recognition-roc.png", "det": out / "recognition-det.png"}
    _roc(curves, Words(model, "true accepts by false accepts"), paths["roc"])
    _det(curves, Words(model, "detection error trade-off"), paths["det"])
    return paths


def curve(found: Verification) -> NDArray[np.float64]:
    """Return false accepts, and true accepts at each (2, K), as far as the pairs say anything."""
    highest, pairs = found.impostors.highest, max(found.impostors.pairs, 1)
    places = np.unique(np.geomspace(1, max(len(highest), 1), POINTS).astype(np.intp)) - 1
    if not len(highest):
        return np.zeros((2, 0))
    rising = np.sort(found.genuine)
    above = len(rising) - np.searchsorted(rising, highest[places], side="right")
    return np.stack([(places + 1) / pairs, above / max(len(rising), 1)])


def _roc(curves: Mapping[str, NDArray[np.float64]], words: Words, path: Path) -> None:
    figure = Figure(figsize=(6.4, 5.2), dpi=DPI)
    axes = figure.subplots()
    for (name, (false, true)), colour in zip(curves.items(), COLOURS * 3, strict=False):
        axes.plot(false, true, color=colour, label=name)
    axes.set(xscale="log", xlim=(RATES[0], RATES[-1]))
    axes.set_xlabel("false accept rate", color=GREY)
    axes.set_ylabel("true accept rate", color=GREY)
    axes.yaxis.set_major_formatter("{x:.1%}")
    _finish(figure, words, path)


def _det(curves: Mapping[str, NDArray[np.float64]], words: Words, path: Path) -> None:
    """Both errors on scales of normal deviates, on which scores that are normal lie straight."""
    figure = Figure(figsize=(6.0, 5.6), dpi=DPI)
    axes = figure.subplots()
    for (name, (false, true)), colour in zip(curves.items(), COLOURS * 3, strict=False):
        axes.plot(deviate(false), deviate(1 - true), color=colour, label=name)
    axes.set_xticks(deviate(np.array(RATES)), [f"{rate:.4%}".rstrip("0") for rate in RATES])
    axes.set_yticks(deviate(np.array(MISSES)), [f"{rate:.1%}" for rate in MISSES])
    axes.set(xlim=tuple(deviate(np.array([RATES[0], RATES[-1]]))))
    axes.set(ylim=tuple(deviate(np.array([MISSES[0], MISSES[-1]]))))
    axes.set_xlabel("false accepts", color=GREY)
    axes.set_ylabel("false rejects", color=GREY)
    _finish(figure, words, path)


def _finish(figure: Figure, words: Words, path: Path) -> None:
    (axes,) = figure.axes
    axes.legend(frameon=False, fontsize=8, labelcolor=INK)
    axes.tick_params(labelsize=9, labelcolor=INK, color=GREY)
    axes.grid(color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    clean(axes)
    head(figure, words)
    figure.savefig(path)


def deviate(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the normal deviate of shares 0..1 (the inverse of the normal distribution)."""
    from statistics import NormalDist

    normal = NormalDist()
    return np.array([normal.inv_cdf(min(max(float(x), 1e-9), 1 - 1e-9)) for x in shares])
