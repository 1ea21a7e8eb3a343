"""Cameras that somebody else wrote: GStreamer's RTSP server, every codec and log-in."""

import asyncio
import contextlib
import itertools
import subprocess
import time
from pathlib import Path

import pytest

from engine.packets import Codec
from engine.source import Reason
from streams.cameras.errors import SourceError
from streams.cameras.rtsp_auth import Credentials
from streams.cameras.rtsp_source import RtspSource, RtspTarget
from tests.fakes.source_clips import decoded_pictures

PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).parents[1] / "fakes" / "gst_source_server.py"
PROBE = "import gi; gi.require_version('GstRtspServer', '1.0')"


def _has_gstreamer():
    with contextlib.suppress(OSError):
        probe = subprocess.run([PYTHON, "-c", PROBE], capture_output=True, check=False)
        return probe.returncode == 0
    return False


pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(
        not _has_gstreamer(),
        reason="no GStreamer RTSP server: apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 "
        "gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly",
    ),
]
GOOD = Credentials("user", "pass word")


@contextlib.contextmanager
def serving(codec, login):
    process = subprocess.Popen(
        [PYTHON, str(SERVER), codec, login],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield f"rtsp://127.0.0.1:{int(process.stdout.readline())}/live"
    finally:
        process.kill()
        process.communicate()


def pull(url, credentials, wanted=40):
    """Return so many packets and the last facts; raises SourceError."""

    async def main():
        got, enough = [], asyncio.Event()

        def take(packet, facts):
            if packet is None:
                return
            got.append((packet, facts))
            if len(got) >= wanted:
                enough.set()

        async def run():
            try:
                await RtspSource(RtspTarget(url, credentials), time.time_ns).run(take, 0)
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
        return [packet for packet, _ in got], got[-1][1]

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("codec", "login", "known"),
    [
        ("h264", "digest", Codec.H264),
        ("h264", "basic", Codec.H264),
        ("h264", "open", Codec.H264),
        ("h265", "digest", Codec.H265),
        ("mjpeg", "digest", Codec.MJPEG),
    ],
)
def test_its_pictures_decode(codec, login, known):
    with serving(codec, login) as url:
        packets, facts = pull(url, None if login == "open" else GOOD)
    assert facts.codec is known
    assert (facts.size.width_px, facts.size.height_px) == (320, 240)
    assert packets[0].keyframe and packets[0].pts == 0
    assert abs(facts.clock_error_ns) < 2_000_000_000  # same machine, so the same clock
    steps = [after.pts - before.pts for before, after in itertools.pairwise(packets)]
    assert sum(step == 3600 for step in steps) > len(steps) * 0.9
    shown = decoded_pictures(str(known), [packet.data for packet in packets])
    assert len(shown) == len(packets)
    assert shown[-1].to_ndarray(format="gray").max() > 200  # the ball is white


@pytest.mark.parametrize(
    ("credentials", "reason"),
    [
        (Credentials("user", "wrong"), Reason.WRONG_PASSWORD),
        (Credentials("nobody", "pass word"), Reason.WRONG_PASSWORD),
        (None, Reason.PASSWORD_NEEDED),
    ],
)
@pytest.mark.parametrize("login", ["digest", "basic"])
def test_its_refusals_are_understood(login, credentials, reason):
    with serving("h264", login) as url, pytest.raises(SourceError) as caught:
        pull(url, credentials)
    assert caught.value.reason is reason
    assert "wrong" not in caught.value.detail and "pass word" not in str(caught.value)


def test_another_path_is_no_such_stream():
    with serving("h264", "open") as url, pytest.raises(SourceError) as caught:
        pull(url.replace("/live", "/other"), None)
    assert caught.value.reason is Reason.NO_SUCH_STREAM
