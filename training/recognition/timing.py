"""Knows how long embedders take for a face, side by side. Judges nothing else.

One face, one thread of the CPU, as the worker runs them, in turn: all see the same machine.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from engine.faces import ALIGNED_PX
from training.live import live_runtime
from workers.manifest import Entry

ROUNDS: Final = 20
FACES: Final = 20  # by each in a round


def side_by_side(entries: Sequence[Entry], cache: Path) -> list[NDArray[np.float64]]:
    """Return what each face took each network, milliseconds (ROUNDS * FACES,), in their order."""
    faces = np.random.default_rng(0).integers(0, 256, (FACES, 1, ALIGNED_PX, ALIGNED_PX, 3))
    runtimes = [live_runtime(entry, cache) for entry in entries]
    took_ms: list[list[float]] = [[] for _ in entries]
    for turn in range(1 + ROUNDS):  # the first compiles
        for runtime, own in zip(runtimes, took_ms, strict=True):
            for face in faces.astype(np.uint8):
                began = time.perf_counter()
                runtime.run(face)
                if turn:
                    own.append(1000 * (time.perf_counter() - began))
    return [np.array(own) for own in took_ms]


@torch.inference_mode()
def on_gpu(network: nn.Module) -> float | None:
    """Return what one face takes on a GPU, milliseconds, the median; None where there is none."""
    if not torch.cuda.is_available():
        return None
    network = network.eval().to("cuda")
    face = torch.zeros(1, 3, ALIGNED_PX, ALIGNED_PX, device="cuda")
    took_ms = []
    for turn in range(ROUNDS + FACES):
        began = time.perf_counter()
        network(face)
        torch.cuda.synchronize()
        if turn >= ROUNDS:  # the first choose their kernels
            took_ms.append(1000 * (time.perf_counter() - began))
    return float(np.median(took_ms))
