"""Knows the pictures that evaluation makes of others: hidden faces, few pixels, bad pictures.

They stand beside a set's own figures, never among them.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
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
WORSENED: Final = "masks3_real"  # of whose pictures bad ones are made: real ones, of all classes
BLUR: Final = 0.04  # a Gaussian's width as a share of the face's side
JPEG_QUALITY: Final = 15
LIGHT: Final = 0.15  # what is left of it, and
NOISE: Final = 4.0  # what a sensor adds to it, of 255


def made_of(samples: Sequence[Sample], eyes: Eyes, data: Path) -> Iterator[Sample]:
    """Yield bare faces hidden by what is no mask, real ones seen from afar, and bad pictures.

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
        if sample.source == WORSENED:
            for how, worsen in WAYS.items():
                read = partial(worsen, sample, eyes)
                yield replace(sample, source=f"{WORSENED}, {how}", read=read, kind=MADE)


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
    scale = min(1.0, FEW_PX / max(_side_px(picture, eyes), 1.0))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _side_px(picture: Picture, eyes: Eyes) -> float:
    face = eyes.face(picture)
    return min(picture.shape[:2]) * 0.7 if face is None else face.side_px


def _blurred(sample: Sample, eyes: Eyes) -> Picture:
    picture = sample.read()
    width = BLUR * _side_px(picture, eyes)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), max(width, 0.1)), np.uint8)


def _compressed(sample: Sample, _: Eyes) -> Picture:
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    coded = cv2.imencode(".jpg", sample.read(), quality)[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def _dark(sample: Sample, _: Eyes) -> Picture:
    picture = sample.read()
    random = np.random.default_rng(zlib.crc32(sample.name.encode()))
    seen = LIGHT * picture + random.normal(0, NOISE, picture.shape)
    return np.asarray(np.clip(np.rint(seen), 0, 255), np.uint8)


def _grey(sample: Sample, _: Eyes) -> Picture:
    """As cameras see by infrared light, but for its colours of skin."""
    grey = cv2.cvtColor(sample.read(), cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


WAYS: Final[dict[str, Callable[[Sample, Eyes], Picture]]] = {
    f"blurred by {BLUR:.0%} of the face": _blurred,
    f"as JPEG of quality {JPEG_QUALITY}": _compressed,
    f"with {LIGHT:.0%} of the light and noise": _dark,
    "in grey": _grey,
}
