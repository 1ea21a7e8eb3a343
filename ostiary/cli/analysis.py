"""Knows the command that analyses photographs, films, webcams. Does not know how that is done."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.networks import needing, using_models
from ostiary.cli.place import JsonOption, place_of
from ostiary.jobs.beginning import Beginning

if TYPE_CHECKING:
    from config.schema import Settings
    from ostiary.analysis import Analysis
    from ostiary.cli.analysis_output import Wanted
    from workers.manifest import Role

app = typer.Typer()

PEOPLE_FOLDER = "people"
LANGUAGES = ("en", "zh")
CALLED = {"recognition": "embedder"}  # role by task
TASKS = ("detector", "mask", "expression", "recognition")
ABOUT = (
    "Exit code 1: something could not be analysed, the rest was; 3: nothing was there. "
    "Folders are searched with all below them. Animated GIF, WebP and PNG files count as films. "
    "--people names those whose photographs lie in HOME/people, or in the folder of --people-from: "
    "one folder for each person with up to 10 photographs, or one photograph each, named after "
    "the person; each is judged as `ostiary person enrol` does. Names and expressions are never "
    "joined."
)

SourceArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="PHOTO|FOLDER|VIDEO|webcam[:N]", help="What to look at."),
]
SaveOption = Annotated[
    Path | None, typer.Option("--save", metavar="OUT", help="Annotated: a file or a folder.")
]
ReportOption = Annotated[
    Path | None, typer.Option("--report", metavar="OUT.csv|jsonl", help="One line for each face.")
]
PeopleOption = Annotated[bool, typer.Option("--people", help="Say who is enrolled, see below.")]
FromOption = Annotated[
    Path | None,
    typer.Option("--people-from", metavar="DIR", help="Photographs of who is enrolled."),
]
ExpressionOption = Annotated[bool, typer.Option("--expression", help="Say facial expressions.")]
ModelOption = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="TASK=NAME", help="As `ostiary models list` shows it."),
]
LanguageOption = Annotated[
    str, typer.Option("--lang", metavar="en|zh", help="What annotated pictures are written in.")
]
ShowOption = Annotated[bool, typer.Option("--show", help="Open the page for it, on this machine.")]
JobOption = Annotated[bool, typer.Option("--job", hidden=True)]  # started by `ostiary up`


@app.command(rich_help_panel="Run", epilog=ABOUT)
def analyze(  # noqa: PLR0913, PLR0917  # its parameters are its options
    context: typer.Context,
    sources: SourceArgument = None,
    save: SaveOption = None,
    report: ReportOption = None,
    people: PeopleOption = False,
    people_from: FromOption = None,
    expression: ExpressionOption = False,
    model: ModelOption = None,
    lang: LanguageOption = "en",
    show: ShowOption = False,
    job: JobOption = False,
    as_json: JsonOption = False,
) -> None:
    """Look for faces in photographs, films or a webcam: masks, names, expressions; no server."""
    _refuse(joined=bool(people or people_from) and expression, lang=lang)
    settings = place_of(context).settings()
    home = settings.home.expanduser().absolute()
    folder = people_from or (home / PEOPLE_FOLDER if people else None)
    if job or show:
        if save or report:
            raise Failure("With --show, save from the page.", code=ExitCode.USAGE)
        chosen = {str(task): name for task, name in _chosen(model or ()).items()}
        return _serve(settings, job, Beginning(sources or (), folder, expression, lang, chosen))
    if not sources:
        raise Failure("Name a photograph, a film, a folder, or webcam.", code=ExitCode.USAGE)
    with needing("Analysing pictures", "server,worker"):
        from ostiary.analysis import Setup
        from ostiary.analysis import analyze as begin
        from ostiary.cli.analysis_output import Wanted

        device, longest_px = settings.worker.device, settings.analysis.detect_size_px
        setup = Setup(home, device, 1, longest_px, _chosen(model or ()))
        analysis = begin(sources, people=folder, expression=expression, setup=setup)
        analysis.alone = False  # what cannot be analysed is told, counted, and the code says so
        code = _analyse(analysis, Wanted(save, report, lang, as_json))
    raise typer.Exit(code)


def _refuse(joined: bool, lang: str) -> None:
    if joined:
        raise Failure(
            "Names and expressions are never joined: --people or --expression, not both.",
            code=ExitCode.USAGE,
        )
    if lang not in LANGUAGES:
        raise Failure(f"There is no language {lang!r}: en or zh.", code=ExitCode.USAGE)


def _serve(settings: "Settings", job: bool, beginning: Beginning) -> None:
    """Serve the page, or do what the live system's page asks for."""
    from ostiary.cli.analysis_page import show_page, wait_for_jobs

    with needing("Analysing pictures", "server,worker"):
        if job:
            wait_for_jobs(settings)
        else:
            show_page(settings, beginning)


def _chosen(given: Sequence[str]) -> "dict[Role, str]":
    """Return models' names by task. Raises Failure for what is not TASK=NAME."""
    from workers.manifest import ROLES

    chosen: dict[Role, str] = {}
    for one in given:
        task, found, name = one.partition("=")
        called = CALLED.get(task, task)
        role = next((role for role in ROLES if role == called), None)
        if role is None or not found or not name:
            raise Failure(
                f"{one!r} is no TASK=NAME: the tasks are {', '.join(TASKS)}.", code=ExitCode.USAGE
            )
        chosen[role] = name
    return chosen


def _analyse(analysis: "Analysis", wanted: "Wanted") -> ExitCode:
    """Analyse everything; what may go wrong as a whole becomes a message."""
    from ostiary.analysis import Unreadable
    from ostiary.analysis.saving import CannotSave, WrongSuffix
    from ostiary.cli.analysis_output import run

    try:
        with using_models():
            return run(analysis, wanted)
    except Unreadable as error:  # the people's folder: sources that cannot be read are counted
        raise Failure(str(error), code=ExitCode.NOT_FOUND) from error
    except CannotSave as error:
        wrong = isinstance(error, WrongSuffix)
        raise Failure(f"{error}.", code=ExitCode.USAGE if wrong else ExitCode.FAILED) from error
