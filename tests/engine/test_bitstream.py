"""What is read from the outside of pictures, against real encoders and hostile bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.bitstream import (
    BadBitstream,
    NalKind,
    ParameterSets,
    PictureSize,
    frame_picture,
    h264_type,
    join_annex_b,
    jpeg_size,
    parse_h264_sps,
    parse_h265_sps,
    split_annex_b,
    vp8_is_keyframe,
    vp8_size,
)
from engine.packets import Codec
from tests.fakes.source_clips import ClipPlan, access_units

pytestmark = pytest.mark.unit

SIZES = [(64, 64), (322, 242), (640, 360), (1280, 720), (1920, 1080)]


def encoded(encoder: str, size: tuple[int, int], pixels: str = "yuv420p") -> list[bytes]:
    plan = ClipPlan(encoder, *size, pictures=3, pixels=pixels)
    return split_annex_b(access_units(plan)[0])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("encoder", "codec"), [("libx264", Codec.H264), ("libx265", Codec.H265)])
def test_the_size_is_the_shown_one(encoder, codec, size):
    sets = ParameterSets(codec).updated(encoded(encoder, size))
    assert sets.complete
    assert sets.size() == PictureSize(*size)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p"])
def test_cropping_depends_on_the_chroma_format(pixels):
    sets = ParameterSets(Codec.H264).updated(encoded("libx264", (322, 242), pixels))
    assert sets.size() == PictureSize(322, 242)


def test_scaling_lists_and_interlacing_are_read_over():
    options = (("x264-params", "interlaced=1:cqm=jvt:keyint=5"), ("preset", "ultrafast"))
    units = access_units(ClipPlan(width=320, height=240, pictures=30, options=options))
    sets = ParameterSets(Codec.H264).updated(split_annex_b(units[0]))
    assert sets.size() == PictureSize(320, 240)


@pytest.mark.parametrize("size", [(64, 48), (640, 360)])
def test_vp8_and_jpeg_sizes(size):
    vp8 = access_units(ClipPlan("libvpx", *size, pictures=5))
    assert vp8_size(vp8[0]) == PictureSize(*size)
    assert [vp8_is_keyframe(frame) for frame in vp8[:3]] == [True, False, False]
    jpeg = access_units(ClipPlan("mjpeg", *size, pictures=1, pixels="yuvj420p"))
    assert jpeg_size(jpeg[0]) == PictureSize(*size)


nals = st.lists(
    st.binary(min_size=1, max_size=40)
    .map(lambda raw: raw.replace(b"\0\0", b"\0\1"))  # as emulation prevention has it
    .filter(lambda raw: raw[-1] != 0),
    max_size=8,
)


@given(nals)
def test_annex_b_round_trip(units):
    assert split_annex_b(join_annex_b(units)) == units


@given(st.binary(max_size=200))
def test_hostile_parameter_sets_raise_only_what_is_said(raw):
    for parse in (parse_h264_sps, parse_h265_sps, vp8_size, jpeg_size):
        try:
            size = parse(raw)
        except BadBitstream:
            continue
        assert 0 < size.width_px <= 16_384 and 0 < size.height_px <= 16_384


@given(st.integers(0, 40), st.integers(0, 255))
def test_a_damaged_real_set_raises_only_what_is_said(at, value):
    sps = next(nal for nal in encoded("libx264", (322, 242)) if h264_type(nal) == NalKind.H264_SPS)
    spoilt = bytearray(sps)
    spoilt[at % len(spoilt)] = value
    try:
        parse_h264_sps(bytes(spoilt))
    except BadBitstream as error:
        assert str(error)


def test_a_keyframe_gets_its_parameter_sets_and_others_do_not():
    units = [split_annex_b(unit) for unit in access_units(ClipPlan(pictures=12))]
    sets = ParameterSets(Codec.H264).updated(units[0])
    slices = [nal for nal in units[0] if h264_type(nal) == NalKind.H264_IDR]
    key = frame_picture(slices, sets)
    assert key is not None and key.keyframe
    kinds = [h264_type(nal) for nal in split_annex_b(key.data)]
    assert kinds[:2] == [NalKind.H264_SPS, NalKind.H264_PPS]
    assert kinds[2:] == [NalKind.H264_IDR] * len(slices)
    later = frame_picture(units[1], sets)
    assert later is not None and not later.keyframe
    assert NalKind.H264_SPS not in [h264_type(nal) for nal in split_annex_b(later.data)]


def test_parameter_sets_in_the_picture_are_not_doubled():
    unit = split_annex_b(access_units(ClipPlan(pictures=3))[0])
    key = frame_picture(unit, ParameterSets(Codec.H264))
    kinds = [h264_type(nal) for nal in split_annex_b(key.data)]
    assert kinds.count(NalKind.H264_SPS) == kinds.count(NalKind.H264_PPS) == 1


def test_delimiters_alone_are_no_picture():
    assert frame_picture([b"\x09\x10", b"\x0c\xff"], ParameterSets(Codec.H264)) is None


def test_new_parameter_sets_replace_the_old_of_their_kind():
    old = ParameterSets(Codec.H264).updated([b"\x67a", b"\x68a"])
    assert old.updated([b"\x68b"]).nals == (b"\x67a", b"\x68b")
    assert old.updated([b"\x65x"]) is old
