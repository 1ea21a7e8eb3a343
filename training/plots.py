"""Knows how confusion, calibration and training look as pictures. Computes no figure of its own.

Figures are drawn without pyplot: no window, no global state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from training.intervals import Said
from training.judge import BINS, bin_of
from training.state import Epoch

INK: Final = "#1f2933"
GREY: Final = "#7b8794"
BLUE: Final = "#2b6cb0"
AMBER: Final = "#dd6b20"
DPI: Final = 150
PALE: Final = "#bcd4ee"
FEW: Final = 10  # pictures from which a bin's share means something
LONG_NAME: Final = 12  # letters that stand side by side


@dataclass(frozen=True, slots=True)
class Words:
    """What stands above a plot: what it is of, and the figure that matters."""

    title: str
    below: str


def plot_confusion(
    confusion: Sequence[Sequence[int]], names: Sequence[str], words: Words, path: Path
) -> None:
    """Write a confusion matrix: rows are the truth, in shares of the row, with counts."""
    counts = np.array(confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2.6 + 0.95 * len(names)
    figure = Figure(figsize=(side + 0.2, side), dpi=DPI)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        share, count = shares[row, column], int(counts[row, column])
        colour = "white" if share > 0.55 else INK if count else "#b8c2cc"
        text = f"{share:.1%}\n{count:,}" if count else "0"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    totals = [f"{name}\n({total:,})" for name, total in zip(names, counts.sum(axis=1), strict=True)]
    axes.set_xticks(range(len(names)), names)
    if max(map(len, names)) > LONG_NAME:
        for label in axes.get_xticklabels():
            label.set(rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), totals)
    axes.set_xticks(np.arange(-0.5, len(names)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(names)), minor=True)
    axes.grid(which="minor", color="white", linewidth=3, clip_on=False)
    axes.tick_params(which="both", length=0, labelsize=9, labelcolor=INK)
    axes.set_xlabel("said by the network", color=GREY)
    axes.set_ylabel("in truth", color=GREY)
    clean(axes)
    head(figure, words)
    figure.savefig(path)


def plot_reliability(said: Said, words: Words, path: Path) -> None:
    """Write how often the network is right against how sure it is, and how often it is so sure."""
    top = said.chances.max(axis=1)
    right = said.chances.argmax(axis=1) == said.truth
    bins = bin_of(top)
    counts = np.bincount(bins, minlength=BINS)
    there = counts > 0
    accuracy = np.bincount(bins, right, BINS)[there] / counts[there]
    sure = np.bincount(bins, top, BINS)[there] / counts[there]
    middles = ((np.arange(BINS) + 0.5) / BINS)[there]
    figure = Figure(figsize=(5.6, 6.2), dpi=DPI)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    faint = [BLUE if count >= FEW else PALE for count in counts[there]]
    upper.bar(middles, accuracy, 0.92 / BINS, color=faint, label=f"right (pale: fewer than {FEW})")
    upper.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="as sure as right")
    upper.scatter(sure, accuracy, s=18, color=AMBER, zorder=3, label="mean certainty")
    upper.set(xlim=(0, 1), ylim=(0, 1.02))
    upper.set_ylabel("right", color=GREY)
    above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 3}
    legend = upper.legend(**above, frameon=False, fontsize=8, labelcolor=INK)
    legend.legend_handles[-1].set_facecolor(BLUE)
    lower.bar(middles, counts[there] / counts.sum(), 0.92 / BINS, color="#9fb3c8")
    lower.set_ylabel("of all", color=GREY)
    lower.set_xlabel("certainty: probability of what was said", color=GREY)
    for axes in (upper, lower):
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.tick_params(labelsize=9, labelcolor=INK, color=GREY)
        axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
        axes.set_axisbelow(True)
        clean(axes)
    lower.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    head(figure, words)
    figure.savefig(path)


def plot_curves(epochs: Sequence[Epoch], kept: int, words: Words, path: Path) -> None:
    """Write losses and validation's accuracy over the epochs, with the one that is kept."""
    numbers = [epoch.number for epoch in epochs]
    figure = Figure(figsize=(6.4, 5.6), dpi=DPI)
    upper, lower = figure.subplots(2, 1, sharex=True)
    upper.plot(numbers, [e.loss for e in epochs], color=GREY, marker=".", label="training loss")
    losses = [e.validation_loss for e in epochs]
    upper.plot(numbers, losses, color=BLUE, marker=".", label="validation loss")
    shares = [e.accuracy for e in epochs]
    lower.plot(numbers, shares, color=BLUE, marker=".", label="validation accuracy")
    balanced = [e.balanced for e in epochs]
    lower.plot(numbers, balanced, color=AMBER, marker=".", label="mean of the classes' recall")
    lower.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    lower.set_xlabel("epoch", color=GREY)
    lower.xaxis.get_major_locator().set_params(integer=True)
    for axes in (upper, lower):
        if kept:
            axes.axvline(kept, color="#9fb3c8", linewidth=1, linestyle="--")
        axes.legend(frameon=False, fontsize=8, labelcolor=INK)
        axes.tick_params(labelsize=9, labelcolor=INK, color=GREY)
        axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
        clean(axes)
    head(figure, words)
    figure.savefig(path)


def clean(axes: Axes) -> None:
    """Take the frame away."""
    axes.spines[:].set_visible(False)


def head(figure: Figure, words: Words) -> None:
    """Lay a figure out with its words above."""
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.1)
    figure.suptitle(f"{words.title}\n{words.below}", fontsize=10, color=INK)
