"""Knows how to read one photograph from standard input, confined. Does not know who asked.

Started as `python -m streams.codecs.photo_child PARENT_PID MEMORY_BYTES`. Answers on standard
output: width, height and BGR rows; or two zeros and a sentence for the person who sent it.
"""

import struct
import sys
from typing import Final

from streams.codecs.confinement import confine

HEADER: Final = struct.Struct("<II")
MOST_PX: Final = 64_000_000
LONGEST_SIDE_PX: Final = 2560


def read(data: bytes) -> bytes:
    """Return the answer to one photograph's bytes."""
    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    try:
        # The default flags turn the picture upright by its EXIF orientation.
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        return HEADER.pack(0, 0) + b"the photo cannot be read: it is damaged or too large"
    height, width = picture.shape[:2]
    scale = LONGEST_SIDE_PX / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        height, width = picture.shape[:2]
    return HEADER.pack(width, height) + bytes(picture.tobytes())


def main(arguments: list[str]) -> None:
    """Confine the process, read one photograph, answer."""
    confine(*map(int, arguments))
    sys.stdout.buffer.write(read(sys.stdin.buffer.read()))


if __name__ == "__main__":
    main(sys.argv[1:])
