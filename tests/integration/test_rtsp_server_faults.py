"""The demo's RTSP server misbehaving on request, and clients that misbehave."""

import asyncio
import itertools
import time
from pathlib import Path
from typing import Any

import av
import pytest
from rtsp_server_peers import (
    RawClient,
    Seen,
    film,
    first_report,
    noisy,
    read,
    read_from,
    rtp_heads,
    sizes,
    with_server,
)

from ostiary.demo.clip import load_clip
from ostiary.demo.rtsp_server import RtspServer, ServerOptions, Source

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("clip") / "plain.mp4", bf="0", preset="ultrafast", g="300")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("401", av.error.HTTPUnauthorizedError),
        ("404", av.error.HTTPNotFoundError),
        ("503", av.error.HTTPServerError),
        ("refuse", av.error.FFmpegError),
        ("mute", av.error.FFmpegError),
        ("stall=5", av.error.FFmpegError),
    ],
)
def test_faults_that_a_reader_meets_as_an_error(clip: Path, fault: str, error: Any) -> None:
    with pytest.raises(error):
        read_from({"lobby": clip}, f"fault/{fault}/lobby", 20)


@pytest.mark.parametrize("fault", ["close", "reset"])
def test_faults_that_end_the_stream(clip: Path, fault: str) -> None:
    assert 60 <= len(read_from({"lobby": clip}, f"fault/{fault}=60/lobby", 100)) <= 61


def test_a_fault_harms_no_other_client(clip: Path) -> None:
    async def body(server: RtspServer) -> list[Seen]:
        whole = asyncio.to_thread(read, server.url("lobby"), 40)
        broken = asyncio.to_thread(read, server.url("fault/reset=3/lobby"), 40)
        return (await asyncio.gather(whole, broken))[0]

    assert len(with_server({"lobby": clip}, body)) == 40


def test_resize_changes_the_size_in_mid_stream(clip: Path) -> None:
    async def body(server: RtspServer) -> list[tuple[int, int]]:
        return await asyncio.to_thread(sizes, server.url("fault/resize=5/lobby"), 60)

    seen = with_server({"lobby": clip}, body)
    assert [size for size, _ in itertools.groupby(seen)] == [(320, 240), (160, 120)]


@pytest.mark.parametrize("fault", ["noparams", "nosprop", "nosr", "clock"])
def test_faults_that_a_decoder_does_not_notice(clip: Path, fault: str) -> None:
    async def body(server: RtspServer) -> list[tuple[int, int]]:
        return await asyncio.to_thread(sizes, server.url(f"fault/{fault}/lobby"), 30)

    assert with_server({"lobby": clip}, body) == [(320, 240)] * 30


def test_faults_can_be_switched_off(clip: Path) -> None:
    async def body(server: RtspServer) -> None:
        with pytest.raises(av.error.HTTPNotFoundError):
            await asyncio.to_thread(read, server.url("fault/nosr/lobby"), 1)

    with_server({"lobby": clip}, body, ServerOptions(faults=False))


def test_a_wrong_clock_is_three_hours_ahead(clip: Path) -> None:
    wall_ns, _, _, now_ns = first_report(clip, "fault/clock/lobby")
    assert abs((wall_ns - now_ns) / 1e9 - 10_800) < 2


def test_a_client_that_does_not_read_is_cut_off_and_slows_nobody(tmp_path: Path) -> None:
    source = Source(noisy(tmp_path / "noise.mp4"))

    async def body(server: RtspServer) -> list[Seen]:
        idle = await RawClient.connect(server.port)
        await idle.play(f"rtsp://127.0.0.1:{server.port}/noise")
        idle.writer.transport.pause_reading()
        reading = asyncio.create_task(asyncio.to_thread(read, server.url("noise"), 100))
        while server.clients("noise") < 2:
            await asyncio.sleep(0.01)
        while server.clients("noise") == 2:
            await asyncio.sleep(0.01)
        seen = await reading
        idle.writer.transport.abort()
        return seen

    seen = with_server({"noise": source}, body, ServerOptions())
    numbers = [each.stamp.loop * 5 + each.stamp.index for each in seen if each.stamp]
    assert numbers == list(range(numbers[0], numbers[0] + 100))


def test_drip_is_a_trickle_that_never_ends(tmp_path: Path) -> None:
    source = Source(noisy(tmp_path / "noise.mp4"))

    async def body(server: RtspServer) -> float:
        client = await RawClient.connect(server.port)
        await client.play(f"rtsp://127.0.0.1:{server.port}/fault/drip=1/noise")
        await client.reader.readexactly(picture_bytes(source.path))
        started = time.monotonic()
        await client.reader.readexactly(2000)
        client.writer.close()
        return time.monotonic() - started

    assert with_server({"noise": source}, body, ServerOptions()) > 0.5


def picture_bytes(path: Path) -> int:
    """Return a little more than what the first picture of a film takes on the wire."""
    return sum(map(len, load_clip(path).pictures[0].nals)) + 5000  # heads of packets, a report


def test_half_a_picture_ends_in_the_middle_of_a_packet(tmp_path: Path) -> None:
    source = Source(noisy(tmp_path / "noise.mp4"))

    async def body(server: RtspServer) -> tuple[int, int]:
        client = await RawClient.connect(server.port)
        await client.play(f"rtsp://127.0.0.1:{server.port}/fault/half=2/noise")
        whole = 0
        with pytest.raises(asyncio.IncompleteReadError) as cut:
            while True:
                _, packet = await client.packet()
                whole += packet[1] >> 7 and packet[1] & 0x7F == 96
        return whole, len(cut.value.partial)

    whole, partial = with_server({"noise": source}, body, ServerOptions())
    assert whole == 2
    assert partial > 0


def test_loss_leaves_out_every_tenth_packet(tmp_path: Path) -> None:
    numbers = [n for n, _ in rtp_heads(noisy(tmp_path / "n.mp4"), "fault/loss=10/lobby", 200)]
    missing = set(range(numbers[0], numbers[-1])) - set(numbers)
    assert missing == {n for n in range(numbers[0], numbers[-1]) if n % 10 == 0}


def test_rtp_time_wraps_and_steps_back_on_request(clip: Path) -> None:
    wrapped = [rtp for _, rtp in rtp_heads(clip, "fault/wrap=5/lobby", 60)]
    assert 2**32 - 3600 in wrapped
    assert 3600 in wrapped
    stepped = [rtp for _, rtp in rtp_heads(clip, "fault/backstep=5/lobby", 60)]
    steps = {(b - a) & 0xFFFFFFFF for a, b in itertools.pairwise(stepped)} - {0, 3600}
    assert steps == {(3600 - 5 * 90_000) & 0xFFFFFFFF}
