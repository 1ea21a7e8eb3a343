"""Knows the files that a running installation keeps in its home. Does not know their use."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path


class AlreadyRunning(Exception):
    """Another `ostiary up` works on this home; holds its process id where it is known."""

    def __init__(self, home: Path, pid: int | None) -> None:
        super().__init__(f"Ostiary already runs on {home}.")
        self.home = home
        self.pid = pid


@dataclass(frozen=True, slots=True)
class Running:
    """What a running installation tells commands on the same machine."""

    pid: int
    api: str
    certificate: str | None = None  # what the gateway shows, where it speaks HTTPS


def running_file(home: Path) -> Path:
    """Where the note of the running installation stands."""
    return home / "run" / "up.json"


@contextmanager
def only_one(home: Path, api: str, certificate: Path | None = None) -> Iterator[None]:
    """Hold the home for this process, and leave a note for commands.

    Raises AlreadyRunning. The kernel frees the lock however the process ends.
    """
    (home / "run").mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(home / "run" / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found = read_running(home)
            raise AlreadyRunning(home, found.pid if found else None) from None
        shown = None if certificate is None else str(certificate.absolute())
        write_private(running_file(home), json.dumps(asdict(Running(os.getpid(), api, shown))))
        try:
            yield
        finally:
            running_file(home).unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def read_running(home: Path) -> Running | None:
    """Read the note; None where nothing runs, or where it cannot be read."""
    try:
        found = json.loads(running_file(home).read_text("utf-8"))
        return Running(int(found["pid"]), str(found["api"]), found.get("certificate"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read, never half of it."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text + "\n")
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
