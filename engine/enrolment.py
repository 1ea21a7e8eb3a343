"""Knows whether a photo may stand for a person, and why not. Does not know how it was decoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

UNLIKE_BELOW: Final = 0.30  # cosine to the other photos; the same person's have a median of 0.8
SEVERAL_ABOVE: Final = 0.5  # a second face counts from half the width of the largest


class Refusal(StrEnum):
    """Why a photo is not used."""

    UNREADABLE = "unreadable"
    NO_FACE = "no_face"
    SEVERAL = "several"
    TOO_SMALL = "too_small"
    BLURRED = "blurred"
    TURNED = "turned"
    DARK = "dark"
    UNLIKE_THE_OTHERS = "unlike_the_others"


ADVICE: Final = {
    Refusal.UNREADABLE: "the file is no picture that can be read: use JPEG, PNG or WebP",
    Refusal.NO_FACE: "no face was found: use a photo that shows the whole face",
    Refusal.SEVERAL: "several faces were found: cut the photo to the one person",
    Refusal.TOO_SMALL: "the face is too small: at least {need} pixels wide, this has {have}",
    Refusal.BLURRED: "the face is blurred: use a sharp photo",
    Refusal.TURNED: "the face is turned away: use a photo from the front",
    Refusal.DARK: "the face is too dark or too bright: use a well-lit photo",
    Refusal.UNLIKE_THE_OTHERS: "the face is unlike the other photos: is it the same person?",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one photo; detail says what was wrong and what to do."""

    accepted: bool
    reason: Refusal | None = None
    detail: str = ""


def refuse(reason: Refusal, need_px: int = 0, have_px: int = 0) -> Verdict:
    """Return the verdict for a reason, with its advice."""
    return Verdict(False, reason, ADVICE[reason].format(need=need_px, have=have_px))


def the_one_face(widths_px: Sequence[float]) -> int | Refusal:
    """Return the index of the one face of a photo, given all faces' widths, or why there is none.

    Small faces in the background do not matter; a second one of half the width does.
    """
    if not widths_px:
        return Refusal.NO_FACE
    order = sorted(range(len(widths_px)), key=lambda index: -widths_px[index])
    if len(order) > 1 and widths_px[order[1]] > SEVERAL_ABOVE * widths_px[order[0]]:
        return Refusal.SEVERAL
    return order[0]


def outliers(vectors: NDArray[np.float32]) -> set[int]:
    """Return which of the unit vectors (N, D) are unlike the others.

    A photo is out where its median cosine to all others is below UNLIKE_BELOW. Of two that
    disagree the second is out: the first says who the person is.
    """
    count = len(vectors)
    if count < 2:
        return set()
    cosines = vectors @ vectors.T
    if count == 2:
        return {1} if cosines[0, 1] < UNLIKE_BELOW else set()
    others = cosines[~np.eye(count, dtype=bool)].reshape(count, count - 1)
    return {int(index) for index in np.flatnonzero(np.median(others, axis=1) < UNLIKE_BELOW)}
