"""Knows how a base whose weights never change sees faster on a CPU. Does not train.

OpenVINO takes 13 ms for a picture of 224 pixels on one thread where torch takes 52, and its answer
differs by 8e-6.
"""

import workers.runtime  # noqa: F401  silences OpenVINO's telemetry, so it comes before

# isort: split

import openvino
import torch
from torch import Tensor, nn

from workers.networks.classifier import Classifier


class _Pooled(nn.Module):
    """A network's convolutions alone, as a module."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> Tensor:
        return self.network.pooled(picture)


class FrozenBase:
    """What a network's convolutions say of pictures (N, 3, S, S): (N, 1280), on the CPU."""

    def __init__(self, network: Classifier, size_px: int, threads: int) -> None:
        example = torch.zeros(1, 3, size_px, size_px)
        with torch.no_grad():
            model = openvino.convert_model(_Pooled(network).eval(), example_input=example)
        wanted = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(model, "CPU", wanted)
        self._request = compiled.create_infer_request()

    def __call__(self, pictures: Tensor) -> Tensor:
        (out,) = self._request.infer([pictures.contiguous().numpy()]).values()
        return torch.from_numpy(out.copy())
