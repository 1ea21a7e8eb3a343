"""The demo's RTSP server read by GStreamer, a peer that shares no code with FFmpeg."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from rtsp_server_peers import film, with_server

from ostiary.demo.rtsp_server import RtspServer

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PYTHON = "/usr/bin/python3"  # Debian's: GStreamer's bindings are not on PyPI
READER = """
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
line = Gst.parse_launch(
    f"rtspsrc location={sys.argv[1]} protocols={sys.argv[2]} latency=50 ! rtph264depay "
    "! avdec_h264 ! fakesink name=end num-buffers=30 sync=false")
line.set_state(Gst.State.PLAYING)
kinds = Gst.MessageType.EOS | Gst.MessageType.ERROR
message = line.get_bus().timed_pop_filtered(20 * Gst.SECOND, kinds)
if message is None or message.type != Gst.MessageType.EOS:
    sys.exit(str(message and message.parse_error()))
caps = line.get_by_name("end").get_static_pad("sink").get_current_caps().get_structure(0)
print(caps.get_value("width"), caps.get_value("height"))
line.set_state(Gst.State.NULL)
"""


def has_gstreamer() -> bool:
    probe = (
        "import gi; gi.require_version('Gst', '1.0'); from gi.repository import Gst; Gst.init(None)"
    )
    probe += "; assert Gst.ElementFactory.find('avdec_h264') and Gst.ElementFactory.find('rtspsrc')"
    try:
        return (
            subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0
        )
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not has_gstreamer(), reason="needs Debian's python3-gi and gstreamer1.0-libav")
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_gstreamer_logs_in_and_decodes(tmp_path: Path, transport: str) -> None:
    path = film(tmp_path / "plain.mp4", bf="0", preset="ultrafast")

    async def body(server: RtspServer) -> str:
        command = [PYTHON, "-c", READER, server.url("lobby"), transport]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, check=False
        )
        return str(done.stdout.strip() or done.stderr)

    assert with_server({"lobby": path}, body) == "320 240"
