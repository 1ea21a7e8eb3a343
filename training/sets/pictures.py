"""Knows how any picture becomes BGR of 8 bits, upright. Does not know what it shows."""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.sets.files import Unreadable

Picture = NDArray[np.uint8]  # (H, W, 3) BGR
BEHIND = 128  # what lies behind transparent pixels: grey, so that no border of a face is made up


def decode(data: bytes, name: str) -> Picture:
    """Return a picture upright, of 8 bits, in colour, without transparency. Raises Unreadable.

    name: what a message calls it. An animation gives its first picture.
    """
    try:
        colour = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        alpha = _alpha(data)
    except cv2.error as error:
        reason = "is empty" if not data else "is not a picture, or too large"
        raise Unreadable(f"{name} {reason}") from error
    if colour is None or min(colour.shape[:2]) < 2:
        raise Unreadable(f"{name} is no picture that can be read")
    if alpha is not None and alpha.shape == colour.shape[:2]:
        share = alpha[..., None].astype(np.float32) / np.iinfo(alpha.dtype).max
        colour = np.rint(colour * share + BEHIND * (1 - share))
    return np.asarray(colour, np.uint8)


def _alpha(data: bytes) -> NDArray[np.unsignedinteger] | None:
    """Return how opaque each pixel is, or None where nothing is transparent."""
    if data[:3] == b"\xff\xd8\xff":  # JPEG has no transparency: decoding it once is enough
        return None
    whole = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if whole is None or whole.ndim != 3 or whole.shape[2] != 4:
        return None
    return np.asarray(whole[..., 3]) if whole.dtype in (np.uint8, np.uint16) else None
