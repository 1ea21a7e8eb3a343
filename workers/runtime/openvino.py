"""Knows how a network runs on the CPU: converted to OpenVINO once, compiled per input size.

Does not know what the outputs mean. The converted form is kept below the cache folder under the
weights' SHA-256 and OpenVINO's version; with it there, starting needs no torch at all.
"""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import numpy as np
import openvino
from openvino.preprocess import ColorFormat, PrePostProcessor

from workers.manifest import Entry
from workers.runtime import Outputs, Pixels
from workers.runtime.conversion import converted

COMPILED_SIZES: Final = 32  # parts of cameras' shapes kept compiled; the longest unused goes


class OpenVinoRuntime:
    """One network on the CPU, pictures one by one; `lanes` threads at once, others wait.

    Measured: on CPU threads a batch of 8 takes 8 to 12 times as long as one picture; two threads
    on one picture gain little; two pictures at once nearly twice, and a fifth more where each
    lane has the network compiled for itself, so that it runs in the caller's thread.
    """

    def __init__(self, entry: Entry, cache: Path, lanes: int) -> None:
        self._entry = entry
        self._core = openvino.Core()
        self._core.set_property({"CACHE_DIR": str(cache / "compiled")})
        self._lock = cache / "compiled.lock"
        self._settings = {
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "f32",  # bf16, where a CPU has it, would break parity
            "ENABLE_CPU_PINNING": False,
        }
        self._path = converted(entry, cache)
        self._lanes = lanes
        self._idle: dict[tuple[int, int], SimpleQueue[openvino.InferRequest]] = {}
        self._compiling = threading.Lock()

    def run(self, pixels: Pixels) -> Outputs:
        """Return the network's outputs by name; see `workers.runtime.Runtime`."""
        height, width = pixels.shape[1:3]
        idle = self._for_size(height, width)
        request = idle.get()
        parts: dict[str, list[np.ndarray]] = {name: [] for name in self._entry.outputs}
        try:
            for picture in pixels:
                request.infer([picture[None]], share_inputs=True)
                for index, name in enumerate(self._entry.outputs):
                    parts[name].append(request.get_output_tensor(index).data.copy())
        finally:
            idle.put(request)
        return {name: np.concatenate(part).astype(np.float32) for name, part in parts.items()}

    def _for_size(self, height: int, width: int) -> "SimpleQueue[openvino.InferRequest]":
        """Return the idle requests for one input size, compiled for each lane at first need."""
        with self._compiling:
            idle = self._idle.pop((height, width), None)
            if idle is None:
                model = self._core.read_model(self._path)
                model.reshape([1, 3, height, width])
                model = _taking_pixels(model)
                idle = SimpleQueue()
                with self._alone():
                    for _ in range(self._lanes):
                        compiled = self._core.compile_model(model, "CPU", self._settings)
                        idle.put(compiled.create_infer_request())
                while len(self._idle) >= COMPILED_SIZES:
                    self._idle.pop(next(iter(self._idle)))
            self._idle[(height, width)] = idle  # youngest last
            return idle

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from the compiled networks' cache, which OpenVINO maps unlocked."""
        with self._lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _taking_pixels(model: openvino.Model) -> openvino.Model:
    """Let a network of (1, 3, H, W) floats take (1, H, W, 3) bytes: conversion inside the graph."""
    steps = PrePostProcessor(model)
    tensor = steps.input().tensor()
    tensor.set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    tensor.set_color_format(ColorFormat.BGR)
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32)
    return steps.build()
