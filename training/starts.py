"""Knows the weights that trainings begin with. Trains nothing."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from safetensors.torch import load, load_file
from torch import Tensor

from workers.manifest import load_models, verify
from workers.networks.face_mobilenet import features_of

Held = Literal["imagenet", "expression", "aligner"]
Start = Literal[Held, "sface"]

FOLDER: Final = Path(__file__).parent / "start"
HELD: Final[Mapping[Held, tuple[str, str]]] = {  # the file, its SHA-256
    "imagenet": (
        "mobilenet-v2-imagenet.safetensors",
        "a961f0beb85ff911fc3ffd570bbcc32ddfc248094eac7641ddb4e8c1e20aa4db",
    ),
    "expression": (
        "face-mobilenet-expression-2.safetensors",
        "37c5a5ab4ee88207c0a35be39d251f00fef8dc096e99dfc7a56a38af3505c563",
    ),
    "aligner": (
        "face-aligner-2.safetensors",
        "454a5f2d2467aa181647d1d258d0f1185b20fb4b5ec5c2e643bc0323bf453011",
    ),
}


def held(start: Held) -> dict[str, Tensor]:
    """Return weights that stand in the repository, float32. Raises ValueError if damaged."""
    name, sha256 = HELD[start]
    content = (FOLDER / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{FOLDER / name} is damaged: restore it from the repository")
    return {name: tensor.float() for name, tensor in load(content).items()}


def beginning(start: Start) -> dict[str, Tensor]:
    """Return what a classifier begins with, float32. Raises ValueError, WeightsError."""
    return _sface() if start == "sface" else held(start)


def _sface() -> dict[str, Tensor]:
    path = verify(load_models(None).of("embedder", "sface"))
    return features_of({name: tensor.float() for name, tensor in load_file(path).items()})
