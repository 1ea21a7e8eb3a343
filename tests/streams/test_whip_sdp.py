"""Session descriptions of lent cameras, and pictures at their marker bit."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.cameras.webrtc_receiver import _PromptJitterBuffer
from streams.cameras.webrtc_sdp import with_bitrates, without_mdns

pytestmark = pytest.mark.unit

ANSWER = "\r\n".join(
    [
        "v=0",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102",
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96",
        "a=rtpmap:102 H264/90000",
        "a=fmtp:102 profile-level-id=42e01f;packetization-mode=1",
        "",
    ]
)


def test_both_codecs_are_asked_for_a_useful_bit_rate():
    lines = with_bitrates(ANSWER).splitlines()
    (vp8,) = [line for line in lines if line.startswith("a=fmtp:96 ")]
    (h264,) = [line for line in lines if line.startswith("a=fmtp:102 ")]
    for line in (vp8, h264):
        assert "x-google-min-bitrate=1500" in line and "x-google-max-bitrate=4000" in line
    assert "profile-level-id=42e01f" in h264
    assert lines.index(vp8) == lines.index("a=rtpmap:96 VP8/90000") + 1
    assert "a=fmtp:97 apt=96" in lines  # retransmission stays as it was


def test_names_that_nobody_can_look_up_are_left_out():
    offer = (
        "v=0\r\na=candidate:1 1 udp 2113937151 0f-1e.local 5000 typ host\r\n"
        "a=candidate:2 1 udp 2113937151 192.0.2.7 5000 typ host\r\na=end-of-candidates\r\n"
    )
    assert without_mdns(offer).splitlines() == [
        "v=0",
        "a=candidate:2 1 udp 2113937151 192.0.2.7 5000 typ host",
        "a=end-of-candidates",
    ]


@dataclass
class Part:
    sequence_number: int
    timestamp: int
    marker: int
    _data: bytes


def parts(sizes, first):
    """Pictures of so many packets each, numbered on from `first`."""
    number, out = first, []
    for picture, size in enumerate(sizes):
        for index in range(size):
            data = bytes([picture, index])
            out.append(Part(number % 65536, picture * 3000, index == size - 1, data))
            number += 1
    return out


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=12),
    st.integers(65_500, 65_535),
    st.randoms(use_true_random=False),
)
def test_pictures_come_whole_in_order_and_at_their_last_packet(sizes, first, chance):
    packets = parts(sizes, first)
    order = sorted(range(1, len(packets)), key=lambda index: index + chance.random() * 3)
    buffer, frames = _PromptJitterBuffer(capacity=128, is_video=True), []
    for index in [0, *order]:
        _, frame = buffer.add(packets[index])
        if frame is not None:
            frames.append(frame)
    whole = [b"".join(bytes([n, i]) for i in range(size)) for n, size in enumerate(sizes)]
    assert [frame.data for frame in frames] == whole[: len(frames)]
    if order == sorted(order):
        assert len(frames) == len(whole)
