"""Knows which boxes belong to which shown picture and how late they are. Does not draw."""

import json
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from engine.observations import Observation
from engine.packets import Role, entry_ms
from streams.bus.observations import SeenObservation, encode_track
from streams.bus.packets import BusPacket
from streams.viewer.timeline import Timeline

_OBSERVATIONS: Final = 160  # 20 s at 8/s
_ARRIVALS: Final = 250
_GUESSED_MS: Final = 250  # before anything was measured
_INTERVAL_MS: Final = 125
_NEAREST_NS: Final = 500_000_000


class Lateness:
    """How long after a picture's arrival its boxes come: one camera's, for all its viewers."""

    def __init__(self) -> None:
        self._arrivals: deque[tuple[int, int, int, int]] = deque(maxlen=_ARRIVALS)
        self._delays_ms: deque[int] = deque(maxlen=_OBSERVATIONS)
        self._captured_ns: deque[int] = deque(maxlen=_OBSERVATIONS)

    def arrived(self, seen: BusPacket) -> None:
        """Note a shown packet's arrival."""
        packet = seen.packet
        self._arrivals.append(
            (packet.epoch_ms, packet.pts, packet.captured_ns, entry_ms(seen.entry_id))
        )

    def observed(self, seen: SeenObservation, shown: Role) -> None:
        """Note an observation; both times are the bus's clock, so no camera can spoil them."""
        arrived_ms = self._arrival_ms(seen.observation, shown)
        if arrived_ms is not None:
            self._delays_ms.append(max(0, entry_ms(seen.entry_id) - arrived_ms))
        if not self._captured_ns or seen.observation.captured_ns > self._captured_ns[-1]:
            self._captured_ns.append(seen.observation.captured_ns)
        else:  # another epoch, another clock
            self._captured_ns.clear()

    def _arrival_ms(self, observation: Observation, shown: Role) -> int | None:
        if observation.role is shown:
            wanted = observation.epoch_ms, observation.pts
            found = (row[3] for row in reversed(self._arrivals) if row[:2] == wanted)
            return next(found, None)
        at_ns = observation.captured_ns
        row = min(self._arrivals, key=lambda row: abs(row[2] - at_ns), default=None)
        return row[3] if row is not None and abs(row[2] - at_ns) <= _NEAREST_NS else None

    @property
    def p95_ms(self) -> int:
        """The delay that 95 of 100 observations keep."""
        return percentile(self._delays_ms, 0.95) if self._delays_ms else _GUESSED_MS

    @property
    def interval_ms(self) -> int:
        """The middle distance between two observed pictures."""
        gaps = [(b - a) // 1_000_000 for a, b in pairwise(self._captured_ns)]
        return percentile(gaps, 0.5) if gaps else _INTERVAL_MS


def percentile(values: Sequence[int], share: float) -> int:
    """Return the smallest value that this share of the values does not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def ticks_of(observation: Observation, shown: Role, timeline: Timeline) -> int | None:
    """Return where the observed picture stands on a viewer's time line, or None.

    The same stream by pts; another stream of the camera by the nearest capture time.
    """
    if observation.role is shown:
        return timeline.same(observation.epoch_ms, observation.pts)
    return timeline.nearest(observation.captured_ns)


def message_tail(observation: Observation, lateness: Lateness) -> str:
    """Return a box message without its RTP time, so that it is made once for all viewers."""
    document = {
        "delay_ms": lateness.p95_ms,
        "interval_ms": lateness.interval_ms,
        "tracks": [encode_track(track) for track in observation.tracks],
    }
    return json.dumps(document, separators=(",", ":"))[1:]


def message(rtp: int, tail: str) -> str:
    """Return the box message of a picture shown at an RTP time (uint32)."""
    return f'{{"rtp":{rtp},{tail}'
