"""Knows how an aligned face gets a mask, and is found and cut again as a camera would have it.

Masks are drawn: figures on them are easier than on real ones. What a picture wears follows from
the seed and its name alone.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.faces import TEMPLATE_112
from training.draw import Template, draw_mask, outline_of, paste_template
from training.looking import CROPS
from training.prepare import find_points
from training.recognition.faces import Crops, Faces
from training.sets.pictures import Picture
from workers.crops import crop_faces
from workers.detector import Detector

WORN: Final = "worn"
FAR_PX: Final = 20.0  # a face that is found further from its place than this is another one


@dataclass(frozen=True, slots=True, eq=False)
class Wardrobe:
    """What masks are put on with: the live detector, and photographed masks; none: drawn ones."""

    detector: Detector
    templates: tuple[Template, ...] = ()

    def points(self, crop: Picture) -> NDArray[np.float32]:
        """Return the five points (5, 2) of an aligned face; ArcFace's where none are found."""
        found = find_points(self.detector, crop, CROPS)
        if found is None or np.abs(found - TEMPLATE_112).max() > FAR_PX:
            return TEMPLATE_112
        return found

    def again(self, crop: Picture) -> Picture:
        """Return an aligned face cut once more, by the points that are found on it now."""
        cut: Picture = crop_faces(crop, self.points(crop)[None])[0]
        return cut

    def mask(self, crop: Picture, random: np.random.Generator) -> Picture:
        """Return an aligned face with a mask, cut by the points that are found on the masked one.

        With templates one of those, drawn by chance, else a drawn one.
        """
        points = self.points(crop)
        if self.templates:
            template = self.templates[random.integers(len(self.templates))]
            outline = outline_of(points, WORN, random)
            return self.again(paste_template(crop, template, outline, random))
        return self.again(draw_mask(crop, points, WORN, random))


def masked(faces: Faces, wardrobe: Wardrobe, seed: int) -> Crops:
    """Return every face with a mask, (N, 112, 112, 3)."""
    return np.stack(list(each_masked(faces.names, faces.crops, wardrobe, seed)))


def each_masked(
    names: Sequence[str], crops: Crops, wardrobe: Wardrobe, seed: int
) -> Iterator[Picture]:
    """Yield faces with masks one by one, for whoever shows progress."""
    for name, crop in zip(names, crops, strict=True):
        yield wardrobe.mask(crop, chance(seed, name))


def chance(seed: int, name: str) -> np.random.Generator:
    """Return what is drawn at random for a picture: the same on every machine."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
