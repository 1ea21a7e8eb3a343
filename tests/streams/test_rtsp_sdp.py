"""Session descriptions, as cameras write them."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.packets import Codec
from engine.source import Reason
from streams.cameras.errors import SourceError
from streams.cameras.sdp import choose_video

pytestmark = pytest.mark.unit

BASE = "rtsp://cam/live"
SPS, PPS = b"\x67\x42\xc0\x1f", b"\x68\xce\x3c"


def sdp(*lines, session=()):
    return "\r\n".join(["v=0", "s=x", *session, *lines, ""])


def test_parameter_sets_come_from_the_description():
    sets = ",".join(base64.b64encode(nal).decode().rstrip("=") for nal in (SPS, PPS))
    track = choose_video(
        sdp(
            "m=video 0 RTP/AVP 97",
            "a=rtpmap:97 H264/90000",
            f"a=fmtp:97 packetization-mode=1;sprop-parameter-sets={sets};x=1",
            "a=control:rtsp://cam/live/video",
        ),
        BASE,
    )
    assert track.parameters.nals == (SPS, PPS) and track.payload_type == 97
    assert track.control == "rtsp://cam/live/video"


@pytest.mark.parametrize(
    ("session_control", "control", "setup", "play"),
    [
        ((), "trackID=1", "rtsp://cam/live/trackID=1", "rtsp://cam/live"),
        (("a=control:*",), "streamid=0", "rtsp://cam/live/streamid=0", "rtsp://cam/live"),
        (("a=control:rtsp://cam/all",), "t=1", "rtsp://cam/all/t=1", "rtsp://cam/all"),
        ((), "", "rtsp://cam/live", "rtsp://cam/live"),
    ],
)
def test_controls_are_appended(session_control, control, setup, play):
    lines = ["m=video 0 RTP/AVP 96", "a=rtpmap:96 h264/90000"]
    if control:
        lines.append(f"a=control:{control}")
    track = choose_video(sdp(*lines, session=session_control), BASE)
    assert (track.control, track.aggregate) == (setup, play)


def test_the_first_video_that_we_can_carry():
    track = choose_video(
        sdp(
            "m=audio 0 RTP/AVP 8",
            "m=video 0 RTP/AVP 98",
            "a=rtpmap:98 AV1/90000",
            "m=video 0 RTP/AVP 99 100",
            "a=rtpmap:99 vnd.onvif.metadata/90000",
            "a=rtpmap:100 H265/90000",
        ),
        BASE,
    )
    assert (track.codec, track.payload_type) == (Codec.H265, 100)


def test_jpeg_needs_no_map():
    assert choose_video(sdp("m=video 0 RTP/AVP 26"), BASE).codec is Codec.MJPEG


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (sdp("m=audio 0 RTP/AVP 0"), Reason.NO_SUCH_STREAM),
        ("", Reason.NO_SUCH_STREAM),
        (sdp("m=video 0 RTP/AVP 96", "a=rtpmap:96 AV1/90000"), Reason.UNSUPPORTED_CODEC),
        (sdp("m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/0"), Reason.UNSUPPORTED_CODEC),
        (sdp("m=video"), Reason.UNSUPPORTED_CODEC),
    ],
)
def test_what_cannot_be_carried_is_named(text, reason):
    with pytest.raises(SourceError) as caught:
        choose_video(text, BASE)
    assert caught.value.reason is reason


@given(st.text(alphabet="mavideo= 0123456789/:RTPAVHJEG;,\r\n²", max_size=300))
def test_hostile_descriptions_raise_only_source_errors(text):
    try:
        choose_video(text, BASE)
    except SourceError as error:
        assert error.reason in (Reason.NO_SUCH_STREAM, Reason.UNSUPPORTED_CODEC)
