"""Knows how a training that was killed goes on: one file, written whole or not at all.

What is drawn at random needs no state: an epoch's order comes of (seed, epoch), a sample of (seed,
epoch, its place) and dropout of (seed, step).
"""

import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from training.refusal import Refusal

NAME: Final = "state.pt"
MAGIC: Final = b"ostiary-training-1\n"


class StateError(Refusal):
    """A state file cannot be gone on from; the lines say why, and what to do."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch came to: the mean loss of its steps, and validation's loss and shares."""

    number: int
    loss: float
    validation_loss: float
    accuracy: float
    balanced: float

    def figure(self, choose: str) -> float:
        """Return the figure by which epochs are compared: higher is better."""
        match choose:
            case "loss":
                return -self.validation_loss
            case "accuracy":
                return self.accuracy
            case "balanced":
                return self.balanced
        return float(self.number)  # the last


@dataclass(slots=True)
class State:
    """A training after so many steps. run: what it is of, which another run may not mix with.

    losses: of the steps of the epoch under way. best: the weights that are kept, of best_epoch.
    """

    run: Mapping[str, str]
    step: int = 0
    losses: list[float] = field(default_factory=list)
    network: dict[str, Tensor] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    average: dict[str, Tensor] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_epoch: int = 0
    best_figure: float = float("-inf")
    epochs: list[Epoch] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """Write it. Raises OSError."""
        kept = {name: getattr(self, name) for name in self.__slots__}
        kept["run"] = dict(self.run)
        kept["epochs"] = [asdict(epoch) for epoch in self.epochs]
        buffer = io.BytesIO()
        torch.save(kept, buffer)
        data = buffer.getvalue()
        part = folder / f"{NAME}.part"
        with part.open("wb") as file:
            file.write(MAGIC + hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / NAME)


def load_state(folder: Path, run: Mapping[str, str]) -> State | None:
    """Return what a folder's training has come to, or None where none was begun.

    run: what the training to go on with is of. Raises StateError where the file is damaged, or of
    another one.
    """
    path = folder / NAME
    if not path.exists():
        return None
    head, _, rest = path.read_bytes().partition(b"\n")
    digest, _, data = rest.partition(b"\n")
    if head + b"\n" != MAGIC or hashlib.sha256(data).hexdigest().encode() != digest:
        raise StateError(
            f"{path} is damaged: the training cannot go on from it.",
            "Remove it to begin again, or restore it.",
        )
    kept = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    other = [name for name in run if kept["run"].get(name) != run[name]]
    if other:
        raise StateError(
            f"{folder} holds a training of another {' and '.join(other)}.",
            *(_apart(name, str(kept["run"].get(name)), run[name]) for name in other[:1]),
            "Name another folder by --out, or remove that one.",
        )
    return State(**{**kept, "epochs": [Epoch(**one) for one in kept["epochs"]]})


def _apart(name: str, there: str, here: str) -> str:
    """Return in words what differs between two descriptions, without what both have."""
    theirs, ours = there.split(", "), here.split(", ")
    gone = ", ".join(part for part in theirs if part not in ours)
    come = ", ".join(part for part in ours if part not in theirs)
    return f"{name}: {gone or 'nothing of it'} there, {come or 'nothing of it'} here."
