"""Knows SFace's backbone, a MobileNetV1 with PReLU giving 128 numbers a face. Knows nobody.

Y. Zhong, W. Deng, J. Hu, D. Zhao, X. Li, D. Wen: SFace: Sigmoid-Constrained Hypersphere Loss for
Robust Face Recognition, IEEE TIP 30 (2021), arXiv:2205.12010. A. G. Howard et al.: MobileNets,
arXiv:1704.04861. Weights: OpenCV Zoo, 2021dec, Apache-2.0.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from torch import Tensor, nn

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


def convolution(channels_in: int, channels_out: int, kernel: int, stride: int) -> nn.Sequential:
    """Dense convolution with its normalisation and PReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(channels_out, eps=1e-3),
        nn.PReLU(channels_out),
    )


def depthwise(channels: int, stride: int) -> nn.Sequential:
    """3x3 convolution of each channel by itself, with its normalisation and PReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False),
        nn.BatchNorm2d(channels, eps=1e-3),
        nn.PReLU(channels),
    )


class SFace(nn.Module):
    """A face as a vector. Input (N, 3, 112, 112), BGR 0..255, aligned; output (N, 128).

    widths: output channels of the stem and of each step.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.stem = convolution(3, widths[0], 3, 1)
        steps: list[nn.Module] = []
        channels = widths[0]
        for step, wide in zip(STEPS, widths[1:], strict=True):
            steps += [depthwise(channels, step.stride), convolution(channels, wide, 1, 1)]
            channels = wide
        self.body = nn.Sequential(*steps)
        self.norm = nn.BatchNorm2d(channels, eps=2e-5)
        self.project = nn.Linear(channels * 7 * 7, EMBEDDING)
        self.norm_out = nn.BatchNorm1d(EMBEDDING, eps=2e-5)

    def first(self, layers: int) -> list[nn.Module]:
        """Return the first layers, in the input's order."""
        return [self.stem, *self.body][:layers]

    def forward(self, face: Tensor) -> Tensor:
        x = (face.flip(1) - 127.5) / 128.0  # the network was trained on RGB, about -1..1
        x = self.norm(self.body(self.stem(x)))  # (N, 1024, 7, 7), fewer where it is light
        out: Tensor = self.norm_out(self.project(x.flatten(1)))
        return out
