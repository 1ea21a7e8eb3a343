"""Knows the commands that run: everything, or one process. Does not know what they do."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.place import ConfigOption, HomeOption, SetOption, place_of

if TYPE_CHECKING:
    from config.schema import Settings

DemoOption = Annotated[
    bool,
    typer.Option("--demo", help="Add two demo cameras and three enrolled people of the demo."),
]


def up(
    context: typer.Context,
    demo: DemoOption = False,
    home: HomeOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Run everything: servers, ingest, workers and the page; Ctrl-C stops it all."""
    from ostiary.supervisor.running import Start
    from ostiary.supervisor.running import up as run_up
    from ostiary.supervisor.terminal import Terminal

    place = place_of(context).with_flags(home, config, assignments)
    settings = place.settings()
    start = Start(settings, tuple(place.flags(settings.home)), demo)
    _ending_well(lambda: run_up(start, Terminal()))


def _ending_well(run: Callable[[], Awaitable[None]]) -> None:
    """Run until it ends; what a start may meet becomes a message."""
    import asyncio

    from ostiary.supervisor.home import AlreadyRunning
    from ostiary.supervisor.running import PortTaken
    from streams.bus.connection import AWAY
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
    except (*AWAY, TimeoutError) as error:
        raise Failure(
            f"Bus or ledger do not answer ({error or 'in time'}).",
            "Check bus.url and ledger.url: ostiary doctor",
        ) from error


def ingest(
    context: typer.Context,
    home: HomeOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Run ingest alone: it pulls the cameras and publishes their packets."""
    settings = place_of(context).with_flags(home, config, assignments).settings()
    from streams.ingest.app import run

    run_process(run, settings)


def worker(
    context: typer.Context,
    home: HomeOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Run one worker alone: it decodes, analyses and raises alerts."""
    settings = place_of(context).with_flags(home, config, assignments).settings()
    from workers.manifest import WeightsError
    from workers.runtime import DeviceError
    from workers.worker import run

    try:
        run_process(run, settings)
    except (DeviceError, WeightsError) as error:
        raise Failure(*str(error).splitlines()[:2], "See: ostiary doctor") from error


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


def server(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="bus|ledger", help="Which of the two.")],
    home: HomeOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Run one embedded server alone, as compose.yaml does."""
    if kind not in ("bus", "ledger"):
        raise Failure(f"There is no server {kind!r}: bus or ledger.", code=ExitCode.USAGE)
    settings = place_of(context).with_flags(home, config, assignments).settings()
    from ostiary.supervisor.servers import serve_alone

    run_process(partial(serve_alone, kind="bus" if kind == "bus" else "ledger"), settings)


def prepare(
    context: typer.Context,
    home: HomeOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Prepare servers that run elsewhere: first keys, file cameras; `up` does it by itself."""
    settings = place_of(context).with_flags(home, config, assignments).settings()
    from ostiary.supervisor.setup import prepare_alone

    async def run() -> None:
        print(await prepare_alone(settings))

    _ending_well(run)


def run_process(run: "Callable[[Settings], Awaitable[None]]", settings: "Settings") -> None:
    """Run one process on uvloop until SIGTERM or SIGINT ends it."""
    import asyncio
    import signal

    import uvloop
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.exceptions import TimeoutError as RedisTimeoutError

    from ostiary.cli.logs import configure
    from ostiary.supervisor.servers import NotEmbedded
    from streams.secrets import BadKeyFile, WrongKey
    from streams.valkey import ValkeyFailed

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
    except (BadKeyFile, NotEmbedded, ValkeyFailed, WrongKey) as error:
        raise Failure(*str(error).splitlines()[:3]) from error
    except (RedisConnectionError, RedisTimeoutError) as error:
        raise Failure(
            f"Bus or ledger of {settings.home} do not answer: {str(error)[:200]}",
            "`ostiary up` or `ostiary server` start them; bus.url and ledger.url name others.",
            code=ExitCode.NOT_RUNNING,
        ) from error
