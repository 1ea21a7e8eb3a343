"""Knows how photos become vectors, each with a verdict. Does not know whose they are."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
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
class Portrait:
    """The one face of a photo: what may stand for a person, if the other photos agree."""

    crop: NDArray[np.uint8]  # (112, 112, 3) BGR
    vector: NDArray[np.float32]  # (128,)


def portrait_of(models: Models, picture: NDArray[np.uint8]) -> Portrait | Verdict:
    """Return the one face of a BGR picture (H, W, 3), or why the photo is not used."""
    (faces,) = models.detect([picture])
    widths = faces.boxes[:, 2:] - faces.boxes[:, :2]
    chosen = the_one_face([float(side) for side in widths.min(axis=1)])
    if isinstance(chosen, Refusal):
        return refuse(chosen)
    one = slice(chosen, chosen + 1)
    face = Detections(faces.boxes[one], faces.points[one], faces.scores[one])
    aligned = models.crop(picture, face.points, ALIGNED)
    (measured,) = measure(aligned, face)
    reason = reason_against(measured, LIMITS)
    if reason is not None:
        have_px, need_px = round(measured.face_px), round(LIMITS.face_px)
        return refuse(REASONS[reason], need_px=need_px, have_px=have_px)
    return Portrait(aligned[0], models.embed(aligned)[0])


def compare(seen: Sequence[Portrait | Verdict]) -> list[Verdict]:
    """Return the verdict on each photo of one person, once those unlike the others are out."""
    places = [place for place, one in enumerate(seen) if isinstance(one, Portrait)]
    vectors = [one.vector for one in seen if isinstance(one, Portrait)]
    unlike = {places[index] for index in outliers(np.stack(vectors))} if vectors else set()
    return [
        one
        if isinstance(one, Verdict)
        else refuse(Refusal.UNLIKE_THE_OTHERS)
        if place in unlike
        else Verdict(True)
        for place, one in enumerate(seen)
    ]


@dataclass(slots=True)
class Enrolment:
    """Answers requests of kind "enrolment" beside the live cameras."""

    models: Models
    pool: DecoderPool
    box: SecretBox
    executor: Executor

    async def answer(self, fields: Mapping[str, bytes]) -> Mapping[str, Any]:
        """Judge photo0, photo1, …; return a verdict for each, and the accepted ones sealed."""
        count = sum(name.startswith("photo") for name in fields)
        seen = [await self._look(fields[f"photo{index}"]) for index in range(count)]
        verdicts = compare(seen)
        kept = [
            self._sealed(index, one)
            for index, (one, verdict) in enumerate(zip(seen, verdicts, strict=True))
            if verdict.accepted and isinstance(one, Portrait)
        ]
        return {"verdicts": [_told(verdict) for verdict in verdicts], "photos": kept}

    async def _look(self, photo: bytes) -> Portrait | Verdict:
        try:
            picture = await self.pool.photo(photo)
        except BadPhoto:
            return refuse(Refusal.UNREADABLE)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, portrait_of, self.models, picture)

    def _sealed(self, index: int, face: Portrait) -> dict[str, Any]:
        _, jpeg = cv2.imencode(".jpg", face.crop, [cv2.IMWRITE_JPEG_QUALITY, 92])
        vector = face.vector.astype("<f2").tobytes()
        return {
            "index": index,
            "crop": base64.b64encode(self.box.seal(bytes(jpeg))).decode(),
            "vector": base64.b64encode(self.box.seal(vector)).decode(),
            "model": self.models.versions["embedder"],
        }


def _told(verdict: Verdict) -> dict[str, Any]:
    return {"accepted": verdict.accepted, "reason": verdict.reason, "detail": verdict.detail}
