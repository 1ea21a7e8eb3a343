"""Knows what happens when decoders are killed, stopped or fed with rubbish: the others go on."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest

from engine.packets import Codec, Packet, Role
from streams.bus.packets import StreamKey
from streams.codecs.pool import DecoderPool, PoolSettings, Unit
from tests.fakes.codec_clips import DOOR, clip, entry_now

pytestmark = [pytest.mark.fault, pytest.mark.slow]
YARD = StreamKey("yard", Role.MAIN)
SETTINGS = PoolSettings(children=1, unit_deadline_s=0.6)


def in_pool(
    body: Callable[[DecoderPool], Awaitable[None]], settings: PoolSettings = SETTINGS
) -> None:
    async def run() -> None:
        async with asyncio.timeout(90):
            async with DecoderPool(settings) as pool:
                await until(lambda: pool.ready)
                await body(pool)

    asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def feed(pool: DecoderPool, packet: Packet, stream: StreamKey = DOOR) -> None:
    pool.submit(Unit(stream, Codec.H264, entry_now(), packet, convert=True))


async def plays(pool: DecoderPool, stream: StreamKey) -> None:
    """A live camera gives pictures; what waited for a child to start may be too old."""
    before = pool.figures(stream).pictures
    async with asyncio.timeout(30):
        for packet in cycle(clip(20)):
            feed(pool, packet, stream)
            await pool.wait(0.04)
            for picture in pool.take():
                picture.release()
            if pool.figures(stream).pictures > before:
                return


def test_a_killed_child_is_replaced_and_its_cameras_go_on_at_a_keyframe() -> None:
    async def body(pool: DecoderPool) -> None:
        await plays(pool, DOOR)
        (pid,) = pool.pids
        os.kill(pid, signal.SIGKILL)
        await until(lambda: pool.children_lost == 1)
        refused = pool.figures(DOOR).refused
        feed(pool, clip(3)[2])
        assert pool.figures(DOOR).refused == refused + 1
        await plays(pool, DOOR)
        assert pool.pids != (pid,)
        assert not pool.quarantined

    in_pool(body)


def test_a_stalled_child_is_replaced_within_its_deadline() -> None:
    async def body(pool: DecoderPool) -> None:
        await plays(pool, DOOR)
        os.kill(pool.pids[0], signal.SIGSTOP)
        feed(pool, clip(1)[0])
        await until(lambda: pool.children_lost == 1)
        await plays(pool, DOOR)
        assert pool.figures(DOOR).kills == 1

    in_pool(body)


def test_a_camera_that_kills_three_children_is_quarantined_and_the_other_plays_on() -> None:
    async def body(pool: DecoderPool) -> None:
        for kills in range(1, 4):
            await until(lambda: pool.ready)
            os.kill(pool.pids[0], signal.SIGSTOP)  # as a packet that never ends would
            feed(pool, clip(1)[0])
            await until(lambda kills=kills: pool.children_lost == kills)
        assert "3 times" in pool.quarantined["door"]
        feed(pool, clip(1)[0])
        assert pool.figures(DOOR).refused > 0
        await plays(pool, YARD)
        assert set(pool.quarantined) == {"door"}
        pool.forget(DOOR)
        await plays(pool, DOOR)

    in_pool(body)


def test_a_decoder_that_wants_too_much_memory_fails_alone() -> None:
    """Sixty megabytes of address space do not even hold the libraries."""

    async def run() -> None:
        async with asyncio.timeout(30):
            settings = replace(SETTINGS, memory_bytes=60 << 20)
            async with DecoderPool(settings) as pool:
                await until(lambda: pool.children_lost >= 2)
                feed(pool, clip(1)[0])
                assert not pool.ready

    asyncio.run(run())


def spoilt(packet: Packet, rng: random.Random) -> Packet:
    data = bytearray(packet.data)
    match rng.randrange(4):
        case 0:
            data = bytearray(rng.randbytes(rng.randrange(1, 3000)))
        case 1:
            del data[rng.randrange(1, len(data)) :]
        case 2:
            for _ in range(20):
                data[rng.randrange(len(data))] = rng.randrange(256)
        case _:
            data = bytearray()
    return replace(packet, data=bytes(data))


@pytest.mark.parametrize("codec", list(Codec))
def test_hostile_data_never_hurts_the_pool_or_another_camera(codec: Codec) -> None:
    rng = random.Random(f"{codec}")

    async def body(pool: DecoderPool) -> None:
        for packet in clip(60):
            bad = replace(spoilt(packet, rng), keyframe=True)
            pool.submit(Unit(DOOR, codec, entry_now(), bad, convert=True))
        await until(lambda: pool.figures(DOOR).decoded + pool.children_lost * 4 >= 40)
        assert pool.figures(DOOR).invalid > 0
        await plays(pool, YARD)

    in_pool(body)


def test_no_child_outlives_the_pool_or_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio\n"
        "from streams.codecs.pool import DecoderPool, PoolSettings\n"
        "async def main():\n"
        "    async with DecoderPool(PoolSettings(children=2)) as pool:\n"
        "        while not pool.ready:\n"
        "            await asyncio.sleep(0.01)\n"
        "        print(*pool.pids, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )

    async def run() -> None:
        async with asyncio.timeout(40):
            parent = await asyncio.create_subprocess_exec(
                sys.executable, str(script), stdout=asyncio.subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            )  # fmt: skip
            assert parent.stdout is not None
            children = [int(pid) for pid in (await parent.stdout.readline()).split()]
            assert len(children) == 2
            parent.kill()
            await parent.wait()
            await until(lambda: not any(runs(pid) for pid in children))

    asyncio.run(run())


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_leaving_the_pool_ends_its_children() -> None:
    pids: list[int] = []

    async def body(pool: DecoderPool) -> None:
        pids.extend(pool.pids)

    in_pool(body)
    assert pids
    assert not any(runs(pid) for pid in pids)
