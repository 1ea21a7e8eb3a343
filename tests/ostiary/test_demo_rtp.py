"""Payloads, reports and stamps: whatever is cut up comes together again."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.demo.rtp import (
    NAL_PPS,
    NAL_SPS,
    RtpSender,
    interleaved,
    join_nals,
    nal_type,
    packetise,
    split_nals,
)
from ostiary.demo.stamp import Stamp, read_stamp, stamp_nal

pytestmark = pytest.mark.unit

SINGLE_TYPES = st.sampled_from([1, 5, 6, NAL_SPS, NAL_PPS])


@st.composite
def nals(draw: st.DrawFn) -> bytes:
    header = draw(st.integers(0, 3)) << 5 | draw(SINGLE_TYPES)
    return bytes([header]) + draw(st.binary(min_size=1, max_size=400)) + b"\x80"


def depacketise(payloads: list[bytes]) -> list[bytes]:
    found: list[bytes] = []
    for payload in payloads:
        kind = nal_type(payload)
        if kind == 24:
            rest = payload[1:]
            while rest:
                size = struct.unpack("!H", rest[:2])[0]
                found.append(rest[2 : 2 + size])
                rest = rest[2 + size :]
        elif kind == 28:
            if payload[1] & 0x80:
                found.append(bytes([payload[0] & 0xE0 | payload[1] & 0x1F]))
            found[-1] += payload[2:]
        else:
            found.append(payload)
    return found


@given(st.lists(nals(), min_size=1, max_size=6), st.integers(8, 200))
def test_payloads_give_back_the_units_and_keep_the_limit(units: list[bytes], limit: int) -> None:
    payloads = packetise(units, limit)
    assert depacketise(payloads) == units
    assert max(map(len, payloads)) <= limit


def test_fragments_mark_their_first_and_last_and_no_other() -> None:
    flags = [payload[1] >> 6 for payload in packetise([b"\x65" + bytes(range(100))], 40)]
    assert flags == [2, 0, 1]


def test_parameter_sets_travel_together() -> None:
    payloads = packetise([b"\x67abc", b"\x68de", b"\x65slice"], 100)
    assert [nal_type(payload) for payload in payloads] == [24, 5]


@given(st.lists(nals(), min_size=1, max_size=4))
def test_annexb_round_trip_of_units_without_start_codes(units: list[bytes]) -> None:
    clean = [unit.replace(b"\x00", b"\x01") for unit in units]
    assert split_nals(join_nals(clean)) == clean


def test_only_the_last_packet_of_a_picture_is_marked_and_numbers_wrap() -> None:
    sender = RtpSender(ssrc=7, sequence=0xFFFF)
    packets = sender.packets_of([b"a", b"b", b"c"], 90_000)
    heads = [struct.unpack("!BBHII", packet[:12]) for packet in packets]
    assert [head[1] >> 7 for head in heads] == [0, 0, 1]
    assert [head[2] for head in heads] == [0xFFFF, 0, 1]
    assert {head[3] for head in heads} == {90_000}


def test_a_sender_report_says_which_wall_time_a_picture_had() -> None:
    sender = RtpSender(ssrc=7, sequence=0)
    sender.packets_of([b"four"], 1)
    report = sender.report(123_456, 1_700_000_000_500_000_000)
    kind, length, ssrc = struct.unpack("!xBHI", report[:8])
    seconds, fraction, rtp, packets, octets = struct.unpack("!IIIII", report[8:28])
    assert (kind, length, ssrc) == (200, 6, 7)
    assert seconds - 2_208_988_800 == 1_700_000_000
    assert fraction == 1 << 31
    assert (rtp, packets, octets) == (123_456, 1, 4)
    assert len(report) % 4 == 0
    assert (struct.unpack("!H", report[30:32])[0] + 1) * 4 == len(report) - 28


def test_interleaved_frames_say_channel_and_size() -> None:
    assert interleaved(3, b"xyz") == b"$\x03\x00\x03xyz"


@given(
    st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True),
    st.integers(0, 10**6),
    st.integers(0, 10**9),
    st.integers(0, 2**62),
)
def test_a_stamp_survives_the_access_unit(name: str, index: int, loop: int, due_ns: int) -> None:
    stamp = Stamp(name, index, loop, due_ns)
    unit = stamp_nal(stamp)
    assert b"\x00\x00" not in unit
    assert read_stamp(join_nals([b"\x67set", unit, b"\x65slice"])) == stamp


def test_a_unit_without_or_with_a_torn_stamp_has_none() -> None:
    whole = stamp_nal(Stamp("lobby", 1, 2, 3))
    assert read_stamp(join_nals([b"\x65slice"])) is None
    assert read_stamp(join_nals([whole[:30]])) is None
