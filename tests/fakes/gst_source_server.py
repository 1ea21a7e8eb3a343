"""Knows how to be an RTSP server by GStreamer, for tests: run by the system's own Python.

Arguments: codec (h264, h265, mjpeg), "basic" or "digest" or "open". Prints its port, then serves
until its standard input ends. The user is "user", the password "pass word".
"""

import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

PICTURES = (
    "videotestsrc is-live=true pattern=ball ! "
    "video/x-raw,width=320,height=240,framerate=25/1,format=I420 ! "
)
CODERS = {
    "h264": "x264enc tune=zerolatency key-int-max=25 ! rtph264pay name=pay0 pt=96",
    "h265": "x265enc tune=zerolatency key-int-max=25 ! rtph265pay name=pay0 pt=96",
    "mjpeg": "jpegenc ! rtpjpegpay name=pay0 pt=26",
}


def with_login(server, factory, method):
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(method)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    if method == GstRtsp.RTSPAuthMethod.BASIC:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic("user", "pass word"), token)
    else:
        auth.add_digest("user", "pass word", token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_role("user")
    permissions.add_permission_for_role("user", "media.factory.access", True)
    permissions.add_permission_for_role("user", "media.factory.construct", True)
    factory.set_permissions(permissions)


def main():
    codec, login = sys.argv[1:3]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( {PICTURES}{CODERS[codec]} )")
    factory.set_shared(True)
    if login != "open":
        method = GstRtsp.RTSPAuthMethod
        with_login(server, factory, method.BASIC if login == "basic" else method.DIGEST)
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    print(server.get_bound_port(), flush=True)
    loop.run()


main()
