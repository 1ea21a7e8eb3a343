"""Knows MobileNetV2 with a linear head. Does not know what its classes mean.

M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen: MobileNetV2: Inverted Residuals and Linear
Bottlenecks, CVPR 2018, arXiv:1801.04381, table 2 at width 1.0. Parameter names are torchvision's,
so that ImageNet weights in its layout load as they are.
"""

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from workers.networks.classifier import Classifier

FEATURES: Final = 1280
HIDDEN: Final = 128


class Row(NamedTuple):
    """One row of the paper's table 2: expansion t, output channels c, repeats n, first stride s."""

    t: int
    c: int
    n: int
    s: int


TABLE: Final = (
    Row(1, 16, 1, 1),
    Row(6, 24, 2, 2),
    Row(6, 32, 3, 2),
    Row(6, 64, 4, 2),
    Row(6, 96, 3, 1),
    Row(6, 160, 3, 2),
    Row(6, 320, 1, 1),
)
MEAN_BGR: Final = (103.53, 116.28, 123.675)  # ImageNet's, in 0..255
DEVIATION_BGR: Final = (57.375, 57.12, 58.395)


def normalised(channels_in: int, channels_out: int, kernel: int, stride: int) -> list[nn.Module]:
    """A convolution with its normalisation and ReLU6; depthwise where the kernel is 3 and n = n."""
    groups = channels_in if kernel == 3 and channels_in == channels_out else 1
    padding = kernel // 2
    return [
        nn.Conv2d(channels_in, channels_out, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU6(),
    ]


class InvertedResidual(nn.Module):
    """Widen by t, filter each channel, narrow without a nonlinearity; add the input if it fits."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, t: int) -> None:
        super().__init__()
        hidden = channels_in * t
        self.adds = stride == 1 and channels_in == channels_out
        self.conv = nn.Sequential(
            *(normalised(channels_in, hidden, 1, 1) if t > 1 else []),
            *normalised(hidden, hidden, 3, stride),
            nn.Conv2d(hidden, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.adds else y


class MobileNetV2(Classifier):
    """Classes of a picture. Input (N, 3, S, S), BGR 0..255, S a multiple of 32; output logits."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, classes: int, dropout: float = 0.2) -> None:
        super().__init__()
        blocks: list[nn.Module] = [nn.Sequential(*normalised(3, 32, 3, 2))]
        channels = 32
        for row in TABLE:
            for repeat in range(row.n):
                stride = row.s if repeat == 0 else 1
                blocks.append(InvertedResidual(channels, row.c, stride, row.t))
                channels = row.c
        blocks.append(nn.Sequential(*normalised(channels, FEATURES, 1, 1)))
        self.features = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(FEATURES, classes)
        self.register_buffer("mean", torch.tensor(MEAN_BGR).view(1, 3, 1, 1), persistent=False)
        spread = torch.tensor(DEVIATION_BGR).view(1, 3, 1, 1)
        self.register_buffer("deviation", spread, persistent=False)

    def pooled(self, picture: Tensor) -> Tensor:
        x = ((picture - self.mean) / self.deviation).flip(1)  # ImageNet weights expect RGB
        x = self.features(x)  # (N, 1280, S/32, S/32)
        return functional.adaptive_avg_pool2d(x, 1).flatten(1)

    def head(self, x: Tensor) -> Tensor:
        out: Tensor = self.classifier(self.dropout(x))
        return out


class MobileNetV2Hidden(MobileNetV2):
    """The same with a hidden layer of 128 before the classes.

    N. A. Abd Elhameed, M. Saad: Face-mask-detection Project, 2023 (the average pool of 7x7 is the
    whole of what 224 pixels leave).
    """

    def __init__(self, classes: int, dropout: float = 0.5) -> None:
        super().__init__(classes, dropout)
        self.hidden = nn.Linear(FEATURES, HIDDEN)
        self.classifier = nn.Linear(HIDDEN, classes)

    def head(self, x: Tensor) -> Tensor:
        out: Tensor = self.classifier(self.dropout(functional.relu(self.hidden(x))))
        return out
