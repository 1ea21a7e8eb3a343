"""Knows one viewer's RTP time line, continuous across epochs. Does not know how it is sent."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from engine.packets import PTS_HZ, entry_ms
from streams.bus.packets import BusPacket

TICKS_PER_MS: Final = PTS_HZ // 1000
_EPOCH_STEP: Final = 33 * TICKS_PER_MS  # the least between the pictures of two epochs
_MOST_BEHIND: Final = PTS_HZ  # so far pictures are drawn together until they are at their places
_REMEMBERED: Final = 750  # 30 s at 25/s
_NEAREST_NS: Final = 500_000_000


@dataclass(frozen=True, slots=True)
class Sent:
    """Where a picture stands on the time line; ticks of 90 kHz from the viewer's first one."""

    epoch_ms: int
    pts: int
    captured_ns: int
    ticks: int


class Timeline:
    """Gives each packet its ticks, always growing, and remembers the last half minute."""

    def __init__(self) -> None:
        self._sent: deque[Sent] = deque(maxlen=_REMEMBERED)
        self._epoch_ms: int | None = None
        self._shift = 0
        self._last_ticks = -1
        self._last_arrived_ms = 0
        self._begun = (0, 0.0)  # ticks and seconds when a group was begun

    def live(self, seen: BusPacket) -> int:
        """Return the ticks of a packet that is sent as it comes: the camera's own distances."""
        natural, least = self._natural(seen), self._last_ticks + 1
        if least - natural > _MOST_BEHIND:  # the camera's own times step back: go on from here
            self._shift += least - natural
        return self._note(seen, max(natural, least))

    def begin_group(self, newest: BusPacket, now_s: float) -> None:
        """A kept group is sent from now on; its newest picture's own place is now."""
        first = max(self._natural(newest), self._last_ticks + 1)
        self._shift = first - newest.packet.pts
        self._begun = (first, now_s)

    def late(self, seen: BusPacket, now_s: float) -> int:
        """Return the ticks of a packet of the group, or of one that comes before it is all sent.

        Its place is when it is sent: a browser that saw other distances would take them for a
        slow network, or for a clock of another speed, and hold the picture back for seconds.
        """
        ticks, begun_s = self._begun
        now = ticks + round((now_s - begun_s) * PTS_HZ)
        return self._note(seen, max(now, self._last_ticks + 1))

    def _natural(self, seen: BusPacket) -> int:
        packet = seen.packet
        if packet.epoch_ms != self._epoch_ms:
            gap_ms = entry_ms(seen.entry_id) - self._last_arrived_ms
            step = max(gap_ms * TICKS_PER_MS, _EPOCH_STEP) if self._last_ticks >= 0 else 1
            self._shift = self._last_ticks + step - packet.pts
            self._epoch_ms = packet.epoch_ms
        return packet.pts + self._shift

    def _note(self, seen: BusPacket, ticks: int) -> int:
        packet = seen.packet
        self._last_ticks = ticks
        self._last_arrived_ms = entry_ms(seen.entry_id)
        self._sent.append(Sent(packet.epoch_ms, packet.pts, packet.captured_ns, ticks))
        return ticks

    def same(self, epoch_ms: int, pts: int) -> int | None:
        """Return the ticks of the picture with this pts, as last sent, or None."""
        for sent in reversed(self._sent):
            if sent.pts == pts and sent.epoch_ms == epoch_ms:
                return sent.ticks
        return None

    def nearest(self, captured_ns: int) -> int | None:
        """Return the ticks of the picture captured nearest to a time, within half a second."""
        best: Sent | None = None
        for sent in reversed(self._sent):  # the same picture may have been sent twice
            distance = abs(sent.captured_ns - captured_ns)
            if best is None or distance < abs(best.captured_ns - captured_ns):
                best = sent
        if best is None or abs(best.captured_ns - captured_ns) > _NEAREST_NS:
            return None
        return best.ticks
