"""Knows how a training goes from a folder of pictures to a model folder. Reads no clock."""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

import cv2
import torch

from training.feed import Feed
from training.frozen import FrozenBase
from training.gather import Source, gather
from training.loop import Job, Loop, Outset, Watcher
from training.material import Material
from training.publish import Published, publish
from training.recipe import Recipe
from training.splits import Side
from training.starts import beginning
from training.state import State, StateError, load_state
from training.unvaried import checked

UNSAID: Final = ("about", "limits", "cpu_minutes")  # of a recipe: they change no weight


class NoDevice(Exception):
    """The device that was asked for is not there."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be trained, on what, and where everything goes.

    device: "cpu", "cuda", "cuda:N" or "auto". epochs: instead of the recipe's. cache: where cut
    faces and converted networks are kept. threads: of the CPU. fold: the test side, 0 to 4.
    """

    recipe: Recipe
    data: Path
    out: Path
    cache: Path
    device: str = "auto"
    epochs: int | None = None
    seed: int = 0
    threads: int = 1
    fold: int = 0


class Shell(Watcher, Protocol):
    """Who looks on: a training's watcher, who is also told of what goes before the first step."""

    def cut(self, done: int, total: int) -> None:
        """Say how many of how many pictures are cut."""

    def begin(self, outset: Outset) -> None:
        """Say that steps begin."""


def train(order: Order, shell: Shell) -> Published:
    """Train, or go on with what was begun in the folder; write the model there.

    Raises NoDevice, Refusal, Diverged, OSError.
    """
    device = device_of(order.device)
    recipe = replace(order.recipe, epochs=order.epochs or order.recipe.epochs)
    torch.set_num_threads(order.threads)
    cv2.setNumThreads(1)
    order.out.mkdir(parents=True, exist_ok=True)
    with alone(order.out):
        load_state(order.out, _run_without_data(recipe, order))  # refused before long work
        source = Source(recipe, order.data, order.cache, order.seed, order.fold)
        material = gather(source, shell.cut)
        run = _run_without_data(recipe, order) | {"data": material.sha256}
        state = load_state(order.out, run) or State(run)
        job = _job(recipe, material, order, device)
        loop = Loop(job, state)
        shell.begin(loop.outset)
        loop.run(shell, lambda now: now.save(order.out))
        if not state.best:  # stopped within the first epoch
            loop.keep(0)
        return publish(order.out, material, job, state)


def device_of(name: str) -> torch.device:
    """Return a device by name; "auto" is CUDA where there is some. Raises NoDevice."""
    there = torch.cuda.is_available()
    if name == "auto":
        name = "cuda" if there else "cpu"
    if name != "cpu" and not name.startswith("cuda"):
        raise NoDevice(f"There is no device {name!r}: cpu, cuda or auto.")
    if name.startswith("cuda") and not there:
        raise NoDevice(
            "There is no CUDA here: PyTorch sees no GPU. Use --device cpu, or install PyTorch "
            "for CUDA (see the README)."
        )
    return torch.device(name)


class Busy(StateError):
    """Another process is at it."""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep others out of a folder; a killed process keeps nobody out. Raises Busy."""
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(f"Another process is training in {folder}.") from error
        yield


def _run_without_data(recipe: Recipe, order: Order) -> dict[str, str]:
    declared = {k: v for k, v in recipe.declared().items() if k not in UNSAID}
    digest = hashlib.sha256(repr(sorted(declared.items())).encode()).hexdigest()[:12]
    return {
        "recipe": f"{recipe.task} {recipe.name}, {recipe.epochs} epochs ({digest})",
        "seed": str(order.seed),
        "fold": str(order.fold),
    }


def _job(recipe: Recipe, material: Material, order: Order, device: torch.device) -> Job:
    torch.manual_seed(order.seed)
    network = recipe.build(len(recipe.labels))
    network.load_state_dict(beginning(recipe.start), strict=False)
    indices = recipe.draw(material, material.where(Side.TRAINING))
    make = recipe.make(recipe, material)
    feed = Feed(indices, make, min(recipe.batch, len(indices)), order.seed, order.threads)
    base = None
    if recipe.frozen >= len(network.features) and device.type == "cpu":
        base = FrozenBase(network, network.pooled, recipe.input_px, order.threads)
    return Job(recipe, network, feed, checked(recipe, material, Side.VALIDATION), device, base)
