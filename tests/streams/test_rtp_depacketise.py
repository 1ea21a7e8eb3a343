"""RTP to pictures: joined with an independent packetiser, whole or told to be damaged."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bitstream import split_annex_b
from engine.clock import SenderReport
from engine.packets import Codec
from ostiary.demo.rtp import RtpSender, packetise
from streams.cameras.depacketise import Fragment, NalDepacketiser, Pieces, unpack_h264, unpack_h265
from streams.cameras.rtp import Bye, RtpPacket, parse_rtcp, parse_rtp, receiver_report
from tests.fakes.source_clips import ClipPlan, access_units

pytestmark = pytest.mark.unit

PLAN = ClipPlan(width=640, height=480, pictures=12)


def sent(pictures=6, first_sequence=65530):
    """Return real pictures' NAL units, and their RTP packets."""
    units = [tuple(split_annex_b(unit)) for unit in access_units(PLAN)[:pictures]]
    sender = RtpSender(1234, first_sequence)
    packets = []
    for index, nals in enumerate(units):
        packets += sender.packets_of(packetise(nals), index * 3600)
    return units, [parse_rtp(packet) for packet in packets]


def test_pictures_are_whole_at_their_last_packet():
    units, packets = sent()
    depacketiser, got, last_of = NalDepacketiser(Codec.H264), [], []
    for packet in packets:
        for unit in depacketiser.add(packet):
            got.append(unit)
            last_of.append(packet.marker)
    assert [unit.nals for unit in got] == units
    assert [unit.rtp_time for unit in got] == [index * 3600 for index in range(6)]
    assert not any(unit.damaged for unit in got) and all(last_of)


def test_without_markers_the_next_picture_completes_the_last():
    units, packets = sent()
    depacketiser, got = NalDepacketiser(Codec.H264), []
    for packet in packets:
        plain = RtpPacket(96, False, packet.sequence, packet.rtp_time, packet.ssrc, packet.payload)
        got += depacketiser.add(plain)
    assert [unit.nals for unit in got] == units[:-1]


def test_a_marker_after_parameter_sets_does_not_split_a_picture():
    depacketiser = NalDepacketiser(Codec.H264)
    nals = (b"\x67sps", b"\x68pps", b"\x65idr")
    packets = [RtpPacket(96, True, index, 0, 1, nal) for index, nal in enumerate(nals)]
    got = [unit for packet in packets for unit in depacketiser.add(packet)]
    assert [unit.nals for unit in got] == [nals]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_lost_packet_damages_what_it_belonged_to_and_nothing_is_made_up(data):
    units, packets = sent()
    # The very first packet cannot be missed: nobody knows that there was one before.
    lost = data.draw(st.sets(st.integers(1, len(packets) - 1), min_size=1, max_size=5))
    depacketiser, got = NalDepacketiser(Codec.H264), []
    for index, packet in enumerate(packets):
        if index not in lost:
            got += depacketiser.add(packet)
    whole = {unit.rtp_time: unit.nals for unit in got if not unit.damaged}
    for rtp_time, nals in whole.items():
        assert nals == units[rtp_time // 3600]
    spoilt = {packets[index].rtp_time for index in lost}
    assert not spoilt & whole.keys()


@given(st.lists(st.tuples(st.binary(max_size=30), st.booleans(), st.integers(0, 3)), max_size=40))
def test_hostile_packets_only_make_damaged_pictures(parts):
    for codec in (Codec.H264, Codec.H265):
        depacketiser = NalDepacketiser(codec, max_unit_bytes=100)
        for sequence, (payload, marker, rtp_time) in enumerate(parts):
            for unit in depacketiser.add(RtpPacket(96, marker, sequence, rtp_time, 1, payload)):
                assert sum(map(len, unit.nals)) <= 200


def test_an_endless_picture_is_dropped_not_collected():
    depacketiser = NalDepacketiser(Codec.H264, max_unit_bytes=10_000)
    for sequence in range(1000):
        assert depacketiser.add(RtpPacket(96, False, sequence, 5, 1, b"\x41" + b"x" * 1000)) == []
    assert sum(map(len, depacketiser._nals)) <= 10_000
    (unit,) = depacketiser.add(RtpPacket(96, True, 1000, 5, 1, b"\x41"))
    assert unit.damaged


def test_h264_payload_kinds():
    assert unpack_h264(b"\x41abc") == Pieces((b"\x41abc",))
    assert unpack_h264(b"\x18\x00\x02\x67a\x00\x02\x68b") == Pieces((b"\x67a", b"\x68b"))
    assert unpack_h264(b"\x18\x00\x09\x67a") is None
    assert unpack_h264(b"\x7c\x85xyz") == Fragment(True, False, b"\x65xyz")
    assert unpack_h264(b"\x7c\x45end") == Fragment(False, True, b"end")
    assert unpack_h264(b"\x1d") is None


def test_h265_payload_kinds():
    assert unpack_h265(b"\x26\x01slice") == Pieces((b"\x26\x01slice",))
    assert unpack_h265(b"\x60\x01\x00\x03\x40\x01a\x00\x03\x42\x01b") == Pieces(
        (b"\x40\x01a", b"\x42\x01b")
    )
    assert unpack_h265(b"\x62\x01\x93xyz") == Fragment(True, False, b"\x26\x01xyz")
    assert unpack_h265(b"\x62\x01\x53end") == Fragment(False, True, b"end")


def rtp(payload=b"data", first=0x80, extra=b""):
    return struct.pack("!BBHII", first, 0x80 | 96, 7, 99, 5) + extra + payload


def test_rtp_heads():
    assert parse_rtp(rtp()) == RtpPacket(96, True, 7, 99, 5, b"data")
    assert parse_rtp(rtp(first=0x82, extra=b"c" * 8)).payload == b"data"
    extension = b"\xbe\xde\x00\x01abcd"
    assert parse_rtp(rtp(first=0x90, extra=extension)).payload == b"data"
    assert parse_rtp(rtp(b"data\x00\x02", first=0xA0)).payload == b"data"


@pytest.mark.parametrize(
    "raw", [b"", b"\x80" * 11, rtp(first=0x40), rtp(first=0x8F), rtp(b"\xff", 0xA0)]
)
def test_what_is_no_rtp_is_left_out(raw):
    assert parse_rtp(raw) is None


@given(st.binary(max_size=120))
def test_hostile_packets_never_raise(raw):
    parse_rtp(raw)
    list(parse_rtcp(raw))


def test_sender_reports_in_compound_packets():
    report = RtpSender(9, 0).report(4711, 1_790_000_000_500_000_000)
    other = struct.pack("!BBHI", 0x80, 203, 1, 9)
    found = list(parse_rtcp(report + other))
    assert isinstance(found[0], SenderReport) and found[0].rtp_time == 4711
    assert abs(found[0].sender_ns - 1_790_000_000_500_000_000) < 1000
    assert found[-1] == Bye(9)
    without_clock = struct.pack("!BBHIIIIII", 0x80, 200, 6, 9, 0, 0, 4711, 1, 1)
    assert list(parse_rtcp(without_clock)) == []
    assert list(parse_rtcp(receiver_report(1))) == []
