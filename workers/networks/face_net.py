"""Knows FaceNet on MobileNetV1 with channel attention, SiLU and a Contextual Transformer block.

J. Chen, J. Xiong, H. Cheng: Face recognition combining MobileNet and Contextual Transformer,
Intelligent Computer and Applications 14(3), 2024. F. Schroff et al.: FaceNet, arXiv:1503.03832. A.
G. Howard et al.: MobileNets, arXiv:1704.04861. Q. Wang et al.: ECA-Net, arXiv:1910.03151. Y. Li et
al.: Contextual Transformer Networks, arXiv:2107.12292. The paper does not say where its CoT block
stands, nor how many channels it sees: here after stage 2, 512 of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

EMBEDDING: Final = 128
STAGE_1: Final = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1))  # channels, stride; after a stem
STAGE_2: Final = ((512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1))
STAGE_3: Final = ((1024, 2), (1024, 1))
BETWEEN: Final = (1, 3, 5)  # the blocks of stage 2 that a module of attention follows

# What ECA takes the place of, where it does: the depthwise layer of one block, that whole block, or
# three blocks. The paper says "one depthwise layer" and 27 % of the parameters: nothing is both.
Eca = Literal["none", "between", "instead of a layer", "instead of a block", "instead of three"]


@dataclass(frozen=True, slots=True)
class Variant:
    """One row of the paper's tables. kernel: of the attention's convolution over channels, odd."""

    eca: Eca = "none"
    kernel: int = 5
    silu: bool = False
    cot: bool = False


KERNELS: Final = (3, 5, 7, 9, 11)
FAMILY: Final[Mapping[str, Variant]] = {
    "facenet": Variant(),
    **{f"facenet-eca-{kernel}": Variant("between", kernel) for kernel in KERNELS},
    "facenet-silu": Variant(silu=True),
    "facenet-cot": Variant(cot=True),
    "facenet-full": Variant("between", 7, silu=True, cot=True),
    "facenet-less-a-layer": Variant("instead of a layer"),
    "facenet-less-a-block": Variant("instead of a block"),
    "facenet-less-three": Variant("instead of three"),
}


class ChannelAttention(nn.Module):
    """ECA: channels weighted by a convolution over their means. (N, C, H, W) to the same."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.across = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean(dim=(2, 3))  # (N, C)
        weights = self.across(means[:, None]).sigmoid()  # (N, 1, C)
        out: Tensor = x * weights[:, 0, :, None, None]
        return out


class ContextualTransformer(nn.Module):
    """A CoT block: a 3x3 context of the keys, and one that attends over it. Keeps its shape."""

    def __init__(self, channels: int, kernel: int = 3, groups: int = 4, less: int = 4) -> None:
        super().__init__()
        self.kernel = kernel
        self.keys = nn.Sequential(
            nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        self.values = nn.Sequential(
            nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels)
        )
        self.attention = nn.Sequential(
            nn.Conv2d(2 * channels, 2 * channels // less, 1, bias=False),
            nn.BatchNorm2d(2 * channels // less),
            nn.ReLU(),
            nn.Conv2d(2 * channels // less, channels * kernel * kernel, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        static = self.keys(x)  # (N, C, H, W)
        heads = self.attention(torch.cat((static, x), dim=1))  # (N, C*K*K, H, W)
        heads = heads.view(batch, channels, self.kernel**2, height * width).mean(dim=2)
        dynamic = heads.softmax(dim=-1) * self.values(x).flatten(2)  # (N, C, H*W)
        out: Tensor = static + dynamic.view(batch, channels, height, width)
        return out


def block(
    channels_in: int, channels_out: int, stride: int, act: Callable[[], nn.Module]
) -> nn.Sequential:
    """A depthwise 3x3 layer and a pointwise one, each with its normalisation and activation."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_in, 3, stride, 1, groups=channels_in, bias=False),
        nn.BatchNorm2d(channels_in),
        act(),
        nn.Conv2d(channels_in, channels_out, 1, bias=False),
        nn.BatchNorm2d(channels_out),
        act(),
    )


class FaceNet(nn.Module):
    """A face as a unit vector. Input (N, 3, 112, 112), BGR 0..255, aligned; output (N, 128)."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        act = nn.SiLU if variant.silu else nn.ReLU
        stem = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), act())
        stage_1: list[nn.Module] = [stem]
        channels = 32
        for wide, stride in STAGE_1:
            stage_1.append(block(channels, wide, stride, act))
            channels = wide
        self.stage_1 = nn.Sequential(*stage_1)
        self.stage_2 = nn.Sequential(*second_stage(channels, variant, act))
        self.context = ContextualTransformer(512) if variant.cot else nn.Identity()
        self.stage_3 = nn.Sequential(block(512, 1024, 2, act), block(1024, 1024, 1, act))
        self.dropout = nn.Dropout(0.5)
        self.project = nn.Linear(1024, EMBEDDING, bias=False)
        self.norm = nn.BatchNorm1d(EMBEDDING, eps=0.001)

    def pooled(self, face: Tensor) -> Tensor:
        """Return the features before the last layer, (N, 1024); sides may be others than 112."""
        x = (face.flip(1) - 127.5) / 128.0  # RGB, about -1..1
        x = self.context(self.stage_2(self.stage_1(x)))  # (N, 512, 7, 7)
        out: Tensor = self.stage_3(x).mean(dim=(2, 3))
        return out

    def forward(self, face: Tensor) -> Tensor:
        x = self.pooled(face)
        return functional.normalize(self.norm(self.project(self.dropout(x))))


def second_stage(channels: int, variant: Variant, act: Callable[[], nn.Module]) -> list[nn.Module]:
    """Return stage 2 with its attention, by one reading of the paper."""
    layers: list[nn.Module] = []
    gone = {"instead of a block": {3}, "instead of three": {1, 3, 5}}.get(variant.eca, set())
    for number, (wide, stride) in enumerate(STAGE_2):
        if number in gone:
            layers.append(ChannelAttention(variant.kernel))
            continue
        made = block(channels, wide, stride, act)
        if variant.eca == "instead of a layer" and number == 3:
            made[0] = ChannelAttention(variant.kernel)
        layers.append(made)
        if variant.eca == "between" and number in BETWEEN:
            layers.append(ChannelAttention(variant.kernel))
        channels = wide
    return layers
