"""Knows how long the shipped embedders take for a face, side by side.

One face, one thread of the CPU, as the worker runs them, in turn: both see the same machine.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np

from training.live import live_runtime
from workers.manifest import load_models

ROUNDS: Final = 20
FACES: Final = 20  # by each in a round


def main() -> int:
    """Print the median and the tenth and ninetieth percentile of each, in milliseconds."""
    entries = [entry for entry in load_models(None).entries if entry.role == "embedder"]
    faces = np.random.default_rng(0).integers(0, 256, (FACES, 1, 112, 112, 3)).astype(np.uint8)
    with tempfile.TemporaryDirectory() as cache:
        runtimes = {entry.label: live_runtime(entry, Path(cache)) for entry in entries}
        took_ms: dict[str, list[float]] = {label: [] for label in runtimes}
        for turn in range(1 + ROUNDS):  # the first compiles
            for label, runtime in runtimes.items():
                for face in faces:
                    began = time.perf_counter()
                    runtime.run(face)
                    if turn:
                        took_ms[label].append(1000 * (time.perf_counter() - began))
    for label, each in took_ms.items():
        low, middle, high = np.percentile(each, [10, 50, 90])
        print(f"{label:16} {middle:.1f} ms a face ({low:.1f} to {high:.1f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
