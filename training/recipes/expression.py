"""Knows how the expression classifier is made: `python -m training.recipes.expression --data DIR`.

MobileNetV2 from ImageNet weights, all layers trained, seven classes, on FER2013's Training part
with FER+'s ten votes as soft targets (E. Barsoum et al., arXiv:1608.01041), half of the weight on
FER2013's own label: with a quarter, the network said neutral where FER2013 says sadness or fear,
56.6 % right by FER2013's labels. Every twentieth training picture is kept for validation;
PublicTest is only tested on, and its near-duplicates are left out of training.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from engine.observations import Expression
from training import convert
from training.augment import Strength, middle, vary
from training.data import fer_pictures
from training.fit import Plan, Task, fit, logits_of
from training.judge import figures, fit_temperature, softmax
from training.live import live_detector
from training.prepare import Enlarge, Prepared, near_duplicates, prepare, wide
from training.splits import Side
from workers.crops import EXPRESSION, Framing
from workers.networks.mobilenet_v2 import MobileNetV2

CLASSES: Final = tuple(Expression)
ENLARGE: Final = Enlarge(4.0, 32)
SAME_PICTURE: Final = 0.97
VOTES_WEIGHT: Final = 0.5
FEWEST_VOTES: Final = 4.0  # of ten, on the seven expressions together


@dataclass(frozen=True, slots=True)
class FerSet:
    """All tiles, cut wide; parallel arrays. votes (N, 7); labels in Expression's order."""

    prepared: Prepared
    labels: NDArray[np.intp]
    votes: NDArray[np.float32]
    sides: NDArray[np.str_]

    def where(self, side: Side) -> NDArray[np.intp]:
        """Return the indices of one side of the split."""
        return np.flatnonzero(self.sides == side.value)

    def majority(self) -> NDArray[np.intp]:
        """Return the expression with more than half of ten votes, or -1 where there is none."""
        return np.where(self.votes.max(axis=1) > 5, self.votes.argmax(axis=1), -1)


def load(data: Path, cache: Path) -> FerSet:
    """Read and cut every tile, once; later calls read `expression-crops.npz` in the cache."""
    path = cache / "expression-crops.npz"
    if not path.is_file():
        tiles = list(fer_pictures(data))
        coloured = [np.asarray(cv2.cvtColor(t.grey, cv2.COLOR_GRAY2BGR), np.uint8) for t in tiles]
        done = prepare(coloured, live_detector(cache), ENLARGE, wide_expression())
        kept = [Side.VALIDATION if t.row % 20 == 0 else Side.TRAINING for t in tiles]
        sides = [k if t.training else Side.TEST for t, k in zip(tiles, kept, strict=True)]
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            crops=done.crops[..., 0],
            points=done.points,
            found=done.found,
            labels=np.array([t.label for t in tiles]),
            votes=np.stack([t.votes for t in tiles]),
            sides=np.array([side.value for side in sides]),
        )
    with np.load(path) as held:
        grey = held["crops"]
        crops = np.broadcast_to(grey[..., None], (*grey.shape, 3))
        prepared = Prepared(crops, held["points"], held["found"])
        return FerSet(prepared, held["labels"], held["votes"], held["sides"])


def wide_expression() -> Framing:
    """Return the live framing with its margin, at FER2013's own resolution."""
    return wide(60, zoom=1.19, eyes_at=0.38)


def training_indices(held: FerSet) -> NDArray[np.intp]:
    """Return training's indices: enough votes, no near-duplicate of the other sides."""
    mine = held.where(Side.TRAINING)
    mine = mine[held.votes[mine].sum(axis=1) >= FEWEST_VOTES]
    others = np.concatenate([held.where(Side.VALIDATION), held.where(Side.TEST)])
    crops = held.prepared.crops
    again = near_duplicates(crops[mine], crops[others], SAME_PICTURE)
    return np.asarray(mine[~again], np.intp)


def targets(held: FerSet) -> NDArray[np.float32]:
    """Return the target distributions (N, 7): the votes' shares mixed with FER2013's label."""
    shares = held.votes / np.maximum(held.votes.sum(axis=1, keepdims=True), 1)
    labels = np.eye(len(CLASSES), dtype=np.float32)[held.labels]
    return np.asarray(VOTES_WEIGHT * shares + (1 - VOTES_WEIGHT) * labels, np.float32)


def make_task(held: FerSet, indices: NDArray[np.intp]) -> Task:
    """Return the task: varied crops of these indices, judged by FER+'s majority in validation."""
    crops, wanted = held.prepared.crops, targets(held)
    majority = held.majority()
    checked = held.where(Side.VALIDATION)
    checked = checked[majority[checked] >= 0]
    live = np.stack([middle(crops[i], EXPRESSION.size_px) for i in checked])
    strength = Strength(turn_degrees=12, size=0.12, shift=0.06)

    def sample(
        n: int, size_px: int, random: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        index = int(indices[n])
        return vary(crops[index], size_px, strength, random), wanted[index]

    def judge(network: nn.Module) -> float:
        chances = softmax(logits_of(network, live))
        return figures(chances, majority[checked], CLASSES).accuracy

    return Task(len(indices), sample, judge)


def main(arguments: list[str]) -> int:
    """Train, fit the temperature on the validation side, write fp16 weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--wheels", type=Path, required=True, help="see training.convert")
    parser.add_argument("--minutes", type=float, default=45.0)
    parser.add_argument("--initial", type=Path, help="go on from this checkpoint, at a lower rate")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    held = load(options.data, options.out)
    indices = training_indices(held)
    print(f"{len(indices)} of {len(held.labels)} pictures for training", flush=True)
    network = MobileNetV2(len(CLASSES))
    network.load_state_dict(convert.imagenet_backbone(options.wheels), strict=False)
    sizes: tuple[tuple[int, float], ...] = ((64, 0.5), (EXPRESSION.size_px, 1.0))
    rate = 1e-3
    if options.initial:
        network.load_state_dict(torch.load(options.initial, weights_only=True))
        sizes, rate = ((EXPRESSION.size_px, 1.0),), 3e-4
    plan = Plan(options.minutes, 48, rate, 0.02, sizes)
    state = fit(network, make_task(held, indices), plan, options.out / "expression.pt")
    network.load_state_dict(state)
    network.eval()
    majority, checked = held.majority(), held.where(Side.VALIDATION)
    checked = checked[majority[checked] >= 0]
    live = np.stack([middle(held.prepared.crops[i], EXPRESSION.size_px) for i in checked])
    temperature = fit_temperature(logits_of(network, live), majority[checked])
    print(f"temperature {temperature:.3f}")
    convert.save(network, options.out / "mobilenet-v2-expression.safetensors", torch.float16)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
