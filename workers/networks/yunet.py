"""Knows YuNet, the face detector, as published in 2023. Knows no threshold.

W. Wu, H. Peng, S. Yu: YuNet: A Tiny Millisecond-level Face Detector, Machine Intelligence
Research 20 (2023) 656-665, doi:10.1007/s11633-023-1423-y. Weights: OpenCV Zoo, 2023mar, MIT.

Two things differ from the paper's drawing, neither from its arithmetic: batch normalisation is
folded into the convolutions, and the four heads of a level (class, objectness, box, points) are
one separable convolution of 16 channels, because four of 1, 1, 4 and 10 channels vectorise badly.
"""

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDES: Final = (8, 16, 32)


class Raw(NamedTuple):
    """What the network says of each anchor; A = sum over strides of (H / s) * (W / s).

    scores: (N, A) 0..1, sqrt(class * objectness).
    boxes: (N, A, 4) centre offset x y and log width, height, in strides.
    points: (N, A, 10) offsets x y of the five points, in strides.
    """

    scores: Tensor
    boxes: Tensor
    points: Tensor


class Separable(nn.Module):
    """A 1x1 convolution, then a 3x3 one per channel; ReLU where told."""

    def __init__(self, channels_in: int, channels_out: int, relu: bool = True) -> None:
        super().__init__()
        self.point = nn.Conv2d(channels_in, channels_out, 1)
        self.depth = nn.Conv2d(channels_out, channels_out, 3, padding=1, groups=channels_out)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        x = self.depth(self.point(x))
        return functional.relu(x) if self.relu else x


class Stem(nn.Module):
    """Halve the picture and lift it to 16 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.separable = Separable(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.separable(functional.relu(self.conv(x)))
        return out


class YuNet(nn.Module):
    """Faces with five points. Input (N, 3, H, W), BGR 0..255, sides multiples of 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        self.stage1 = nn.Sequential(Separable(16, 16), Separable(16, 32))
        self.stage2 = nn.Sequential(Separable(32, 32), Separable(32, 64))
        self.stage3 = nn.Sequential(Separable(64, 64), Separable(64, 64))
        self.stage4 = nn.Sequential(Separable(64, 64), Separable(64, 64))
        self.stage5 = nn.Sequential(Separable(64, 64), Separable(64, 64))
        self.lateral = nn.ModuleList(Separable(64, 64) for _ in STRIDES)
        self.head = nn.ModuleList(Separable(64, 16, relu=False) for _ in STRIDES)

    def forward(self, picture: Tensor) -> Raw:
        rows = self.rows(picture)
        chance = torch.sigmoid(rows[..., :2])
        return Raw(torch.sqrt(chance[..., 0] * chance[..., 1]), rows[..., 2:6], rows[..., 6:])

    def rows(self, picture: Tensor) -> Tensor:
        """Return (N, A, 16): of each anchor class and objectness as logits, box, points."""
        x = functional.max_pool2d(self.stem(picture), 2)  # (N, 16, H/4, W/4)
        x = functional.max_pool2d(self.stage2(self.stage1(x)), 2)  # (N, 64, H/8, W/8)
        c8 = self.stage3(x)
        c16 = self.stage4(functional.max_pool2d(c8, 2))
        c32 = self.stage5(functional.max_pool2d(c16, 2))
        p32 = self.lateral[2](c32)
        p16 = self.lateral[1](c16 + functional.interpolate(p32, scale_factor=2.0))
        p8 = self.lateral[0](c8 + functional.interpolate(p16, scale_factor=2.0))
        levels = zip(self.head, (p8, p16, p32), strict=True)
        # channels last, so that an anchor is one row: (N, h * w, 16) per level
        return torch.cat([head(p).flatten(2).transpose(1, 2) for head, p in levels], dim=1)
