"""Knows the commands that run: everything, or one process. Does not know what they do."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.place import ConfigOption, HomeOption, SetOption, place_of

if TYPE_CHECKING:
    from config.schema import Settings

DemoOption = Annotated[
    bool,
    typer.Option("--demo", help="Add two demo cameras and two enrolled people of the demo."),
]


def up(
    context: typer.Context,
    demo: DemoOption = False,
    home: HomeOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Run everything: servers, ingest, workers and the page; Ctrl-C stops it all."""
    from ostiary.supervisor import Start
    from ostiary.supervisor import up as run_up
    from ostiary.supervisor_terminal import Terminal

    place = place_of(context).with_flags(home, config, assignments)
    settings = place.settings()
    start = Start(settings, tuple(place.flags(settings.home)), demo)
    _ending_well(lambda: run_up(start, Terminal()))


def _ending_well(run: Callable[[], Awaitable[None]]) -> None:
    """Run until it ends; what a start may meet becomes a message."""
    from ostiary.supervisor import PortTaken
    from ostiary.supervisor_home import AlreadyRunning
    from streams.secrets import BadKeyFile, WrongKey
    from streams.valkey import ValkeyFailed

    async def main() -> None:
        await run()

    try:
        asyncio.run(main())
    except AlreadyRunning as error:
        who = f" (process {error.pid})" if error.pid else ""
        raise Failure(
            f"{error.args[0][:-1]}{who}.", "Stop that one first, or name another home by --home."
        ) from error
    except PortTaken as error:
        raise Failure(
            str(error), "Stop the other program, or choose another: --set gateway.port=8471"
        ) from error
    except WrongKey as error:
        raise Failure(
            "secret.key is not the key that this home's ledger was sealed with.",
            "Put the right key file back (secrets.key_file), or begin with a new home.",
        ) from error
    except (BadKeyFile, ValkeyFailed) as error:
        raise Failure(*str(error).splitlines()[:3]) from error


def ingest(
    context: typer.Context,
    home: HomeOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Run ingest alone: it pulls the cameras and publishes their packets."""
    settings = place_of(context).with_flags(home, config, assignments).settings()
    from streams.ingest import run

    run_process(run, settings)


def worker(
    context: typer.Context,
    home: HomeOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Run one worker alone: it decodes, analyses and raises alerts."""
    settings = place_of(context).with_flags(home, config, assignments).settings()
    from workers.worker import run

    run_process(run, settings)


def gateway(
    context: typer.Context,
    home: HomeOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Run the gateway alone: the page, the API, the live pictures."""
    settings = place_of(context).with_flags(home, config, assignments).settings()
    from streams.gateway.app import run

    run_process(run, settings)


def run_process(run: "Callable[[Settings], Awaitable[None]]", settings: "Settings") -> None:
    """Run one process on uvloop until SIGTERM or SIGINT ends it."""
    import uvloop

    from ostiary.cli.logs import configure
    from streams.secrets import BadKeyFile

    configure(settings.log.level)

    async def main() -> None:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        if task is not None:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, task.cancel)
        try:
            await run(settings)
        except asyncio.CancelledError:
            return  # told to end

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    except BadKeyFile as error:
        raise Failure(*str(error).splitlines()[:3], code=ExitCode.FAILED) from error
    sys.stderr.flush()
