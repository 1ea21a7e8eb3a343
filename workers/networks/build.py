"""Knows which module an entry of the manifest names and fills it with its weights. Runs nothing."""

from collections.abc import Callable, Mapping
from typing import Final

from safetensors.torch import load_file
from torch import Tensor, nn

from workers.manifest import Entry, WeightsError, load_models, verify
from workers.networks.classifier import Classifier
from workers.networks.face_aligner import AlignedSFace
from workers.networks.face_mobilenet import FaceMobileNet
from workers.networks.face_net import FAMILY, FaceNet
from workers.networks.mobilenet_v2 import MobileNetV2, MobileNetV2Hidden
from workers.networks.occluded_resnet import OccludedResNet, full, widths_of
from workers.networks.sface import LIGHT, SFace
from workers.networks.yunet import YuNet

CLASSIFIERS: Final[Mapping[str, Callable[[int], Classifier]]] = {
    "face_mobilenet": FaceMobileNet,
    "mobilenet_v2": MobileNetV2,
    "mobilenet_v2_hidden": MobileNetV2Hidden,
}
SINGLE: Final[Mapping[str, Callable[[], nn.Module]]] = {
    "yunet": YuNet,
    "sface": SFace,
    "sface-aligned": AlignedSFace,
    "sface-aligned-int8": lambda: AlignedSFace(int8=True),
    "sface-light": lambda: SFace(LIGHT),
    "sface-light-int8": lambda: SFace(LIGHT, int8=True),
}
ALIGNED: Final = ("sface-aligned", "sface-aligned-int8")  # their files hold no SFace
OCCLUDED: Final[Mapping[str, float]] = {
    "occluded-resnet": 1.0,
    "occluded-resnet-half": 0.5,
}  # widths


def empty(entry: Entry) -> nn.Module:
    """Return the module that an entry names, without its weights. Raises WeightsError."""
    try:
        return network_of(entry.network, entry.classes)
    except KeyError as error:
        raise WeightsError(f"{entry.label}: no network is called {entry.network!r}") from error


def network_of(name: str, classes: int = 0) -> nn.Module:
    """Return a network by its name, untaught; classes: a classifier's. Raises KeyError."""
    if name in SINGLE:
        return SINGLE[name]()
    if name in FAMILY:
        return FaceNet(FAMILY[name])
    if name in OCCLUDED:
        return OccludedResNet(full(OCCLUDED[name]), masking=False)
    return CLASSIFIERS[name](classes)


def build(entry: Entry) -> nn.Module:
    """Return the module with its verified weights, float32, for inference."""
    path = verify(entry)
    state = {name: tensor.float() for name, tensor in load_file(path).items()}
    if entry.network in ALIGNED:
        state = _shipped_sface() | state
    network = _pruned(entry, state) if entry.network in OCCLUDED else empty(entry)
    missing, unexpected = network.load_state_dict(state, strict=False)
    wrong = [name for name in missing if not name.endswith("num_batches_tracked")]
    if wrong or unexpected:
        raise WeightsError(f"{path}: lacks {wrong[:3]}, has besides {unexpected[:3]}")
    return network.eval()


def _shipped_sface() -> dict[str, Tensor]:
    """Return SFace's weights as those of an aligned one; its file need hold the aligner alone."""
    path = verify(load_models(None).of("embedder", "sface"))
    return {f"sface.{name}": tensor.float() for name, tensor in load_file(path).items()}


def _pruned(entry: Entry, state: Mapping[str, Tensor]) -> nn.Module:
    """Return a network as wide as its weights are, which may have lost some filters."""
    try:
        widths = widths_of(state)
    except KeyError as error:
        raise WeightsError(f"{entry.file}: lacks {error.args[0]}") from error
    return OccludedResNet(widths, any(name.startswith("mask.") for name in state))
