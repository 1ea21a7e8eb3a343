"""Knows how a base whose weights never change sees faster on a CPU. Does not train.

OpenVINO takes 13 ms for a picture of 224 pixels on one thread where torch takes 52, and its answer
differs by 8e-6.
"""

from collections.abc import Callable
from typing import Final

import workers.runtime  # noqa: F401  silences OpenVINO's telemetry, so it comes before

# isort: split

import openvino
import torch
from torch import Tensor, nn

AT_ONCE: Final = 32  # pictures: what lies between the layers of many fits no cache
See = Callable[[Tensor], Tensor]


class _Seen(nn.Module):
    """What a network's part makes of a picture, as a module."""

    def __init__(self, network: nn.Module, see: See) -> None:
        super().__init__()
        self.network, self.see = network, see

    def forward(self, picture: Tensor) -> Tensor:
        return self.see(picture)


class FrozenBase:
    """What a part of a network says of pictures (N, 3, S, S), on the CPU; see: a method of it."""

    def __init__(self, network: nn.Module, see: See, size_px: int, threads: int) -> None:
        example = torch.zeros(1, 3, size_px, size_px)
        with torch.no_grad():
            model = openvino.convert_model(_Seen(network, see).eval(), example_input=example)
        wanted = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(model, "CPU", wanted)
        self._request = compiled.create_infer_request()

    def __call__(self, pictures: Tensor) -> Tensor:
        parts = []
        for some in pictures.split(AT_ONCE):  # type: ignore[no-untyped-call]
            (out,) = self._request.infer([some.contiguous().numpy()]).values()
            parts.append(torch.from_numpy(out.copy()))
        return torch.cat(parts)
