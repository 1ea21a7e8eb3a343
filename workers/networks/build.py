"""Knows which module an entry of the manifest names and fills it with its weights. Runs nothing."""

from safetensors.torch import load_file
from torch import nn

from workers.manifest import Entry, WeightsError, verify
from workers.networks.mobilenet_v2 import MobileNetV2
from workers.networks.sface import SFace
from workers.networks.yunet import YuNet


def empty(entry: Entry) -> nn.Module:
    """Return the module that an entry names, without its weights."""
    match entry.network:
        case "yunet":
            return YuNet()
        case "sface":
            return SFace()
        case "mobilenet_v2":
            return MobileNetV2(entry.classes)
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
