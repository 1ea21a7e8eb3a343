"""Knows how long the shipped embedders take for a face, side by side."""

import sys
import tempfile
from pathlib import Path

import numpy as np

from training.recognition.timing import side_by_side
from workers.manifest import load_models


def main() -> int:
    """Print the median and the tenth and ninetieth percentile of each, in milliseconds."""
    entries = [entry for entry in load_models(None).entries if entry.role == "embedder"]
    with tempfile.TemporaryDirectory() as cache:
        took_ms = side_by_side(entries, Path(cache))
    for entry, each in zip(entries, took_ms, strict=True):
        low, middle, high = np.percentile(each, [10, 50, 90])
        print(f"{entry.label:16} {middle:.1f} ms a face ({low:.1f} to {high:.1f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
