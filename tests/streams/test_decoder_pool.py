"""Knows what the decoder pool promises of pictures. Its faults are tested elsewhere."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine.catchup import Mode
from engine.packets import Codec, Packet, Role
from streams.bus.packets import StreamKey
from streams.codecs.pool import DecoderPool, Picture, PoolSettings, Unit
from tests.fakes.codec_clips import (
    DOOR,
    TICKS,
    b_frame_clip,
    clip,
    entry_now,
    shade_error,
)
from tests.fakes.decoders import DEADLINE_S, PATIENT, in_pool, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]
LIVE = PoolSettings(children=1)


def submit(pool: DecoderPool, packets: Sequence[Packet], codec: Codec = Codec.H264) -> None:
    for packet in packets:
        pool.submit(Unit(DOOR, codec, entry_now(), packet, convert=True))


async def decode_each(
    pool: DecoderPool, packets: Sequence[Packet], codec: Codec = Codec.H264
) -> list[Picture]:
    """Submit one by one; return the pictures, copied and released."""
    pictures: list[Picture] = []
    for packet in packets:
        before = pool.figures(DOOR).decoded
        submit(pool, [packet], codec)
        await until(lambda before=before: pool.figures(DOOR).decoded > before)
        for picture in pool.take():
            picture.pixels = picture.pixels.copy()
            picture.release()
            pictures.append(picture)
    return pictures


@pytest.mark.parametrize(
    ("codec", "encoder", "size"),
    [
        (Codec.H264, "libx264", (320, 180)),
        (Codec.H264, "libx264", (322, 182)),
        (Codec.H265, "libx265", (320, 180)),
        (Codec.VP8, "libvpx", (320, 180)),
        (Codec.MJPEG, "mjpeg", (320, 180)),
    ],
)
def test_each_codec_gives_the_picture_that_went_in(
    codec: Codec, encoder: str, size: tuple[int, int]
) -> None:
    packets = clip(12, size, encoder)

    async def body(pool: DecoderPool) -> None:
        pictures = await decode_each(pool, packets, codec)
        assert len(pictures) >= 8
        for picture in pictures:
            assert picture.pixels.shape == (size[1], size[0], 3)
            assert shade_error(picture.pixels, picture.pts // TICKS) < 12

    in_pool(body)


def test_reordered_pictures_keep_their_own_times() -> None:
    packets = b_frame_clip(25)
    assert [p.pts for p in packets] != sorted(p.pts for p in packets)

    async def body(pool: DecoderPool) -> None:
        pictures = await decode_each(pool, packets)
        times = [p.pts for p in pictures]
        assert len(times) > 15
        assert times == sorted(times)
        assert all(shade_error(p.pixels, p.pts // TICKS) < 12 for p in pictures)
        assert all(p.captured_ns == p.pts // TICKS * 40_000_000 for p in pictures)

    in_pool(body)


def test_only_what_is_wanted_is_converted_and_the_newest_wins() -> None:
    packets = clip(20)

    async def body(pool: DecoderPool) -> None:
        for index, packet in enumerate(packets):
            pool.submit(Unit(DOOR, Codec.H264, entry_now(), packet, convert=index % 4 == 0))
        await until(lambda: pool.figures(DOOR).decoded == 20)
        (picture,) = pool.take()
        assert picture.pts == 16 * TICKS
        figures = pool.figures(DOOR)
        assert (figures.pictures, figures.unseen, figures.no_slot) == (5, 4, 0)

    in_pool(body)


def test_a_reader_that_keeps_pictures_loses_newer_ones_counted() -> None:
    async def body(pool: DecoderPool) -> None:
        held: list[Picture] = []
        for packet in clip(8):
            submit(pool, [packet])
            await until(lambda: pool.figures(DOOR).decoded == pool.figures(DOOR).submitted)
            held += pool.take()
        assert len(held) == 4
        assert pool.figures(DOOR).no_slot == 4
        assert all(shade_error(p.pixels, p.pts // TICKS) < 12 for p in held)
        for picture in held:
            picture.release()
            picture.release()
        assert await decode_each(pool, clip(3, epoch_ms=2))

    in_pool(body)


def test_nothing_begins_but_at_a_keyframe() -> None:
    packets = clip(12)
    assert [p.keyframe for p in packets].index(True, 1) == 10

    async def body(pool: DecoderPool) -> None:
        submit(pool, packets[3:])
        await until(lambda: pool.figures(DOOR).decoded == 2)
        assert pool.figures(DOOR).refused == 7

    in_pool(body)


def test_a_new_epoch_of_another_size_and_codec_goes_on() -> None:
    small, large = clip(5), clip(5, (640, 360), "libvpx", epoch_ms=2)

    async def body(pool: DecoderPool) -> None:
        first = await decode_each(pool, small)
        held = (await decode_each(pool, [replace(small[0], pts=99 * TICKS)]))[-1]
        second = await decode_each(pool, large, Codec.VP8)
        assert first[-1].pixels.shape == (180, 320, 3)
        assert [p.pixels.shape for p in second] == [(360, 640, 3)] * 5
        assert {p.epoch_ms for p in second} == {2}
        assert shade_error(held.pixels, 0) < 12

    in_pool(body)


def test_a_size_change_inside_the_stream_goes_on_while_old_pictures_stay() -> None:
    async def body(pool: DecoderPool) -> None:
        submit(pool, clip(1))
        await pool.wait(DEADLINE_S)
        (old,) = pool.take()
        pictures = await decode_each(pool, clip(3, (640, 360)))
        assert pictures[-1].pixels.shape == (360, 640, 3)
        assert shade_error(old.pixels, 0) < 12
        old.release()

    in_pool(body)


def test_pictures_above_the_bound_are_refused_and_counted() -> None:
    async def body(pool: DecoderPool) -> None:
        assert not await decode_each(pool, clip(3, (640, 360)))
        assert pool.figures(DOOR).invalid == 3
        assert await decode_each(pool, clip(2, epoch_ms=2))

    in_pool(body, replace(PATIENT, max_px=320 * 180 + 20_000))


def test_stale_packets_give_no_picture_but_fresh_ones_behind_them_do() -> None:
    packets = clip(10)

    async def body(pool: DecoderPool) -> None:
        for packet in packets[:6]:
            pool.submit(Unit(DOOR, Codec.H264, entry_now(behind_ms=900), packet, True))
        await until(lambda: pool.figures(DOOR).decoded == 6)
        assert pool.mode(DOOR) is Mode.CATCHING_UP
        assert not pool.take()
        assert await decode_each(pool, packets[6:])
        assert pool.mode(DOOR) is Mode.LIVE

    in_pool(body, LIVE)


def test_a_backlog_jumps_to_the_newest_keyframe() -> None:
    packets = clip(30)

    async def body(pool: DecoderPool) -> None:
        for index, packet in enumerate(packets):
            behind = 0 if index >= 20 else 2000
            pool.submit(Unit(DOOR, Codec.H264, entry_now(behind), packet, True))
        await until(lambda: pool.figures(DOOR).decoded == 14)
        assert pool.figures(DOOR).skipped == 16  # all but four that were on their way already

    in_pool(body, LIVE)


def test_several_cameras_share_the_children() -> None:
    keys = [StreamKey(f"cam-{n}", Role.SUB) for n in range(5)]
    packets = clip(12)

    async def body(pool: DecoderPool) -> None:
        assert len(pool.pids) == 2
        for packet in packets:
            for key in keys:
                pool.submit(Unit(key, Codec.H264, entry_now(), packet, convert=True))
        await until(lambda: all(pool.figures(key).decoded == 12 for key in keys))
        assert {p.stream for p in pool.take()} == set(keys)
        pool.forget(keys[0])
        assert pool.figures(keys[0]).decoded == 0

    in_pool(body, replace(PATIENT, children=2))


def test_waiting_ends_by_time_and_by_a_picture() -> None:
    async def body(pool: DecoderPool) -> None:
        started = time.monotonic()
        await pool.wait(0.05)
        assert 0.04 < time.monotonic() - started < 5
        submit(pool, clip(1))
        await pool.wait(DEADLINE_S)
        assert len(pool.take()) == 1

    in_pool(body)


def test_a_child_is_confined() -> None:
    async def body(pool: DecoderPool) -> None:
        child = Path(f"/proc/{pool.pids[0]}")
        environment = (child / "environ").read_bytes()
        assert b"HOME=" not in environment
        limits = (child / "limits").read_text()
        assert str(1 << 30) in next(x for x in limits.splitlines() if "address space" in x)
        if pool.isolated:
            assert (child / "ns/net").readlink() != Path("/proc/self/ns/net").readlink()

    in_pool(body)
