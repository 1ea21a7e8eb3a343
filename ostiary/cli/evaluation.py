"""Knows the command that judges a network on labelled pictures. Does not know how that is done."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.networks import TASKS, TaskArgument, check, drawing, needing, using_models
from ostiary.cli.output import print_json
from ostiary.cli.place import JsonOption, place_of
from ostiary.cli.tables import evaluate_table
from ostiary.cli.verification import Asked, evaluate_recognition

if TYPE_CHECKING:
    from training.evaluation import Evaluation, Request

app = typer.Typer()

OUT = Path("ostiary-evaluation")
EVERY_S = 10.0  # between two lines of progress where nobody looks at a terminal
PAIRS = "Recognition"
LAYOUT = (
    "What --data may be, a folder or a zip: one folder for each class (with_mask, without_mask, "
    "incorrect; angry, happy …), zips of such folders, pictures named in a labels.csv (columns "
    "name and label), or FER2013's sheets with theirs. For recognition: the folder with "
    "lfw_pairs_112.zip and its neighbours; or --crops with --pairs, or --folders."
)


ModelOption = Annotated[
    list[str] | None,
    typer.Option("--model", help="As `ostiary models list` shows it; or several folds."),
]
OutOption = Annotated[Path, typer.Option("--out", help="Where the plots go.")]
AllOption = Annotated[
    bool, typer.Option("--all", help="Judge also what the network was trained on.")
]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="Labelled pictures: a folder or a zip.")
]
CropsOption = Annotated[
    Path | None,
    typer.Option("--crops", help="Aligned faces, a folder for each person.", rich_help_panel=PAIRS),
]
PairsOption = Annotated[
    Path | None,
    typer.Option("--pairs", help="Pairs in LFW's format.", rich_help_panel=PAIRS),
]
FoldersOption = Annotated[
    Path | None,
    typer.Option("--folders", help="Like --crops; every pair.", rich_help_panel=PAIRS),
]
RawOption = Annotated[
    bool,
    typer.Option("--raw", help="Not aligned: find the faces first.", rich_help_panel=PAIRS),
]
MaskOption = Annotated[
    int | None,
    typer.Option(
        "--mask-second", metavar="SEED", help="Mask each pair's second.", rich_help_panel=PAIRS
    ),
]
TemplatesOption = Annotated[
    Path | None,
    typer.Option("--templates", help="Photographed masks, with masks.csv.", rich_help_panel=PAIRS),
]
TableOption = Annotated[
    str | None,
    typer.Option("--table", help="paper1, paper2, growth: as taught.", rich_help_panel=PAIRS),
]


@app.command(rich_help_panel="Watch", epilog=LAYOUT)
def evaluate(  # noqa: PLR0913, PLR0917  # its parameters are its options
    context: typer.Context,
    task: TaskArgument,
    data: DataOption = None,
    model: ModelOption = None,
    out: OutOption = OUT,
    everything: AllOption = False,
    crops: CropsOption = None,
    pairs: PairsOption = None,
    folders: FoldersOption = None,
    raw: RawOption = False,
    mask_second: MaskOption = None,
    templates: TemplatesOption = None,
    table: TableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge a network on labelled pictures, or on pairs of faces; write plots.

    Figures come with 95 % intervals, and beside the paper's. Of sets that the
    network was trained on, only what was kept aside is judged; other sets are
    judged whole. Of several faces in a picture the large one near its middle
    is meant. Of several models, made by `ostiary train --fold`, each judges
    what was on its own test side; the figures are of all answers together.

    Recognition: accuracy by folds, and true accepts at false accept rates that
    rest on all pairs across identities; null where those are too few.
    """
    home = place_of(context).settings().home.expanduser().absolute()
    pairwise = Asked(data, crops, pairs, folders, raw, mask_second, templates, tuple(model or ()),
                     home, out, as_json)  # fmt: skip
    if table is not None:
        if task != "recognition":
            raise Failure("--table is for recognition.", code=ExitCode.USAGE)
        evaluate_table(table, pairwise, _progress())
    elif task == "recognition":
        evaluate_recognition(pairwise, _progress())
    else:
        _evaluate_classifier(task, pairwise, everything)


def _evaluate_classifier(task: str, asked: Asked, everything: bool) -> None:
    if task in TASKS and (asked.data is None or asked.about_pairs):
        raise Failure(
            f"For {task}, say --data; --crops, --pairs and so on are for recognition.",
            code=ExitCode.USAGE,
        )
    data = asked.data or Path()
    check(task, data)
    if everything and len(asked.models) > 1:
        raise Failure(
            "--all is for one model: of several, each judges its own test side.",
            code=ExitCode.USAGE,
        )
    with needing("Judging networks", "server,worker,train"):
        import training.plots  # noqa: F401  missing matplotlib is said before the long work
        from training.evaluation import Request
        from training.report import as_json as told

        name = cast(Literal["mask", "expression"], task)
        cache = asked.home / "cache" / "networks"
        found = _judge(Request(name, data, cache, asked.models, everything, asked.home))
    result = told(found, _draw(found, asked.out))
    if asked.as_json:
        print_json(result)
        return
    from ostiary.cli.evaluation_tables import print_evaluation

    print_evaluation(result)


def _draw(found: "Evaluation", out: Path) -> "dict[str, Path]":
    from training.report import draw

    with drawing(out):
        return draw(found, out)


def _judge(request: "Request") -> "Evaluation":
    """Judge, with progress; what may go wrong becomes a message."""
    from training.evaluation import evaluate
    from training.refusal import Refusal

    try:
        with using_models(), _progress() as report:
            return evaluate(request, report)
    except Refusal as error:
        raise Failure(*error.lines[:3]) from error
    except OSError as error:
        raise Failure(f"{error.filename or request.data}: {error.strerror or error}.") from error


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Yield what is told how many of how many pictures are done; shown on standard error."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("pictures"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        shown = bar.add_task("pictures", total=None)
        yield lambda done, total: bar.update(shown, completed=done, total=total)


class _Lines:
    """Prints a line of progress now and then, for logs."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def __call__(self, done: int, total: int) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            first, self._next_s = not self._next_s, now_s + EVERY_S
            if first:
                return  # little is done at once, and few pictures need no line
            print(f"{done:,} of {total:,} pictures", file=sys.stderr, flush=True)
