"""Raw pictures to packets: epochs begin with keyframes, damage is waited out, JPEG and VP8 too."""

import cv2
import numpy as np
import pytest

from engine.bitstream import PictureSize, split_annex_b
from engine.clock import SenderReport
from engine.packets import Codec
from streams.cameras.depacketise import RawUnit
from streams.cameras.depacketise_jpeg import JpegDepacketiser
from streams.cameras.rtp import RtpPacket
from streams.cameras.units import Framing
from tests.fakes.source_clips import ClipPlan, access_units

pytestmark = pytest.mark.unit

START_NS = 1_790_000_000_000_000_000
STEP_NS = 40_000_000
SMALL, LARGE = ClipPlan(pictures=30), ClipPlan(width=640, height=480, pictures=30)


def units(plan, first=0, damaged=()):
    """Return a clip's raw pictures, 25/s."""
    return [
        RawUnit((first + index) * 3600 % 2**32, tuple(split_annex_b(data)), index in damaged)
        for index, data in enumerate(access_units(plan))
    ]


def feed(framing, raw, first=0):
    out = [
        framing.add(unit, START_NS + (first + index) * STEP_NS) for index, unit in enumerate(raw)
    ]
    return [packet for packet in out if packet is not None]


def test_it_waits_for_the_first_keyframe():
    framing = Framing(Codec.H264, 0)
    packets = feed(framing, units(SMALL)[3:])
    assert packets[0].keyframe and packets[0].pts == 0 and len(packets) == 20
    assert framing.counters.before_keyframe == 7


def test_after_damage_it_waits_for_a_keyframe_in_the_same_epoch():
    framing = Framing(Codec.H264, 0)
    packets = feed(framing, units(SMALL, damaged={14}))
    numbers = [packet.pts // 3600 for packet in packets]
    assert numbers == [*range(14), *range(20, 30)]
    assert len({packet.epoch_ms for packet in packets}) == 1
    assert (framing.counters.damaged, framing.counters.before_keyframe) == (1, 5)


def test_other_parameter_sets_begin_an_epoch():
    framing = Framing(Codec.H264, 0)
    before = feed(framing, units(SMALL))
    after = feed(framing, units(LARGE, first=30), first=30)
    assert after[0].epoch_ms > before[-1].epoch_ms and after[0].pts == 0
    assert framing.facts().size == PictureSize(640, 480)


def test_parameter_sets_that_come_alone_are_remembered():
    framing = Framing(Codec.H264, 0)
    first, *rest = units(SMALL)
    sets, slices = first.nals[:2], first.nals[2:]
    packets = feed(framing, [RawUnit(0, sets, False), RawUnit(0, slices, False), *rest])
    assert len(packets) == 30 and packets[0].data.startswith(b"\0\0\0\1" + sets[0])


def test_a_keyframe_without_parameter_sets_is_of_no_use():
    framing = Framing(Codec.H264, 0)
    bare = [RawUnit(one.rtp_time, one.nals[2:], False) for one in units(SMALL)[:1]]
    assert feed(framing, bare) == [] and framing.counters.empty == 1


def test_a_clock_that_is_set_begins_an_epoch_at_a_keyframe():
    framing, out = Framing(Codec.H264, 0), []
    clip = units(SMALL)
    for index in range(300):
        ahead_ns = 0 if index < 100 else 3600 * 10**9
        if index % 25 == 0:
            sender_ns = START_NS + index * STEP_NS + ahead_ns
            framing.reported(SenderReport(index * 3600, sender_ns))
        unit = RawUnit(index * 3600, clip[index % 30].nals, False)
        out.append(framing.add(unit, START_NS + index * STEP_NS))
    epochs = sorted({packet.epoch_ms for packet in out})
    assert len(epochs) == 2
    second = [packet for packet in out if packet.epoch_ms == epochs[1]]
    assert second[0].keyframe and second[0].pts == 0
    jump_ns = second[0].captured_ns - out[out.index(second[0]) - 1].captured_ns
    assert jump_ns == pytest.approx(3600 * 10**9, abs=10**9)
    for epoch in epochs:
        captured = [packet.captured_ns for packet in out if packet.epoch_ms == epoch]
        assert captured == sorted(set(captured))


def test_a_size_change_inside_vp8_is_no_new_epoch():
    framing = Framing(Codec.VP8, 0)
    frames = [
        *access_units(ClipPlan("libvpx", 160, 120, pictures=5)),
        *access_units(ClipPlan("libvpx", 320, 240, pictures=5)),
    ]
    packets = feed(framing, [RawUnit(n * 3600, (frame,), False) for n, frame in enumerate(frames)])
    assert len(packets) == len(frames) and len({packet.epoch_ms for packet in packets}) == 1
    assert framing.facts().size == PictureSize(320, 240)


def test_empty_and_broken_frames_are_left_out():
    framing = Framing(Codec.VP8, 0)
    assert feed(framing, [RawUnit(0, (b"",), False), RawUnit(0, (b"\0short",), False)]) == []


def rtp_jpeg(jpeg, quality, size, limit=1000):
    """Packetise a baseline 4:2:0 JPEG with the standard's tables, as RFC 2435 says."""
    scan = jpeg.rindex(b"\xff\xda") + 2
    scan += int.from_bytes(jpeg[scan : scan + 2], "big")
    data = jpeg[scan:-2]
    packets = []
    for offset in range(0, len(data), limit):
        head = bytes([0]) + offset.to_bytes(3, "big")
        head += bytes([1, quality, size[0] // 8, size[1] // 8])
        part = data[offset : offset + limit]
        last = offset + limit >= len(data)
        packets.append(RtpPacket(26, last, len(packets), 7200, 1, head + part))
    return packets


@pytest.mark.parametrize("quality", [20, 50, 75, 95])
def test_a_jpeg_is_written_back_as_it_was(quality):
    noise = np.random.default_rng(3).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    picture = cv2.resize(noise, (320, 240), interpolation=cv2.INTER_CUBIC)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 0]
    jpeg = cv2.imencode(".jpg", picture, options)[1].tobytes()
    depacketiser = JpegDepacketiser()
    got = [
        unit for packet in rtp_jpeg(jpeg, quality, (320, 240)) for unit in depacketiser.add(packet)
    ]
    (unit,) = got
    shown = cv2.imdecode(np.frombuffer(unit.nals[0], np.uint8), cv2.IMREAD_COLOR)
    wanted = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(shown, wanted)
    packet = Framing(Codec.MJPEG, 0).add(unit, START_NS)
    assert packet.keyframe and packet.pts == 0


def test_a_jpeg_with_a_hole_is_left_out():
    jpeg = cv2.imencode(".jpg", np.full((240, 320, 3), 90, np.uint8))[1].tobytes()
    packets = rtp_jpeg(jpeg, 75, (320, 240), limit=100)
    assert len(packets) > 3
    depacketiser = JpegDepacketiser()
    for packet in [*packets[:1], *packets[2:]]:
        assert depacketiser.add(packet) == []
    assert sum(len(depacketiser.add(packet)) for packet in packets) == 1
