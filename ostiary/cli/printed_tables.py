"""Knows how a paper's tables are printed with ours beside them. Judges nothing."""

from typing import Any

from ostiary.cli.output import print_table

Json = dict[str, Any]

SETS = {"lfw": "LFW", "chinese": "Chinese", "occluded": "Occ-LFW", "masked": "Mask-LFW"}
AT_DISTANCE = ("lfw", "chinese")  # what paper 1 decides by a fixed distance
COSTS = (
    ("parameters", "weights", 1e-6, " M"),
    ("macs", "MACs", 1e-6, " M"),
    ("ms", "ms a face", 1.0, ""),
    ("gpu_ms", "on a GPU", 1.0, ""),
)


def print_judged(told: Json) -> None:
    """Print what `training.recognition.tabled` found, the paper's own tables one after another."""
    _print_budget(told)
    rows = {row["name"]: row for row in told["rows"]}
    decided = told["table"].startswith("paper1")
    costs = [cost for cost in COSTS if any(_key(cost[0]) in row for row in told["rows"])]
    for part in told["parts"]:
        print(f"{part['title']}:")
        shown = [rows[name] for name in part["rows"]]
        shown += [told["peer"]] if told["peer"] else []
        columns = [name for one in told["sets"] for name in _columns(one, decided)]
        cells = [
            (row["row"], *_shares(row, told["sets"], decided), f"{row['steps']:,}",
             *_costs(row, costs))
            for row in shown
        ]  # fmt: skip
        print_table(("row", *columns, "steps", *(title for _, title, _, _ in costs)), cells, "")
        print()
    for one in told["baselines"]:
        _print_baseline(one, told["sets"])
    for note in told["notes"]:
        print(note)
    if decided:
        print("At 0.90: by that Euclidean distance, as the paper decides; else by folds.")
    print(
        "In brackets: the change against the plain network. Times: one thread of the CPU, in turn."
    )
    for path in told["plots"].values():
        print(path)


def _print_budget(told: Json) -> None:
    if told["epochs"] is None:
        print("No row has been taught yet:")
        print(f"  ostiary train recognition --table {told['table']} --data DIR\n")
        return
    short = told["epochs"] < told["full_epochs"]
    full = f"; the full one is {told['full_epochs']}" if short else ""
    epochs = f"{told['epochs']} epoch{'' if told['epochs'] == 1 else 's'}"
    print(f"{epochs} of each row{': a short budget' if short else ''}{full}.\n")


def _columns(name: str, decided: bool) -> tuple[str, ...]:
    """Return the columns of a set: the paper's figure and ours."""
    more = ("at 0.90",) if decided and name in AT_DISTANCE else ()
    return (f"{SETS[name]}, paper", "ours", *more)


def _shares(row: Json, sets: list[str], decided: bool) -> list[str]:
    cells = []
    for name in sets:
        stated, ours = row["stated"].get(name), row.get(f"{name}_accuracy")
        cells.append("-" if stated is None else f"{stated:.2%}")
        deviation = row.get(f"{name}_accuracy_se", 0.0)
        cells.append("not taught" if ours is None else f"{ours:.2%} ± {deviation:.2%}")
        if decided and name in AT_DISTANCE:
            fixed = row.get(f"{name}_at_distance_0_90")
            cells.append("-" if fixed is None else f"{fixed:.2%}")
    return cells


def _costs(row: Json, costs: list[tuple[str, str, float, str]]) -> list[str]:
    cells = []
    for name, _, unit, ending in costs:
        if _key(name) not in row:
            cells.append("-")
            continue
        saved = row.get(f"{name}_saved", 0.0)
        change = f" ({-saved:+.1%})" if abs(saved) >= 0.0005 else ""
        digits = 0 if name == "macs" else 2
        cells.append(f"{row[_key(name)] * unit:.{digits}f}{ending}{change}")
    return cells


def _key(cost: str) -> str:
    return f"{cost}_per_face" if cost.endswith("ms") else cost


def _print_baseline(one: Json, sets: list[str]) -> None:
    """Print what rows that lost filters lose in points, and gain in time, against another."""
    print(f"Against {one['row']}, error grown in points:")
    speeds = one["stated_speeds"].values()
    stated = [
        "paper, ratio not stated",
        *(f"{100 * one['stated_errors'][name]:.2f}" for name in sets),
    ]
    cells = [(*stated, f"{min(speeds):.1%} to {max(speeds):.1%}, not defined", "")]
    for row in one["rows"]:
        errors = [
            f"{100 * row['errors'][name]:+.2f}" if name in row["errors"] else "-" for name in sets
        ]
        cells.append(
            (row["row"], *errors, f"{row['time_saved']:.1%}", f"{row['times_as_fast']:.2f}")
        )
    print_table(("row", *(SETS[name] for name in sets), "time saved", "times as fast"), cells, "")
    print()
