"""Knows how training and evaluation run the live networks. Does not train."""

from pathlib import Path

from workers.detector import Detector
from workers.manifest import Entry, load_manifest
from workers.runtime.openvino import OpenVinoRuntime

LONGEST_PX = 640


def live_detector(cache: Path) -> Detector:
    """Return the detector that the worker uses, on one CPU thread."""
    entry = load_manifest()["detector"]
    return Detector(live_runtime(entry, cache), entry, LONGEST_PX)


def live_runtime(entry: Entry, cache: Path) -> OpenVinoRuntime:
    """Return one network as the worker runs it on the CPU, on one thread."""
    return OpenVinoRuntime(entry, cache / "openvino", 1)
