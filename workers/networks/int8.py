"""Knows how a layer computes in bytes. Does not know what it is part of, measures no range.

B. Jacob et al.: Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference, arXiv:1712.05877. Weights are rounded for each output channel about zero; what comes in,
by one range that was measured. That is written as torch's fake quantisation, so that one module is
both: torch computes what rounding does, in floats; OpenVINO makes kernels of bytes of it. A GPU's
halves are as fast as bytes would be, and are not rounded.
"""

from typing import Any, Final

import torch
from torch import Tensor, nn

LEVELS: Final = 255  # steps between the ends of the range of what comes in
WEIGHT_LEVELS: Final = 127  # steps to either side of zero
FIRST_LEVELS: Final = 63  # of a first layer, all of whose input may be large: without VNNI a CPU
# adds two products of bytes in 16 bits, which overflow (SFace: cosine 0.89 instead of 0.997)
LEAST: Final = 1e-9


class Int8Conv2d(nn.Conv2d):
    """A convolution in bytes; `range` (2,): the lowest and highest that comes in, zero within."""

    range: Tensor

    def __init__(self, *arguments: Any, levels: int = WEIGHT_LEVELS, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.register_buffer("range", torch.tensor([-1.0, 1.0]))
        self.rounding = Rounding(self, levels)

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype == torch.half:
            return super().forward(x)
        x, weight = self.rounding(x, self.weight)
        out: Tensor = self._conv_forward(x, weight, self.bias)
        return out


class Int8Linear(nn.Linear):
    """A dense layer in bytes, as `Int8Conv2d`."""

    range: Tensor

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.register_buffer("range", torch.tensor([-1.0, 1.0]))
        self.rounding = Rounding(self, WEIGHT_LEVELS)

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype == torch.half:
            return super().forward(x)
        x, weight = self.rounding(x, self.weight)
        return nn.functional.linear(x, weight, self.bias)


class Rounding(nn.Module):
    """How what comes into a layer, and its weights, are rounded; follows the weights it loads.

    In numbers, not in what is computed of tensors: only so are they constants of a traced network.
    """

    scale: Tensor
    zero: Tensor

    def __init__(self, layer: Int8Conv2d | Int8Linear, levels: int) -> None:
        super().__init__()
        self.levels = levels
        outputs = len(layer.weight)
        self.register_buffer("scale", torch.ones(outputs), persistent=False)
        self.register_buffer("zero", torch.zeros(outputs, dtype=torch.int32), persistent=False)
        self.follow(layer)
        layer.register_load_state_dict_post_hook(_follow)  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def follow(self, layer: nn.Module) -> None:
        """Take a layer's weights and range as they are now."""
        assert isinstance(layer, Int8Conv2d | Int8Linear)
        largest = layer.weight.flatten(1).abs().amax(dim=1).clamp(min=LEAST)
        self.scale.copy_(largest / self.levels)
        low, high = layer.range.tolist()
        self.step = (high - low) / LEVELS
        self.offset = round(-low / self.step)

    def forward(self, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        levels = self.levels
        return (
            torch.fake_quantize_per_tensor_affine(x, self.step, self.offset, 0, LEVELS),
            torch.fake_quantize_per_channel_affine(
                weight, self.scale, self.zero, 0, -levels, levels
            ),
        )


def _follow(layer: nn.Module, _: object) -> None:
    assert isinstance(layer.rounding, Rounding)
    layer.rounding.follow(layer)
