"""What a feed tells viewers that wait for a keyframe, and which packets it follows."""

from dataclasses import dataclass, field

import pytest

from engine.packets import Codec, Packet
from streams.bus.packets import BusPacket
from streams.viewer.feed import Feed, FeedLimits
from streams.viewer.figures import Losses
from streams.viewer.outbound import Outbound
from tests.fakes.codec_clips import DOOR, TICKS

pytestmark = pytest.mark.unit

BEGIN_MS = 1_000_000


@dataclass
class Viewer:
    """A session without a connection, and what it was told."""

    session_id: str = "v"
    outbound: Outbound = field(default_factory=Outbound)
    told: list[tuple[int | None, int | None]] = field(default_factory=list)

    def tell_wait(self, since_ms: int | None, every_ms: int | None) -> None:
        self.told.append((since_ms, every_ms))

    def losses(self) -> Losses:
        return Losses(packets=self.outbound.dropped)


class Stage:
    """A feed whose camera sends 25 packets a second on a clock of the test's own."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, codec: Codec = Codec.H264, keyframe_at: int = 0
    ) -> None:
        self.index, self.epoch_ms, self._keyframe_at = 0, 9, keyframe_at
        monkeypatch.setattr("streams.viewer.feed.monotonic_ns", lambda: round(self.now_ms * 1e6))
        limits = FeedLimits(group_packets=10)
        self.feed = Feed("door", codec, lambda _: None, lambda: self.now_ms, limits)
        self.viewer = Viewer()

    @property
    def now_ms(self) -> float:
        return BEGIN_MS + self.index * 40

    def join(self) -> None:
        self.feed.add(self.viewer)  # type: ignore[arg-type]
        self.viewer.ready()  # type: ignore[attr-defined]

    def send(self, seconds: float, every: int = 250) -> None:
        for _ in range(round(seconds * 25)):
            keyframe = self.index % every == self._keyframe_at
            packet = Packet(self.epoch_ms, self.index * TICKS, 0, keyframe, bytes(100))
            seen = BusPacket(DOOR, f"{round(self.now_ms)}-0", packet)
            self.index += 1
            if self.feed.gate.admits(packet, round(self.now_ms * 1e6)):
                self.feed.packet(seen)


def test_who_comes_after_a_long_group_is_told_every_second(monkeypatch) -> None:
    stage = Stage(monkeypatch)
    stage.send(2)
    stage.join()
    stage.send(4)
    assert [round(since / 1000) for since, _ in stage.viewer.told] == [2, 3, 4, 5]
    assert {every for _, every in stage.viewer.told} == {None}
    stage.send(6)  # the next keyframe, 10 s after the last one
    assert len(stage.viewer.told) == 8
    assert not stage.viewer.outbound.waits


def test_the_distance_is_told_once_it_is_known(monkeypatch) -> None:
    stage = Stage(monkeypatch)
    stage.send(12)
    stage.join()
    stage.send(1.5)
    assert stage.viewer.told[-1][1] == 10_000


def test_nothing_is_known_where_the_keyframe_is_not_kept(monkeypatch) -> None:
    stage = Stage(monkeypatch, keyframe_at=249)
    stage.send(2)
    stage.join()
    stage.send(2)
    assert stage.viewer.told == [(None, None)] * 2


def test_an_encoder_may_start_before_the_camera_is_blamed(monkeypatch) -> None:
    stage = Stage(monkeypatch, Codec.H265)
    stage.feed.begin([])
    assert stage.feed.encoder is not None
    stage.join()
    stage.send(4.9)
    assert stage.viewer.told == []
    stage.send(3)
    assert [round(since / 1000) for since, _ in stage.viewer.told] == [5, 6, 7]


def test_a_lower_epoch_is_shown_at_once_only_where_the_bus_lost_everything(monkeypatch) -> None:
    stage = Stage(monkeypatch)
    stage.send(1)
    stage.join()
    stage.epoch_ms = 3
    stage.send(20)
    assert stage.feed.losses().packets["other_epoch"] == 20 * 25
    stage.feed.begin_anew()
    stage.send(10)
    assert stage.feed.losses().packets["other_epoch"] == 20 * 25
    assert not stage.viewer.outbound.waits
