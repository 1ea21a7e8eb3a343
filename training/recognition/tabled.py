"""Knows how the rows of a paper's table are judged. Teaches none, prints nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from training.recognition.costs import Cost, cost
from training.recognition.embedding import Bench
from training.recognition.recipes import DISTILLED
from training.recognition.sets import BOTH_MASKED, CHINESE, LFW, OCCLUDED, usual_questions
from training.recognition.tables import Baseline, Row, SetName, Table, folder_of
from training.recognition.timing import on_gpu, side_by_side
from training.recognition.verification import Question, Verification, verify
from workers.manifest import Entry, WeightsError, load_models, read_folder
from workers.networks.build import build, network_of

Json = dict[str, Any]
TITLES: Final[Mapping[SetName, str]] = {
    "lfw": LFW,
    "chinese": CHINESE,
    "occluded": OCCLUDED,
    "masked": BOTH_MASKED,
}


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One row: what its network costs, and how it does by set, empty where nobody taught it.

    cost: None of a network whose filters have not been chosen yet. steps: all that it was taught,
    those of the row that it went on from too. ms, gpu_ms: of a face, None where it was not timed.
    """

    row: Row
    cost: Cost | None
    steps: int = 0
    found: Mapping[SetName, Verification] = field(default_factory=dict)
    ms: float | None = None
    gpu_ms: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """A table that was judged. epochs: of each row, None where none was taught.

    peer: SFace beside it, None where no row was taught.
    """

    table: Table
    epochs: int | None
    rows: tuple[Judged, ...]
    peer: Judged | None

    def row(self, name: str) -> Judged:
        """Return a row by its name."""
        return next(one for one in self.rows if one.row.name == name)


def judge(table: Table, home: Path, data: Path, bench: Bench) -> Whole:
    """Judge the rows that were taught, by the longest budget that there is.

    Raises Refusal, Unreadable, WeightsError, OSError.
    """
    epochs = max(budgets(home, table), default=None)
    folder = folder_of(home, table, epochs or 0)
    entries = [taught(folder / row.name) for row in table.rows]
    known = [entry for entry in entries if entry is not None]
    if not known:
        return Whole(table, None, tuple(Judged(row, _planned(row)) for row in table.rows), None)
    sface = load_models(None).of("embedder", "sface")
    judge = _Judge(table, usual_questions(data), bench)
    rows = zip(table.rows, entries, strict=True)
    found = {entry.sha256: judge.of(entry, folder / row.name) for row, entry in rows if entry}
    found[sface.sha256] = judge.of(sface, folder.parent / "sface")
    took = side_by_side((*known, sface), bench.cache)
    ms = {one.sha256: float(np.median(own)) for one, own in zip((*known, sface), took, strict=True)}

    def judged(row: Row, entry: Entry | None) -> Judged:
        if entry is None:
            return Judged(row, _planned(row))
        network, key = build(entry), entry.sha256
        return Judged(row, cost(network), _steps(folder, row), found[key], ms[key], on_gpu(network))

    peer = judged(Row("sface", "SFace", "sface", ""), sface)
    rows = zip(table.rows, entries, strict=True)
    return Whole(table, epochs, tuple(judged(row, entry) for row, entry in rows), peer)


def budgets(home: Path, table: Table) -> Iterator[int]:
    """Yield the budgets, in epochs, by which at least one row was taught to its end."""
    begin = f"{table.name}-"
    for folder in sorted((home / "tables").glob(f"{begin}*")):
        epochs = folder.name.removeprefix(begin)
        if epochs.isdecimal() and any(taught(folder / row.name) for row in table.rows):
            yield int(epochs)


@dataclass(frozen=True, slots=True)
class _Judge:
    table: Table
    questions: Mapping[str, Question]
    bench: Bench

    def of(self, entry: Entry, folder: Path) -> dict[SetName, Verification]:
        """Judge one network; its vectors are kept in a folder, so that nobody makes them again."""
        bench = replace(self.bench, kept=folder)
        asked = {name: self.questions.get(TITLES[name]) for name in self.table.sets}
        return {name: verify(one, entry, bench) for name, one in asked.items() if one is not None}


