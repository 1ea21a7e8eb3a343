"""Knows how the mask classifier is made: `python -m training.recipes.mask --data DIR --out DIR`.

MobileNetV2 from ImageNet weights, all layers trained, three classes, on real masks (masks3_real,
masks_crops), bare press pictures and clips, drawn masks (half of masks_synth) and masks drawn while
training on bare faces. Split by group; near-duplicates of test and validation pictures are left
out of training.

Every face in masks_synth is a press photograph with a drawn mask and none is bare. Trained on that
alone, suits and white collars came to mean "incorrect": 28 of 200 bare press pictures were said to
wear their masks wrongly. Bare press pictures, and clothes drawn below chins, teach otherwise.
"""

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from engine.observations import MaskState
from training import convert
from training.augment import Strength, middle, narrow, vary
from training.data import clip_frames, mask_pictures, press_pictures
from training.draw import MEANS, Template, draw_mask, dress, load_templates
from training.fit import Plan, Task, fit, logits_of
from training.judge import figures, fit_temperature, softmax
from training.live import live_detector
from training.prepare import Enlarge, Prepared, faces_of, near_duplicates, prepare, wide
from training.splits import Side, side_of
from workers.crops import MASK, Framing
from workers.networks.mobilenet_v2 import MobileNetV2

CLASSES: Final = tuple(MaskState)
ENLARGE: Final = Enlarge(1.5, 48)
SAME_PICTURE: Final = 0.97
DRAWN_CHANCE: Final = 0.45  # of a bare face to get a mask while training
NARROW_CHANCE: Final = 0.4
DRESSED_CHANCE: Final = 0.4
KINDS: Final = ("worn", "worn", "under_nose", "under_nose", "under_chin")


@dataclass(frozen=True, slots=True)
class MaskSet:
    """All pictures of the mask sets, cut wide; parallel arrays, labels in MaskState's order."""

    prepared: Prepared
    labels: NDArray[np.intp]
    sides: NDArray[np.str_]
    real: NDArray[np.bool_]
    sources: NDArray[np.str_]

    def where(self, side: Side) -> NDArray[np.intp]:
        """Return the indices of one side of the split."""
        return np.flatnonzero(self.sides == side.value)


def load(data: Path, cache: Path) -> MaskSet:
    """Read and cut every picture, once; later calls read `mask-crops.npz` in the cache folder."""
    path = cache / "mask-crops.npz"
    if not path.is_file():
        detector = live_detector(cache)
        pictures = [*mask_pictures(data), *press_pictures(data)]
        for frame in clip_frames(data):
            pictures += [replace(frame, picture=face) for face in faces_of(frame.picture, detector)]
        done = prepare([p.picture for p in pictures], detector, ENLARGE, wide_mask())
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            crops=done.crops,
            points=done.points,
            found=done.found,
            labels=np.array([CLASSES.index(p.label) for p in pictures]),
            sides=np.array([side_of(p.group).value for p in pictures]),
            real=np.array([p.real for p in pictures]),
            sources=np.array([p.source for p in pictures]),
        )
    with np.load(path) as held:
        prepared = Prepared(held["crops"], held["points"], held["found"])
        return MaskSet(prepared, held["labels"], held["sides"], held["real"], held["sources"])


def wide_mask() -> Framing:
    """Return the live framing with its margin."""
    return wide(MASK.size_px, zoom=0.80, eyes_at=0.36)


def training_indices(held: MaskSet) -> NDArray[np.intp]:
    """Return training's indices without near-duplicates of the other sides, rare ones repeated."""
    mine = held.where(Side.TRAINING)
    others = np.concatenate([held.where(Side.VALIDATION), held.where(Side.TEST)])
    crops = held.prepared.crops
    mine = mine[~near_duplicates(crops[mine], crops[others], SAME_PICTURE)]
    labels, sources = held.labels[mine], held.sources[mine]
    times = np.ones(len(mine), int)
    times[(labels == CLASSES.index(MaskState.INCORRECT)) & held.real[mine]] = 3
    times[labels == CLASSES.index(MaskState.MISSING)] = 2
    times[sources == "press"] = 8
    # every other drawn mask: nobody in masks_synth is bare, and press pictures must not mean masks
    times[(sources == "masks_synth") & (np.arange(len(mine)) % 2 == 1)] = 0
    return np.repeat(mine, times)


def make_task(held: MaskSet, indices: NDArray[np.intp], templates: tuple[Template, ...]) -> Task:
    """Return the task: varied crops of these indices, judged on the validation side."""
    truth = np.eye(len(CLASSES), dtype=np.float32)
    crops, points = held.prepared.crops, held.prepared.points
    checked = held.where(Side.VALIDATION)
    live = np.stack([middle(crops[i], MASK.size_px) for i in checked])
    strength = Strength(size=0.18, shift=0.07, colour=0.12)

    def sample(
        n: int, size_px: int, random: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        index = int(indices[n])
        crop, label = crops[index], int(held.labels[index])
        bare = CLASSES[label] is MaskState.MISSING and bool(held.prepared.found[index])
        if bare and random.random() < DRESSED_CHANCE:
            crop = dress(crop, points[index], random)
        if bare and random.random() < DRAWN_CHANCE:
            kind = KINDS[random.integers(len(KINDS))]
            crop = draw_mask(crop, points[index], kind, random, templates)
            label = CLASSES.index(MEANS[kind])
        if random.random() < NARROW_CHANCE:
            crop = narrow(crop, random)
        return vary(crop, size_px, strength, random), truth[label]

    def judge(network: nn.Module) -> float:
        chances = softmax(logits_of(network, live))
        return figures(chances, held.labels[checked], CLASSES).balanced_accuracy

    return Task(len(indices), sample, judge)


def main(arguments: list[str]) -> int:
    """Train, fit the temperature on the validation side, write fp16 weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--wheels", type=Path, required=True, help="see training.convert")
    parser.add_argument("--minutes", type=float, default=24.0)
    parser.add_argument("--initial", type=Path, help="go on from this checkpoint, at a lower rate")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    held = load(options.data, options.out)
    indices = training_indices(held)
    print(
        f"{len(np.unique(indices))} pictures for training, {len(indices)} with repeats", flush=True
    )
    network = MobileNetV2(len(CLASSES))
    network.load_state_dict(convert.imagenet_backbone(options.wheels), strict=False)
    if options.initial:
        network.load_state_dict(torch.load(options.initial, weights_only=True))
    rate = 4e-4 if options.initial else 1e-3
    plan = Plan(options.minutes, 48, rate, 0.02, ((MASK.size_px, 1.0),))
    state = fit(
        network,
        make_task(held, indices, load_templates(options.data)),
        plan,
        options.out / "mask.pt",
    )
    network.load_state_dict(state)
    network.eval()
    checked = held.where(Side.VALIDATION)
    live = np.stack([middle(held.prepared.crops[i], MASK.size_px) for i in checked])
    temperature = fit_temperature(logits_of(network, live), held.labels[checked])
    print(f"temperature {temperature:.3f}")
    convert.save(network, options.out / "mobilenet-v2-mask.safetensors", torch.float16)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
