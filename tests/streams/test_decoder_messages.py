"""Knows what the messages with a codec child promise. Starts no child."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.packets import Codec
from streams.codecs.messages import (
    HEADER_BYTES,
    MAX_BODY_BYTES,
    BadMessage,
    Kind,
    Message,
    Parser,
    Status,
)
from streams.codecs.quarantine import Quarantine
from streams.codecs.rings import BadRing, RingReader, RingWriter

pytestmark = pytest.mark.unit

NUMBERS = st.integers(0, 2**32 - 1)
MESSAGES = st.builds(
    Message,
    kind=st.sampled_from(Kind),
    flags=st.integers(0, 255),
    codec=st.sampled_from(Codec),
    status=st.sampled_from(Status),
    stream=NUMBERS,
    context=NUMBERS,
    slot=NUMBERS,
    seq=st.integers(0, 2**64 - 1),
    width=NUMBERS,
    height=NUMBERS,
    micros=NUMBERS,
    body=st.binary(max_size=64),
)


@pytest.mark.slow
@given(st.lists(MESSAGES, max_size=5), st.integers(1, 50))
def test_messages_survive_any_cut(messages: list[Message], piece: int) -> None:
    wire = b"".join(m.header() + bytes(m.body) for m in messages)
    parser, found = Parser(), []
    for start in range(0, len(wire), piece):
        found += parser.feed(wire[start : start + piece])
    assert found == messages


@pytest.mark.slow
@given(st.binary(max_size=300))
def test_rubbish_is_refused_or_awaited_but_never_kept_above_the_bound(data: bytes) -> None:
    parser = Parser()
    try:
        parser.feed(data)
    except BadMessage:
        return
    assert len(parser._buffer) <= HEADER_BYTES + MAX_BODY_BYTES


def test_a_body_above_the_bound_is_refused() -> None:
    header = bytearray(Message(Kind.DECODE).header())
    header[-4:] = (MAX_BODY_BYTES + 1).to_bytes(4, "little")
    with pytest.raises(BadMessage):
        Parser().feed(bytes(header))


def test_a_picture_crosses_a_ring() -> None:
    writer = RingWriter(2, 4 * 6 * 3)
    reader = RingReader(os.dup(writer.descriptor), 2, 4 * 6 * 3)
    picture = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    slot = writer.take()
    assert slot is not None
    writer.write(slot, picture)
    seen = reader.picture(slot, 6, 4)
    writer.close()
    np.testing.assert_array_equal(seen, picture)


def test_a_full_ring_gives_no_slot_until_one_comes_back() -> None:
    writer = RingWriter(2, 30)
    slots = [writer.take(), writer.take()]
    assert writer.take() is None
    writer.give_back(1)
    writer.give_back(1)
    writer.give_back(99)
    assert writer.take() == 1
    assert writer.take() is None
    assert sorted(s for s in slots if s is not None) == [0, 1]
    writer.close()


def test_memory_that_a_child_could_shrink_is_refused() -> None:
    descriptor = os.memfd_create("unsealed", os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, 100)
    with pytest.raises(BadRing):
        RingReader(descriptor, 1, 100)


@pytest.mark.parametrize(("slot", "width", "height"), [(2, 2, 2), (0, 100, 100), (0, 0, 4)])
def test_a_picture_outside_its_slot_is_refused(slot: int, width: int, height: int) -> None:
    writer = RingWriter(2, 30)
    reader = RingReader(os.dup(writer.descriptor), 2, 30)
    with pytest.raises(BadRing):
        reader.picture(slot, width, height)
    writer.close()


def test_three_kills_in_a_minute_are_one_too_many() -> None:
    quarantine = Quarantine()
    assert not quarantine.blame("door", "killed", 0.0)
    assert not quarantine.blame("yard", "killed", 1.0)
    assert not quarantine.blame("door", "killed", 30.0)
    assert not quarantine.blame("door", "killed", 61.0)
    assert quarantine.blame("door", "killed", 62.0)
    assert "3 times" in quarantine.reasons["door"]
    assert "yard" not in quarantine.reasons
    quarantine.forgive("door")
    assert not quarantine.blame("door", "killed", 63.0)
