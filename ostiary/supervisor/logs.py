"""Knows how what processes say is kept in files and shown in short. Does not start processes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

MIB = 1024 * 1024
KEPT_TAIL = 5
LONGEST_LINE_BYTES = 65_536
REPEAT_WINDOW_NS = 10_000_000_000
HIDDEN_FIELDS = frozenset({"event", "level", "timestamp", "logger", "exception"})
LOUD = frozenset({"warning", "error", "critical"})


class RotatedFile:
    """A file that is renamed to .1, .2 … when full, so that all of them together stay bounded.

    A full disk loses lines and never stops who writes; once it takes lines again, the file says
    how many are missing there.
    """

    def __init__(self, path: Path, max_bytes: int = 5 * MIB, keep: int = 3) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._file: BinaryIO | None = None
        self._size = 0
        self._lost = 0

    def write(self, line: bytes) -> None:
        """Add one line, its end included."""
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._file = self.path.open("ab", buffering=0)
                self._size = self.path.stat().st_size
            if self._size and self._size + len(line) > self._max_bytes:
                self._rotate()
            if self._lost:
                line = b"%d lines could not be written here\n" % self._lost + line
            self._file.write(line)
            self._size += len(line)
            self._lost = 0
        except OSError:
            self._lost += 1

    def _rotate(self) -> None:
        self.close()
        for number in range(self._keep - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self.path.replace(self._numbered(1))
        self._file = self.path.open("ab", buffering=0)
        self._size = 0

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Lines:
    """Cuts a stream of bytes into lines; what is longer than the bound is cut off."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are complete now, without their ends."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        lines = []
        for line in whole:
            if not self._skipping:
                lines.append(line[:LONGEST_LINE_BYTES])
            self._skipping = False
        if len(self._rest) > LONGEST_LINE_BYTES:
            if not self._skipping:
                lines.append(self._rest[:LONGEST_LINE_BYTES])
            self._rest, self._skipping = b"", True
        return lines

    def rest(self) -> list[bytes]:
        """Return what came without a line's end, once nothing more can come."""
        return self.feed(b"\n") if self._rest else []


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a process: an event with fields where it is one, else the text."""

    text: str
    event: str | None = None
    level: str = "info"
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def loud(self) -> bool:
        """Whether somebody at the terminal should see it."""
        return self.level in LOUD

    @property
    def short(self) -> str:
        """The event with its fields, for people."""
        if self.event is None:
            return self.text
        shown = (
            f"{name}={value if isinstance(value, str) else json.dumps(value, default=str)}"
            for name, value in self.values.items()
            if name not in HIDDEN_FIELDS
        )
        return " ".join((self.event, *shown))


def parse_line(line: bytes) -> Said:
    """Read one line; what is not a JSON event stays text, whatever its bytes."""
    text = line.decode("utf-8", "replace").rstrip("\r")
    if not text.startswith("{"):
        return Said(text)
    try:
        record = json.loads(text)
    except ValueError:
        return Said(text)
    if not isinstance(record, dict) or not isinstance(record.get("event"), str):
        return Said(text)
    return Said(text, record["event"], str(record.get("level", "info")), record)


class Repeats:
    """Shows a line once within ten seconds, whatever its fields, and counts the others."""

    def __init__(self, bound: int = 256) -> None:
        self._last_ns: dict[str, int] = {}
        self._hidden: dict[str, int] = {}
        self._bound = bound

    def admit(self, what: str, now_ns: int) -> int | None:
        """Return None to hide the line, else how many like it were hidden before."""
        last_ns = self._last_ns.get(what)
        if last_ns is not None and now_ns - last_ns < REPEAT_WINDOW_NS:
            self._hidden[what] = self._hidden.get(what, 0) + 1
            return None
        if len(self._last_ns) >= self._bound:
            self._last_ns.clear()  # beyond the bound lines are shown again, none is lost
        self._last_ns[what] = now_ns
        return self._hidden.pop(what, 0)
