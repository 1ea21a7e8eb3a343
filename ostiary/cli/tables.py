"""Knows the commands that teach and judge a paper's table. Does not know how that is done."""

import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.networks import needing, using_models
from ostiary.cli.output import print_facts, print_json, print_json_line, print_table
from ostiary.cli.teaching import Told, course_of, teach_one

if TYPE_CHECKING:
    from training.answers import Report
    from training.recognition.tables import Table

Json = dict[str, Any]


def known(name: str) -> "Table":
    """Return a table by its name; refuse what is none."""
    from training.recognition.tables import TABLES

    if name not in TABLES:
        raise Failure(f"There is no table {name!r}: {', '.join(TABLES)}.", code=ExitCode.USAGE)
    return TABLES[name]


def train_table(name: str, told: Told) -> None:
    """Teach the rows one after another, those that are done not again; stop after minutes.

    Several processes may teach one table: each takes the rows that no other is at, and leaves
    those that go on from a row that is not there yet.
    """
    course = course_of(told)
    from training.recognition.tabled import taught
    from training.recognition.tables import as_course, folder_of
    from training.train import taken

    table = known(name)
    epochs = course.epochs or table.epochs
    folder = folder_of(told.home, table, epochs)
    until = None if told.minutes is None else time.monotonic() + 60 * told.minutes
    done: list[str] = []
    for row in table.rows:
        left = None if until is None else (until - time.monotonic()) / 60
        if left is not None and left <= 0:
            break
        one = as_course(row, folder, replace(course, epochs=epochs))
        with using_models():
            finished = taught(one.out) is not None
            waits = one.origin is not None and taught(one.origin.folder) is None
        if not finished:
            if waits or taken(one.out):
                continue
            made = teach_one(one, left)
            if made.state.step < made.steps:
                break
        done.append(row.name)
    if told.as_json:
        rows = {"table": name, "epochs": epochs, "taught": done, "rows": len(table.rows)}
        print_json(rows | {"out": str(folder)})
        return
    rest = len(table.rows) - len(done)
    print_facts(
        [
            ("taught", ", ".join(done) or "none to its end"),
            ("left", f"{rest} rows; the same command goes on" if rest else "none"),
            ("judge them", f"ostiary evaluate recognition --table {name} --data DIR"),
            ("folder", folder),
        ]
    )


def evaluate_table(
    name: str,
    data: Path | None,
    home: Path,
    progress: "AbstractContextManager[Report]",
    as_json: bool,
) -> None:
    """Judge the rows that were taught, and print the table with the paper's figures beside."""
    if data is None:
        raise Failure("Say --data: the folder with lfw_pairs_112.zip.", code=ExitCode.USAGE)
    if not data.is_dir():
        raise Failure(f"There is no folder {data}.", code=ExitCode.NOT_FOUND)
    with needing("Judging networks", "server,worker,train"):
        from training.recognition import tabled
        from training.recognition.embedding import Bench
        from training.refusal import Refusal
        from training.sets.files import Unreadable

    try:
        with using_models(), progress as report:
            bench = Bench(home / "cache" / "networks", report)
            told = tabled.as_json(tabled.judge(known(name), home, data, bench))
    except Refusal as error:
        raise Failure(*error.lines[:3]) from error
    except Unreadable as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{error.filename or data}: {error.strerror or error}.") from error
    if as_json:
        print_json_line(told)
        return
    _print(told)


SETS = {"lfw": "LFW", "chinese": "Chinese", "occluded": "Occ-LFW", "masked": "Mask-LFW"}
NOTES = {
    "lfw": "LFW: by folds; at 0.90: at that Euclidean distance, as paper 1 decides.",
    "chinese": "Chinese: all pairs of cn_celeb, instead of CN-Face, which cannot be had.",
    "occluded": "Occ-LFW: something hides 40 % of each picture.",
    "masked": "Mask-LFW: every picture masked.",
}


def _print(told: Json) -> None:
    if told["epochs"] is None:
        print("No row has been taught yet:")
        print(f"  ostiary train recognition --table {told['table']} --data DIR\n")
    else:
        steps = max(row["steps"] for row in told["rows"])
        short = ": a short budget" if told["epochs"] < told["full_epochs"] else ""
        print(f"{told['epochs']} epochs, {steps:,} steps for each row{short}.\n")
    plain = next((row["ms_per_face"] for row in told["rows"] if "ms_per_face" in row), None)
    columns = [name for one in told["sets"] for name in _columns(one)]
    rows = [_cells(row, told["sets"], plain) for row in told["rows"]]
    if told["peer"]:
        peer = {"row": "SFace", "stated": {}, **told["peer"]}
        rows.append((*_shares(peer, told["sets"]), "-", "-", f"{peer['ms_per_face']:.2f}"))
    print_table(("row", *columns, "weights", "MACs", "ms a face"), rows, "")
    for name in told["sets"]:
        print(NOTES[name])
    print("In brackets: the change against the plain network. Times: one thread of the CPU.")


def _columns(name: str) -> tuple[str, ...]:
    """Return the columns of a set: the paper's figure and ours."""
    more = ("at 0.90",) if name == "lfw" else ()
    return (f"{SETS[name]}, paper", "ours", *more)


def _cells(row: Json, sets: list[str], plain_ms: float | None) -> tuple[str, ...]:
    took = "-"
    if "ms_per_face" in row and plain_ms:
        took = f"{row['ms_per_face']:.2f}{_change(1 - row['ms_per_face'] / plain_ms)}"
    costs = []
    for name, digits in (("parameters", 2), ("macs", 0)):
        saved = _change(row.get(f"{name}_saved", 0.0))
        costs.append(f"{row[name] / 1e6:.{digits}f} M{saved}" if name in row else "-")
    return (*_shares(row, sets), *costs, took)


def _change(saved: float) -> str:
    return f" ({-saved:+.0%})" if abs(saved) >= 0.005 else ""


def _shares(row: Json, sets: list[str]) -> tuple[str, ...]:
    cells = [row["row"]]
    for name in sets:
        stated, ours = row["stated"].get(name), row.get(f"{name}_accuracy")
        cells.append("-" if stated is None else f"{stated:.2%}")
        deviation = row.get(f"{name}_accuracy_se", 0.0)
        cells.append("not taught" if ours is None else f"{ours:.2%} ± {deviation:.2%}")
        if name == "lfw":
            fixed = row.get("lfw_at_distance_0_90")
            cells.append("-" if fixed is None else f"{fixed:.2%}")
    return tuple(cells)
