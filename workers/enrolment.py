"""Knows how photos become vectors, each with a verdict. Does not know whose they are."""

import asyncio
import base64
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.enrolment import Refusal, Verdict, outliers, refuse, the_one_face
from engine.faces import Detections
from engine.quality import QualityLimits, Unused, reason_against
from streams.codecs.photos import BadPhoto
from streams.codecs.pool import DecoderPool
from streams.secrets import SecretBox
from workers.crops import ALIGNED
from workers.measure import measure
from workers.models import Models

LIMITS: Final = QualityLimits(face_px=64.0, sharpness=12.0, turned_degrees=35.0)
REASONS: Final = {
    Unused.TOO_SMALL: Refusal.TOO_SMALL,
    Unused.TURNED: Refusal.TURNED,
    Unused.DARK: Refusal.DARK,
    Unused.BRIGHT: Refusal.DARK,
    Unused.BLURRED: Refusal.BLURRED,
}


@dataclass(frozen=True, slots=True, eq=False)
class _Face:
    index: int
    crop: NDArray[np.uint8]  # (112, 112, 3) BGR
    vector: NDArray[np.float32]  # (128,)


@dataclass(slots=True)
class Enrolment:
    """Answers requests of kind "enrolment" beside the live cameras."""

    models: Models
    pool: DecoderPool
    box: SecretBox
    executor: Executor

    async def answer(self, fields: Mapping[str, bytes]) -> Mapping[str, Any]:
        """Judge photo0, photo1, …; return a verdict for each, and the accepted ones sealed."""
        verdicts: dict[int, Verdict] = {}
        faces: list[_Face] = []
        for index in range(sum(name.startswith("photo") for name in fields)):
            found = await self._look(index, fields[f"photo{index}"])
            if isinstance(found, Verdict):
                verdicts[index] = found
            else:
                faces.append(found)
        unlike = outliers(np.stack([face.vector for face in faces])) if faces else set()
        kept = [face for place, face in enumerate(faces) if place not in unlike]
        for place, face in enumerate(faces):
            accepted = place not in unlike
            verdicts[face.index] = Verdict(True) if accepted else refuse(Refusal.UNLIKE_THE_OTHERS)
        return {
            "verdicts": [_told(verdicts[index]) for index in sorted(verdicts)],
            "photos": [self._sealed(face) for face in kept],
        }

    async def _look(self, index: int, photo: bytes) -> _Face | Verdict:
        try:
            picture = await self.pool.photo(photo)
        except BadPhoto:
            return refuse(Refusal.UNREADABLE)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, self._face_of, index, picture)

    def _face_of(self, index: int, picture: NDArray[np.uint8]) -> _Face | Verdict:
        (faces,) = self.models.detect([picture])
        widths = faces.boxes[:, 2:] - faces.boxes[:, :2]
        chosen = the_one_face([float(side) for side in widths.min(axis=1)])
        if isinstance(chosen, Refusal):
            return refuse(chosen)
        one = slice(chosen, chosen + 1)
        face = Detections(faces.boxes[one], faces.points[one], faces.scores[one])
        aligned = self.models.crop(picture, face.points, ALIGNED)
        (measured,) = measure(aligned, face)
        reason = reason_against(measured, LIMITS)
        if reason is not None:
            have_px, need_px = round(measured.face_px), round(LIMITS.face_px)
            return refuse(REASONS[reason], need_px=need_px, have_px=have_px)
        return _Face(index, aligned[0], self.models.embed(aligned)[0])

    def _sealed(self, face: _Face) -> dict[str, Any]:
        _, jpeg = cv2.imencode(".jpg", face.crop, [cv2.IMWRITE_JPEG_QUALITY, 92])
        vector = face.vector.astype("<f2").tobytes()
        return {
            "index": face.index,
            "crop": base64.b64encode(self.box.seal(bytes(jpeg))).decode(),
            "vector": base64.b64encode(self.box.seal(vector)).decode(),
            "model": self.models.versions["embedder"],
        }


def _told(verdict: Verdict) -> dict[str, Any]:
    return {"accepted": verdict.accepted, "reason": verdict.reason, "detail": verdict.detail}
