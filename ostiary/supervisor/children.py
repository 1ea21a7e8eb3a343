"""Knows how one child process is started, listened to and ended. Does not know what it does."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ostiary.supervisor.logs import KEPT_TAIL, Lines, RotatedFile, Said, parse_line

PR_SET_PDEATHSIG: Final = 1
READ_BYTES: Final = 65_536
GRACE_S: Final = 2.5

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """One process: its name in logs, its command line, what its environment adds."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


def ostiary_command(*words: str) -> tuple[str, ...]:
    """The command line of one of our own commands, run by the same Python."""
    return (sys.executable, "-m", "ostiary.cli", *words)


class Child:
    """One life of a process, in a session of its own so that a terminal's Ctrl-C spares it."""

    def __init__(self, plan: ChildPlan, log: RotatedFile, note: Callable[[Said], None]) -> None:
        self.plan = plan
        self._tail: deque[Said] = deque(maxlen=KEPT_TAIL)
        self._log = log
        self._note = note
        self._lines = Lines()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process's id while it lives."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    def last_words(self) -> str:
        """What the process said at its end: a message, or a traceback's last line."""
        plain = [said.text for said in self._tail if said.event is None]
        return " ".join(text for text in plain if text and not text[0].isspace())

    async def run(self) -> int:
        """Start the process, keep what it says, return its exit status.

        Cancelled, ask it to end and kill it after GRACE_S; cancelled again, kill it at once.
        Must be called on the main thread: the kernel ends the child when the thread that forked
        it ends (prctl(2), PR_SET_PDEATHSIG). Raises OSError where it cannot be started.
        """
        self._process = process = self._spawn()
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        end = os.pidfd_open(process.pid)
        pipe = process.stdout
        if pipe is None:
            raise OSError(f"{self.plan.name}: there is no pipe to listen to")
        os.set_blocking(pipe.fileno(), False)
        loop.add_reader(end, ended.set)
        loop.add_reader(pipe.fileno(), self._read, pipe.fileno())
        try:
            # Its end counts, not the pipe's: a grandchild may hold that one open.
            await ended.wait()
        except asyncio.CancelledError:
            self._process.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE_S):
                    await ended.wait()
            raise
        finally:
            loop.remove_reader(end)
            loop.remove_reader(pipe.fileno())
            os.close(end)
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
            self._read(pipe.fileno())
            self._keep(self._lines.rest())
            pipe.close()
        return process.returncode

    def _spawn(self) -> subprocess.Popen[bytes]:
        parent = os.getpid()
        return subprocess.Popen(
            self.plan.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            env={**os.environ, **self.plan.environment},
            start_new_session=True,
            preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509
        )

    def _read(self, pipe: int) -> None:
        """Take what the pipe holds, up to READ_BYTES; at its end, listen no more."""
        with contextlib.suppress(BlockingIOError):
            data = os.read(pipe, READ_BYTES)
            if not data:
                asyncio.get_running_loop().remove_reader(pipe)
            self._keep(self._lines.feed(data))

    def _keep(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            self._log.write(line + b"\n")
            said = parse_line(line)
            self._tail.append(said)
            self._note(said)


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return  # all of them had ended


def _die_with(parent: int) -> None:
    """Between fork and exec: ask the kernel for a SIGTERM when our parent dies."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
