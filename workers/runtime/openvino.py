"""Knows how a network runs on the CPU: converted to OpenVINO once, compiled per input size.

Does not know what the outputs mean. The converted form is kept below the cache folder under the
weights' SHA-256 and OpenVINO's version; with it there, starting needs no torch at all.
"""

from pathlib import Path
from typing import Final

import numpy as np
import openvino
from openvino.preprocess import ColorFormat, PrePostProcessor

from workers.manifest import Entry
from workers.runtime import Outputs, Pixels
from workers.runtime.conversion import converted

COMPILED_SIZES: Final = 8  # cameras' shapes kept compiled; the longest unused goes


class OpenVinoRuntime:
    """One network on the CPU, one request at a time, pictures one by one.

    Measured: on CPU threads a batch of 8 takes 8 to 12 times as long as one picture.
    """

    def __init__(self, entry: Entry, cache: Path, threads: int) -> None:
        self._entry = entry
        self._core = openvino.Core()
        self._core.set_property({"CACHE_DIR": str(cache / "compiled")})
        self._settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "f32",  # bf16, where a CPU has it, would break parity
            "ENABLE_CPU_PINNING": False,
        }
        self._path = converted(entry, cache)
        self._requests: dict[tuple[int, int], openvino.InferRequest] = {}

    def run(self, pixels: Pixels) -> Outputs:
        """Return the network's outputs by name; see `workers.runtime.Runtime`."""
        height, width = pixels.shape[1:3]
        request = self._request(height, width)
        parts: dict[str, list[np.ndarray]] = {name: [] for name in self._entry.outputs}
        for picture in pixels:
            request.infer([picture[None]], share_inputs=True)
            for index, name in enumerate(self._entry.outputs):
                parts[name].append(request.get_output_tensor(index).data.copy())
        return {name: np.concatenate(part).astype(np.float32) for name, part in parts.items()}

    def _request(self, height: int, width: int) -> openvino.InferRequest:
        """Return the request for one input size, compiling the network for it at first need."""
        request = self._requests.pop((height, width), None)
        if request is None:
            model = self._core.read_model(self._path)
            model.reshape([1, 3, height, width])
            compiled = self._core.compile_model(_taking_pixels(model), "CPU", self._settings)
            request = compiled.create_infer_request()
            while len(self._requests) >= COMPILED_SIZES:
                self._requests.pop(next(iter(self._requests)))
        self._requests[(height, width)] = request  # youngest last
        return request


def _taking_pixels(model: openvino.Model) -> openvino.Model:
    """Let a network of (1, 3, H, W) floats take (1, H, W, 3) bytes: conversion inside the graph."""
    steps = PrePostProcessor(model)
    tensor = steps.input().tensor()
    tensor.set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    tensor.set_color_format(ColorFormat.BGR)
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32)
    return steps.build()
