"""Knows how pictures are shown to a network that is judged: unvaried, as live. Trains nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.augment import Affine, middle, move
from training.feed import pixels
from training.material import Material
from training.recipe import Recipe
from training.splits import Side

AT_ONCE: Final = 32
STILL: Final = Affine()


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """What a network is judged on: crops (N, S, S, 3) and their classes (N,)."""

    crops: NDArray[np.uint8]
    truth: NDArray[np.intp]


def checked(recipe: Recipe, material: Material, side: Side) -> Checked:
    """Return one side of the split; validation by the recipe's truth, where it has one."""
    truth = recipe.checked(material) if side is Side.VALIDATION else material.truth
    mine = material.where(side)
    mine = mine[truth[mine] >= 0]
    return Checked(unvaried(recipe, material, mine), truth[mine])


def unvaried(recipe: Recipe, material: Material, indices: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return crops (N, S, S, 3) at the recipe's input, not varied."""
    side = recipe.input_px
    made = [
        move(material.crops[index], side, STILL)
        if recipe.framing is None
        else middle(material.crops[index], side)
        for index in indices
    ]
    return np.stack(made) if made else np.zeros((0, side, side, 3), np.uint8)


@torch.no_grad()
def logits_of(network: Callable[[Tensor], Tensor], crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what a network says of crops (N, S, S, 3): (N, C)."""
    parts = [network(part) for part in parts_of(crops)]
    return np.asarray(torch.cat(parts).float().cpu().numpy(), np.float32)


def parts_of(crops: NDArray[np.uint8]) -> Iterator[Tensor]:
    """Yield crops as a network takes them, so many at once."""
    for start in range(0, len(crops), AT_ONCE):
        yield pixels(crops[start : start + AT_ONCE])
