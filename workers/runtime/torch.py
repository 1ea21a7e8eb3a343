"""Knows how a network runs in torch: CUDA with half precision and graphs, or the CPU for parity.

Does not know what the outputs mean. On CUDA each input shape is captured once as a graph and
replayed; batches are filled up to a power of two, so that few shapes exist.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from workers.manifest import Entry
from workers.networks.build import build
from workers.runtime import DeviceError, Outputs, Pixels

LARGEST_BATCH: Final = 32  # more pictures go in several runs: bounds memory and shapes
GRAPHS: Final = 32  # captured shapes kept; the longest unused goes
WARM_UPS: Final = 3  # cuDNN chooses its kernels in these, before the capture


@dataclass(frozen=True, slots=True)
class Graph:
    """One captured shape: write the input, replay, read the outputs."""

    graph: "torch.cuda.CUDAGraph"
    pixels: Tensor  # (B, H, W, 3) uint8
    outputs: tuple[Tensor, ...]


class TorchRuntime:
    """One network on one torch device, "cuda", "cuda:1" or "cpu".

    Raises DeviceError where CUDA is asked for and absent: never a silent fall-back.
    """

    def __init__(self, entry: Entry, device: str) -> None:
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise DeviceError(
                f"device {device!r} was asked for, but torch {torch.__version__} sees no CUDA.\n"
                "Install PyTorch's CUDA build and a driver, or set worker.device to cpu."
            )
        self._device = torch.device(device)
        self._names = entry.outputs
        self._half = self._device.type == "cuda"
        network = build(entry).to(self._device)
        if self._half:
            network = network.half()
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._network: nn.Module = network
        self._graphs: dict[tuple[int, ...], Graph] = {}

    @torch.inference_mode()
    def run(self, pixels: Pixels) -> Outputs:
        """Return the network's outputs by name; see `workers.runtime.Runtime`."""
        parts = [
            self._run_part(np.ascontiguousarray(pixels[start : start + LARGEST_BATCH]))
            for start in range(0, len(pixels), LARGEST_BATCH)
        ]
        joined = [np.concatenate(same) for same in zip(*parts, strict=True)]
        return dict(zip(self._names, joined, strict=True))

    def _run_part(self, pixels: Pixels) -> list[np.ndarray]:
        """Return the outputs of at most LARGEST_BATCH pictures, float32."""
        count = len(pixels)
        if self._device.type == "cpu":
            outputs = self._forward(torch.from_numpy(pixels))
        else:
            filled = 1 << (count - 1).bit_length()
            held = self._graph((filled, *pixels.shape[1:]))
            held.pixels[:count].copy_(torch.from_numpy(pixels))
            held.graph.replay()
            outputs = held.outputs
        return [output[:count].float().cpu().numpy() for output in outputs]

    def _forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Run the network on (B, H, W, 3) bytes."""
        x = pixels.permute(0, 3, 1, 2)  # channels-last in memory already
        out = self._network(x.half() if self._half else x.float())
        return (out,) if isinstance(out, Tensor) else tuple(out)

    def _graph(self, shape: tuple[int, ...]) -> Graph:
        """Return the graph of one input shape, captured at first need."""
        held = self._graphs.pop(shape, None)
        if held is None:
            while len(self._graphs) >= GRAPHS:
                self._graphs.pop(next(iter(self._graphs)))
            held = self._capture(shape)
        self._graphs[shape] = held  # youngest last
        return held

    def _capture(self, shape: tuple[int, ...]) -> Graph:
        """Capture one shape, after warming up on a stream of its own as CUDA demands."""
        pixels = torch.zeros(shape, dtype=torch.uint8, device=self._device)
        with torch.cuda.device(self._device):
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(WARM_UPS):
                    self._forward(pixels)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                outputs = self._forward(pixels)
        return Graph(graph, pixels, outputs)
