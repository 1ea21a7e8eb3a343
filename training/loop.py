"""Knows the training loop: steps, epochs, what is kept. Does not know the task, writes no weights.

Rates and sizes go by steps, never by time: whoever is stopped or killed goes on to the same
weights, byte for byte, with the same number of threads on the same kind of CPU.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.feed import Batch, Feed
from training.recipe import Recipe
from training.state import Epoch, State
from training.unvaried import Checked, logits_of
from workers.networks.classifier import Classifier

Pooled = Callable[[Tensor], Tensor]  # (N, 3, S, S) -> (N, 1280)


class Diverged(Exception):
    """The loss is no number any more."""

    def __init__(self, step: int) -> None:
        super().__init__(f"The loss is no number at step {step}: the recipe's rate is too high.")


class Watcher(Protocol):
    """What a training tells, and what it asks: the shell's side, which has a clock."""

    def step(self, step: int, loss: float, pictures: int) -> None:
        """Say that a step was taken."""

    def epoch(self, epoch: Epoch) -> None:
        """Say that an epoch was judged."""

    def save_now(self) -> bool:
        """Whether the state should be written at this step."""

    def stop_now(self) -> bool:
        """Whether to end early, after this step."""


@dataclass(frozen=True, slots=True)
class Outset:
    """What is about to be done. title: of what, by which recipe; pictures: shown in an epoch.

    begun: the steps that are behind. cpu_minutes: when a CPU stops, unless told otherwise.
    """

    title: str
    device: str
    pictures: int
    epochs: int
    steps_an_epoch: int
    begun: int = 0
    cpu_minutes: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """All that a training needs. base: what a frozen network sees by, or None to see by itself."""

    recipe: Recipe
    network: Classifier
    feed: Feed
    checked: Checked
    device: torch.device
    base: Pooled | None = None


class Loop:
    """One training between its first and its last step."""

    def __init__(self, job: Job, state: State) -> None:
        self.job, self.state = job, state
        self.steps = job.feed.steps * job.recipe.epochs
        network = job.network.to(job.device)
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        network.features[: job.recipe.frozen].requires_grad_(False)
        self.optimiser = job.recipe.optimiser.of(network)
        if state.step:
            network.load_state_dict(state.network)
            self.optimiser.load_state_dict(state.optimiser)
        self.average = deepcopy(network) if job.recipe.average is not None else None
        if self.average is not None and state.step:
            self.average.load_state_dict(state.average)

    @property
    def outset(self) -> Outset:
        """What is about to be done."""
        recipe, feed = self.job.recipe, self.job.feed
        return Outset(
            f"{recipe.task} {recipe.name}",
            self.job.device.type,
            len(feed.indices),
            recipe.epochs,
            feed.steps,
            self.state.step,
            recipe.cpu_minutes,
        )

    def run(self, watcher: Watcher, save: Callable[[State], None]) -> None:
        """Go on to the last step, or to where the watcher says stop; the state is saved by then."""
        while self.state.step < self.steps:
            number, begin = divmod(self.state.step, self.job.feed.steps)
            for batch in self.job.feed.epoch(number, begin, self._size(number)):
                self._step(batch)
                watcher.step(self.state.step, self.state.losses[-1], len(batch.crops))
                over = self.state.step % self.job.feed.steps == 0
                stop = watcher.stop_now()
                if over:
                    self._end_epoch(watcher)
                if over or stop or watcher.save_now():
                    save(self.snapshot())
                if stop:
                    return

    def snapshot(self) -> State:
        """Return the state as it is to be written."""
        self.state.network = self.network.state_dict()
        self.state.optimiser = self.optimiser.state_dict()
        self.state.average = self.average.state_dict() if self.average is not None else {}
        return self.state

    def _size(self, epoch: int) -> Callable[[int], int]:
        recipe, first = self.job.recipe, epoch * self.job.feed.steps
        return lambda step: recipe.schedule.size(first + step, self.steps, recipe.input_px)

    def _step(self, batch: Batch) -> None:
        recipe, step = self.job.recipe, self.state.step
        torch.manual_seed(self.job.feed.seed * 1_000_003 + step)
        self.network.train()
        self.network.features[: recipe.frozen].eval()
        factor = recipe.schedule.factor(step, self.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = recipe.optimiser.rate * group["times"] * factor
        with precision(self.job.device):
            logits = self._logits(self.network, batch.crops)
        loss = smoothed(logits.float(), batch.targets.to(self.job.device), recipe.smoothing)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise Diverged(step)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if recipe.longest_gradient is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), recipe.longest_gradient)
        self.optimiser.step()
        self.state.losses.append(value)
        self.state.step += 1
        self._follow()

    def _logits(self, network: Classifier, crops: Tensor) -> Tensor:
        if self.job.base is not None:
            return network.head(self.job.base(crops).to(self.job.device))
        out: Tensor = network(crops.to(self.job.device, non_blocking=True))
        return out

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average of the weights; what normalises moves with them."""
        if self.average is None or self.job.recipe.average is None:
            return
        # while few steps are behind, the average is of those alone
        decay = min(self.job.recipe.average, self.state.step / (self.state.step + 10))
        theirs = self.network.state_dict()
        for name, mine in self.average.state_dict().items():
            if mine.is_floating_point():
                mine.lerp_(theirs[name], 1 - decay)

    def _end_epoch(self, watcher: Watcher) -> None:
        state, recipe = self.state, self.job.recipe
        number = state.step // self.job.feed.steps
        epoch = judged(number, float(np.mean(state.losses)), self.logits(), self.job.checked.truth)
        state.losses = []
        state.epochs.append(epoch)
        figure = epoch.figure(recipe.choose)
        if figure >= state.best_figure - recipe.later:
            state.best_figure = max(figure, state.best_figure)
            self.keep(number)
        watcher.epoch(epoch)

    def keep(self, epoch: int) -> None:
        """Keep the weights as they are now."""
        kept = self.average if self.average is not None else self.network
        self.state.best_epoch = epoch
        self.state.best = {
            name: tensor.detach().cpu().clone() for name, tensor in kept.state_dict().items()
        }

    def logits(self) -> NDArray[np.float32]:
        """Return what the network (its average, if there is one) says of validation, (N, C)."""
        network = (self.average if self.average is not None else self.network).eval()
        return logits_of(lambda crops: self._logits(network, crops), self.job.checked.crops)


def judged(number: int, loss: float, logits: NDArray[np.float32], truth: NDArray[np.intp]) -> Epoch:
    """Return what an epoch came to, by logits (N, C) of validation."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    said = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    right = logits.argmax(axis=1) == truth
    recalls = [float(right[truth == label].mean()) for label in np.unique(truth)]
    validation = float(-said[np.arange(len(truth)), truth].mean())
    return Epoch(number, loss, validation, float(right.mean()), float(np.mean(recalls)))


def smoothed(logits: Tensor, targets: Tensor, share: float) -> Tensor:
    """Return the mean cross entropy against distributions (N, C), smoothed by a share."""
    wanted = targets * (1 - share) + share / targets.shape[1]
    return -(wanted * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()


def precision(device: torch.device) -> AbstractContextManager[object]:
    """Return bfloat16 where the GPU has it, which needs no scaling of the loss; else float32."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()
