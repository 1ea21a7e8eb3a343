"""Knows how raw pictures become the bus's packets: framing, epochs, pts, capture times.

Does not know where they came from, and reads no clock.
"""

from dataclasses import dataclass, field, replace

from engine.bitstream import (
    BadBitstream,
    ParameterSets,
    PictureSize,
    frame_picture,
    jpeg_size,
    vp8_is_keyframe,
    vp8_size,
)
from engine.clock import EpochTime, SenderClock, SenderReport, next_epoch_ms
from engine.packets import Codec, Packet
from streams.cameras.depacketise import RawUnit


@dataclass(slots=True)
class UnitCounters:
    """Pictures of one connection that were not published, and why."""

    damaged: int = 0  # a packet was missing, or it was too large
    before_keyframe: int = 0  # not decodable without what is missing
    empty: int = 0  # no picture in it

    def plus(self, other: "UnitCounters") -> "UnitCounters":
        """Return the sum of two connections' counters."""
        return UnitCounters(
            self.damaged + other.damaged,
            self.before_keyframe + other.before_keyframe,
            self.empty + other.empty,
        )


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What is known of a stream that runs."""

    codec: Codec
    size: PictureSize | None
    epoch_ms: int
    clock_error_ns: int
    left_out: UnitCounters


@dataclass(slots=True)
class Framing:
    """One connection's raw pictures in, packets out; an epoch always begins with a keyframe.

    After damage nothing goes out until the next keyframe, so that what is on the bus can be
    decoded without error. previous_epoch_ms is the highest epoch that this stream ever had.
    """

    codec: Codec
    previous_epoch_ms: int
    parameters: ParameterSets = field(default_factory=lambda: ParameterSets(Codec.H264))
    counters: UnitCounters = field(default_factory=UnitCounters)
    clock: SenderClock = field(default_factory=SenderClock)
    size: PictureSize | None = None
    _time: EpochTime | None = None
    _waits: bool = True  # for a keyframe
    _epoch_sets: tuple[bytes, ...] = ()

    def reported(self, report: SenderReport) -> None:
        """Take a sender report."""
        self.clock = self.clock.reported(report)

    def interrupted(self) -> None:
        """The sender's time line broke: begin a new epoch at the next keyframe."""
        self._waits, self._time = True, None
        self.clock = self.clock.interrupted()

    def add(self, unit: RawUnit, arrival_ns: int) -> Packet | None:
        """Return the packet for the bus, or None where there is nothing to publish (counted)."""
        if unit.damaged:
            self.counters.damaged += 1
            self._waits = True
            return None
        framed = self._frame(unit)
        if framed is None:
            self.counters.empty += 1
            return None
        data, keyframe = framed
        if self._time is not None and not self._time.continues(unit.rtp_time):
            self.interrupted()
        if self._waits and not keyframe:
            self.counters.before_keyframe += 1
            return None
        self._waits = False
        return self._stamp(unit.rtp_time, arrival_ns, data, keyframe)

    def facts(self) -> StreamFacts:
        """Return what the status shows."""
        left_out, error_ns = replace(self.counters), self.clock.error_ns
        return StreamFacts(self.codec, self.size, self.previous_epoch_ms, error_ns, left_out)

    def _frame(self, unit: RawUnit) -> tuple[bytes, bool] | None:
        if not any(unit.nals):
            return None  # browsers pad their streams with empty packets
        if self.codec in (Codec.VP8, Codec.MJPEG):
            return self._frame_whole(unit.nals[0])
        self.parameters = self.parameters.updated(unit.nals)
        picture = frame_picture(unit.nals, self.parameters)
        if picture is None or (picture.keyframe and not self.parameters.complete):
            return None
        if picture.keyframe and self.parameters.nals != self._epoch_sets:
            self._measure()
        return picture.data, picture.keyframe

    def _frame_whole(self, data: bytes) -> tuple[bytes, bool] | None:
        try:
            if self.codec is Codec.MJPEG:
                size = jpeg_size(data)
                if self.size not in (None, size):
                    self._time = None
                self.size = size
                return data, True
            if vp8_is_keyframe(data):
                self.size = vp8_size(data)
            return data, vp8_is_keyframe(data)
        except BadBitstream:
            self._waits = True
            return None

    def _measure(self) -> None:
        """Note the new parameter sets: they begin a new epoch."""
        try:
            self.size = self.parameters.size()
        except BadBitstream:
            self.size = None  # the decoder will know better, or refuse it
        self._epoch_sets = self.parameters.nals
        self._time = None

    def _stamp(self, rtp_time: int, arrival_ns: int, data: bytes, keyframe: bool) -> Packet:
        self.clock = self.clock.observe(rtp_time, arrival_ns)
        fresh = self._time is None or (keyframe and self.clock.jumped(arrival_ns))
        if fresh:
            self.clock = self.clock.begun()
            self.previous_epoch_ms = next_epoch_ms(self.previous_epoch_ms, arrival_ns)
        captured_ns = arrival_ns + self.clock.offset_ns
        if fresh or self._time is None:
            self._time = EpochTime.start(self.previous_epoch_ms, rtp_time, captured_ns)
        else:
            self._time = self._time.advanced(rtp_time, captured_ns)
        now = self._time
        return Packet(now.epoch_ms, now.pts, now.captured_ns, keyframe, data)
