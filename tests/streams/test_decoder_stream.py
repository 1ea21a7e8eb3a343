"""Knows what one stream's decoder in a child promises. Starts no child."""

import pytest

from streams.codecs.decoding import StreamDecoder
from streams.codecs.messages import ALONE, CONVERT, Kind, Message, Status
from tests.fakes.codec_clips import b_frame_clip, clip

pytestmark = pytest.mark.unit


class Answers:
    """Keeps what a decoder sends."""

    def __init__(self) -> None:
        self.all: list[Message] = []

    def __call__(self, message: Message, descriptor: int | None) -> None:
        self.all.append(message)

    def of(self, kind: Kind) -> list[Message]:
        return [one for one in self.all if one.kind is kind]


def unit(seq: int, data: bytes, flags: int = CONVERT, context: int = 1) -> Message:
    return Message(Kind.DECODE, flags, seq=seq, context=context, body=data)


@pytest.mark.slow
def test_a_keyframe_alone_is_not_held_back_and_the_next_one_decodes() -> None:
    """A decoder that reorders would else keep it until the next keyframe, seconds later."""
    packets = b_frame_clip(40)
    decoder, answers = StreamDecoder(1, 10**6), Answers()
    for seq, packet in enumerate(packets[:20]):
        decoder.unit(unit(seq, packet.data, flags=0), answers)
    keys = [p for p in packets if p.keyframe]
    for seq, key in enumerate(keys, start=100):
        decoder.unit(unit(seq, key.data, CONVERT | ALONE), answers)
        assert answers.of(Kind.PICTURE)[-1].seq == seq
        decoder.release(1, answers.of(Kind.PICTURE)[-1].slot)
    decoder.close()


def test_rubbish_is_said_to_be_so_and_the_next_keyframe_decodes() -> None:
    decoder, answers = StreamDecoder(1, 10**6), Answers()
    good = clip(1)[0]
    units = [good.data, b"", b"\0\0\1\x65rubbish", bytes(50), good.data]
    ended = [decoder.unit(unit(seq, data), answers) for seq, data in enumerate(units)]
    assert ended == [Status.OK, *[Status.INVALID] * 3, Status.OK]
    assert [one.seq for one in answers.of(Kind.PICTURE)] == [0, 4]
    decoder.close()


def test_a_picture_without_a_free_slot_is_said_so() -> None:
    decoder, answers = StreamDecoder(1, 10**6), Answers()
    ended = [decoder.unit(unit(seq, packet.data), answers) for seq, packet in enumerate(clip(6))]
    assert ended == [Status.OK] * 4 + [Status.NO_SLOT] * 2
    decoder.release(99, 0)  # of an older ring
    decoder.release(1, 2)
    decoder.unit(unit(6, clip(7)[0].data, context=2), answers)
    assert answers.of(Kind.PICTURE)[-1].slot == 2
    decoder.close()
