"""Knows what to do with packets that wait too long. Does not know how they are decoded.

Theory of operation. A camera is LIVE while its oldest waiting packet is younger than the
staleness budget. Behind, it jumps to the newest keyframe ahead of it and decodes what is left
as references only (CATCHING_UP). Not live again within `live_within_ms`, it decodes keyframes
only (REDUCED) and rests; then a fresh keyframe is a trial of LIVE. Each trial that fails doubles
the rest. So under overload pictures get fewer, never older.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """How a camera's packets are being decoded."""

    LIVE = "live"
    CATCHING_UP = "catching_up"
    REDUCED = "reduced"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One packet in the backlog: the bus's clock at arrival, and whether its picture is wanted."""

    arrived_ms: int
    keyframe: bool
    wanted: bool


@dataclass(frozen=True, slots=True)
class CatchUpSettings:
    """The budgets: DESIGN's 500 ms of staleness, 2 s to be live again, and the rests between."""

    budget_ms: int = 500
    live_within_ms: int = 2_000
    rest_ms: int = 5_000
    longest_rest_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class Plan:
    """Drop `skip` packets from the head; then, if `decode`, decode the next one.

    convert: its picture is wanted and fresh. alone: nothing that refers to it will follow, so
    the decoder must not hold it back.
    """

    skip: int
    decode: bool
    convert: bool = False
    alone: bool = False


class CatchUp:
    """One camera's mode over time. Every call takes the bus's time in ms."""

    def __init__(self, settings: CatchUpSettings) -> None:
        self._settings = settings
        self._since_ms = 0
        self._rest_ms = settings.rest_ms
        self._trial_ms: int | None = None
        self.mode = Mode.LIVE

    def plan(self, waiting: Sequence[Waiting], now_ms: float) -> Plan:
        """Decide on the head of a backlog, oldest first, that starts at a decodable packet."""
        if not waiting:
            return Plan(0, decode=False)
        if self.mode is Mode.REDUCED:
            return self._reduced(waiting, now_ms)
        if self._fresh(waiting[0], now_ms):
            self.mode = Mode.LIVE
            return Plan(0, decode=True, convert=waiting[0].wanted)
        return self._behind(waiting, now_ms)

    def _behind(self, waiting: Sequence[Waiting], now_ms: float) -> Plan:
        skip = newest_keyframe(waiting) or 0
        head = waiting[skip]
        if self._fresh(head, now_ms):
            self.mode = Mode.LIVE
            return Plan(skip, decode=True, convert=head.wanted)
        if self.mode is Mode.LIVE:
            self.mode, self._since_ms = Mode.CATCHING_UP, int(now_ms)
        if now_ms - self._since_ms >= self._settings.live_within_ms:
            self._reduce(now_ms)
            return self._reduced(waiting, now_ms)
        return Plan(skip, decode=True)

    def _reduce(self, now_ms: float) -> None:
        """Enter REDUCED; a trial of LIVE that lasted less than its rest doubles the rest."""
        settings = self._settings
        tried_ms = self._since_ms - self._trial_ms if self._trial_ms is not None else None
        if tried_ms is not None and tried_ms < self._rest_ms:
            self._rest_ms = min(self._rest_ms * 2, settings.longest_rest_ms)
        else:
            self._rest_ms = settings.rest_ms
        self.mode, self._since_ms = Mode.REDUCED, int(now_ms)

    def _reduced(self, waiting: Sequence[Waiting], now_ms: float) -> Plan:
        newest = newest_keyframe(waiting)
        if newest is None:
            return Plan(len(waiting), decode=False)
        fresh = self._fresh(waiting[newest], now_ms)
        if fresh and now_ms - self._since_ms >= self._rest_ms:
            self.mode, self._trial_ms = Mode.LIVE, int(now_ms)
            return Plan(newest, decode=True, convert=True)
        return Plan(newest, decode=fresh, convert=fresh, alone=True)

    def _fresh(self, waiting: Waiting, now_ms: float) -> bool:
        return now_ms - waiting.arrived_ms <= self._settings.budget_ms


def newest_keyframe(waiting: Sequence[Waiting]) -> int | None:
    """Return the index of the newest keyframe, or None."""
    for back, one in enumerate(reversed(waiting)):
        if one.keyframe:
            return len(waiting) - 1 - back
    return None
