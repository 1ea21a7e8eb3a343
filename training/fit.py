"""Knows the training loop: a network, batches, a budget of minutes. Does not know the task.

The learning rate follows the time used, so that a slow or a busy machine gives a finished, if
lesser, network instead of a half-annealed one. A checkpoint is written after each pass over the
data; the last that is not worse on the validation set is kept.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

# A later pass is kept if it is not worse by more than this: the rate has fallen since, and the
# validation set is too small to tell one from the other.
LATER_IS_BETTER: Final = 0.01

Sample = Callable[[int, int, np.random.Generator], tuple[NDArray[np.uint8], NDArray[np.float32]]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast: minutes, batch, peak learning rate, crop sizes over the time.

    sizes: (size_px, share of the budget until which it is used), in order; small first is cheaper.
    """

    minutes: float
    batch: int
    peak_rate: float
    decay: float
    sizes: tuple[tuple[int, float], ...]
    seed: int = 0

    def size_at(self, progress: float) -> int:
        """Return the crop size for a progress of 0..1."""
        return next((size for size, until in self.sizes if progress < until), self.sizes[-1][0])

    def rate_at(self, progress: float) -> float:
        """Return the learning rate: up over a twentieth of the time, then down by a cosine."""
        warm = min(1.0, progress / 0.05)
        fall = 0.5 * (1 + np.cos(np.pi * min(1.0, max(0.0, progress - 0.05) / 0.95)))
        return float(self.peak_rate * max(warm, 0.02) * max(fall, 0.005))


@dataclass(frozen=True, slots=True)
class Task:
    """What is learnt: how many samples, how one is made (crop, target), how a network is judged."""

    samples: int
    sample: Sample
    judge: Callable[[nn.Module], float]  # higher is better


def batches_of(task: Task, plan: Plan, random: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Yield one pass over the data in a new order, as index arrays; the rest is left out."""
    order = random.permutation(task.samples)
    for start in range(0, task.samples - plan.batch + 1, plan.batch):
        yield order[start : start + plan.batch]


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross entropy against target distributions (N, C), smoothed by 0.03."""
    smooth = targets * 0.97 + 0.03 / targets.shape[1]
    return -(smooth * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()


def fit(network: nn.Module, task: Task, plan: Plan, out: Path) -> dict[str, Tensor]:
    """Train within the plan's minutes; return the weights of the best pass."""
    torch.manual_seed(plan.seed)
    random = np.random.default_rng(plan.seed)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), plan.peak_rate, weight_decay=plan.decay)
    began, best, kept, passes = time.monotonic(), -1.0, network.state_dict(), 0
    progress = 0.0
    while progress < 1.0:
        network.train()
        losses = []
        for indices in batches_of(task, plan, random):
            progress = (time.monotonic() - began) / (60 * plan.minutes)
            if progress >= 1.0:
                break
            for group in optimiser.param_groups:
                group["lr"] = plan.rate_at(progress)
            size = plan.size_at(progress)
            made = [task.sample(int(index), size, random) for index in indices]
            losses.append(_step(network, optimiser, made))
        passes += 1
        network.eval()
        figure = task.judge(network)
        print(
            f"pass {passes} at {progress:.0%}, {plan.size_at(progress)} px: "
            f"loss {np.mean(losses or [0]):.4f}, validation {figure:.4f}",
            flush=True,
        )
        if figure >= best - LATER_IS_BETTER:
            best = max(figure, best)
            kept = {name: tensor.clone() for name, tensor in network.state_dict().items()}
            torch.save(kept, out)
    return kept


def _step(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    made: list[tuple[NDArray[np.uint8], NDArray[np.float32]]],
) -> float:
    """Take one step on a batch; return its loss."""
    pixels = torch.from_numpy(np.stack([crop for crop, _ in made])).permute(0, 3, 1, 2).float()
    targets = torch.from_numpy(np.stack([target for _, target in made]))
    loss = soft_cross_entropy(network(pixels), targets)
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimiser.step()
    return float(loss.detach())


@torch.no_grad()
def logits_of(network: nn.Module, crops: NDArray[np.uint8], batch: int = 32) -> NDArray[np.float32]:
    """Return a network's logits (N, C) for crops (N, S, S, 3)."""
    parts = []
    for start in range(0, len(crops), batch):
        part = torch.from_numpy(np.ascontiguousarray(crops[start : start + batch]))
        parts.append(network(part.permute(0, 3, 1, 2).float()).numpy())
    return np.concatenate(parts).astype(np.float32)
