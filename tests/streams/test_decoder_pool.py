"""Knows what the decoder pool promises of pictures. Its faults are tested elsewhere."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.catchup import CatchUpSettings, Mode
from engine.packets import Codec, Packet, Role
from streams.bus.packets import StreamKey
from streams.codecs.pool import BadPhoto, DecoderPool, Picture, PoolSettings, Unit
from tests.fakes.codec_clips import (
    DOOR,
    TICKS,
    b_frame_clip,
    clip,
    entry_now,
    shade_error,
)

pytestmark = [pytest.mark.integration, pytest.mark.slow]
DEADLINE_S = 20.0
PATIENT = PoolSettings(children=1, catch_up=CatchUpSettings(budget_ms=20_000))
LIVE = PoolSettings(children=1)


def in_pool(
    body: Callable[[DecoderPool], Awaitable[None]], settings: PoolSettings = PATIENT
) -> None:
    async def run() -> None:
        async with asyncio.timeout(60):
            async with DecoderPool(settings) as pool:
                await until(lambda: pool.ready)
                await body(pool)

    asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


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


def turned(picture: np.ndarray, orientation: int) -> bytes:
    """A JPEG that says in its EXIF how it must be turned."""
    plain = cv2.imencode(".jpg", picture)[1].tobytes()
    tiff = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"
    body = b"Exif\x00\x00" + tiff + orientation.to_bytes(2, "big") + bytes(6)
    return plain[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + plain[2:]


def test_a_photo_comes_upright() -> None:
    picture = np.zeros((60, 100, 3), np.uint8)
    picture[:, :30] = 255

    async def body(pool: DecoderPool) -> None:
        assert (await pool.photo(turned(picture, 1))).shape == (60, 100, 3)
        upright = await pool.photo(turned(picture, 6))  # the camera was turned to its right
        assert upright.shape == (100, 60, 3)
        assert upright[:20].mean() > 240
        assert upright[-40:].mean() < 15
        png = cv2.imencode(".png", picture)[1].tobytes()
        np.testing.assert_array_equal(await pool.photo(png), picture)

    in_pool(body)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a JPEG"),
        (b"<svg>", "not a JPEG"),
        (b"\xff\xd8\xff" + bytes(200), "damaged"),
        (b"\xff\xd8\xff" + bytes(9 << 20), "at most 8 MB"),
    ],
)
def test_a_bad_photo_says_why(data: bytes, reason: str) -> None:
    async def body(pool: DecoderPool) -> None:
        with pytest.raises(BadPhoto, match=reason):
            await pool.photo(data)

    in_pool(body)
