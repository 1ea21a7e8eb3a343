"""Knows how a photograph is decoded in a child of its own. Does not know whom it shows."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

import streams
from streams.codecs.link import ENVIRONMENT
from streams.codecs.photo_child import HEADER, LONGEST_SIDE_PX, MOST_PX

MAX_PHOTO_BYTES: Final = 8 << 20
_DEADLINE_S: Final = 20.0
_MAGIC: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"BM")
_ROOT: Final = Path(streams.__file__).parents[1]


class BadPhoto(ValueError):
    """A photograph that cannot be read; the text says why, for the person who sent it."""


class PhotoDesk:
    """Decodes one photograph at a time; the others wait for their turn."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._turn = asyncio.Semaphore(1)

    async def decode(self, data: bytes) -> NDArray[np.uint8]:
        """Return (H, W, 3) uint8 BGR, upright by EXIF, at most LONGEST_SIDE_PX a side.

        Raises BadPhoto.
        """
        if len(data) > MAX_PHOTO_BYTES:
            raise BadPhoto(f"the photo has {len(data) >> 20} MB; at most 8 MB are taken")
        if not data.startswith(_MAGIC):
            raise BadPhoto("not a JPEG, PNG, WebP or BMP picture")
        async with self._turn:
            return _picture(await self._ask(data))

    async def _ask(self, data: bytes) -> bytes:
        pixels = str(MOST_PX)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-s", "-m", "streams.codecs.photo_child", str(os.getpid()),
            str(self._memory_bytes),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=_ROOT,
            env=ENVIRONMENT | {"OPENCV_IO_MAX_IMAGE_PIXELS": pixels, "OPENCV_LOG_LEVEL": "OFF"},
            start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_DEADLINE_S):
                answer, _ = await process.communicate(data)
        except TimeoutError as error:
            raise BadPhoto("the photo took too long to read") from error
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        return answer


def _picture(answer: bytes) -> NDArray[np.uint8]:
    if len(answer) < HEADER.size:
        raise BadPhoto("the photo cannot be read: it is damaged")
    width, height = HEADER.unpack(answer[: HEADER.size])
    if not width or not height:
        raise BadPhoto(answer[HEADER.size :].decode(errors="replace"))
    if max(width, height) > LONGEST_SIDE_PX or len(answer) != HEADER.size + width * height * 3:
        raise BadPhoto("the photo cannot be read: it is damaged")
    flat = np.frombuffer(answer, np.uint8, offset=HEADER.size)
    return flat.reshape(height, width, 3).copy()
