"""Knows how a taught network is watched: by faces that it does not learn from. Teaches nothing."""

from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from training.feed import pixels
from workers.networks.face_aligner import AlignedSFace

Crops = NDArray[np.uint8]  # (N, 112, 112, 3) BGR
AT_ONCE: Final = 64
NEAR_PX: Final = 2.0  # up to which the loss of points is quadratic
WITHIN_PX: Final = (1.0, 2.0)  # root mean square over a face's five points


@dataclass(frozen=True, slots=True)
class Marks:
    """What an epoch came to on the faces that are watched: a loss, and two shares, 0..1."""

    loss: float
    accuracy: float
    balanced: float


class Watched(Protocol):
    """Faces that nothing is learnt from. words: what the two shares are, for people."""

    words: ClassVar[str]

    @property
    def faces(self) -> Crops:
        """Return some of them as the network is shown them, (N, 112, 112, 3)."""

    def marks(self, network: nn.Module, device: torch.device) -> Marks:
        """Return how a network does on them."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Faces bare and masked (N, 112, 112, 3), and the teacher's vectors of them (N, D)."""

    words: ClassVar[str] = "accuracy: own vector nearest, masked; recall: bare"
    bare: Crops
    masked: Crops
    vectors: NDArray[np.float32]

    @property
    def faces(self) -> Crops:
        """Return some, every second one masked."""
        return np.stack([self.bare, self.masked], axis=1).reshape(-1, *self.bare.shape[1:])

    def marks(self, network: nn.Module, device: torch.device) -> Marks:
        """Return 1 - the mean cosine of masked faces, and how many are found, masked and bare."""
        masked, bare = (vectors_of(network, crops, device) for crops in (self.masked, self.bare))
        return Marks(
            1 - float((masked * self.vectors).sum(axis=1).mean()),
            found_first(masked, self.vectors),
            found_first(bare, self.vectors),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Displaced:
    """Displaced faces (N, 112, 112, 3), and how far their points lie from their place (N, 10)."""

    words: ClassVar[str] = "accuracy: points within a pixel; recall: within two"
    crops: Crops
    offsets: NDArray[np.float32]

    @property
    def faces(self) -> Crops:
        """Return them all."""
        return self.crops

    @torch.no_grad()
    def marks(self, network: nn.Module, device: torch.device) -> Marks:
        """Return the loss of an aligner's points, and how many faces it would put right."""
        aligner = network.eval()
        assert isinstance(aligner, AlignedSFace)
        parts = [aligner.offsets(pixels(some).to(device)) for some in _parts(self.crops)]
        said = torch.cat(parts).float().flatten(1).cpu()
        wanted = torch.from_numpy(self.offsets)
        far_px = (said - wanted).square().mean(dim=1).mul(2).sqrt().numpy()
        near, nearly = (float((far_px <= within).mean()) for within in WITHIN_PX)
        return Marks(float(points_loss(said, wanted)), near, nearly)


def points_loss(said: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Return how far points are from where they should be (N, 10): quadratic where that is near."""
    return functional.smooth_l1_loss(said, wanted, beta=NEAR_PX)


@torch.no_grad()
def vectors_of(network: nn.Module, crops: Crops, device: torch.device) -> NDArray[np.float32]:
    """Return unit vectors (N, D) of faces (N, 112, 112, 3) by a network."""
    parts = []
    for some in _parts(crops):
        out = network.eval()(pixels(some).to(device)).float()
        parts.append(functional.normalize(out).cpu().numpy())
    return np.concatenate(parts)


def found_first(vectors: NDArray[np.float32], references: NDArray[np.float32]) -> float:
    """Return the share of vectors (N, D) to which their own reference (N, D) is the nearest."""
    return float(((vectors @ references.T).argmax(axis=1) == np.arange(len(vectors))).mean())


def _parts(crops: Crops) -> list[Crops]:
    return [crops[first : first + AT_ONCE] for first in range(0, len(crops), AT_ONCE)]
