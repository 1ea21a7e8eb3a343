"""Prints an embedder's thresholds, as the manifest holds them, by the people kept for nothing else.

`python -m training.recognition.thresholds --data DIR [--home HOME] [--model NAME] [--threads N]`
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from training.recognition.calibration import Calibration, Kind, calibrate
from training.recognition.material import Room, embedded, reserved
from workers.manifest import Entry, load_models
from workers.runtime.openvino import OpenVinoRuntime


def measure(entry: Entry, room: Room) -> Calibration:
    """Return an embedder's thresholds. Raises Refusal, WeightsError, OSError."""
    held = reserved(room, lambda done, total: None)
    runtime = OpenVinoRuntime(entry, room.cache.parent / "networks", room.threads)
    bare, masked = (
        embedded(crops, runtime, room.threads, lambda more: None)
        for crops in (held.faces.crops, held.masked)
    )
    return calibrate(bare, masked, held.faces.numbers())


def lines(entry: Entry, found: Calibration) -> Iterator[str]:
    """Yield a table of the manifest, and below what searches among the same people come to."""
    yield f"# {entry.label}: {found.people} people, {found.impostor_pairs:,} pairs of two of them"
    yield "[embedder.thresholds]"
    for name, value in found.declared().items():
        yield f"{name} = {value}"
    yield "[embedder.measured]"
    for name, kind in (("bare", found.bare), ("masked", found.masked)):
        yield from _search(name, kind)


def _search(name: str, kind: Kind) -> Iterator[str]:
    yield f"{name}_separation = {kind.separation:.3f}"
    if kind.search is not None:
        about = f"{kind.search.people} enrolled, {kind.search.strangers:,} strangers"
        yield f"{name}_search_fnir = {kind.search.fnir:.4f}  # at FPIR 1 %, {about}"
        yield f"{name}_search_threshold = {kind.search.threshold:.4f}"


def main(arguments: Sequence[str]) -> int:
    """Print them."""
    parser = argparse.ArgumentParser(description="An embedder's thresholds by reserved people")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--home", type=Path, default=Path("~/.ostiary").expanduser())
    parser.add_argument("--model")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    entry = load_models(options.home).of("embedder", options.model)
    room = Room(options.data, options.home / "cache" / "recognition", options.threads)
    print("\n".join(lines(entry, measure(entry, room))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
