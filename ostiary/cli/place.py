"""Knows which installation a command is about: its home, its settings. Does not know its API."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ostiary.cli.failure import ExitCode, Failure

if TYPE_CHECKING:
    from config.load import Loaded, Request
    from config.schema import Settings

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="The folder of all state (else OSTIARY_HOME, else ~/.ostiary)."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", help="The settings file (else OSTIARY_CONFIG, else HOME/ostiary.yaml)."
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="One setting; may be repeated."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@dataclass(frozen=True, slots=True)
class Place:
    """What the flags said about the installation."""

    home: Path | None = None
    file: Path | None = None
    assignments: tuple[str, ...] = ()

    def with_flags(
        self,
        home: Path | None = None,
        file: Path | None = None,
        assignments: list[str] | None = None,
    ) -> "Place":
        """The flags of a command win over those before it."""
        return replace(
            self,
            home=home or self.home,
            file=file or self.file,
            assignments=(*self.assignments, *(assignments or ())),
        )

    def request(self) -> "Request":
        """What the settings' loader is asked for."""
        from config.load import Request

        return Request(self.home, self.file, self.assignments)

    def loaded(self) -> "Loaded":
        """Load the settings; a wrong one ends the command with everything that is wrong."""
        from config.load import load
        from config.sources import ConfigError

        try:
            return load(self.request())
        except ConfigError as error:
            found = [str(problem) for problem in error.problems]
            raise Failure("The settings are wrong:", *found, code=ExitCode.USAGE) from error

    def settings(self) -> "Settings":
        """Load the settings alone."""
        return self.loaded().settings

    def flags(self, home: Path) -> list[str]:
        """The flags by which a child process finds the same settings."""
        flags = ["--home", str(home)]
        if self.file:
            flags += ["--config", str(self.file.expanduser().absolute())]
        return flags + [part for one in self.assignments for part in ("--set", one)]


def place_of(context: typer.Context) -> Place:
    """The installation that the flags before the command named."""
    return context.obj if isinstance(context.obj, Place) else Place()
