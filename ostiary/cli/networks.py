"""Knows what the commands that run networks themselves share: their task, data, what may lack."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ostiary.cli.failure import ExitCode, Failure

TASKS = ("mask", "expression")

TaskArgument = Annotated[
    str, typer.Argument(metavar="mask|expression|recognition", help="Which network.")
]
DataOption = Annotated[Path, typer.Option("--data", help="Labelled pictures: a folder or a zip.")]


def check(task: str, data: Path) -> None:
    """Refuse what is no task, and no data."""
    if task not in TASKS:
        raise Failure(
            f"There is no task {task!r}: mask, expression or recognition.", code=ExitCode.USAGE
        )
    if not data.exists():
        raise Failure(f"There is no folder or file {data}.", code=ExitCode.NOT_FOUND)
    if data.is_file() and data.suffix.casefold() != ".zip":
        raise Failure(f"{data} is neither a folder nor a zip.", code=ExitCode.USAGE)


@contextmanager
def needing(work: str, extras: str) -> Iterator[None]:
    """Say how to install what is missing: this work needs more than the client does."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "a package").partition(".")[0]
        raise Failure(
            f"{work} needs {package}, which is not installed.",
            f"Install it: pip install 'ostiary[{extras}]'",
        ) from error


@contextmanager
def using_models() -> Iterator[None]:
    """Turn what may be wrong with a network or its device into a message."""
    from workers.manifest import UnknownModel, WeightsError
    from workers.runtime import DeviceError

    try:
        yield
    except UnknownModel as error:
        raise Failure(str(error), "See: ostiary models list", code=ExitCode.NOT_FOUND) from error
    except (WeightsError, DeviceError) as error:
        raise Failure(*str(error).splitlines()[:3]) from error


@contextmanager
def drawing(out: Path) -> Iterator[None]:
    """Say where plots cannot be written."""
    try:
        yield
    except OSError as error:
        raise Failure(
            f"The plots cannot be written to {out}: {error.strerror}.", "Name a folder by --out."
        ) from error
