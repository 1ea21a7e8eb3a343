"""Knows how the shipped weights are judged: `python -m training.evaluation mask`. Does not train.

Likewise `expression` and `recognition`. Everything runs as the worker runs it on the CPU: the same
detector, framing, runtime and temperature. The figures in the manifest and on the cards come from
here.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.augment import middle
from training.judge import Figures, figures, softmax
from training.live import live_runtime
from training.prepare import near_duplicates
from training.recipes import expression, mask
from training.recognition import evaluate_recognition
from training.splits import Side
from workers.crops import EXPRESSION, MASK
from workers.manifest import load_manifest


def chances_of(role: str, crops: NDArray[np.uint8], cache: Path) -> NDArray[np.float32]:
    """Return the shipped classifier's probabilities (N, C) for live crops (N, S, S, 3)."""
    entry = load_manifest()[role]
    (logits,) = live_runtime(entry, cache).run(crops).values()
    return softmax(logits, entry.thresholds["temperature"])


def evaluate_mask(data: Path, cache: Path) -> dict[str, Figures]:
    """Judge the mask classifier on the test side of the split, real and drawn masks apart."""
    held = mask.load(data, cache)
    test = held.where(Side.TEST)
    live = np.stack([middle(held.prepared.crops[i], MASK.size_px) for i in test])
    chances, truth = chances_of("mask", live, cache), held.labels[test]
    real, found = held.real[test], held.prepared.found[test]
    sources = held.sources[test]
    parts = {
        "all": np.ones(len(test), bool),
        "real": real,
        "drawn": ~real,
        "three real classes (masks3_real)": sources == "masks3_real",
        "real, face found by the detector": real & found,
        "bare press pictures": sources == "press",
        "bare clips": sources == "clips",
    }
    return {
        name: figures(chances[chosen], truth[chosen], mask.CLASSES)
        for name, chosen in parts.items()
    }


def evaluate_expression(data: Path, cache: Path) -> dict[str, Figures]:
    """Judge the expression classifier on PublicTest, by both sets of labels."""
    held = expression.load(data, cache)
    test, training = held.where(Side.TEST), held.where(Side.TRAINING)
    crops = held.prepared.crops
    live = np.stack([middle(crops[i], EXPRESSION.size_px) for i in test])
    chances = chances_of("expression", live, cache)
    labels, majority = held.labels[test], held.majority()[test]
    fresh = ~near_duplicates(crops[test], crops[training], expression.SAME_PICTURE)
    agreed = majority >= 0
    parts = {
        "FER2013's labels": (labels, np.ones(len(test), bool)),
        "FER2013's labels, no near-duplicate in Training": (labels, fresh),
        "FER+ majority": (majority, agreed),
        "FER+ majority, no near-duplicate in Training": (majority, agreed & fresh),
    }
    return {
        name: figures(chances[chosen], truth[chosen], expression.CLASSES)
        for name, (truth, chosen) in parts.items()
    }


def show(name: str, found: Figures) -> None:
    """Print one set's figures as a table."""
    print(f"\n{name}: {found.pictures} pictures")
    print(
        f"  accuracy {found.accuracy:.2%}  balanced {found.balanced_accuracy:.2%}"
        f"  macro F1 {found.macro_f1:.3f}  ECE {found.ece:.3f}"
    )
    print(f"  {'class':12} {'precision':>9} {'recall':>7} {'F1':>6} {'support':>8}   said as")
    for each, row in zip(found.classes, found.confusion, strict=True):
        print(
            f"  {each.name:12} {each.precision:9.3f} {each.recall:7.3f} {each.f1:6.3f}"
            f" {each.support:8d}   {' '.join(f'{count:5d}' for count in row)}"
        )


def main(arguments: Sequence[str]) -> int:
    """Judge one network and print its figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["mask", "expression", "recognition"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--cache", type=Path, help="keep prepared crops and converted networks here"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        cache = options.cache or Path(scratch)
        if options.what == "recognition":
            print(
                json.dumps(dataclasses.asdict(evaluate_recognition(options.data, cache)), indent=1)
            )
            return 0
        judged = {"mask": evaluate_mask, "expression": evaluate_expression}
        found = judged[options.what](options.data, cache)
    if options.json:
        print(
            json.dumps({name: dataclasses.asdict(each) for name, each in found.items()}, indent=1)
        )
    else:
        for name, each in found.items():
            show(name, each)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
