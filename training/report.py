"""Knows how an evaluation is written down: as one JSON object, and as plots. Judges nothing.

The object's keys are a contract: programs of others read them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.evaluation import BETWEEN, Evaluation
from training.intervals import Figure, Judged
from training.papers import PAPERS

Json = dict[str, Any]


def as_json(found: Evaluation, plots: Mapping[str, Path]) -> Json:
    """Return everything; shares are 0..1, `_ci` the interval of the figure before it.

    confusion[truth][said] counts, in the order of `labels`.
    """
    ferplus: Json = {}
    if found.ferplus is not None:
        ferplus["ferplus"] = {**judged(found.ferplus), "left_out": dict(found.ferplus_left_out)}
    return {
        "task": found.task,
        "model": found.model,
        "data": str(found.data),
        "rule": found.rule,
        **judged(found.judged),
        **_figure("ms_per_face", found.network_ms),
        **_figure("ms_per_face_with_crop", found.with_crop_ms),
        "found": found.found,
        "not_found": found.not_found,
        "unreadable": list(found.unreadable),
        "left_out": dict(found.left_out),
        "trained_on_left_out": found.trained,
        **ferplus,
        **({"two_classes": judged(found.two)} if found.two else {}),
        "parts": {name: judged(part) for name, part in found.parts.items()},
        "paper": paper(found),
        "plots": {name: str(path) for name, path in plots.items()},
        "notes": list(found.notes),
    }


def judged(one: Judged) -> Json:
    """Return the figures of one set of pictures."""
    return {
        "count": one.count,
        **_figure("accuracy", one.accuracy),
        **_figure("balanced_accuracy", one.balanced_accuracy),
        **_figure("macro_f1", one.macro_f1),
        "classes": {
            each.name: {
                **_figure("precision", each.precision),
                **_figure("recall", each.recall),
                **_figure("f1", each.f1),
                "support": each.support,
            }
            for each in one.classes
        },
        "labels": [each.name for each in one.classes],
        "confusion": [list(row) for row in one.confusion],
        **_figure("ece", one.ece),
        "by_size": {
            size.name: {"count": size.count, **_figure("accuracy", size.accuracy)}
            for size in one.by_size
        },
    }


def paper(found: Evaluation) -> Json:
    """Return the paper's figures, and ours of the same classes beside them, or None."""
    stated = PAPERS[found.task]
    ours = judged(found.two or found.judged)
    if found.task == "mask" and len(ours["labels"]) != 2:  # nobody is bare: nothing to compare
        ours = {"accuracy": None, "labels": ours["labels"], "classes": {}}
    shown = {name: one for name, one in ours["classes"].items() if one["support"]}
    classes = {
        name: {
            measure: {"paper": value, "ours": shown.get(mine, {}).get(measure)}
            for measure, value in measures.items()
        }
        for (name, measures), mine in zip(stated.classes.items(), ours["labels"], strict=False)
    }
    return {
        "title": stated.title,
        "rests_on": stated.rests_on,
        "accuracy": {"paper": stated.accuracy, "ours": ours["accuracy"]},
        "classes": classes,
    }


def _figure(name: str, figure: Figure) -> Json:
    interval = None if figure.low is None else [figure.low, figure.high]
    return {name: figure.value, f"{name}_ci": interval}


def draw(found: Evaluation, out: Path) -> dict[str, Path]:
    """Write the plots as PNG into a folder; return their paths by name. Raises OSError."""
    from training.plots import Words, plot_confusion, plot_reliability

    out.mkdir(parents=True, exist_ok=True)
    paths: dict[str, Path] = {}
    sets = {"": found.judged} | ({"ferplus": found.ferplus} if found.ferplus else {})
    for kind, one in sets.items():
        by = " by FER+ majority" if kind else ""
        title = f"{_short(found.model)}, {one.count:,} pictures{by}"
        start = "-".join(filter(None, (found.task, kind)))
        key = f"{kind}_" if kind else ""
        names = [each.name for each in one.classes]
        paths[f"{key}confusion"] = path = out / f"{start}-confusion.png"
        plot_confusion(one.confusion, names, Words(title, _percent("accuracy", one.accuracy)), path)
        paths[f"{key}reliability"] = path = out / f"{start}-reliability.png"
        plot_reliability(found.plotted[kind], Words(title, _percent("ECE", one.ece)), path)
    return paths


def _short(model: str) -> str:
    """Return a plot's word for one model, or for the first of several."""
    first, *others = model.split(BETWEEN)
    return f"{first} and {len(others)} more" if others else first


def _percent(name: str, figure: Figure) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return name
    return f"{name} {figure.value:.1%} (95% interval {figure.low:.1%} to {figure.high:.1%})"
