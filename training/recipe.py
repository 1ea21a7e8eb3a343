"""Knows what a recipe declares: network, input, optimiser, schedule, data, choice. Trains nothing.

A recipe is plain data, so that what was done can be printed, compared and changed in one place.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.material import Material
from training.sets.classes import TaskName
from training.splits import SplitBy
from training.starts import Start
from workers.crops import Framing
from workers.networks.classifier import Classifier
from workers.networks.mobilenet_v2 import MobileNetV2

Crop = NDArray[np.uint8]  # (S, S, 3) BGR
Choose = Literal["accuracy", "balanced", "loss", "last"]
HEAD: Final = ("hidden.", "classifier.")  # how the names of a head's weights begin


class Made(NamedTuple):
    """One sample: the crop (S, S, 3) and the target distribution (C,)."""

    crop: Crop
    target: NDArray[np.float32]


# a picture's index, the side of its crop in pixels, what is drawn at random
Make = Callable[[int, int, np.random.Generator], Made]


@dataclass(frozen=True, slots=True)
class Optimiser:
    """How weights are moved: Adam, AdamW or SGD with momentum; the head's rate by a factor."""

    kind: Literal["adam", "adamw", "sgd"]
    rate: float
    decay: float = 0.0
    momentum: float = 0.9
    epsilon: float = 1e-8
    head_times: float = 1.0

    def of(self, network: nn.Module) -> torch.optim.Optimizer:
        """Return it for a network's weights that are not frozen; `times` is a group's factor."""
        parts: dict[bool, list[nn.Parameter]] = {False: [], True: []}
        for name, weights in network.named_parameters():
            if weights.requires_grad:
                parts[name.startswith(HEAD)].append(weights)
        groups: list[dict[str, Any]] = [
            {"params": held, "times": self.head_times if head else 1.0}
            for head, held in parts.items()
            if held
        ]
        if self.kind == "sgd":
            return torch.optim.SGD(
                groups, self.rate, momentum=self.momentum, weight_decay=self.decay
            )
        kind = torch.optim.Adam if self.kind == "adam" else torch.optim.AdamW
        return kind(groups, self.rate, eps=self.epsilon, weight_decay=self.decay)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the rate and the crops' size go over the steps; never over the time.

    warm: the share of the steps over which a cosine's rate rises. slowing: of "inverse", Keras's
    decay: the rate is divided by 1 + slowing * step. sizes: (share of the steps until which a size
    holds, size in pixels), in order; empty is the recipe's input.
    """

    kind: Literal["cosine", "constant", "inverse"]
    warm: float = 0.05
    slowing: float = 0.0
    sizes: tuple[tuple[float, int], ...] = ()

    def factor(self, step: int, steps: int) -> float:
        """Return what the rate is multiplied by at a step of so many."""
        if self.kind == "constant":
            return 1.0
        if self.kind == "inverse":
            return 1 / (1 + self.slowing * step)
        progress = step / steps
        rise = 1.0 if self.warm <= 0 else min(1.0, progress / self.warm)
        fall = 0.5 * (1 + np.cos(np.pi * max(0.0, progress - self.warm) / (1 - self.warm)))
        return float(max(rise, 0.02) * max(fall, 0.005))

    def size(self, step: int, steps: int, usual_px: int) -> int:
        """Return the side of the crops at a step."""
        return next((size for until, size in self.sizes if step / steps < until), usual_px)


def as_they_are(material: Material, indices: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the training pictures once each."""
    return indices


def the_labels(material: Material) -> NDArray[np.intp]:
    """Return what validation is judged by: the set's own labels."""
    return material.truth


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what a network becomes, but for data and seed.

    labels: the network's classes in its outputs' order, in the words of `engine.observations`.
    sets: which sets are used where they are there; everything otherwise. split: see
    `training.splits`. framing: how a face is cut for training, MARGIN wider than live; None is the
    whole picture. start: whose weights the features begin with; frozen: how many of the features'
    first modules keep them. make: returns what makes samples. draw: which training pictures are
    shown in an epoch, how often. checked: the truth that validation is judged by, (N,), -1 where it
    has none.
    choose: which epoch is kept, by validation; an epoch that is worse by at most `later` than the
    best is kept for the rate that has fallen since. average: the decay of the weights' moving
    average, which then is judged and kept. cpu_minutes: when a CPU stops, unless told otherwise.
    """

    task: TaskName
    name: str
    about: str
    labels: tuple[str, ...]
    make: Callable[["Recipe", Material], Make]
    optimiser: Optimiser
    schedule: Schedule
    epochs: int
    batch: int
    input_px: int
    network: str = "mobilenet_v2"
    build: Callable[[int], Classifier] = MobileNetV2
    frozen: int = 0
    start: Start = "imagenet"
    sets: tuple[str, ...] = ()
    split: SplitBy = "groups"
    framing: Framing | None = None
    draw: Callable[[Material, NDArray[np.intp]], NDArray[np.intp]] = as_they_are
    checked: Callable[[Material], NDArray[np.intp]] = the_labels
    choose: Choose = "accuracy"
    later: float = 0.0
    smoothing: float = 0.0
    average: float | None = None
    longest_gradient: float | None = None
    cpu_minutes: float | None = None
    limits: tuple[str, ...] = ()

    def declared(self) -> dict[str, str]:
        """Return every field as text: functions by name, arrays by their values."""
        return {field.name: _text(getattr(self, field.name)) for field in fields(self)}


def _text(value: object) -> str:
    if isinstance(value, np.ndarray):
        return str(value.tolist())
    if is_dataclass(value) and not isinstance(value, type):
        return str({f.name: _text(getattr(value, f.name)) for f in fields(value)})
    return str(getattr(value, "__qualname__", value))
