"""Knows when a process that ended is started again. Does not know processes or clocks."""

from dataclasses import dataclass, replace

SECOND_NS = 1_000_000_000
FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 10.0
HEALTHY_AFTER_S = 30.0


@dataclass(frozen=True, slots=True)
class Lives:
    """What is remembered of one process: how often it ended early in a row, and in all."""

    early_ends: int = 0
    ends: int = 0


@dataclass(frozen=True, slots=True)
class Restart:
    """Start again after the delay, which doubles with each early end."""

    lives: Lives
    delay_s: float


def after_end(lives: Lives, started_ns: int, ended_ns: int) -> Restart:
    """Decide when a process that ended, and was not told to, starts again.

    A life of HEALTHY_AFTER_S clears what went before, so that a crash once a day costs nothing.
    """
    healthy = ended_ns - started_ns >= HEALTHY_AFTER_S * SECOND_NS
    early_ends = 0 if healthy else lives.early_ends
    delay_s = min(FIRST_DELAY_S * 2.0 ** min(early_ends, 16), LONGEST_DELAY_S)
    return Restart(replace(lives, early_ends=early_ends + 1, ends=lives.ends + 1), delay_s)
