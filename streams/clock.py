"""Knows how a shell reads the machine's clock. Does not know what the time is used for."""

import time


def now_ns() -> int:
    """Return UTC in ns; the one place outside entry points where it is read."""
    return time.time_ns()


def monotonic_ns() -> int:
    """Return a clock in ns that never steps, for durations."""
    return time.monotonic_ns()
