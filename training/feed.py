"""Knows how samples are made ahead of the steps, by threads. Does not know what is learnt.

Order and samples follow from (seed, epoch, place) alone: they are the same whatever the number of
threads, and wherever an epoch is entered.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.recipe import Made, Make

AHEAD: Final = 3  # batches that are made while one is learnt from


@dataclass(frozen=True, slots=True)
class Batch:
    """crops: (B, 3, S, S) float32 BGR 0..255, channels last; targets: (B, C)."""

    crops: Tensor
    targets: Tensor


@dataclass(frozen=True, slots=True)
class Feed:
    """What is shown in every epoch: pictures by index, some of them more than once."""

    indices: NDArray[np.intp]
    make: Make
    batch: int
    seed: int
    threads: int

    @property
    def steps(self) -> int:
        """How many steps an epoch has; what fills no batch is left to another epoch."""
        return max(1, len(self.indices) // self.batch)

    def epoch(self, number: int, begin: int, size: Callable[[int], int]) -> Iterator[Batch]:
        """Yield an epoch's batches from its step `begin`; size: the crops' side by step."""
        order = np.random.default_rng((self.seed, number)).permutation(len(self.indices))
        with ThreadPoolExecutor(self.threads) as pool:
            waiting: deque[list[Future[Made]]] = deque()
            for step in range(begin, self.steps):
                places = order[step * self.batch : (step + 1) * self.batch]
                side = size(step)
                waiting.append(
                    [pool.submit(self._sample, number, int(place), side) for place in places]
                )
                if len(waiting) > AHEAD:
                    yield _batch(waiting.popleft())
            while waiting:
                yield _batch(waiting.popleft())

    def _sample(self, epoch: int, place: int, size_px: int) -> Made:
        random = np.random.default_rng((self.seed, epoch, place))
        return self.make(int(self.indices[place]), size_px, random)


def _batch(futures: list[Future[Made]]) -> Batch:
    made = [future.result() for future in futures]
    targets = np.stack([one.target for one in made])
    return Batch(pixels(np.stack([one.crop for one in made])), torch.from_numpy(targets))


def pixels(crops: NDArray[np.uint8]) -> Tensor:
    """Return crops (N, S, S, 3) as a network takes them, (N, 3, S, S) channels last."""
    return torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2).float()
