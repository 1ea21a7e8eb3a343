"""Small films, and two readers of the demo's RTSP server: PyAV (FFmpeg) and a raw client."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from ostiary.demo.rtsp_server import RtspServer, ServerOptions
from ostiary.demo.stamp import Stamp, read_stamp

RATE_HZ = 25
PASSWORD = "pass:w@rd ö"
OPTIONS = ServerOptions(password=PASSWORD)


def film(path: Path, count: int = 25, codec: str = "libx264", **options: str) -> Path:
    """Write a small moving picture, 320x240, one group of pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE_HZ)
        stream.width, stream.height = 320, 240
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.time_base = Fraction(1, RATE_HZ)
        stream.options = options
        for number in range(count):
            pixels = np.full((240, 320, 3), 40, np.uint8)
            pixels[80:160, 8 * number % 240 : 8 * number % 240 + 80] = (20, 200, 120)
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@dataclass(frozen=True)
class Seen:
    pts: int | None
    keyframe: bool
    stamp: Stamp | None


def read(url: str, count: int, transport: str = "tcp") -> list[Seen]:
    """Read up to `count` packets as FFmpeg sees them."""
    options = {"rtsp_transport": transport, "timeout": "3000000"}
    seen = []
    with av.open(url, options=options, timeout=(5, 3)) as container:
        for packet in itertools.islice(container.demux(video=0), count):
            if packet.size:
                seen.append(Seen(packet.pts, packet.is_keyframe, read_stamp(bytes(packet))))
    return seen


def with_server(
    sources: dict[str, Any],
    body: Callable[[RtspServer], Awaitable[Any]],
    options: ServerOptions = OPTIONS,
) -> Any:
    async def run() -> Any:
        async with RtspServer(sources, options) as server:
            async with asyncio.timeout(60):
                return await body(server)

    return asyncio.run(run())


def read_from(sources: dict[str, Any], path: str, count: int, transport: str = "tcp") -> list[Seen]:
    async def body(server: RtspServer) -> list[Seen]:
        return await asyncio.to_thread(read, server.url(path), count, transport)

    result: list[Seen] = with_server(sources, body)
    return result


def sizes(url: str, count: int) -> list[tuple[int, int]]:
    with av.open(url, options={"rtsp_transport": "tcp"}, timeout=(5, 3)) as container:
        pictures = itertools.islice(container.decode(video=0), count)
        return [(picture.width, picture.height) for picture in pictures]


class RawClient:
    """Speaks RTSP byte by byte, for what FFmpeg does not show."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.cseq = reader, writer, 0

    @classmethod
    async def connect(cls, port: int) -> "RawClient":
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**16))

    async def ask(self, method: str, url: str, *headers: str) -> str:
        self.cseq += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self.cseq}", *headers, "", ""]
        self.writer.write("\r\n".join(lines).encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        assert f"CSeq: {self.cseq}\r\n" in head
        sized = [line for line in head.split("\r\n") if line.startswith("Content-Length: ")]
        if sized:
            await self.reader.readexactly(int(sized[0].split()[1]))
        return head

    async def play(self, url: str) -> None:
        await self.ask("SETUP", f"{url}/trackID=0", "Transport: RTP/AVP/TCP;interleaved=0-1")
        answer = await self.ask("PLAY", url)
        assert "RTP-Info" in answer

    async def packet(self) -> tuple[int, bytes]:
        head = await self.reader.readexactly(4)
        assert head[:1] == b"$"
        return head[1], await self.reader.readexactly(int.from_bytes(head[2:]))


def noisy(path: Path) -> Path:
    """Write pictures of some 100 kB, so that a client that does not read is soon behind."""
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.options = {"qp": "4", "bf": "0", "g": "1", "preset": "ultrafast"}
        for _ in range(5):
            pixels = rng.integers(0, 255, (240, 320, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def rtp_heads(source: Any, path: str, count: int) -> list[tuple[int, int]]:
    """Return sequence number and RTP time of the first media packets."""

    async def body(server: RtspServer) -> list[tuple[int, int]]:
        client = await RawClient.connect(server.port)
        await client.play(f"rtsp://127.0.0.1:{server.port}/{path}")
        heads: list[tuple[int, int]] = []
        while len(heads) < count:
            channel, packet = await client.packet()
            if channel == 0:
                heads.append((int.from_bytes(packet[2:4]), int.from_bytes(packet[4:8])))
        client.writer.close()
        return heads

    result: list[tuple[int, int]] = with_server({"lobby": source}, body, ServerOptions())
    return result


def first_report(clip: Path, path: str) -> tuple[int, int, int, int]:
    """Return the first report's UTC ns and RTP time, then the next packet's RTP time and now."""

    async def body(server: RtspServer) -> tuple[int, int, int, int]:
        client = await RawClient.connect(server.port)
        await client.play(f"rtsp://127.0.0.1:{server.port}/{path}")
        channel, report = await client.packet()
        assert (channel, report[1]) == (1, 200)
        _, media = await client.packet()
        now_ns = time.time_ns()
        ntp = int.from_bytes(report[8:16])
        wall_ns = ((ntp >> 32) - 2_208_988_800) * 10**9 + ((ntp & 0xFFFFFFFF) * 10**9 >> 32)
        client.writer.close()
        return wall_ns, int.from_bytes(report[16:20]), int.from_bytes(media[4:8]), now_ns

    result: tuple[int, int, int, int] = with_server({"lobby": clip}, body, ServerOptions())
    return result
