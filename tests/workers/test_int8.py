"""Layers that compute in bytes: what rounding does, and that OpenVINO computes it in bytes."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import openvino
import pytest
import torch
from torch import nn

from engine.faces import ALIGNED_PX
from ostiary.demo.portraits import load_portraits, read_picture
from training.live import live_detector
from training.recognition.ranges import FIRST, ranges_of
from workers.crops import ALIGNED, crop_faces
from workers.manifest import load_manifest, load_models
from workers.networks.build import build
from workers.networks.face_aligner import AlignedSFace
from workers.networks.int8 import Int8Conv2d, Int8Linear
from workers.networks.sface import SFace
from workers.runtime.conversion import converted

pytestmark = pytest.mark.unit


def given(layer: nn.Module, low: float, high: float) -> nn.Module:
    """A layer with a range, set as weights are loaded."""
    layer.load_state_dict(layer.state_dict() | {"range": torch.tensor([low, high])})
    return layer


def by_hand(x: np.ndarray, low: float, high: float) -> np.ndarray:
    step = (high - low) / 255
    zero = round(-low / step)
    return (np.clip(np.round(x / step) + zero, 0, 255) - zero) * step


def weights_by_hand(weight: np.ndarray, levels: int) -> np.ndarray:
    rows = [row / (np.abs(row).max() / levels) for row in weight]
    rounded = [
        np.round(row) * (np.abs(one).max() / levels) for row, one in zip(rows, weight, strict=True)
    ]
    return np.stack(rounded)


@pytest.mark.parametrize("levels", [63, 127])
def test_a_convolution_is_that_of_rounded_numbers(levels):
    torch.manual_seed(0)
    layer = given(Int8Conv2d(3, 4, 3, 2, 1, bias=False, levels=levels), -1.5, 2.0)
    x = torch.randn(2, 3, 9, 9) * 2  # some beyond the range
    wanted = nn.functional.conv2d(
        torch.from_numpy(by_hand(x.numpy(), -1.5, 2.0)).float(),
        torch.from_numpy(weights_by_hand(layer.weight.detach().numpy(), levels)).float(),
        stride=2,
        padding=1,
    )
    assert torch.allclose(layer(x), wanted, atol=1e-4)
    plain = nn.functional.conv2d(x, layer.weight, stride=2, padding=1)
    assert not torch.allclose(layer(x), plain, atol=0.1)


def test_a_dense_layer_is_that_of_rounded_numbers():
    torch.manual_seed(0)
    layer = given(Int8Linear(12, 5), -0.5, 3.0)
    x = torch.randn(4, 12)
    weight = torch.from_numpy(weights_by_hand(layer.weight.detach().numpy(), 127)).float()
    seen = torch.from_numpy(by_hand(x.numpy(), -0.5, 3.0)).float()
    assert torch.allclose(layer(x), seen @ weight.T + layer.bias, atol=1e-5)


def test_halves_are_not_rounded():
    torch.manual_seed(0)
    layer = given(Int8Linear(8, 3), -0.1, 0.1).half()
    x = torch.randn(2, 8).half()
    assert torch.equal(layer(x), nn.functional.linear(x, layer.weight, layer.bias))


def test_a_copy_follows_its_own_weights():
    torch.manual_seed(0)
    layer = given(Int8Linear(8, 3), -1.0, 1.0)
    copy, x = deepcopy(layer), torch.rand(2, 8)
    before = layer(x)
    copy.load_state_dict({name: 9 * held for name, held in copy.state_dict().items()})
    assert torch.equal(layer(x), before)
    fresh = Int8Linear(8, 3)
    fresh.load_state_dict(copy.state_dict())
    assert torch.equal(copy(x), fresh(x))


def test_zero_stays_zero():
    layer = given(Int8Linear(4, 2), -0.37, 1.91)
    assert torch.equal(layer(torch.zeros(1, 4)), layer.bias[None])


def test_ranges_are_the_means_of_what_comes_in():
    torch.manual_seed(0)
    network = AlignedSFace().eval()
    faces = np.random.default_rng(0).integers(0, 256, (3, ALIGNED_PX, ALIGNED_PX, 3), np.uint8)
    found = ranges_of(network, faces)
    own = AlignedSFace(int8=True).state_dict()
    assert set(found) == {name for name in own if name.endswith(".range")}
    assert found["sface.stem.0.range"].tolist() == pytest.approx(FIRST)
    seen = network.put_right(torch.from_numpy(faces).permute(0, 3, 1, 2).float())
    second = network.sface.stem((seen.flip(1) - 127.5) / 128).detach().flatten(1)
    wanted = [float(second.amin(1).mean()), float(second.amax(1).mean())]
    assert found["sface.body.0.0.range"].tolist() == pytest.approx(wanted, rel=1e-4)


def portraits(cache: Path) -> np.ndarray:
    """The first face of each of the demo's photographs (N, 112, 112, 3)."""
    found = []
    for one in load_portraits().values():
        picture = np.ascontiguousarray(read_picture(one.photo)[..., :3])
        (faces,) = live_detector(cache).detect([picture])
        found.append(crop_faces(picture, faces.points[:1], ALIGNED)[0])
    return np.stack(found)


@pytest.mark.slow
def test_the_shipped_embedder_says_in_bytes_what_its_weights_say_in_floats(tmp_path):
    network = build(load_manifest()["embedder"])
    layers = (network.sface.stem, *network.sface.body)
    assert all(isinstance(layer[0], Int8Conv2d) for layer in layers)
    in_floats = AlignedSFace().eval()
    in_floats.load_state_dict(network.state_dict(), strict=False)
    with torch.no_grad():
        faces = torch.from_numpy(portraits(tmp_path)).permute(0, 3, 1, 2).float()
        cosines = nn.functional.cosine_similarity(network(faces), in_floats(faces))
    assert 0.98 < cosines.min() < 0.9999  # and not in floats


@pytest.mark.slow
@pytest.mark.parametrize("name", [None, "sface-light"])
def test_openvino_computes_it_in_bytes(tmp_path, name):
    entry = load_models(None).of("embedder", name)
    model = openvino.Core().read_model(converted(entry, tmp_path))
    model.reshape([1, 3, ALIGNED_PX, ALIGNED_PX])
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    kinds = [
        tuple(
            str(node.get_rt_info()[name].astype(str)) for name in ("layerType", "runtimePrecision")
        )
        for node in compiled.get_runtime_model().get_ops()
    ]
    layers = sum(isinstance(one, nn.Conv2d) for one in SFace().modules())
    in_bytes = [kind for kind in kinds if kind[0] == "Convolution" and kind[1] in ("u8", "i8")]
    assert len(in_bytes) == layers
