"""Knows which module an entry of the manifest names and fills it with its weights. Runs nothing."""

from collections.abc import Callable, Mapping
from typing import Final

from safetensors.torch import load_file
from torch import nn

from workers.manifest import Entry, WeightsError, verify
from workers.networks.classifier import Classifier
from workers.networks.face_mobilenet import FaceMobileNet
from workers.networks.mobilenet_v2 import MobileNetV2, MobileNetV2Hidden
from workers.networks.sface import SFace
from workers.networks.yunet import YuNet

CLASSIFIERS: Final[Mapping[str, Callable[[int], Classifier]]] = {
    "face_mobilenet": FaceMobileNet,
    "mobilenet_v2": MobileNetV2,
    "mobilenet_v2_hidden": MobileNetV2Hidden,
}


def empty(entry: Entry) -> nn.Module:
    """Return the module that an entry names, without its weights."""
    match entry.network:
        case "yunet":
            return YuNet()
        case "sface":
            return SFace()
        case classifier if classifier in CLASSIFIERS:
            return CLASSIFIERS[classifier](entry.classes)
    raise WeightsError(f"{entry.label}: no network is called {entry.network!r}")


def build(entry: Entry) -> nn.Module:
    """Return the module with its verified weights, float32, for inference."""
    path = verify(entry)
    network = empty(entry)
    state = {name: tensor.float() for name, tensor in load_file(path).items()}
    missing, unexpected = network.load_state_dict(state, strict=False)
    wrong = [name for name in missing if not name.endswith("num_batches_tracked")]
    if wrong or unexpected:
        raise WeightsError(f"{path}: lacks {wrong[:3]}, has besides {unexpected[:3]}")
    return network.eval()
