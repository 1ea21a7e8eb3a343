"""One set of weights says the same in OpenVINO and in torch; CUDA where there is one."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from fakes.model_folders import write_model

from engine.faces import Detections
from workers.crops import ALIGNED, EXPRESSION, MASK, crop_faces
from workers.detector import Detector
from workers.manifest import load_manifest, load_models
from workers.models import runtime_for
from workers.preprocess import fit
from workers.runtime import DeviceError
from workers.runtime.conversion import converted
from workers.runtime.openvino import OpenVinoRuntime
from workers.runtime.torch import TorchRuntime

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PORTRAITS = Path(__file__).parents[2] / "ostiary" / "demo" / "portraits"
FRAMINGS = {"embedder": ALIGNED, "mask": MASK, "expression": EXPRESSION}
# Largest difference of an output, as a share of the output's largest value.
TOLERANCE = {"cpu": 2e-3, "cuda": 5e-2}
# The embedder computes in bytes, in which the smallest difference is a large one, and CUDA does
# not: of a face's two vectors, the least cosine.
ALIKE = {"cpu": 0.99, "cuda": 0.97}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("openvino")


def a_picture() -> np.ndarray:
    for path in sorted(PORTRAITS.glob("*.jpg")):
        picture = cv2.imread(str(path))
        if picture is not None:
            return picture
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3)


@pytest.fixture(scope="module")
def inputs(cache):
    picture = a_picture()
    entry = load_manifest()["detector"]
    faces = Detector(OpenVinoRuntime(entry, cache, 1), entry, 640).detect([picture])[0]
    points = faces.points[:1] if len(faces) else (ALIGNED.template[None] * 2 + 50)
    crops = {role: crop_faces(picture, points, framing) for role, framing in FRAMINGS.items()}
    return {"detector": fit(picture, 640).pixels[None], **crops}


def least_cosine(ours: np.ndarray, theirs: np.ndarray) -> float:
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return float(((ours * theirs).sum(axis=1) / lengths).min())


@pytest.mark.parametrize("role", ["detector", "embedder", "mask", "expression"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_openvino_and_torch_agree(role, device, cache, inputs):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    entry = load_manifest()[role]
    batch = np.concatenate([inputs[role], inputs[role][:, ::-1]])  # and upside down: a batch of two
    ours = OpenVinoRuntime(entry, cache, 1).run(batch)
    theirs = TorchRuntime(entry, device).run(batch)
    assert list(ours) == list(theirs) == list(entry.outputs)
    for name, output in ours.items():
        assert output.shape == theirs[name].shape
        assert output.dtype == np.float32
        if role == "embedder":
            assert least_cosine(output, theirs[name]) > ALIKE[device]
        else:
            worst = np.abs(output - theirs[name]).max() / np.abs(output).max()
            assert worst < TOLERANCE[device], f"{role} {name}: {worst}"
    first, turned = next(iter(ours.values()))
    assert not np.allclose(first, turned), "the parity would hold for any input"


@pytest.mark.parametrize("role", ["mask", "expression"])
def test_a_model_of_another_size_agrees_too(role, cache, tmp_path):
    write_model(tmp_path, role, "large@1", sure=1.0, input=[224, 224])
    entry = load_models(tmp_path).of(role, "large")
    detector = load_manifest()["detector"]
    faces = Detector(OpenVinoRuntime(detector, cache, 1), detector, 640).detect([a_picture()])[0]
    crops = crop_faces(a_picture(), faces.points, FRAMINGS[role].resized(224))
    (ours,) = OpenVinoRuntime(entry, cache, 1).run(crops).values()
    (theirs,) = TorchRuntime(entry, "cpu").run(crops).values()
    assert len(ours) > 0
    assert np.abs(ours - theirs).max() / np.abs(ours).max() < TOLERANCE["cpu"]


def test_a_network_is_converted_once(cache):
    entry = load_manifest()["detector"]
    path = converted(entry, cache)
    stamp = path.stat().st_mtime_ns
    assert converted(entry, cache) == path
    assert path.stat().st_mtime_ns == stamp
    assert entry.sha256[:16] in path.parent.name
    assert not list(cache.glob(".converting-*"))


def test_several_sizes_run_in_turn(cache):
    entry = load_manifest()["detector"]
    runtime = OpenVinoRuntime(entry, cache, 1)
    for height, width in [(64, 96), (96, 64), (64, 96)]:
        out = runtime.run(np.zeros((1, height, width, 3), np.uint8))
        anchors = sum((height // s) * (width // s) for s in (8, 16, 32))
        assert out["scores"].shape == (1, anchors)
        assert out["points"].shape == (1, anchors, 10)


def test_cuda_is_never_replaced_silently(cache):
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(DeviceError, match="sees no CUDA"):
        runtime_for(load_manifest()["detector"], "cuda", cache, 1)


def test_an_unknown_device_is_refused(cache):
    with pytest.raises(DeviceError, match="use cpu or cuda"):
        runtime_for(load_manifest()["detector"], "tpu", cache, 1)


def test_detections_are_in_pixels_of_the_source(cache):
    entry = load_manifest()["detector"]
    detector = Detector(OpenVinoRuntime(entry, cache, 1), entry, 640)
    picture = a_picture()
    large, small = detector.detect([cv2.resize(picture, None, fx=2, fy=2), picture])
    if not len(small):
        pytest.skip("no portrait is here to find a face in")
    assert isinstance(small, Detections)
    assert large.boxes[0] / 2 == pytest.approx(
        small.boxes[0], abs=float(0.05 * small.boxes[0].max())
    )
