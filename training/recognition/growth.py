"""Knows how a table's accuracy over the faces learnt from looks as a curve. Judges nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter
from numpy.typing import NDArray

from training.plots import AMBER, BLUE, DPI, GREY, INK, Words, clean, head
from training.recognition.tabled import TITLES, Judged, Whole
from training.recognition.tables import SetName

COLOURS: Final = (BLUE, "#2f855a", "#6b46c1", "#b83280")
ERRORS: Final = 1.96  # standard errors to either side: 95 %


def draw(whole: Whole, out: Path) -> Mapping[str, Path]:
    """Write accuracy by set over the share of the faces that was learnt from, as PNG.

    Nothing where fewer than two shares were taught. Raises OSError.
    """
    rows = sorted((one for one in whole.rows if one.found), key=lambda one: one.row.share)
    shares = [one.row.share for one in rows]
    if len(set(shares)) < 2:
        return {}
    out.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(6.4, 4.6), dpi=DPI)
    axes = figure.subplots()
    for name, colour in zip(whole.table.sets, COLOURS, strict=False):
        label = f"{TITLES[name]}, 95 % intervals over the folds"
        axes.errorbar(*curve(rows, name), color=colour, marker="o", capsize=4, label=label)
    _mark_stated(whole, figure)
    axes.set_xscale("log", base=2)
    axes.set_xticks(shares, [f"{share:.4g} %" for share in (100 * one for one in shares)])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("faces learnt from, of all", color=GREY)
    axes.set_ylabel("accuracy", color=GREY)
    axes.legend(frameon=False, fontsize=8, labelcolor=INK)
    axes.tick_params(labelsize=9, labelcolor=INK, color=GREY)
    axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    clean(axes)
    head(figure, Words(whole.table.parts[0].title, _budget(rows)))
    path = out / f"recognition-{whole.table.name}.png"
    figure.savefig(path)
    return {whole.table.name: path}


def curve(rows: Sequence[Judged], name: SetName) -> NDArray[np.float64]:
    """Return shares of the faces, accuracies and what 95 % intervals reach to a side: (3, K)."""
    held = [(one.row.share, one.found[name].folds) for one in rows if name in one.found]
    return np.array(
        [(share, folds.accuracy, ERRORS * folds.standard_error) for share, folds in held]
    ).T


def _mark_stated(whole: Whole, figure: Figure) -> None:
    """Draw a line at what the paper states."""
    (axes,) = figure.axes
    for row in whole.table.rows:
        for stated in row.stated.values():
            axes.axhline(stated, color=AMBER, linestyle="--", linewidth=1, label="the paper states")


def _budget(rows: list[Judged]) -> str:
    steps = sorted(one.steps for one in rows)
    return f"the same budget for each: {steps[0]:,} to {steps[-1]:,} steps"
