"""Knows the commands that teach and judge a paper's tables. Does not know how that is done."""

import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.networks import drawing, needing, using_models
from ostiary.cli.output import print_facts, print_json, print_json_line
from ostiary.cli.printed_tables import print_judged
from ostiary.cli.teaching import Told, course_of, teach_one

if TYPE_CHECKING:
    from ostiary.cli.verification import Asked
    from training.answers import Report
    from training.recognition.tables import Table
    from training.recognition.train import Course


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
    from training.recognition.tables import as_course, folder_of
    from training.train import Busy

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
        if not _is_taught(one.out):
            try:
                made = teach_one(one, left) if _may_begin(one) else None
            except Busy:
                made = None
            if made is None:
                continue
            if made.state.step < made.steps:
                break
        done.append(row.name)
    if told.as_json:
        rows = {"table": name, "epochs": epochs, "taught": done, "rows": len(table.rows)}
        print_json(rows | {"out": str(folder)})
    else:
        _print_taught(table, done, folder)


def _print_taught(table: "Table", done: list[str], folder: Path) -> None:
    rest = len(table.rows) - len(done)
    print_facts(
        [
            ("taught", ", ".join(done) or "none to its end"),
            ("left", f"{rest} rows; the same command goes on" if rest else "none"),
            ("judge them", f"ostiary evaluate recognition --table {table.name} --data DIR"),
            ("folder", folder),
        ]
    )


def _is_taught(folder: Path) -> bool:
    from training.recognition.tabled import taught

    with using_models():
        return taught(folder) is not None


def _may_begin(course: "Course") -> bool:
    return course.origin is None or _is_taught(course.origin.folder)


def evaluate_table(name: str, asked: "Asked", progress: "AbstractContextManager[Report]") -> None:
    """Judge the rows that were taught, and print the tables with the paper's figures beside."""
    data, home = asked.data, asked.home
    if asked.about_pairs or asked.models:
        raise Failure("--table takes --data alone: its rows are its models.", code=ExitCode.USAGE)
    if data is None:
        raise Failure("Say --data: the folder with lfw_pairs_112.zip.", code=ExitCode.USAGE)
    if not data.is_dir():
        raise Failure(f"There is no folder {data}.", code=ExitCode.NOT_FOUND)
    with needing("Judging networks", "server,worker,train"):
        from training.recognition import growth, tabled
        from training.recognition.embedding import Bench
        from training.refusal import Refusal
        from training.sets.files import Unreadable

    try:
        with using_models(), progress as report:
            bench = Bench(home / "cache" / "networks", report)
            found = tabled.judge(known(name), home, data, bench)
    except Refusal as error:
        raise Failure(*error.lines[:3]) from error
    except Unreadable as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{error.filename or data}: {error.strerror or error}.") from error
    with drawing(asked.out):
        plots = growth.draw(found, asked.out)
    told = tabled.as_json(found) | {"plots": {name: str(path) for name, path in plots.items()}}
    if asked.as_json:
        print_json_line(told)
    else:
        print_judged(told)
