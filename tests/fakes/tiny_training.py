"""Knows a training that takes a second, and how it is killed: `python -m fakes.tiny_training`."""

import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from training.augment import Affine
from training.publish import Published
from training.recipe import Optimiser, Recipe, Schedule
from training.recipes.paper import moved
from training.train import Order, train
from workers.networks.mobilenet_v2 import MobileNetV2Hidden

RECIPE = Recipe(
    task="mask",
    name="tiny",
    about="Two colours.",
    labels=("worn", "missing"),
    make=moved(Affine(turn_degrees=10, zoom=0.1, shift=0.05, flip=True, replicate=True)),
    optimiser=Optimiser("adamw", 1e-3, decay=0.01, head_times=2.0),
    schedule=Schedule("cosine"),
    epochs=2,
    batch=8,
    input_px=32,
    split="groups",
    choose="balanced",
    smoothing=0.05,
    average=0.8,
    longest_gradient=5.0,
)
FROZEN = replace(
    RECIPE, network="mobilenet_v2_hidden", build=MobileNetV2Hidden, frozen=19, average=None,
    choose="last",
)  # fmt: skip


def coloured(label: str, seed: int) -> np.ndarray:
    """A picture of one of two colours, unlike any other in detail."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 90, (6, 6, 3)).astype(np.uint8)
    out = cv2.resize(small, (48, 40), interpolation=cv2.INTER_CUBIC)
    out[..., 0 if label == "with_mask" else 2] |= 160
    return out


def write_coloured(root: Path, each: int = 40) -> Path:
    """Write so many pictures of each class into folders."""
    for place, label in enumerate(("with_mask", "without_mask")):
        (root / label).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            picture = coloured(label, 1000 * place + number)
            cv2.imwrite(str(root / label / f"{number}.png"), picture)
    return root


@dataclass
class Steps:
    """A shell that saves every fourth step, and at a step stops, or is killed by signal 9."""

    stop_at: int = 0
    kill_at: int = 0
    done: int = 0

    def cut(self, done: int, total: int) -> None:
        pass

    def begin(self, outset) -> None:
        self.first = outset.begun

    def step(self, step: int, loss: float, pictures: int) -> None:
        self.done = step
        if step == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def epoch(self, epoch) -> None:
        pass

    def save_now(self) -> bool:
        return self.done % 4 == 0

    def stop_now(self) -> bool:
        return bool(self.stop_at) and self.done >= self.stop_at


def order(data: Path, out: Path, recipe: Recipe = RECIPE, seed: int = 0) -> Order:
    """One training on one thread of the CPU."""
    return Order(recipe, data, out, out.parent / "cache", "cpu", None, seed, 1)


def run(data: Path, out: Path, shell: Steps | None = None, recipe: Recipe = RECIPE) -> Published:
    """Train to the end, or to where the shell stops."""
    return train(order(data, out, recipe), shell or Steps())


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]), Steps(kill_at=int(sys.argv[3])))
