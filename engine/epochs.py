"""Knows which of a stream's epochs is the one to follow. Does not know who writes them.

Theory of operation. Epochs grow, so a lower one comes from an ingest that was replaced and still
writes: its packets are dropped. But an ingest that starts with its clock set back, where nobody
knows the stream's last epoch any more, begins lower for good. So the highest epoch stands only
while it is being seen, and `forget_after_s` longer. Another epoch is entered at a keyframe, for
nothing before it can be decoded.
"""

from engine.packets import Packet

FORGET_AFTER_S = 60.0
SECOND_NS = 1_000_000_000


class EpochGate:
    """One reader of one stream. `dropped` counts packets of an epoch that is not followed."""

    def __init__(self, forget_after_s: float = FORGET_AFTER_S) -> None:
        self._forget_after_ns = round(forget_after_s * SECOND_NS)
        self._seen_ns = 0
        self.epoch_ms: int | None = None  # the one that is followed
        self.dropped = 0

    def begin_anew(self) -> None:
        """The bus lost everything: whatever comes next is followed."""
        self.epoch_ms = None

    def admits(self, packet: Packet, now_ns: int) -> bool:
        """Return whether to take a packet; now_ns is the reader's clock, which never steps.

        The bus's clock would not do: where it is set back too, entry ids stand still.
        """
        if not self._follows(packet, now_ns):
            self.dropped += 1
            return False
        self.epoch_ms, self._seen_ns = packet.epoch_ms, now_ns
        return True

    def _follows(self, packet: Packet, now_ns: int) -> bool:
        if self.epoch_ms is None or packet.epoch_ms == self.epoch_ms:
            return True
        forgotten = now_ns - self._seen_ns > self._forget_after_ns
        return packet.keyframe and (packet.epoch_ms > self.epoch_ms or forgotten)
