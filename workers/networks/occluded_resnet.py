"""Knows a residual network for hidden faces that leaves out what is spoilt, at any widths.

R. Liu, C. Xu, T. Zhou, L. Chen: Local occlusion face recognition based on depth residual network
model compression, Intelligent Computer and Applications 13(11), 2023, table 1. K. He et al.: Deep
residual learning, arXiv:1512.03385. The mask over features is that of H. Qiu et al.: End2End
occluded face recognition by masking corrupted features, arXiv:2108.09468, the paper's own source,
in its simplest form: from the last features alone. The paper does not say how long its vectors are:
here as long as SFace's, from which they may be learnt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from torch import Tensor, nn
from torch.nn import functional

EMBEDDING: Final = 128
BESIDE: Final = 14  # one column in so many is left out on either side: 112x96 is seen
BLOCKS: Final = (3, 4, 14, 3)  # of conv2_x to conv5_x
OUTER: Final = (64, 128, 256, 512)
INNER: Final = (64, 64, 128, 256)


@dataclass(frozen=True, slots=True)
class Widths:
    """How many filters there are. outer: by stage; inner: by stage and block.

    All blocks of a stage add to one another, so they share their outer filters; the stem's are
    those of the first stage, whose first short-cut is plain.
    """

    outer: tuple[int, ...]
    inner: tuple[tuple[int, ...], ...]


def full(share: float = 1.0) -> Widths:
    """Return the paper's widths, or a share of them."""
    return Widths(
        tuple(round(wide * share) for wide in OUTER),
        tuple((round(wide * share),) * n for wide, n in zip(INNER, BLOCKS, strict=True)),
    )


def widths_of(state: Mapping[str, Tensor]) -> Widths:
    """Return the widths of a network by its weights. Raises KeyError where they are of another."""
    stages = range(len(BLOCKS))
    inner = tuple(
        tuple(
            len(state[f"stages.{place}.{number}.first.weight"]) for number in range(BLOCKS[place])
        )
        for place in stages
    )
    return Widths(tuple(len(state[f"stages.{k}.0.second.weight"]) for k in stages), inner)


class Block(nn.Module):
    """1x1, then 3x3, and the input on a short-cut. (N, I, H, W) to (N, O, H/s, W/s)."""

    def __init__(self, channels_in: int, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, inner, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(inner)
        self.second = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outer)
        wider = stride > 1
        self.short = nn.Conv2d(channels_in, outer, 1, stride, bias=False) if wider else None
        self.short_norm = nn.BatchNorm2d(outer) if wider else None

    def forward(self, x: Tensor) -> Tensor:
        inside = functional.relu(self.first_norm(self.first(x)))
        if self.short is not None and self.short_norm is not None:
            x = self.short_norm(self.short(x))
        return functional.relu(self.second_norm(self.second(inside)) + x)


class FeatureMask(nn.Module):
    """How much of each feature is to be believed, 0..1. (N, C, H, W) to the same."""

    def __init__(self, channels: int, narrow: int = 128) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, narrow, 1)
        self.second = nn.Conv2d(narrow, channels, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.second(functional.relu(self.first(x))).sigmoid()
        return out


class OccludedResNet(nn.Module):
    """A face as a unit vector. Input (N, 3, 112, 112), BGR 0..255, aligned; output (N, 128).

    It looks at the middle 112x96, as the paper has it.
    """

    def __init__(self, widths: Widths, masking: bool = True) -> None:
        super().__init__()
        self.widths = widths
        self.stem = nn.Conv2d(3, widths.outer[0], 3, 2, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(widths.outer[0])
        channels, stages = widths.outer[0], []
        for place, (outer, inner) in enumerate(zip(widths.outer, widths.inner, strict=True)):
            blocks = []
            for number, wide in enumerate(inner):
                blocks.append(Block(channels, wide, outer, 2 if place and not number else 1))
                channels = outer
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.mask = FeatureMask(channels) if masking else None
        self.project = nn.Linear(channels, EMBEDDING)

    def blocks(self) -> list[list[Block]]:
        """Return the blocks by stage."""
        return [
            [one for one in stage.children() if isinstance(one, Block)]
            for stage in self.stages.children()
        ]

    def forward(self, face: Tensor) -> Tensor:
        left = face.shape[3] // BESIDE
        x = (face[..., left : face.shape[3] - left].flip(1) - 127.5) / 127.5  # RGB, -1..1
        x = functional.relu(self.stem_norm(self.stem(x)))  # (N, 64, 56, 48)
        x = self.stages(x)  # (N, 512, 7, 6)
        if self.mask is not None:
            x = x * self.mask(x)
        return functional.normalize(self.project(x.mean(dim=(2, 3))))
