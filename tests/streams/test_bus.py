"""The bus on a real Valkey: order, bounds, one owner, one answer, nothing lost in between."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from engine.boxes import Box
from engine.observations import (
    Expression,
    ExpressionView,
    Knowledge,
    MaskState,
    MaskView,
    Observation,
    TrackState,
    TrackView,
    Who,
)
from engine.packets import Codec, Packet, Role
from streams.bus import evidence, heartbeats, keys, observations, requests, run, sources
from streams.bus.clock import BusClock
from streams.bus.connection import connect
from streams.bus.leases import Lease
from streams.bus.packets import (
    PacketReader,
    PacketWriter,
    StreamKey,
    Window,
    kept_group,
    newest_keyframe,
    order,
)
from streams.bus.sending import pipelined
from streams.valkey import USER

pytestmark = [pytest.mark.integration, pytest.mark.slow]

LOBBY = StreamKey("lobby", Role.MAIN)
Result = TypeVar("Result")


def on(server: Any, body: Callable[[Redis], Awaitable[Result]]) -> Result:
    async def within() -> Result:
        redis = connect(server.url, USER, server.plan.password)
        try:
            async with asyncio.timeout(20):
                return await body(redis)
        finally:
            await redis.aclose()

    return asyncio.run(within())


def packet(number: int, group: int = 50, size: int = 1000) -> Packet:
    data = number.to_bytes(4, "big") * (size // 4)
    return Packet(1_000, number * 3600, number * 40_000_000, number % group == 0, data)


async def clock_ms(redis: Redis) -> int:
    clock = BusClock()
    await clock.measure(redis)
    return clock.now_ms(time.time_ns())


def test_packets_come_back_whole_and_in_order(bus_server) -> None:
    async def body(redis: Redis) -> None:
        sent = [packet(number) for number in range(120)]
        await PacketWriter(pipelined(redis), LOBBY, Window()).write(sent, await clock_ms(redis))
        seen = await PacketReader(redis).read({LOBBY: "0"}, count=200)
        assert [one.packet for one in seen] == sent
        assert [order(one.entry_id) for one in seen] == sorted(order(o.entry_id) for o in seen)
        group = await kept_group(redis, LOBBY)
        assert [one.packet for one in group] == sent[100:]
        assert await newest_keyframe(redis, LOBBY) == group[0].entry_id

    on(bus_server, body)


def test_of_a_group_beyond_the_bounds_only_the_beginning_is_read(bus_server) -> None:
    async def body(redis: Redis) -> None:
        sent = [packet(number, group=1000) for number in range(700)]
        await PacketWriter(pipelined(redis), LOBBY, Window()).write(sent, await clock_ms(redis))
        whole = await kept_group(redis, LOBBY, 700, 700_000)
        assert [one.packet for one in whole] == sent
        # Read by 128 packets of 1,000 bytes.
        for bounds, read in (((699, 700_000), 700), ((700, 500_000), 512), ((300, 500_000), 384)):
            part = await kept_group(redis, LOBBY, *bounds)
            assert [one.packet for one in part] == sent[:read]

    on(bus_server, body)


def test_the_share_of_memory_cuts_the_window_and_counts_it(bus_server) -> None:
    async def body(redis: Redis) -> None:
        writer = PacketWriter(pipelined(redis), LOBBY, Window(keep_s=15, share_bytes=40_000))
        await writer.write([packet(number) for number in range(200)], await clock_ms(redis))
        assert await redis.xlen(keys.packets("lobby", Role.MAIN)) == 40
        assert writer.trimmed_early == 160

    on(bus_server, body)


def test_age_cuts_old_groups_but_never_the_newest(bus_server) -> None:
    async def body(redis: Redis) -> None:
        writer = PacketWriter(pipelined(redis), LOBBY, Window(keep_s=0.0))
        now_ms = await clock_ms(redis)
        for number in range(130):
            await writer.write([packet(number)], now_ms + 10_000)
        kept = await PacketReader(redis).read({LOBBY: "0"}, count=200)
        assert [one.packet for one in kept] == [packet(number) for number in range(100, 130)]
        assert writer.trimmed_early == 0

    on(bus_server, body)


def test_streams_expire_when_nobody_writes(bus_server) -> None:
    async def body(redis: Redis) -> None:
        writer = PacketWriter(pipelined(redis), LOBBY, Window())
        await writer.write([packet(0)], await clock_ms(redis))
        assert 0 < await redis.pttl(keys.packets("lobby", Role.MAIN)) <= 60_000

    on(bus_server, body)


def test_a_sources_state_leaves_the_keyframe_alone(bus_server) -> None:
    async def body(redis: Redis) -> None:
        writer = PacketWriter(pipelined(redis), LOBBY, Window())
        await writer.write([packet(0)], await clock_ms(redis))
        first = await newest_keyframe(redis, LOBBY)
        lost = {"bus": 3}
        status = sources.SourceStatus(
            "live", "", None, Codec.H264, 1280, 720, 25.0, 7, None, 5, 9, lost
        )
        await sources.write_status(redis, LOBBY, status)
        seen = await sources.read_status(redis, LOBBY)
        assert seen is not None
        assert (seen.newest_keyframe, seen.lost) == (first, lost)
        assert (seen.state, seen.codec, seen.width, seen.epoch_ms) == ("live", Codec.H264, 1280, 7)
        assert await sources.read_status(redis, StreamKey("nobody", Role.MAIN)) is None

    on(bus_server, body)


unit = st.floats(0, 1).map(lambda value: round(value, 4))
tracks = st.builds(
    TrackView,
    track_id=st.from_regex(r"[0-9]{1,4}-[0-9]{1,4}", fullmatch=True),
    box=st.builds(Box, unit, unit, unit, unit),
    state=st.sampled_from(TrackState),
    who=st.none() | st.builds(Who, st.sampled_from(Knowledge), st.none() | st.text(), unit),
    mask=st.none() | st.builds(MaskView, st.none() | st.sampled_from(MaskState), unit),
    expression=st.none() | st.builds(ExpressionView, st.none() | st.sampled_from(Expression), unit),
    quality=unit,
    unused_because=st.none() | st.text(),
)


@given(
    st.builds(
        Observation,
        camera=st.just("lobby"),
        role=st.sampled_from(Role),
        epoch_ms=st.integers(0, 2**60),
        pts=st.integers(0, 2**60),
        captured_ns=st.integers(0, 2**62),
        token=st.integers(0, 2**40),
        tracks=st.lists(tracks, max_size=3).map(tuple),
    )
)
def test_observations_survive_the_wire(observation: Observation) -> None:
    assert observations.decode(observations.encode(observation)) == observation


def test_one_owner_at_a_time(bus_server) -> None:
    async def body(redis: Redis) -> None:
        mine, yours = Lease(redis, "a", "me"), Lease(redis, "a", "you")
        assert await mine.acquire(3)
        assert not await yours.acquire(4)
        assert await mine.renew()
        await yours.release()  # not theirs: nothing happens
        assert await mine.renew()
        await mine.release()
        assert not await mine.renew()
        assert await yours.acquire(5)
        assert await redis.get("a") == b"you/5"

    on(bus_server, body)


def test_one_request_gets_one_answer_from_one_server(bus_server) -> None:
    async def body(redis: Redis) -> None:
        answered: list[str] = []

        def server(name: str) -> Callable[[Mapping[str, bytes]], Awaitable[Mapping[str, Any]]]:
            async def answer(fields: Mapping[str, bytes]) -> Mapping[str, Any]:
                answered.append(name)
                return {"size": len(fields["photo0"])}

            return answer

        async with asyncio.TaskGroup() as group:
            servers = [
                group.create_task(requests.serve(redis, "enrolment", server(name), name))
                for name in ("a", "b")
            ]
            for size in range(1, 9):
                reply = await requests.ask(redis, "enrolment", {"photo0": b"x" * size}, 5)
                assert reply == {"size": size}
            for task in servers:
                task.cancel()
        assert len(answered) == 8
        assert await redis.xlen(keys.request("enrolment")) == 0

    on(bus_server, body)


def test_nobody_answers_within_the_time(bus_server) -> None:
    async def body(redis: Redis) -> None:
        with pytest.raises(requests.NobodyAnswered, match="enrolment"):
            await requests.ask(redis, "enrolment", {}, 0.2)
        assert await redis.xlen(keys.request("enrolment")) == 0

    on(bus_server, body)


def test_too_much_waiting_is_refused(bus_server) -> None:
    async def body(redis: Redis) -> None:
        with pytest.raises(requests.TooManyRequests):
            await requests.ask(redis, "x", {"photo0": bytes(requests.MAX_BYTES + 1)}, 1)

    on(bus_server, body)


def test_a_heartbeat_says_who_lives(bus_server) -> None:
    async def body(redis: Redis) -> None:
        figures, lost = {"lobby": {"mode": "live"}}, {"decoders": 1}
        status = heartbeats.WorkerStatus("w1", "cpu", 32, ("lobby",), figures, lost)
        await heartbeats.write_heartbeat(redis, status)
        assert await heartbeats.live_workers(redis) == [status]
        await heartbeats.end_heartbeat(redis, "w1")
        assert await heartbeats.live_workers(redis) == []

    on(bus_server, body)


def test_a_snapshot_is_taken_over_and_confirmed(bus_server) -> None:
    async def body(redis: Redis) -> None:
        await evidence.take(redis, "w1", 10)  # makes the group
        await evidence.put(redis, evidence.Snapshot("e-1", "lobby", b"sealed"))
        [(entry_id, snapshot)] = await evidence.take(redis, "w1", 10)
        assert snapshot == evidence.Snapshot("e-1", "lobby", b"sealed")
        assert await evidence.written(redis, ["e-1"]) == set()
        await evidence.confirm(redis, entry_id, "e-1")
        assert await evidence.written(redis, ["e-1", "e-2"]) == {"e-1"}
        assert await redis.xlen(keys.EVIDENCE) == 0

    on(bus_server, body)


def test_a_bus_that_was_restarted_is_another_run(bus_server) -> None:
    first = on(bus_server, run.bus_run)
    assert on(bus_server, run.bus_run) == first
    bus_server.kill()
    bus_server.restart()
    assert on(bus_server, run.bus_run) != first
