"""RTSP as cameras really do it: inside TLS, with reordered pictures."""

import asyncio
import contextlib
import datetime
import ipaddress
import itertools
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.source import Reason
from ostiary.demo.rtsp_server import RtspServer, ServerOptions, Source
from streams.cameras.errors import SourceError
from streams.cameras.rtsp_auth import Credentials
from streams.cameras.rtsp_source import RtspSource, RtspTarget
from tests.fakes.source_clips import ClipPlan, decoded_pictures, write_clip

pytestmark = [pytest.mark.integration, pytest.mark.slow]

LOGIN = Credentials("user", "pass word")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    reordered = ClipPlan(
        pictures=100, options=(("g", "25"), ("bf", "2"), ("b_strategy", "0"), ("preset", "fast"))
    )
    return {
        "plain": Source(write_clip(folder / "plain.mp4", ClipPlan(pictures=100))),
        "reordered": Source(write_clip(folder / "reordered.mp4", reordered), raw=True),
    }


async def take(source, wanted):
    """Return so many packets; raises what the source raises before that."""
    got, enough = [], asyncio.Event()

    def deliver(packet, facts):
        if packet is None:
            return
        got.append((packet, facts))
        if len(got) >= wanted:
            enough.set()

    async def run():
        try:
            await source.run(deliver, 0)
        except SourceError as error:
            return error

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        attempt = group.create_task(run())
        waiting = group.create_task(enough.wait())
        await asyncio.wait([attempt, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        ended = attempt.result() if attempt.done() else None
        attempt.cancel()
    if ended is not None:
        raise ended
    return [packet for packet, _ in got]


def test_reordered_pictures_keep_their_decoding_order(clips):
    async def main():
        async with RtspServer(clips) as server:
            target = RtspTarget(f"rtsp://127.0.0.1:{server.port}/reordered")
            return await take(RtspSource(target, time.time_ns), 60)

    packets = asyncio.run(main())
    ticks = [packet.pts for packet in packets]
    assert ticks != sorted(ticks) and len(set(ticks)) == len(ticks)
    assert packets[0].keyframe and ticks[0] == 0
    assert len({packet.epoch_ms for packet in packets}) == 1
    captured = [packet.captured_ns for packet in packets]
    assert all(before < after for before, after in itertools.pairwise(captured))
    shown = decoded_pictures("h264", [packet.data for packet in packets])
    assert len(shown) == len(packets)


def certificate(folder):
    """Write a certificate that nobody vouches for, as cameras have them, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camera")])
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "camera.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


async def copy(reader, writer):
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def inside_tls(port, pem):
    """Put TLS before a plain server; yields the new port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    async def serve(reader, writer):
        onward, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, back), copy(onward, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def test_rtsps(clips, tmp_path):
    async def main():
        options = ServerOptions(user=LOGIN.username, password=LOGIN.password)
        async with (
            RtspServer(clips, options) as server,
            inside_tls(server.port, certificate(tmp_path)) as port,
        ):
            target = RtspTarget(f"rtsps://127.0.0.1:{port}/plain", LOGIN)
            return await take(RtspSource(target, time.time_ns), 25)

    packets = asyncio.run(main())
    assert len(decoded_pictures("h264", [packet.data for packet in packets])) == 25


def test_rtsps_to_a_plain_server_is_a_tls_failure(clips):
    async def main():
        async with RtspServer(clips) as server:
            target = RtspTarget(f"rtsps://127.0.0.1:{server.port}/plain")
            await take(RtspSource(target, time.time_ns), 1)

    with pytest.raises(SourceError) as caught:
        asyncio.run(main())
    assert caught.value.reason is Reason.TLS


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://127.0.0.1/", "rtsp:///nohost"])
def test_addresses_that_are_not_allowed_are_never_connected_to(url):
    with pytest.raises(SourceError) as caught:
        asyncio.run(take(RtspSource(RtspTarget(url), time.time_ns), 1))
    assert caught.value.reason is Reason.FORBIDDEN_ADDRESS
