"""Knows how `ostiary analyze` serves the page: alone, or as the live system's process for it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ostiary.cli.failure import ExitCode, Failure

if TYPE_CHECKING:
    import asyncio

    from config.schema import Settings
    from ostiary.jobs.beginning import Beginning


def wait_for_jobs(settings: "Settings") -> None:
    """Do the analyses that the gateway asks for, until SIGTERM or SIGINT."""
    from ostiary.cli.processes import run_process
    from ostiary.jobs.waiting import run

    run_process(run, settings)


def show_page(settings: "Settings", beginning: "Beginning") -> None:
    """Serve the page on this machine until q, Ctrl-C or SIGTERM."""
    import asyncio
    import signal

    from ostiary.cli.logs import configure
    from ostiary.jobs.showing import NothingThere, run

    configure("warning")

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        with _ending_by_q(task), suppress(asyncio.CancelledError):
            await run(settings, beginning, _ready)

    try:
        asyncio.run(main())
    except NothingThere as error:
        raise Failure(str(error), code=ExitCode.NOT_FOUND) from error
    except OSError as error:
        raise Failure(f"The page cannot be served: {error.strerror or error}.") from error


def _ready(url: str) -> None:
    import os
    import sys
    import webbrowser

    print(f"Analyze: {url}", flush=True)
    print("End: q or Ctrl-C", flush=True)
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        with suppress(webbrowser.Error):
            webbrowser.open(url)


@contextmanager
def _ending_by_q(task: "asyncio.Task[None]") -> Iterator[None]:
    """End a task when q is pressed, where a terminal is there; it is left as it was."""
    import asyncio
    import os
    import sys

    if not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    descriptor, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    before = termios.tcgetattr(descriptor)

    def read() -> None:
        if os.read(descriptor, 16).lower().startswith(b"q"):
            task.cancel()

    tty.setcbreak(descriptor)
    loop.add_reader(descriptor, read)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
