"""Knows an enrolled person and their photos' vectors. Does not know how they are recognised."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_PHOTOS: Final = 10
MAX_NAME: Final = 100


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """One accepted view of a face.

    vector: (D,) float32, the network's embedding. model: "name@version" that made it.
    crop: the aligned face as a JPEG, so that a later model can embed it anew. again: the vectors
    that later models made of it, by their labels.
    """

    id: str
    vector: NDArray[np.float32]
    model: str
    crop: bytes = field(repr=False)
    again: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def under(self, model: str) -> NDArray[np.float32] | None:
        """Return the vector (D,) that a model made of it, or None."""
        return self.vector if model == self.model else self.again.get(model)

    def __post_init__(self) -> None:
        if self.vector.ndim != 1 or not len(self.vector):
            raise ValueError(f"photo {self.id}: a vector has one axis, not {self.vector.shape}")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is recognised because they agreed to it.

    consent: what was signed and when, in words; without it nobody is enrolled.
    created_ns: when, ns UTC. At most 10 photos.
    """

    id: str
    name: str
    consent: str
    created_ns: int
    photos: tuple[Photo, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > MAX_NAME:
            raise ValueError(f"a name has 1 to {MAX_NAME} characters")
        if not self.consent.strip():
            raise ValueError("nobody is enrolled without their consent: say what was signed")
        if len(self.photos) > MAX_PHOTOS:
            raise ValueError(f"{len(self.photos)} photos: at most {MAX_PHOTOS} are kept")
