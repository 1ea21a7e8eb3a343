"""Knows one watched camera: its current group, its viewers, whether it must be encoded anew."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from engine.epochs import FORGET_AFTER_S, EpochGate
from engine.packets import Codec, Role, entry_ms
from streams.bus.observations import SeenObservation
from streams.bus.packets import BusPacket, StreamKey
from streams.clock import monotonic_ns
from streams.codecs.encoder import SharedEncoder
from streams.viewer.figures import Losses
from streams.viewer.overlay import Lateness, message_tail
from streams.viewer.session import Session

_MOST_REPEATED_BYTES: Final = 1 << 20
_REPEAT_AFTER_MS: Final = 1_000
_TELL_EVERY_MS: Final = 1_000
_ENCODER_STARTS_MS: Final = 5_000
_PLAYABLE: Final = frozenset({Codec.H264, Codec.VP8})


@dataclass(frozen=True, slots=True)
class FeedLimits:
    """How long a group may be that a late viewer begins with, and how long an epoch stands.

    After a longer group a viewer waits for the next keyframe. The packets are 80 s at 25/s; the
    bytes take 4 s at the pace of `Outbound`.
    """

    group_packets: int = 2_000
    group_bytes: int = 16 << 20
    forget_epoch_after_s: float = FORGET_AFTER_S


def reordered(packets: Sequence[BusPacket]) -> bool:
    """Whether packets are not in the order in which they are shown, as with B-frames."""
    highest, epoch_ms = -1, -1
    for seen in packets:
        if seen.packet.epoch_ms != epoch_ms:
            highest, epoch_ms = -1, seen.packet.epoch_ms
        if seen.packet.pts < highest:
            return True
        highest = max(highest, seen.packet.pts)
    return False


class Feed:
    """One camera's main stream, handed to all its viewers.

    start_encoder: called with an encoder that must run from now until stop_encoder is called.
    """

    def __init__(
        self,
        camera: str,
        codec: Codec,
        start_encoder: Callable[[SharedEncoder], None],
        bus_now_ms: Callable[[], float],
        limits: FeedLimits = FeedLimits(),
    ) -> None:
        self.stream = StreamKey(camera, Role.MAIN)
        self.codec = codec
        self.cursor = "0-0"
        self.observations_cursor = f"{int(bus_now_ms())}-0"
        self.sessions: dict[str, Session] = {}
        self.encoder: SharedEncoder | None = None
        self.lateness = Lateness()
        self.gate = EpochGate(limits.forget_epoch_after_s)
        self._limits = limits
        self._start_encoder = start_encoder
        self._bus_now_ms = bus_now_ms
        self._joined: dict[str, Session] = {}
        self._group: list[BusPacket] = []
        self._group_bytes = 0
        self._epoch_ms: int | None = None
        self._last_pts = -1
        self._token = -1
        self._keyframe_ms: float | None = None  # when the camera's newest one came
        self._every_ms: int | None = None  # from the one before it
        self._told_ms = 0.0
        self._repeated_ms: dict[str, float] = {}
        self._lost = Losses(boxes=Counter({"replaced_worker": 0}))  # also by viewers that left

    @property
    def shown_codec(self) -> Codec:
        """What viewers get."""
        return Codec.H264 if self.encoder is not None else self.codec

    def begin(self, kept: Sequence[BusPacket]) -> None:
        """Take the kept group, with which the feed starts."""
        if self.codec not in _PLAYABLE or reordered(kept):
            self._encode()
        for seen in kept:
            self.cursor = seen.entry_id
            if self.gate.admits(seen.packet, monotonic_ns()):
                self.packet(seen)

    def add(self, session: Session) -> None:
        """Take a viewer; its packets begin when its connection stands."""
        self.sessions[session.session_id] = session
        session.ready = lambda: self._join(session)
        session.keyframe = lambda: self._repeat(session)

    def remove(self, session: Session) -> None:
        """Forget a viewer."""
        if session.session_id in self.sessions:
            self._lost.add(session.losses())
        for known in (self.sessions, self._joined, self._repeated_ms):
            known.pop(session.session_id, None)

    def losses(self) -> Losses:
        """Return what this camera's viewers missed, and why."""
        found = Losses(packets=Counter(other_epoch=self.gate.dropped))
        for part in (self._lost, *(one.losses() for one in self.sessions.values())):
            found.add(part)
        if self.encoder is not None:
            pictures = Counter(self.encoder.figures.lost())
            found.add(Losses(pictures=pictures, encoders=self.encoder.children_lost))
        return found

    def packet(self, seen: BusPacket) -> None:
        """Take the camera's next packet; one that the gate admits."""
        packet = seen.packet
        if packet.epoch_ms != self._epoch_ms:
            self._epoch_ms, self._last_pts = packet.epoch_ms, -1
        if packet.keyframe:
            self._note_keyframe(seen)
        if packet.pts < self._last_pts and self.encoder is None and self.codec is Codec.H264:
            self._encode()
        self._last_pts = max(self._last_pts, packet.pts)
        if self.encoder is not None:
            self.encoder.submit(seen, self.codec)
        else:
            self._show(seen)
        self._tell_waiting()

    def observation(self, seen: SeenObservation) -> None:
        """Hand an observation's boxes to every viewer, unless its writer was replaced."""
        if seen.observation.token < self._token:
            self._lost.boxes["replaced_worker"] += len(self._joined)
            return
        self._token = seen.observation.token
        self.lateness.observed(seen, Role.MAIN)
        tail = message_tail(seen.observation, self.lateness)
        for session in self._joined.values():
            session.show_boxes(seen, tail)

    def begin_anew(self) -> None:
        """The bus lost everything: read what is there now from its beginning."""
        self.cursor = self.observations_cursor = "0-0"
        self._token = -1
        self.gate.begin_anew()

    def _encode(self) -> None:
        self.encoder = SharedEncoder(self.stream, self._show, self._bus_now_ms)
        self._group.clear()
        self._group_bytes = 0
        self._start_encoder(self.encoder)

    def _show(self, seen: BusPacket) -> None:
        self.lateness.arrived(seen)
        if seen.packet.keyframe:
            self._group.clear()
            self._group_bytes = 0
        if seen.packet.keyframe or self._group:
            self._group.append(seen)
            self._group_bytes += len(seen.packet.data)
        limits = self._limits
        if len(self._group) > limits.group_packets or self._group_bytes > limits.group_bytes:
            self._group.clear()  # too long to start from: viewers wait for the next keyframe
        for session in self._joined.values():
            session.outbound.put(seen)

    def _note_keyframe(self, seen: BusPacket) -> None:
        age_ms = max(0.0, self._bus_now_ms() - entry_ms(seen.entry_id))
        came_ms, before_ms = _now_ms() - age_ms, self._keyframe_ms
        self._every_ms = None if before_ms is None else max(0, round(came_ms - before_ms))
        self._keyframe_ms = came_ms

    def _tell_waiting(self) -> None:
        """Tell viewers without a picture, once a second, that the next keyframe is awaited."""
        now_ms = _now_ms()
        if now_ms - self._told_ms < _TELL_EVERY_MS:
            return
        self._told_ms = now_ms
        since_ms = None if self._keyframe_ms is None else round(now_ms - self._keyframe_ms)
        if self.encoder is not None and since_ms is not None and since_ms < _ENCODER_STARTS_MS:
            return  # then it is not the camera that is awaited
        for session in self._joined.values():
            if session.outbound.waits:
                session.tell_wait(since_ms, self._every_ms)

    def _join(self, session: Session) -> None:
        if session.session_id in self.sessions:
            self._joined[session.session_id] = session
            self._repeated_ms[session.session_id] = _now_ms()
            session.outbound.burst(self._group)

    def _repeat(self, session: Session) -> None:
        """Answer a browser that lost the picture: the group again, or the next keyframe."""
        now_ms = _now_ms()
        last_ms = self._repeated_ms.get(session.session_id)
        if last_ms is None or now_ms - last_ms < _REPEAT_AFTER_MS:
            return
        self._repeated_ms[session.session_id] = now_ms
        if self.encoder is not None:
            self.encoder.ask_keyframe()
        elif self._group_bytes <= _MOST_REPEATED_BYTES:
            session.outbound.burst(self._group)


def _now_ms() -> float:
    return monotonic_ns() / 1e6
