"""Knows one watched camera: its current group, its viewers, whether it must be encoded anew."""

from collections.abc import Callable, Sequence
from typing import Final

from engine.packets import Codec, Role
from streams.bus.observations import SeenObservation
from streams.bus.packets import BusPacket, StreamKey
from streams.codecs.encoder import SharedEncoder
from streams.viewer.overlay import Lateness, message_tail
from streams.viewer.session import Session

_MOST_GROUP_PACKETS: Final = 500  # 20 s; less than a viewer's queue holds
_MOST_GROUP_BYTES: Final = 6 << 20
_MOST_REPEATED_BYTES: Final = 1 << 20
_REPEAT_AFTER_MS: Final = 1_000
_PLAYABLE: Final = frozenset({Codec.H264, Codec.VP8})


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
    ) -> None:
        self.stream = StreamKey(camera, Role.MAIN)
        self.codec = codec
        self.cursor = "0-0"
        self.observations_cursor = f"{int(bus_now_ms())}-0"
        self.sessions: dict[str, Session] = {}
        self.encoder: SharedEncoder | None = None
        self.lateness = Lateness()
        self.epoch_ms = -1
        self._start_encoder = start_encoder
        self._bus_now_ms = bus_now_ms
        self._joined: dict[str, Session] = {}
        self._group: list[BusPacket] = []
        self._group_bytes = 0
        self._last_pts = -1
        self._token = -1
        self._repeated_ms: dict[str, float] = {}

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
            self.packet(seen)

    def add(self, session: Session) -> None:
        """Take a viewer; its packets begin when its connection stands."""
        self.sessions[session.session_id] = session
        session.ready = lambda: self._join(session)
        session.keyframe = lambda: self._repeat(session)

    def remove(self, session: Session) -> None:
        """Forget a viewer."""
        for known in (self.sessions, self._joined, self._repeated_ms):
            known.pop(session.session_id, None)

    def packet(self, seen: BusPacket) -> None:
        """Take the camera's next packet."""
        packet = seen.packet
        if packet.epoch_ms < self.epoch_ms:
            return  # an ingest that was replaced may still write
        if packet.epoch_ms > self.epoch_ms:
            self.epoch_ms, self._last_pts = packet.epoch_ms, -1
        if packet.pts < self._last_pts and self.encoder is None and self.codec is Codec.H264:
            self._encode()
        self._last_pts = max(self._last_pts, packet.pts)
        if self.encoder is not None:
            self.encoder.submit(seen, self.codec)
        else:
            self._show(seen)

    def observation(self, seen: SeenObservation) -> None:
        """Hand an observation's boxes to every viewer, unless its writer was replaced."""
        if seen.observation.token < self._token:
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
        if len(self._group) > _MOST_GROUP_PACKETS or self._group_bytes > _MOST_GROUP_BYTES:
            self._group.clear()  # too long to start from: viewers wait for the next keyframe
        for session in self._joined.values():
            session.outbound.put(seen)
            session.picture_sent()

    def _join(self, session: Session) -> None:
        if session.session_id in self.sessions:
            self._joined[session.session_id] = session
            self._repeated_ms[session.session_id] = self._bus_now_ms()
            session.outbound.burst(self._group)

    def _repeat(self, session: Session) -> None:
        """Answer a browser that lost the picture: the group again, or the next keyframe."""
        now_ms = self._bus_now_ms()
        last_ms = self._repeated_ms.get(session.session_id)
        if last_ms is None or now_ms - last_ms < _REPEAT_AFTER_MS:
            return
        self._repeated_ms[session.session_id] = now_ms
        if self.encoder is not None:
            self.encoder.ask_keyframe()
        elif self._group_bytes <= _MOST_REPEATED_BYTES:
            session.outbound.burst(self._group)
