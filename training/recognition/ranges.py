"""Knows what comes into SFace's layers: the ranges of its bytes.

`python -m training.recognition.ranges --data DIR --out FILE [--home HOME] [--model NAME]` writes
the weights of an embedder with those ranges: a network `sface-aligned` or `sface-light` becomes
`sface-aligned-int8` or `sface-light-int8`. Of the faces that the aligner's teaching is watched by:
displaced, masked and hidden.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from training.publish import write_weights
from training.recognition.beginning import sface
from training.recognition.checking import Crops, vectors_of
from training.recognition.material import Room, each_once, gather, make_displaced
from training.recognition.recipes import ALIGNER
from workers.manifest import load_models
from workers.networks.build import build
from workers.networks.face_aligner import AlignedSFace
from workers.networks.sface import SFace

FACES: Final = 256
FIRST: Final = (-127.5 / 128, 127.5 / 128)  # as `workers.networks.sface` takes bytes


@torch.no_grad()
def ranges_of(network: AlignedSFace | SFace, faces: Crops) -> dict[str, Tensor]:
    """Return each layer's `range` (2,) by name: the mean of faces' lowest and highest, and zero.

    faces: (N, 112, 112, 3). A mean, not the widest: one rare value would make all others coarser.
    The first layer's is that of all pixels, of which a dark or bright face has only one end.
    """
    part, prefix = (network, "") if isinstance(network, SFace) else (network.sface, "sface.")
    seen: dict[str, list[Tensor]] = {}

    def look(name: str) -> Callable[[nn.Module, tuple[Tensor]], None]:
        def hook(layer: nn.Module, given: tuple[Tensor]) -> None:
            flat = given[0].flatten(1)
            seen.setdefault(name, []).append(torch.stack([flat.amin(dim=1), flat.amax(dim=1)]))

        return hook

    hooks = [
        layer.register_forward_pre_hook(look(name))
        for name, layer in part.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    vectors_of(network, faces[:FACES], next(network.parameters()).device)
    for hook in hooks:
        hook.remove()
    means = {name: torch.cat(parts, dim=1).mean(dim=1) for name, parts in seen.items()}
    ends = {
        name: (min(0.0, float(low)), max(0.0, float(high))) for name, (low, high) in means.items()
    }
    ends["stem.0"] = FIRST
    return {f"{prefix}{name}.range": torch.tensor(both) for name, both in ends.items()}


def own_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what an embedder's file holds of its weights: not SFace's, which stand elsewhere."""
    theirs = {f"sface.{name}": held for name, held in sface().state_dict().items()}
    return {
        name: held
        for name, held in state.items()
        if name not in theirs or not held.cpu().equal(theirs[name])
    }


def main(arguments: Sequence[str]) -> int:
    """Write an embedder's weights with its ranges."""
    parser = argparse.ArgumentParser(description="The ranges of an embedder's bytes")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--home", type=Path, default=Path("~/.ostiary").expanduser())
    parser.add_argument("--model")
    options = parser.parse_args(arguments)
    entry = load_models(options.home).of("embedder", options.model)
    network = build(entry)
    if not isinstance(network, AlignedSFace | SFace):
        parser.error(f"{entry.label} is no SFace")
    room = Room(options.data, options.home / "cache" / "recognition", 1)
    taught = gather(room, ALIGNER, lambda done, total: None)
    made = each_once(taught, make_displaced(taught, ALIGNER, options.data))
    faces = np.stack([one.crop for one in made])
    write_weights(own_weights(network.state_dict()) | ranges_of(network, faces), options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