def _planned(row: Row) -> Cost | None:
    return None if row.origin else cost(network_of(row.network))


def _steps(folder: Path, row: Row) -> int:
    """Return the steps that a row was taught, and the one that it went on from; SFace: 0."""
    names = [row.name, *([row.origin] if row.origin else [])]
    entries = [taught(folder / name) for name in names]
    return sum(int(entry.measured["steps"]) for entry in entries if entry is not None)


def taught(folder: Path) -> Entry | None:
    """Return a row's embedder, None where nobody taught it to its end. Raises WeightsError."""
    if not (folder / "model.toml").is_file():
        return None
    entry = read_folder(folder)
    done, total = (entry.measured.get(name) for name in ("steps", "steps_in_all"))
    if done is None or total is None:
        raise WeightsError(f"{folder / 'model.toml'} does not say how many steps were taken")
    return entry if done >= total else None


def as_json(whole: Whole) -> Json:
    """Return all figures, shares 0..1; of a row that nobody taught, what it costs and no more."""
    plain = whole.row(whole.table.plain)
    return {
        "table": whole.table.name,
        "sets": list(whole.table.sets),
        "epochs": whole.epochs,
        "full_epochs": DISTILLED.epochs,
        "rows": [_row(one, plain) for one in whole.rows],
        "parts": [{"title": one.title, "rows": list(one.rows)} for one in whole.table.parts],
        "notes": list(whole.table.notes),
        "baselines": [_held_against(one, whole) for one in whole.table.baselines],
        "peer": None if whole.peer is None else _row(whole.peer, plain),
    }


def _row(one: Judged, plain: Judged) -> Json:
    return {
        "row": one.row.title,
        "name": one.row.name,
        "network": one.row.network,
        "recipe": one.row.recipe,
        "share": one.row.share,
        "stated": dict(one.row.stated),
        "steps": one.steps,
        **_costs(one, plain),
        **_figures(one.found),
    }


def _costs(own: Judged, plain: Judged) -> Json:
    told: Json = {}
    if own.cost is not None:
        told |= {"parameters": own.cost.parameters, "macs": own.cost.macs}
    if own.cost is not None and plain.cost is not None:
        told["parameters_saved"] = 1 - own.cost.parameters / plain.cost.parameters
        told["macs_saved"] = 1 - own.cost.macs / plain.cost.macs
    for name, mine, theirs in (("ms", own.ms, plain.ms), ("gpu_ms", own.gpu_ms, plain.gpu_ms)):
        if mine is not None:
            told[f"{name}_per_face"] = mine
        if mine is not None and theirs is not None:
            told[f"{name}_saved"] = 1 - mine / theirs
    return told


def _figures(found: Mapping[SetName, Verification]) -> Json:
    told: Json = {}
    for name, one in found.items():
        told[f"{name}_accuracy"] = one.folds.accuracy
        told[f"{name}_accuracy_se"] = one.folds.standard_error
        told[f"{name}_at_distance_0_90"] = one.at_distance
        told[f"{name}_tar_at_far"] = one.true_accepts
    return told


def _held_against(baseline: Baseline, whole: Whole) -> Json:
    """Return how rows that lost filters compare with another: errors grown, time saved."""
    base = whole.row(baseline.row)
    rows = [one for one in whole.rows if one.row.ratio and one.found and base.found]
    return {
        "row": base.row.title,
        "name": base.row.name,
        "stated_errors": dict(baseline.errors),
        "stated_speeds": dict(baseline.speeds),
        "rows": [_compared(one, base) for one in rows],
    }


def _compared(one: Judged, base: Judged) -> Json:
    grown = {
        name: base.found[name].folds.accuracy - own.folds.accuracy
        for name, own in one.found.items()
    }
    assert one.ms is not None and base.ms is not None
    return {
        "row": one.row.title,
        "name": one.row.name,
        "errors": grown,
        "time_saved": 1 - one.ms / base.ms,
        "times_as_fast": base.ms / one.ms,
    }
