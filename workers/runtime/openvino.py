"""Knows how a network runs on the CPU: converted to OpenVINO once, compiled per input size.

Does not know what the outputs mean. The converted form is kept below the cache folder under the
weights' SHA-256 and OpenVINO's version; with it there, starting needs no torch at all.
"""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import openvino
from openvino.preprocess import ColorFormat, PrePostProcessor

from workers.manifest import Entry
from workers.runtime import Outputs, Pixels
from workers.runtime.conversion import converted

COMPILED_SIZES: Final = 32  # parts of cameras' shapes kept compiled; the longest unused goes


@dataclass(slots=True)
class _Compiled:
    """A network for one input size, and its requests that nobody uses just now."""

    network: openvino.CompiledModel
    idle: list[openvino.InferRequest] = field(default_factory=list)


class OpenVinoRuntime:
    """One network on the CPU, pictures one by one; up to `threads` threads may call it at once.

    Measured: on CPU threads a batch of 8 takes 8 to 12 times as long as one picture, and two
    threads on one picture gain little; two pictures at once, one thread each, gain nearly twice.
    """

    def __init__(self, entry: Entry, cache: Path, threads: int) -> None:
        self._entry = entry
        self._core = openvino.Core()
        self._core.set_property({"CACHE_DIR": str(cache / "compiled")})
        self._settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": threads,  # one thread each
            "INFERENCE_PRECISION_HINT": "f32",  # bf16, where a CPU has it, would break parity
            "ENABLE_CPU_PINNING": False,
        }
        self._path = converted(entry, cache)
        self._compiled: dict[tuple[int, int], _Compiled] = {}
        self._compiling = threading.Lock()

    def run(self, pixels: Pixels) -> Outputs:
        """Return the network's outputs by name; see `workers.runtime.Runtime`."""
        height, width = pixels.shape[1:3]
        compiled = self._for_size(height, width)
        request = compiled.idle.pop() if compiled.idle else compiled.network.create_infer_request()
        parts: dict[str, list[np.ndarray]] = {name: [] for name in self._entry.outputs}
        for picture in pixels:
            request.infer([picture[None]], share_inputs=True)
            for index, name in enumerate(self._entry.outputs):
                parts[name].append(request.get_output_tensor(index).data.copy())
        compiled.idle.append(request)
        return {name: np.concatenate(part).astype(np.float32) for name, part in parts.items()}

    def _for_size(self, height: int, width: int) -> _Compiled:
        """Return the network for one input size, compiled at first need."""
        with self._compiling:
            compiled = self._compiled.pop((height, width), None)
            if compiled is None:
                model = self._core.read_model(self._path)
                model.reshape([1, 3, height, width])
                compiled = _Compiled(
                    self._core.compile_model(_taking_pixels(model), "CPU", self._settings)
                )
                while len(self._compiled) >= COMPILED_SIZES:
                    self._compiled.pop(next(iter(self._compiled)))
            self._compiled[(height, width)] = compiled  # youngest last
            return compiled


def _taking_pixels(model: openvino.Model) -> openvino.Model:
    """Let a network of (1, 3, H, W) floats take (1, H, W, 3) bytes: conversion inside the graph."""
    steps = PrePostProcessor(model)
    tensor = steps.input().tensor()
    tensor.set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    tensor.set_color_format(ColorFormat.BGR)
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32)
    return steps.build()
