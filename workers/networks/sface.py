"""Knows SFace's backbone, a MobileNetV1 with PReLU giving 128 numbers a face. Knows nobody.

Y. Zhong, W. Deng, J. Hu, D. Zhao, X. Li, D. Wen: SFace: Sigmoid-Constrained Hypersphere Loss for
Robust Face Recognition, IEEE TIP 30 (2021), arXiv:2205.12010. A. G. Howard et al.: MobileNets,
arXiv:1704.04861. Weights: OpenCV Zoo, 2021dec, Apache-2.0.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from torch import Tensor, nn

from workers.networks.int8 import FIRST_LEVELS, WEIGHT_LEVELS, Int8Conv2d, Int8Linear

EMBEDDING: Final = 128


class Step(NamedTuple):
    """One depthwise-separable step of the table below."""

    channels: int
    stride: int


# 112x112 in, 7x7 out; the numbers are the output channels of each step.
STEPS: Final = (
    Step(64, 1),
    Step(128, 2),
    Step(128, 1),
    Step(256, 2),
    Step(256, 1),
    Step(512, 2),
    *(Step(512, 1) for _ in range(5)),
    Step(1024, 2),
    Step(1024, 1),
)
WIDTHS: Final = (32, *(step.channels for step in STEPS))  # of the stem and each step
# About a fifth of the work: `training.recognition.thinning` says how its weights come about.
LIGHT: Final = (16, 16, 48, 48, 96, 96, *(208 for _ in range(6)), 416, 512)


class Shape(NamedTuple):
    """What a convolution takes and gives; its padding keeps the size but for the stride."""

    channels_in: int
    channels_out: int
    kernel: int
    stride: int = 1
    groups: int = 1


def layer(shape: Shape, levels: int | None) -> nn.Sequential:
    """Convolution with its normalisation and PReLU, in bytes by so many levels or in floats."""
    inside, out, kernel, stride, groups = shape
    given = (inside, out, kernel, stride, kernel // 2)
    if levels is None:
        convolution = nn.Conv2d(*given, groups=groups, bias=False)
    else:
        convolution = Int8Conv2d(*given, groups=groups, bias=False, levels=levels)
    return nn.Sequential(convolution, nn.BatchNorm2d(out, eps=1e-3), nn.PReLU(out))


class SFace(nn.Module):
    """A face as a vector. Input (N, 3, 112, 112), BGR 0..255, aligned; output (N, 128).

    widths: output channels of the stem and of each step. int8: its layers compute in bytes.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS, int8: bool = False) -> None:
        super().__init__()
        levels = WEIGHT_LEVELS if int8 else None
        self.stem = layer(Shape(3, widths[0], 3), FIRST_LEVELS if int8 else None)
        steps: list[nn.Module] = []
        channels = widths[0]
        for step, wide in zip(STEPS, widths[1:], strict=True):
            deep = Shape(channels, channels, 3, step.stride, groups=channels)
            steps += [layer(deep, levels), layer(Shape(channels, wide, 1), levels)]
            channels = wide
        self.body = nn.Sequential(*steps)
        self.norm = nn.BatchNorm2d(channels, eps=2e-5)
        self.project = (Int8Linear if int8 else nn.Linear)(channels * 7 * 7, EMBEDDING)
        self.norm_out = nn.BatchNorm1d(EMBEDDING, eps=2e-5)

    def first(self, layers: int) -> list[nn.Module]:
        """Return the first layers, in the input's order."""
        return [self.stem, *self.body][:layers]

    def forward(self, face: Tensor) -> Tensor:
        return self.vector(self.features(face))

    def features(self, face: Tensor) -> Tensor:
        """Return what the last layer is shown of faces: (N, 50176), fewer where it is light."""
        x = (face.flip(1) - 127.5) / 128.0  # the network was trained on RGB, about -1..1
        out: Tensor = self.norm(self.body(self.stem(x))).flatten(1)  # of (N, 1024, 7, 7)
        return out

    def vector(self, features: Tensor) -> Tensor:
        """Return faces' vectors (N, 128) by their features."""
        out: Tensor = self.norm_out(self.project(features))
        return out
