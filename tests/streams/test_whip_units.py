"""What a lent camera sends, on its way to packets: too large a picture is damage, as on RTSP."""

import pytest

from engine.packets import Codec
from streams.cameras.depacketise import MAX_UNIT_BYTES
from streams.cameras.webrtc_receiver import EncodedUnit
from streams.cameras.whip import _Taker
from tests.fakes.codec_clips import TICKS, clip

pytestmark = pytest.mark.unit


def test_after_a_picture_that_is_too_large_nothing_goes_out_until_the_next_keyframe():
    packets, facts = [], []
    taker = _Taker(lambda packet, seen: (packets.append(packet), facts.append(seen)), 0, lambda: 1)
    units = [one.data for one in clip(25, encoder="libvpx")]  # keyframes at 0, 10, 20
    units[4] = bytes(MAX_UNIT_BYTES + 1)
    for number, data in enumerate(units):
        taker.take(EncodedUnit(Codec.VP8, number * TICKS, data))
    assert [packet is not None for packet in packets] == [True] * 4 + [False] * 6 + [True] * 15
    left_out = facts[-1].left_out
    assert (left_out.damaged, left_out.before_keyframe) == (1, 5)


def test_another_codec_keeps_the_counters():
    facts = []
    taker = _Taker(lambda _, seen: facts.append(seen), 0, lambda: 1)
    for codec, encoder in ((Codec.VP8, "libvpx"), (Codec.H264, "libx264")):
        for number, one in enumerate(clip(3, encoder=encoder)[1:]):
            taker.take(EncodedUnit(codec, number * TICKS, one.data))
    assert facts[-1].codec is Codec.H264
    assert facts[-1].left_out.before_keyframe == 4
