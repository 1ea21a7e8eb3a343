"""Knows the films of bare and of really masked people: which frames show what. Detects nothing.

The marks are those of `clips_masked/clips.csv`, read by a person; frames between them, in which a
mask comes to its place, are left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from training.data import clip_frames
from training.sets.pictures import Picture

BARE: Final = "bare"
MASKED: Final = "masked"
HANDS: Final = "hands at the mask"
FOLDER: Final = "clips_masked"
HOLDING: Final = "bare, a mask in the hands"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of one film, first and last, and what they show."""

    film: str
    first: int
    last: int
    shows: str


STRETCHES: Final = (
    Stretch("op_mask", 0, 11, BARE),
    Stretch("op_mask", 61, 170, HANDS),
    Stretch("op_mask", 171, 233, MASKED),
    Stretch("khanh_khanh", 0, 15, BARE),
    Stretch("khanh_khanh", 69, 110, HANDS),
    Stretch("khanh_khanh", 111, 169, MASKED),
    Stretch("hoseob_mask_video", 45, 110, HOLDING),
    Stretch("hoseob_mask_video", 185, 267, MASKED),
    Stretch("disha_mask", 0, 582, MASKED),
    Stretch("gituatu_nomask", 0, 205, BARE),
    Stretch("hb_miami", 0, 134, BARE),
)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a film. group: the person or the film. shows: as in a Stretch."""

    group: str
    film: str
    number: int
    shows: str
    picture: Picture


def bare_frames(data: Path, every: int) -> Iterator[Frame]:
    """Yield one in `every` bare frames: of all of `clips`, and of the bare parts of the others."""
    for one in clip_frames(data, every):
        film, _, number = one.name.rpartition("/")
        yield Frame(one.group, film, int(number), BARE, one.picture)
    yield from (frame for frame in real_frames(data, every) if frame.shows == BARE)


def real_frames(data: Path, every: int) -> Iterator[Frame]:
    """Yield one in `every` frames of each stretch of the films of really masked people."""
    for path in sorted((data / FOLDER).glob("*.mp4")):
        stretches = [one for one in STRETCHES if one.film == path.stem]
        capture = cv2.VideoCapture(str(path))
        for number in range(100_000):
            if not capture.grab():
                break
            for one in stretches:
                if one.first <= number <= one.last and (number - one.first) % every == 0:
                    picture = np.asarray(capture.retrieve()[1], np.uint8)
                    yield Frame(path.stem, path.stem, number, one.shows, picture)
        capture.release()
