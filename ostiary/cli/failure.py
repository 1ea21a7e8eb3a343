"""Knows how a command ends: what is said, and the exit code. Does not know any command."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code means."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_RUNNING = 4


class Failure(Exception):
    """A command ends here: at most three lines, what was wrong and what to do."""

    def __init__(self, *lines: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.code = code


def not_found(what: str, name: str, see: str) -> Failure:
    """Say that there is no such thing, and which command lists what there is."""
    return Failure(f"There is no {what} {name!r}. See: {see}", code=ExitCode.NOT_FOUND)
