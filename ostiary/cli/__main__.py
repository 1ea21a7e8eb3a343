"""Knows how the command line begins and ends: errors become short messages and exit codes."""

import sys
from collections.abc import Sequence

import typer

from ostiary.cli.app import build
from ostiary.cli.failure import ExitCode, Failure

INTERRUPTED = 130  # what typer makes of Ctrl-C


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command; return its exit code. What went wrong stands on standard error."""
    command = typer.main.get_command(build())
    try:
        code = command.main(list(arguments), prog_name="ostiary", standalone_mode=False)
    except Failure as failure:
        return _say(failure.lines, failure.code)
    except (typer.Abort, KeyboardInterrupt):
        return _say(("Stopped.",), ExitCode.FAILED)
    except typer.TyperException as error:
        return _usage(error)
    except BrokenPipeError:
        sys.stdout = None  # the reader has gone: nothing more can be said there
        return ExitCode.FAILED
    if code == INTERRUPTED:
        return _say(("Stopped.",), ExitCode.FAILED)
    return code if isinstance(code, int) else ExitCode.DONE


def _usage(error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "ostiary"
    text = error.format_message()
    if not text:  # a group without its command: help was printed already
        return ExitCode.USAGE
    return _say((text, f"See: {path} --help"), ExitCode.USAGE)


def _say(lines: Sequence[str], code: ExitCode) -> int:
    print("\n".join(lines), file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
