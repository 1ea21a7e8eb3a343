"""Knows that an uploaded photo comes upright out of a decoder, or with the reason why not."""

import cv2
import numpy as np
import pytest

from streams.codecs.pool import BadPhoto, DecoderPool
from tests.fakes.decoders import in_pool

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def turned(picture: np.ndarray, orientation: int) -> bytes:
    """A JPEG that says in its EXIF how it must be turned."""
    plain = cv2.imencode(".jpg", picture)[1].tobytes()
    tiff = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"
    body = b"Exif\x00\x00" + tiff + orientation.to_bytes(2, "big") + bytes(6)
    return plain[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + plain[2:]


def test_a_photo_comes_upright() -> None:
    picture = np.zeros((60, 100, 3), np.uint8)
    picture[:, :30] = 255

    async def body(pool: DecoderPool) -> None:
        assert (await pool.photo(turned(picture, 1))).shape == (60, 100, 3)
        upright = await pool.photo(turned(picture, 6))  # the camera was turned to its right
        assert upright.shape == (100, 60, 3)
        assert upright[:20].mean() > 240
        assert upright[-40:].mean() < 15
        png = cv2.imencode(".png", picture)[1].tobytes()
        np.testing.assert_array_equal(await pool.photo(png), picture)

    in_pool(body)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a JPEG"),
        (b"<svg>", "not a JPEG"),
        (b"\xff\xd8\xff" + bytes(200), "damaged"),
        (b"\xff\xd8\xff" + bytes(9 << 20), "at most 8 MB"),
    ],
)
def test_a_bad_photo_says_why(data: bytes, reason: str) -> None:
    async def body(pool: DecoderPool) -> None:
        with pytest.raises(BadPhoto, match=reason):
            await pool.photo(data)

    in_pool(body)
