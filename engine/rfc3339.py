"""Knows how a moment is written outside (RFC 3339, UTC, ms). Does not know what time it is."""

from datetime import UTC, datetime, timedelta
from typing import Final

MS_NS: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def whole_ms(moment_ns: int) -> int:
    """Return a moment in ns rounded down to a whole millisecond, so that writing loses nothing."""
    return moment_ns - moment_ns % MS_NS


def to_rfc3339(moment_ns: int) -> str:
    """Write ns since 1970 UTC as "2026-11-22T14:33:20.120Z"; what is finer than a ms is cut."""
    moment = _EPOCH + timedelta(milliseconds=moment_ns // MS_NS)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_rfc3339(text: str) -> int:
    """Read a moment as ns since 1970 UTC; ValueError if it is not RFC 3339 with an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"no offset from UTC in {text!r}: write it as 2026-11-22T14:33:20.120Z")
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
