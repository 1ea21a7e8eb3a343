"""Knows how the rows of a paper's table are judged. Teaches none, prints nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from training.recognition.costs import Cost, cost
from training.recognition.embedding import Bench
from training.recognition.recipes import DISTILLED
from training.recognition.sets import BOTH_MASKED, CHINESE, LFW, OCCLUDED, usual_questions
from training.recognition.tables import Row, SetName, Table, budgets, folder_of
from training.recognition.verification import Verification, verify
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

    cost: None of a network whose filters have not been chosen yet.
    """

    row: Row
    cost: Cost | None
    steps: int
    found: Mapping[SetName, Verification]


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """A table that was judged. epochs: of each row, None where none was taught.

    peer: SFace beside it, by set.
    """

    table: Table
    epochs: int | None
    rows: tuple[Judged, ...]
    peer: Mapping[SetName, Verification]


def judge(table: Table, home: Path, data: Path, bench: Bench) -> Whole:
    """Judge the rows that were taught, by the longest budget that there is.

    Raises Refusal, Unreadable, WeightsError, OSError.
    """
    epochs = max(budgets(home, table), default=None)
    judge = _Judge(table, data, bench)
    rows = tuple(_rows(table, home, epochs, judge))
    peer = judge.of(load_models(None).of("embedder", "sface")) if epochs else {}
    return Whole(table, epochs, rows, peer)


@dataclass(frozen=True, slots=True)
class _Judge:
    table: Table
    data: Path
    bench: Bench

    def of(self, entry: Entry) -> dict[SetName, Verification]:
        asked = usual_questions(self.data)
        chosen = {name: asked[TITLES[name]] for name in self.table.sets if TITLES[name] in asked}
        return {name: verify(one, entry, self.bench) for name, one in chosen.items()}


def _rows(table: Table, home: Path, epochs: int | None, judge: _Judge) -> Iterator[Judged]:
    for row in table.rows:
        entry = taught(folder_of(home, table, epochs or 0) / row.name)
        if entry is None:
            known = None if row.origin else cost(network_of(row.network))
            yield Judged(row, known, 0, {})
        else:
            steps = int(entry.measured["steps"])
            yield Judged(row, cost(build(entry)), steps, judge.of(entry))


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
    return {
        "table": whole.table.name,
        "sets": list(whole.table.sets),
        "epochs": whole.epochs,
        "full_epochs": DISTILLED.epochs,
        "rows": [_row(whole, one) for one in whole.rows],
        "peer": _figures(whole.peer),
    }


def _row(whole: Whole, one: Judged) -> Json:
    (plain,) = (other.cost for other in whole.rows if other.row.name == whole.table.plain)
    return {
        "row": one.row.title,
        "name": one.row.name,
        "network": one.row.network,
        "recipe": one.row.recipe,
        "stated": dict(one.row.stated),
        "steps": one.steps,
        **_costs(one.cost, plain),
        **_figures(one.found),
    }


def _costs(own: Cost | None, plain: Cost | None) -> Json:
    told: Json = {}
    if own is not None:
        told |= {"parameters": own.parameters, "macs": own.macs}
    if own is not None and plain is not None:
        told["parameters_saved"] = 1 - own.parameters / plain.parameters
        told["macs_saved"] = 1 - own.macs / plain.macs
    return told


def _figures(found: Mapping[SetName, Verification]) -> Json:
    told: Json = {}
    for name, one in found.items():
        told[f"{name}_accuracy"] = one.folds.accuracy
        told[f"{name}_accuracy_se"] = one.folds.standard_error
        told[f"{name}_at_distance_0_90"] = one.at_distance
        told[f"{name}_tar_at_far"] = one.true_accepts
    if found:
        told["ms_per_face"] = next(iter(found.values())).ms_per_face
    return told
