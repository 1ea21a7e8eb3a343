"""Knows where a camera's password may come from, so that it need not stand in a command.

Does not know cameras.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ostiary.cli.failure import ExitCode, Failure

PromptOption = Annotated[
    bool, typer.Option("--password-prompt", help="Ask for the password on the terminal.")
]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
FileOption = Annotated[
    Path | None, typer.Option("--password-file", help="Read the password from a file.")
]
VariableOption = Annotated[
    str | None, typer.Option("--password-env", help="Take it from an environment variable.")
]


@dataclass(frozen=True, slots=True)
class PasswordSource:
    """Where the password was said to be; at most one place."""

    prompt: bool = False
    stdin: bool = False
    file: Path | None = None
    variable: str | None = None

    def read(self, environ: Mapping[str, str] = os.environ) -> str | None:
        """Return the password; None where no place was named. Raises Failure."""
        named = [bool(one) for one in (self.prompt, self.stdin, self.file, self.variable)]
        if sum(named) > 1:
            raise Failure("Name one place for the password, not several.", code=ExitCode.USAGE)
        if not any(named):
            return None
        password = self._fetch(environ)
        if not password:
            raise Failure("The password is empty.", code=ExitCode.USAGE)
        return password

    def _fetch(self, environ: Mapping[str, str]) -> str:
        if self.prompt:
            return str(typer.prompt("Password", hide_input=True, err=True))
        if self.stdin:
            return sys.stdin.readline().rstrip("\r\n")
        if self.file is not None:
            try:
                return self.file.expanduser().read_text("utf-8").split("\n")[0].rstrip("\r")
            except (OSError, UnicodeDecodeError) as error:
                raise Failure(
                    f"No password can be read from {self.file}: {error}.", code=ExitCode.USAGE
                ) from error
        name = self.variable or ""
        if name not in environ:
            raise Failure(f"There is no environment variable {name!r}.", code=ExitCode.USAGE)
        return environ[name]
