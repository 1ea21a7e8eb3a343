"""Knows what the analysis command gives: files, report, progress, a summary. Analyses nothing."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.observations import MaskState
from ostiary.analysis import Analysis, Kind, Picture, Progress, Trouble
from ostiary.analysis.reporting import Report
from ostiary.analysis.saving import Saver
from ostiary.analysis.tally import File, Tally
from ostiary.analysis.words import Language, read
from ostiary.cli.failure import ExitCode
from ostiary.cli.output import print_json, print_table

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

EVERY_S = 10.0  # between two lines of progress where nobody looks at a terminal
MASK_COLUMNS = {"worn": MaskState.WORN, "wrongly": MaskState.INCORRECT, "none": MaskState.MISSING}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options said about the results."""

    save: Path | None
    report: Path | None
    language: str
    as_json: bool


def run(analysis: Analysis, wanted: Wanted) -> ExitCode:
    """Analyse everything and give what is wanted; return the exit code. Raises CannotSave."""
    tally, language = Tally(), Language(wanted.language)
    names = [Path(name) for name in analysis.names]
    alone = len(names) == 1 and not names[0].is_dir()
    saver = None if wanted.save is None else Saver(wanted.save, alone, language)
    with ExitStack() as stack:
        report = None if wanted.report is None else stack.enter_context(Report(wanted.report))
        screen = stack.enter_context(_screen())
        analysis.on_progress = screen.progress
        teller = _Teller(analysis, screen.say)
        kind = None
        try:
            for picture in analysis:
                kind = picture.kind
                file = tally.add(picture)
                if report is not None:
                    report.add(picture)
                if saver is not None:
                    file.saved = str(saver.add(picture))
                screen.seen(picture, language)
                teller.tell()
        except BaseException as error:
            # A webcam ends by Ctrl-C, and what was seen counts; a film that was stopped does not.
            if not (isinstance(error, KeyboardInterrupt) and kind is Kind.WEBCAM):
                if saver is not None:
                    saver.abandon()
                raise
        if saver is not None:
            saver.close()
        teller.tell()
    _print(analysis, tally, wanted)
    return _code(analysis, tally)


def _code(analysis: Analysis, tally: Tally) -> ExitCode:
    troubles = {problem.trouble for problem in analysis.problems}
    if troubles == {Trouble.MISSING} and not tally.files:
        return ExitCode.NOT_FOUND
    return ExitCode.FAILED if troubles else ExitCode.DONE


@dataclass(slots=True)
class _Teller:
    """Says each problem once, when it comes."""

    analysis: Analysis
    say: Callable[[str], None]
    _told: int = 0

    def tell(self) -> None:
        for problem in self.analysis.problems[self._told :]:
            self.say(str(problem))
            self._told += 1
        for problem in self.analysis.refused_photos:
            self.say(f"Not enrolled: {problem}")
        self.analysis.refused_photos = ()


def _print(analysis: Analysis, tally: Tally, wanted: Wanted) -> None:
    files = list(tally.files.values())
    if wanted.as_json:
        problems = [
            {"file": one.name, "trouble": one.trouble.value, "message": one.message}
            for one in analysis.problems
        ]
        report = None if wanted.report is None else str(wanted.report)
        print_json(
            {"files": [file.as_json() for file in files], "problems": problems, "report": report}
        )
        return
    if files:
        columns = ("file", "pictures", "people", *MASK_COLUMNS, "undecided", "who or how")
        rows = [_row(file) for file in files]
        if len(rows) > 1:
            rows.append(_total(files))
        print_table(columns, rows, "")
    if wanted.save is not None and files:
        print(f"Annotated: {wanted.save}")
    if wanted.report is not None:
        print(f"Report: {wanted.report}")
    if analysis.problems:
        print(f"Not analysed, or not to the end: {len(analysis.problems)}", file=sys.stderr)


def _row(file: File) -> tuple[object, ...]:
    masks = file.masks()
    counts = [masks[state] for state in MASK_COLUMNS.values()]
    pictures = (
        file.pictures
        if file.kind is Kind.PHOTOGRAPH
        else f"{file.pictures} in {file.seconds:.1f} s"
    )
    said = [*file.names(), *(f"{count} {label}" for label, count in file.expressions().items())]
    return (file.name, pictures, len(file.people), *counts, masks[None], said)


def _total(files: list[File]) -> tuple[object, ...]:
    masks = sum((file.masks() for file in files), Counter[MaskState | None]())
    people, pictures = sum(len(file.people) for file in files), sum(file.pictures for file in files)
    counts = [masks[state] for state in MASK_COLUMNS.values()]
    return (f"{len(files)} files", pictures, people, *counts, masks[None], None)


class _Screen:
    """What is said while it goes on, on standard error: lines, now and then how far it is."""

    def __init__(self) -> None:
        self._next_s = time.monotonic() + EVERY_S

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def progress(self, progress: Progress) -> None:
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + EVERY_S
            share = "" if progress.share is None else f", {progress.share:.0%} of all"
            self.say(f"{progress.done} of {progress.total} done{share}; now {progress.name}")

    def seen(self, picture: Picture, language: Language) -> None:
        """Nobody looks at a running line here."""


class _Terminal(_Screen):
    """The same for a terminal: a bar, and what the picture in hand shows."""

    def __init__(self, bar: "Bar", task: "TaskID") -> None:
        super().__init__()
        self._bar, self._task = bar, task

    def say(self, line: str) -> None:
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def progress(self, progress: Progress) -> None:
        total = None if progress.share is None else 1.0
        self._bar.update(self._task, total=total, completed=progress.share or 0.0)

    def seen(self, picture: Picture, language: Language) -> None:
        from rich.markup import escape

        said = [" ".join(read(face, language).lines) for face in picture.faces]
        faces = "; ".join(one for one in said if one)
        when = "" if picture.time_s is None else f" {picture.time_s:.1f} s"
        self._bar.update(self._task, description=escape(f"{picture.inside}{when} {faces}"))


@contextmanager
def _screen() -> Iterator[_Screen]:
    if not sys.stderr.isatty():
        yield _Screen()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Terminal(bar, bar.add_task("loading", total=None))
