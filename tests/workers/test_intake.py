"""From the bus to the decoders: where reading begins, what is dropped, and a bus that restarts."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from fakes.codec_clips import DOOR, clip
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from engine.packets import Codec, Packet, Role
from streams.bus.connection import connect
from streams.bus.packets import PacketWriter, StreamKey, Window, order
from streams.bus.sending import pipelined
from streams.bus.sources import SourceStatus, write_status
from streams.codecs.lanes import Unit
from streams.valkey import USER
from workers.intake import BLOCK_MS, Intake, before

pytestmark = [pytest.mark.integration, pytest.mark.slow]

LAST = 2**64 - 1
HALL = StreamKey("hall", Role.SUB)
ids = st.tuples(st.integers(0, 2**43), st.integers(0, LAST)).filter(lambda one: one > (0, 0))


@dataclass
class Pool:
    """Takes what a decoder pool takes, and keeps it."""

    units: list[Unit] = field(default_factory=list)
    forgotten: list[StreamKey] = field(default_factory=list)

    def submit(self, unit: Unit) -> None:
        self.units.append(unit)

    def forget(self, stream: StreamKey) -> None:
        self.forgotten.append(stream)


@dataclass
class Bench:
    """A bus, an intake on it, and who writes to it."""

    bus: Redis
    pool: Pool
    intake: Intake

    async def write(self, packets: list[Packet], stream: StreamKey = DOOR) -> None:
        writer = PacketWriter(pipelined(self.bus), stream, Window())
        await writer.write(packets, time.time_ns() // 1_000_000)

    async def state(self, epoch_ms: int = 1, codec: Codec = Codec.H264) -> None:
        for stream in (DOOR, HALL):
            status = SourceStatus("up", codec=codec, epoch_ms=epoch_ms)
            await write_status(self.bus, stream, status)

    async def drain(self) -> list[Unit]:
        while await self.intake.step():
            pass
        units, self.pool.units = self.pool.units, []
        return units


def on_bench(server: Any, body: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        bus, pool = connect(server.url, USER, server.plan.password), Pool()
        try:
            async with asyncio.timeout(30):
                await body(Bench(bus, pool, Intake(bus, pool, 8.0)))  # type: ignore[arg-type]
        finally:
            await bus.aclose()

    asyncio.run(run())


@given(ids)
def test_nothing_lies_between_an_entry_and_what_is_before_it(entry: tuple[int, int]) -> None:
    milliseconds, sequence = order(before(f"{entry[0]}-{entry[1]}"))
    after = (milliseconds + 1, 0) if sequence == LAST else (milliseconds, sequence + 1)
    assert after == entry


def test_reading_begins_at_the_newest_keyframe(bus_server: Any) -> None:
    async def body(bench: Bench) -> None:
        await bench.state()
        packets = clip(25)  # keyframes at 0, 10, 20
        await bench.write(packets)
        await bench.intake.begin(DOOR)
        assert [unit.packet for unit in await bench.drain()] == packets[20:]
        more = clip(5)
        await bench.write(more)
        assert [unit.packet for unit in await bench.drain()] == more

    on_bench(bus_server, body)


def test_a_stream_that_has_not_begun_is_read_from_its_first_packet(bus_server: Any) -> None:
    async def body(bench: Bench) -> None:
        await bench.state()
        await bench.intake.begin(DOOR)
        packets = clip(3)
        await bench.write(packets)
        assert [unit.packet for unit in await bench.drain()] == packets

    on_bench(bus_server, body)


def test_late_packets_of_an_older_epoch_are_dropped(bus_server: Any) -> None:
    async def body(bench: Bench) -> None:
        await bench.state(epoch_ms=20)
        await bench.intake.begin(DOOR)
        newer, older = clip(4, epoch_ms=20), clip(4, epoch_ms=10)
        await bench.write([newer[0], older[0], newer[1], older[1], *newer[2:]])
        assert [unit.packet for unit in await bench.drain()] == newer
        assert bench.intake.dropped(DOOR) == 2

    on_bench(bus_server, body)


def test_an_ingest_whose_clock_was_set_back_is_analysed_after_a_minute(
    bus_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed_s = [0]
    now_ns = lambda: time.monotonic_ns() + passed_s[0] * 10**9  # noqa: E731
    monkeypatch.setattr("workers.intake.monotonic_ns", now_ns)

    async def body(bench: Bench) -> None:
        await bench.state(epoch_ms=20)
        await bench.intake.begin(DOOR)
        newer = clip(4, epoch_ms=20)
        await bench.write(newer)
        assert [unit.packet for unit in await bench.drain()] == newer
        await bench.state(10, Codec.VP8)
        older = clip(20, encoder="libvpx", epoch_ms=10)  # keyframes at 0 and 10
        await bench.write(older[:3])
        assert await bench.drain() == []
        passed_s[0] = 61
        await bench.write(older[3:])
        units = await bench.drain()
        assert [unit.packet for unit in units] == older[10:]
        assert {unit.codec for unit in units} == {Codec.VP8}
        assert bench.intake.dropped(DOOR) == 10

    on_bench(bus_server, body)


def test_each_epoch_is_decoded_as_its_source_says(bus_server: Any) -> None:
    async def body(bench: Bench) -> None:
        await bench.state(1, Codec.H264)
        await bench.intake.begin(DOOR)
        await bench.write(clip(2, epoch_ms=1))
        first = await bench.drain()
        await bench.state(2, Codec.VP8)
        await bench.write(clip(2, encoder="libvpx", epoch_ms=2))
        assert [unit.codec for unit in first] == [Codec.H264] * 2
        assert [unit.codec for unit in await bench.drain()] == [Codec.VP8] * 2

    on_bench(bus_server, body)


def test_packets_that_come_before_their_source_says_the_codec_wait_for_it(bus_server: Any) -> None:
    async def body(bench: Bench) -> None:
        await bench.state(1, Codec.H264)
        await bench.intake.begin(DOOR)
        packets = clip(3, encoder="libvpx", epoch_ms=2)
        await bench.write(packets)
        for _ in range(3):
            await bench.intake.step()
        assert bench.pool.units == []
        await bench.state(2, Codec.VP8)
        units = await bench.drain()
        assert [unit.packet for unit in units] == packets
        assert {unit.codec for unit in units} == {Codec.VP8}

    on_bench(bus_server, body)


@pytest.mark.parametrize(("rate_hz", "wanted"), [(8.0, 16), (2.0, 4)])
def test_so_many_pictures_are_wanted_as_were_asked_for(
    bus_server: Any, rate_hz: float, wanted: int
) -> None:
    async def body(bench: Bench) -> None:
        await bench.state()
        await bench.intake.begin(DOOR)
        bench.intake.set_rate(DOOR, rate_hz)
        await bench.write(clip(50))  # 2 s
        units = await bench.drain()
        assert len(units) == 50
        assert sum(unit.convert for unit in units) == wanted

    on_bench(bus_server, body)


def test_after_a_restart_of_the_bus_every_stream_begins_anew(bus_server: Any) -> None:
    async def body(bench: Bench) -> None:
        await bench.state(epoch_ms=9)
        for stream in (DOOR, HALL):
            await bench.intake.begin(stream)
            await bench.write(clip(2, epoch_ms=9), stream)
        await bench.drain()
        await bench.bus.aclose()
        await bus_server.running.kill()
        await bus_server.running.start()
        packets = [replace(one, epoch_ms=5) for one in clip(25)]
        await bench.state(epoch_ms=5)
        for stream in (DOOR, HALL):
            await bench.write(packets, stream)
        await bench.intake.begin_anew()
        units = await bench.drain()
        for stream in (DOOR, HALL):
            assert [one.packet for one in units if one.stream == stream] == packets[20:]

    on_bench(bus_server, body)


def test_a_stream_that_was_given_up_is_read_no_more(bus_server: Any) -> None:
    async def body(bench: Bench) -> None:
        await bench.state()
        await bench.intake.begin(DOOR)
        await bench.intake.begin(HALL)
        bench.intake.end(DOOR)
        for stream in (DOOR, HALL):
            await bench.write(clip(2), stream)
        assert {unit.stream for unit in await bench.drain()} == {HALL}
        assert bench.pool.forgotten == [DOOR]
        assert bench.intake.streams == (HALL,)

    on_bench(bus_server, body)


def test_a_worker_without_cameras_waits_instead_of_spinning(bus_server: Any) -> None:
    async def body(bench: Bench) -> None:
        begun_s = time.monotonic()
        assert await bench.intake.step() == 0
        assert time.monotonic() - begun_s > 0.5 * BLOCK_MS / 1000

    on_bench(bus_server, body)
