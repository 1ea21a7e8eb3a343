"""Knows how the picture that goes with an alert is made and sent until it is written."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis

from streams.bus import evidence
from streams.bus.evidence import Snapshot
from streams.secrets import SecretBox

KEPT: Final = 50
RESEND_AFTER_NS: Final = 5_000_000_000
AROUND: Final = 2.0  # face sizes shown on each side
LONGEST_PX: Final = 640
QUALITY: Final = 85


def snapshot(picture: NDArray[np.uint8], box: NDArray[np.float32]) -> bytes:
    """Return a JPEG of a face (4,) in pixels with its surroundings, at most 640 px long."""
    height, width = picture.shape[:2]
    x1, y1, x2, y2 = (float(side) for side in box)
    margin = AROUND * max(x2 - x1, y2 - y1)
    left, right = int(max(0, x1 - margin)), int(min(width, x2 + margin))
    top, bottom = int(max(0, y1 - margin)), int(min(height, y2 + margin))
    part = picture[top:bottom, left:right]
    scale = LONGEST_PX / max(part.shape[:2])
    if scale < 1:
        part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return bytes(data)


@dataclass(slots=True)
class _Kept:
    snapshot: Snapshot
    sent_ns: int


@dataclass(slots=True)
class Snapshots:
    """The last 50 snapshots that nobody has confirmed; beyond that the oldest go, counted."""

    box: SecretBox
    dropped: int = 0
    _kept: OrderedDict[str, _Kept] = field(default_factory=OrderedDict)

    def add(self, evidence_id: str, camera: str, jpeg: bytes) -> None:
        """Keep a picture, sealed; a newer one of the same id takes its place."""
        sealed = Snapshot(evidence_id, camera, self.box.seal(jpeg))
        self._kept.pop(evidence_id, None)
        self._kept[evidence_id] = _Kept(sealed, 0)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
            self.dropped += 1

    async def send(self, bus: Redis, now_ns: int) -> None:
        """Send what is new, forget what is written, send again what is not after 5 s."""
        for evidence_id in await evidence.written(bus, list(self._kept)):
            kept = self._kept.get(evidence_id)  # newer ones may have pushed it out meanwhile
            if kept is not None and kept.sent_ns:
                del self._kept[evidence_id]
        for kept in list(self._kept.values()):
            if now_ns - kept.sent_ns >= RESEND_AFTER_NS:
                await evidence.put(bus, kept.snapshot)
                kept.sent_ns = now_ns
