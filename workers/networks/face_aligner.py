"""Knows how a face that lies a little wrong in its crop is put right, and SFace behind that.

A detector's five points are a few pixels off, more so where a mask hides two of them, and SFace is
sensitive to that. A small network sees the crop's middle and says where the template's points lie;
the crop is cut anew by them, looked at once more, and shown to SFace: M. Jaderberg et al.: Spatial
Transformer Networks, arXiv:1506.02025, taught by points rather than by what comes after.

Moves are a similarity each, from the pixels of the face put right to those of the crop: (N, 4),
the complex number of turn and scale (real, imaginary), then the shift (x, y).
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.faces import ALIGNED_PX, TEMPLATE_112
from workers.networks.face_net import block
from workers.networks.sface import SFace

ROUNDS: Final = 2
SIDE: Final = 64  # of what the aligner sees, in its pixels
BEGIN: Final = 16  # and where that begins and ends in the crop: beyond it a crop may be black
END: Final = 96
UNIT_PX: Final = 4.0  # of the crop, which the aligner's outputs count


class FaceAligner(nn.Module):
    """Where a face lies. Input (N, 3, 64, 64) BGR 0..255, a crop's middle; output (N, 5, 2).

    That is how far each of the template's points lies from its place, in pixels of the crop.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            block(16, 32, 1, nn.ReLU),
            block(32, 64, 2, nn.ReLU),
            block(64, 64, 1, nn.ReLU),
            block(64, 128, 2, nn.ReLU),
            block(128, 128, 1, nn.ReLU),
            block(128, 128, 1, nn.ReLU),
            block(128, 160, 2, nn.ReLU),
            block(160, 160, 1, nn.ReLU),
            nn.Conv2d(160, 32, 1),
            nn.ReLU(),
        )
        self.points = nn.Sequential(
            nn.Flatten(), nn.Linear(32 * 4 * 4, 128), nn.ReLU(), nn.Linear(128, 10)
        )

    def forward(self, middle: Tensor) -> Tensor:
        out: Tensor = self.points(self.body(middle / 128 - 1))
        return out.reshape(-1, 5, 2) * UNIT_PX


class AlignedSFace(nn.Module):
    """A face as a vector. Input (N, 3, 112, 112), BGR 0..255, roughly aligned; output (N, 128).

    rounds: how often the aligner looks. int8: whether SFace behind it computes in bytes.
    """

    fit: Tensor
    whole: Tensor
    middle: Tensor

    def __init__(self, rounds: int = ROUNDS, int8: bool = False) -> None:
        super().__init__()
        self.rounds = rounds
        self.aligner = FaceAligner()
        self.sface = SFace(int8=int8)
        template = torch.from_numpy(TEMPLATE_112).double()
        self.register_buffer("fit", _fit(template).float(), persistent=False)
        self.register_buffer("whole", _grid(0, ALIGNED_PX, ALIGNED_PX), persistent=False)
        self.register_buffer("middle", _grid(BEGIN, END, SIDE), persistent=False)

    def forward(self, face: Tensor) -> Tensor:
        return self.vector(self.features(face))

    def features(self, face: Tensor) -> Tensor:
        """Return SFace's features of faces put right, (N, 50176)."""
        return self.sface.features(self.put_right(face))

    def vector(self, features: Tensor) -> Tensor:
        """Return faces' vectors (N, 128) by their features."""
        return self.sface.vector(features)

    def put_right(self, face: Tensor) -> Tensor:
        """Return faces (N, 3, 112, 112) as SFace sees them."""
        return _cut(face, self.moves(face), self.whole, "zeros")

    def offsets(self, face: Tensor) -> Tensor:
        """Return what the aligner says of faces as they are, (N, 5, 2) pixels."""
        out: Tensor = self.aligner(_cut(face, _still(face), self.middle, "border"))
        return out

    def moves(self, face: Tensor) -> Tensor:
        """Return how each face must be cut, (N, 4)."""
        moves = _still(face)
        for _ in range(self.rounds):
            offsets = self.aligner(_cut(face, moves, self.middle, "border"))
            moves = _after(moves, offsets.flatten(1) @ self.fit)
        return moves


def _still(face: Tensor) -> Tensor:
    """Return moves (N, 4) that leave faces where they are."""
    return face.flatten(1)[:, :4] * 0 + face.new_tensor([1.0, 0.0, 0.0, 0.0])


def _after(moves: Tensor, more: Tensor) -> Tensor:
    """Return moves that are made before others; more: (N, 4) beyond the identity."""
    real, imaginary, x, y = moves.unbind(1)
    a, b, c, d = more.unbind(1)
    a = a + 1
    return torch.stack(
        [
            real * a - imaginary * b,
            real * b + imaginary * a,
            real * c - imaginary * d + x,
            imaginary * c + real * d + y,
        ],
        dim=1,
    )


def _cut(face: Tensor, moves: Tensor, grid: Tensor, beyond: str) -> Tensor:
    """Return faces sampled at a grid (2, S, S) of pixels after the moves, (N, 3, S, S)."""
    real, imaginary, x, y = (part[:, None, None] for part in moves.unbind(1))
    across = real * grid[0] - imaginary * grid[1] + x
    down = imaginary * grid[0] + real * grid[1] + y
    places = torch.stack([across, down], dim=3) * (2 / (ALIGNED_PX - 1)) - 1
    return functional.grid_sample(face, places, "bilinear", beyond, align_corners=True)


def _grid(begin: int, end: int, side: int) -> Tensor:
    """Return a square's pixel centres x y (2, S, S), in pixels of the crop."""
    line = begin - 0.5 + (torch.arange(side) + 0.5) * ((end - begin) / side)
    return torch.stack([line[None].expand(side, side), line[:, None].expand(side, side)])


def _fit(template: Tensor) -> Tensor:
    """Return what makes the least-squares similarity of offsets (10,), (10, 4) beyond identity.

    In complex numbers it is linear in where the points lie: turn = sum(conj(t) q) / sum(|t|²) of
    what is centred, shift = mean(q) - turn mean(t).
    """
    point = torch.complex(template[:, 0], template[:, 1])
    centre = point.mean()
    held = (point - centre).conj() / (point - centre).abs().square().sum()
    rows = []
    for place in range(len(point)):
        for one in (torch.tensor(1.0 + 0j), torch.tensor(1j)):
            turn = held[place] * one.to(held.dtype)
            shift = one / len(point) - turn * centre
            rows.append(torch.stack([turn.real, turn.imag, shift.real, shift.imag]))
    return torch.stack(rows)
