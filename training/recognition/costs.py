"""Knows what a network costs: weights, and multiplications for one face. Measures no time."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.faces import ALIGNED_PX


@dataclass(frozen=True, slots=True)
class Cost:
    """parameters: all that are learnt. macs: multiplications with additions, of one face."""

    parameters: int
    macs: int


@torch.no_grad()
def cost(network: nn.Module, height: int = ALIGNED_PX, width: int = ALIGNED_PX) -> Cost:
    """Return what a network costs by its convolutions and dense layers; the rest is little."""
    macs = 0

    def count(layer: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal macs
        weight = layer.weight
        assert isinstance(weight, Tensor)
        # each number that comes out of a layer took one row of its weights
        macs += out[0].numel() * weight[0].numel()

    layers = [
        one for one in network.modules() if isinstance(one, nn.Conv1d | nn.Conv2d | nn.Linear)
    ]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    training = network.training
    try:
        network.eval()(torch.zeros(1, 3, height, width))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return Cost(sum(held.numel() for held in network.parameters()), macs)
