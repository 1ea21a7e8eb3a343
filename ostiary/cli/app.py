"""Knows the tree of commands. Does not know what one does; what is heavy they import themselves."""

import typer

from ostiary.cli import (
    alerts,
    analysis,
    cameras,
    evaluation,
    keys,
    models,
    operation,
    people,
    processes,
    subscribers,
    training,
)
from ostiary.cli.place import ConfigOption, HomeOption, Place, SetOption

HELP = """Ostiary watches a building's cameras: who is at the door, is the mask worn, who is told.

Start everything with a demo: [bold]ostiary up --demo[/bold]. Then, beside it:
[bold]ostiary camera add lobby rtsp://user@host/path[/bold] adds a camera,
[bold]ostiary person enrol Ada ada.jpg --consent TEXT[/bold] enrols somebody,
[bold]ostiary alerts tail[/bold] shows alerts as they come,
[bold]ostiary analyze door.jpg[/bold] looks at photographs and films, with no server,
[bold]ostiary doctor[/bold] says what is wrong with this machine.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 not running.
"""

RUN, SETUP, WATCH = "Run", "Set up", "Watch"
PROCESSES = (
    processes.up,
    processes.ingest,
    processes.worker,
    processes.gateway,
    processes.server,
    processes.prepare,
)


def build() -> typer.Typer:
    """Return the whole command line."""
    root = typer.Typer(
        name="ostiary",
        help=HELP,
        rich_markup_mode="rich",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @root.callback()
    def flags(
        context: typer.Context,
        home: HomeOption = None,
        config: ConfigOption = None,
        assignments: SetOption = None,
    ) -> None:
        context.obj = Place().with_flags(home, config, assignments)

    for command in PROCESSES:
        root.command(rich_help_panel=RUN)(command)
    root.add_typer(cameras.app, name="camera", rich_help_panel=SETUP)
    root.add_typer(people.app, name="person", rich_help_panel=SETUP)
    root.add_typer(subscribers.app, name="subscriber", rich_help_panel=SETUP)
    root.add_typer(keys.app, name="key", rich_help_panel=SETUP)
    root.add_typer(operation.config_app, name="config", rich_help_panel=SETUP)
    root.add_typer(alerts.app, name="alerts", rich_help_panel=WATCH)
    root.command(rich_help_panel=WATCH)(operation.status)
    root.command(rich_help_panel=WATCH)(operation.doctor)
    root.add_typer(models.app, name="models", rich_help_panel=WATCH)
    root.add_typer(analysis.app)
    root.add_typer(evaluation.app)
    root.add_typer(training.app)
    return root
