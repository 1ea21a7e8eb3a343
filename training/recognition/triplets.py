"""Knows triplets of faces, two of one person and one of another, and their loss. Draws no picture.

F. Schroff, D. Kalenichenko, J. Philbin: FaceNet, arXiv:1503.03832; with the distance itself, not
its square, as paper 1 writes it. A sample is one picture: three faces, one above the other.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Crop = NDArray[np.uint8]  # (S, S, 3)
Places = NDArray[np.intp]


def with_mates(people: Places, among: Places) -> Mapping[int, Places]:
    """Return whose faces, among some places, are two at least: the places (K,) by person."""
    of = {int(person): among[people[among] == person] for person in np.unique(people[among])}
    return {person: places for person, places in of.items() if len(places) > 1}


def drawn(
    anchor: int, people: Places, mates: Mapping[int, Places], random: np.random.Generator
) -> tuple[int, int, int]:
    """Return a face, another of the same person, and one of somebody else, all among the mates."""
    own = int(people[anchor])
    same = mates[own][mates[own] != anchor]
    others = [person for person in mates if person != own]
    other = mates[others[random.integers(len(others))]]
    return anchor, int(random.choice(same)), int(random.choice(other))


def stacked(places: tuple[int, int, int], crop_of: Callable[[int], Crop]) -> Crop:
    """Return three faces as one picture (3 S, S, 3)."""
    return np.concatenate([crop_of(place) for place in places])


def unstacked(pictures: Tensor) -> Tensor:
    """Return the faces (3 B, C, S, S) of pictures (B, C, 3 S, S), three and three."""
    count, channels, _, side = pictures.shape
    parts = pictures.reshape(count, channels, 3, side, side)
    return parts.transpose(1, 2).flatten(0, 1)


def apart(vectors: Tensor, margin: float) -> Tensor:
    """Return the loss of unit vectors (3 B, D): max(d(a, p) - d(a, n) + margin, 0), its mean."""
    anchor, same, other = vectors[0::3], vectors[1::3], vectors[2::3]
    near = functional.pairwise_distance(anchor, same)
    far = functional.pairwise_distance(anchor, other)
    return functional.relu(near - far + margin).mean()
