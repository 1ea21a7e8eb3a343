"""Any picture becomes BGR of 8 bits, upright; what is none is named."""

import struct

import cv2
import numpy as np
import pytest
from fakes.labelled import coded, noise

from training.sets.files import Unreadable
from training.sets.pictures import decode

pytestmark = pytest.mark.unit


def rotated(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG that says in its EXIF how it must be turned."""
    tag = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    body = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + tag + bytes(4)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def test_a_turned_photograph_stands_upright():
    picture = noise(1, height=60, width=90)
    jpeg = coded(picture)
    plain = decode(jpeg, "a.jpg")
    turned = decode(rotated(jpeg, 6), "a.jpg")
    assert plain.shape == (60, 90, 3)
    assert np.array_equal(turned, cv2.rotate(plain, cv2.ROTATE_90_CLOCKWISE))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff"])
def test_grey_becomes_colour(suffix):
    grey = cv2.cvtColor(noise(2), cv2.COLOR_BGR2GRAY)
    found = decode(coded(grey, suffix), "a")
    assert found.shape == (*grey.shape, 3)
    assert np.abs(found[..., 0].astype(int) - grey).mean() < 4


def test_sixteen_bits_become_eight():
    deep = np.full((20, 20, 3), 40000, np.uint16)
    found = decode(coded(deep, ".png"), "a.png")
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - 40000 // 257).max() <= 1


@pytest.mark.parametrize(("alpha", "seen"), [(255, 200), (0, 128), (128, 164)])
def test_what_lies_behind_transparent_pixels_is_grey(alpha, seen):
    picture = np.full((20, 20, 4), 200, np.uint8)
    picture[..., 3] = alpha
    assert np.abs(decode(coded(picture, ".png"), "a.png").astype(int) - seen).max() <= 1


@pytest.mark.parametrize(
    "data", [b"", b"no picture at all", coded(noise(1))[:40], coded(noise(1), ".png")[:30],
             coded(noise(1, 1, 1), ".png")]
)  # fmt: skip
def test_what_is_no_picture_is_named(data):
    with pytest.raises(Unreadable, match=r"broken\.jpg"):
        decode(data, "broken.jpg")
