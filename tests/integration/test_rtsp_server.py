"""The demo's RTSP server against PyAV (FFmpeg) and a raw client, over real sockets."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from rtsp_server_peers import (
    PASSWORD,
    RATE_HZ,
    RawClient,
    Seen,
    film,
    first_report,
    read,
    read_from,
    with_server,
)

from ostiary.demo.clip import BadClip, load_clip
from ostiary.demo.rtsp_server import RtspServer, ServerOptions, Source
from ostiary.demo.station import Sent

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("clip") / "plain.mp4", bf="0", preset="ultrafast", g="300")


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_time_goes_on_over_the_loops_seam(clip: Path, transport: str) -> None:
    seen = read_from({"lobby": clip}, "lobby", 60, transport)
    times = [each.pts for each in seen if each.pts is not None]
    assert {b - a for a, b in itertools.pairwise(times)} == {90_000 // RATE_HZ}
    places = [(each.stamp.loop, each.stamp.index) for each in seen if each.stamp]
    assert len(places) == 60
    assert {loop for loop, _ in places} >= {places[0][0], places[0][0] + 1}
    numbers = [loop * 25 + index for loop, index in places]
    assert numbers == list(range(numbers[0], numbers[0] + 60))


def test_pictures_come_in_real_time_and_start_with_a_keyframe(clip: Path) -> None:
    started = time.monotonic()
    seen = read_from({"lobby": clip}, "lobby", 50)
    assert time.monotonic() - started > 49 / RATE_HZ
    assert seen[0].keyframe


def test_a_wrong_password_is_refused(clip: Path) -> None:
    async def body(server: RtspServer) -> None:
        for url in (
            f"rtsp://demo:wrong@127.0.0.1:{server.port}/lobby",
            f"rtsp://127.0.0.1:{server.port}/lobby",
        ):
            with pytest.raises(av.error.HTTPUnauthorizedError):
                await asyncio.to_thread(read, url, 1)

    with_server({"lobby": clip}, body)


def test_no_password_means_no_login(clip: Path) -> None:
    async def body(server: RtspServer) -> list[Seen]:
        assert "@" not in server.url("lobby")
        return await asyncio.to_thread(read, server.url("lobby"), 3)

    assert len(with_server({"lobby": clip}, body, ServerOptions())) == 3


def test_an_unknown_name_is_not_found(clip: Path) -> None:
    with pytest.raises(av.error.HTTPNotFoundError):
        read_from({"lobby": clip}, "cellar", 1)


def test_all_clients_of_a_stream_get_the_same_picture_at_the_same_time(clip: Path) -> None:
    sent: list[Sent] = []

    async def body(server: RtspServer) -> list[list[Seen]]:
        reads = [asyncio.to_thread(read, server.url("lobby"), 40) for _ in range(3)]
        return list(await asyncio.gather(*reads))

    options = ServerOptions(password=PASSWORD, note=sent.append)
    runs = with_server({"lobby": clip}, body, options)
    stamps = [{each.stamp for each in run} for run in runs]
    assert len(stamps[0] & stamps[1] & stamps[2]) >= 10
    logged = {(each.index, each.loop): each for each in sent}
    for stamp in stamps[0]:
        line = logged[stamp.index, stamp.loop]
        assert line.due_ns == stamp.due_ns
        assert -5_000_000 < line.sent_ns - line.due_ns < 2_000_000_000
        assert line.rtp == (stamp.loop * 25 + stamp.index) * 3600
    assert max(each.clients for each in sent) == 3


def test_two_streams_share_one_time_line(clip: Path) -> None:
    sent: list[Sent] = []

    async def body(server: RtspServer) -> None:
        names = ("main", "sub", "late")
        await asyncio.gather(*(asyncio.to_thread(read, server.url(name), 20) for name in names))

    sources = {"main": clip, "sub": clip, "late": Source(clip, phase_ms=200)}
    with_server(sources, body, ServerOptions(note=sent.append))
    due = {(each.stream, each.loop, each.index): each.due_ns for each in sent}
    pairs = [key[1:] for key in due if key[0] == "main" and ("sub", *key[1:]) in due]
    assert pairs
    assert all(due["main", *pair] == due["sub", *pair] for pair in pairs)
    late = [key[1:] for key in due if key[0] == "main" and ("late", *key[1:]) in due]
    assert {due["late", *pair] - due["main", *pair] for pair in late} == {200_000_000}


def test_the_first_report_comes_before_the_first_picture_and_tells_its_time(clip: Path) -> None:
    wall_ns, report_rtp, media_rtp, now_ns = first_report(clip, "lobby")
    assert report_rtp == media_rtp
    assert 0 <= now_ns - wall_ns < 2_000_000_000


def test_requests_out_of_order_and_nonsense_are_answered(clip: Path) -> None:
    async def body(server: RtspServer) -> None:
        url = f"rtsp://127.0.0.1:{server.port}/lobby"
        client = await RawClient.connect(server.port)
        assert "200 OK" in await client.ask("OPTIONS", url)
        assert " 454 " in await client.ask("PLAY", url)
        assert " 405 " in await client.ask("RECORD", url)
        assert " 461 " in await client.ask("SETUP", url, "Transport: RAW/RAW/UDP")
        await client.play(url)
        while (await client.packet())[0] != 0:
            continue
        assert server.clients("lobby") == 1
        client.writer.write(f"TEARDOWN {url} RTSP/1.0\r\nCSeq: 9\r\n\r\n".encode())
        rest = await client.reader.read()
        assert b"RTSP/1.0 200 OK" in rest
        assert server.clients("lobby") == 0
        other = await RawClient.connect(server.port)
        other.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await other.reader.read()).startswith(b"RTSP/1.0 400")

    with_server({"lobby": clip}, body, ServerOptions())


def test_b_frames_are_coded_away_or_kept_on_request(tmp_path: Path) -> None:
    path = film(tmp_path / "b.mp4", bf="2", preset="medium", g="300")
    plain, raw = load_clip(path), load_clip(path, raw=True)
    assert all(picture.pts == picture.dts for picture in plain.pictures)
    assert any(picture.pts != picture.dts for picture in raw.pictures)
    assert len(plain.pictures) == len(raw.pictures) == 25
    assert plain.length_ticks == raw.length_ticks == 90_000


def test_rare_keyframes_are_made_frequent_unless_raw(tmp_path: Path) -> None:
    path = film(tmp_path / "long.mp4", count=150, bf="0", preset="ultrafast", g="300")
    keyframes = [sum(each.keyframe for each in load_clip(path, raw).pictures) for raw in (0, 1)]
    assert keyframes == [3, 1]


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg"])
def test_other_codecs_are_coded_anew(tmp_path: Path, codec: str) -> None:
    path = film(tmp_path / "other.mkv", codec=codec)
    loaded = load_clip(path)
    assert (loaded.width_px, loaded.height_px, len(loaded.pictures)) == (320, 240, 25)
    assert len(read_from({"other": path}, "other", 10)) == 10


def test_what_is_no_film_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no film")
    with pytest.raises(BadClip, match=r"text\.mp4"):
        load_clip(path)
    with pytest.raises(BadClip, match="missing"):
        load_clip(tmp_path / "missing.mp4")


@pytest.fixture
def process(clip: Path, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "ostiary.demo.rtsp_server", "--file", f"lobby={clip}"]
    command += ["--password-env", "DEMO_PASSWORD", "--send-times", str(tmp_path / "sent.jsonl")]
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"DEMO_PASSWORD": "geheim"},
        cwd=Path(__file__).parents[2],
    )
    yield child
    child.kill()
    child.wait()


def test_the_process_says_its_port_logs_what_it_sends_and_ends_on_sigterm(
    process: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert ready["streams"] == ["lobby"]
    seen = read(f"rtsp://demo:geheim@127.0.0.1:{ready['port']}/lobby", 20)
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    lines = [json.loads(line) for line in (tmp_path / "sent.jsonl").read_text().splitlines()]
    logged = {(line["loop"], line["index"]): line["due_ns"] for line in lines}
    assert all(
        logged[each.stamp.loop, each.stamp.index] == each.stamp.due_ns
        for each in seen
        if each.stamp
    )
