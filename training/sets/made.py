"""Knows the pictures that evaluation makes of others: hidden faces, faces of few pixels.

They stand beside a set's own figures, never among them.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from training.data import MASK_SETS
from training.hide import HIDDEN, Things, hide, load_things
from training.looking import Eyes
from training.sets.classes import INCORRECT
from training.sets.known import FACES
from training.sets.pictures import Picture
from training.sets.samples import Sample

MADE: Final = "made"  # a sample's kind
FEW_PX: Final = 24  # of a face
ONE_IN: Final = 12  # bare faces: half of them are hidden, each kind as often


def made_of(samples: Sequence[Sample], eyes: Eyes, data: Path) -> Iterator[Sample]:
    """Yield bare faces hidden by what is no mask, and real masks and bare faces seen from afar.

    The things that hide them are others than in training; hands, scarves, beards and microphones
    are drawn by the same rules.
    """
    things = load_things(data, seen=False)
    for sample in samples:
        seed = zlib.crc32(sample.name.encode())
        if sample.source == FACES and seed % ONE_IN < len(HIDDEN):
            kind = HIDDEN[seed % ONE_IN]
            read = partial(_hidden, sample, kind, eyes, things)
            yield replace(
                sample, source=f"bare behind a drawn {kind}", read=read, kind=MADE, people=""
            )
        elif sample.kind == "real" and sample.source in MASK_SETS and sample.truth != INCORRECT:
            read = partial(_far, sample, eyes)
            yield replace(sample, source=f"real, made {FEW_PX} px", read=read, kind=MADE)


def _hidden(sample: Sample, kind: str, eyes: Eyes, things: Things) -> Picture:
    picture = sample.read()
    face = eyes.face(picture)
    if face is None:
        return picture
    random = np.random.default_rng(zlib.crc32(sample.name.encode()))
    return hide(picture, face.points, kind, random, things)


def _far(sample: Sample, eyes: Eyes) -> Picture:
    """Return a picture in which the face is FEW_PX wide; one that is not found fills 0.7 of it."""
    picture = sample.read()
    face = eyes.face(picture)
    side = min(picture.shape[:2]) * 0.7 if face is None else face.side_px
    scale = min(1.0, FEW_PX / max(side, 1.0))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)
