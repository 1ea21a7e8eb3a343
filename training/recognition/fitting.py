"""Knows how a face network with SFace's weights begins by saying much what SFace says. No loop.

SFace's steps are for faces twice as large as the network's: it is fitted to enlarged ones. What
SFace has not begins as if it were not there (T. Chen et al.: Net2Net, arXiv:1511.05641), what
normalises is measured on those faces, and the last layer is solved by least squares.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from workers.networks.face_net import ChannelAttention, ContextualTransformer, FaceNet
from workers.networks.sface import SFace

AT_ONCE: Final = 48  # faces
MEASURED: Final = 8  # of so many faces at once, for what normalises
RIDGE: Final = 0.1  # of the mean of what is solved for


@torch.no_grad()
def fitted(network: FaceNet, lender: SFace, faces: Tensor, side_px: int) -> FaceNet:
    """Return the network, lent SFace's weights, fitted to faces (N, 3, 112, 112) of another side.

    Raises ValueError where there is no face to go by.
    """
    if not len(faces):
        raise ValueError("a network is fitted on faces, and there are none")
    parts = torch.split(faces, AT_ONCE)
    side = (side_px, side_px)
    large = [functional.interpolate(part, size=side, mode="bilinear") for part in parts]
    _without_attention(network)
    _measure(network, large)
    context = network.context
    if isinstance(context, ContextualTransformer):
        _undo(context.keys[1])
        _measure(network, large)
    x = torch.cat([network.pooled(part) for part in large])
    y = torch.cat([functional.normalize(lender(part)) for part in parts])
    _solve(network, x.double(), y.double())
    return network


def _without_attention(network: FaceNet) -> None:
    """Make channel attention weigh all alike, and the context pass on what it is given."""
    for module in network.modules():
        if isinstance(module, ChannelAttention):
            nn.init.zeros_(module.across.weight)
    context = network.context
    if not isinstance(context, ContextualTransformer):
        return
    keys, values = context.keys[0], context.values[1]
    assert isinstance(keys, nn.Conv2d)
    assert isinstance(values, nn.BatchNorm2d)
    nn.init.dirac_(keys.weight, groups=keys.groups)
    nn.init.zeros_(values.weight)


def _measure(network: FaceNet, faces: Sequence[Tensor]) -> None:
    """Let what normalises see faces: its means and variances are theirs."""
    layers = list(_normalising(network))
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean of all that is seen
    network.train()
    for part in faces[:MEASURED]:
        network.pooled(part)
    for layer in layers:
        layer.momentum = 0.1
    network.eval()


def _normalising(network: FaceNet) -> Iterator[_BatchNorm]:
    for module in network.modules():
        if isinstance(module, _BatchNorm) and module is not network.norm:
            yield module


def _undo(layer: nn.Module) -> None:
    """Let a layer give back what it normalised."""
    assert isinstance(layer, _BatchNorm)
    assert layer.running_mean is not None
    assert layer.running_var is not None
    layer.weight.copy_((layer.running_var + layer.eps).sqrt())
    layer.bias.copy_(layer.running_mean)


def _solve(network: FaceNet, x: Tensor, y: Tensor) -> None:
    """Set the last layer so that features (N, 1024) come next to vectors (N, 128)."""
    centred = x - x.mean(dim=0)
    square = centred.T @ centred
    ridge = RIDGE * square.diagonal().mean() * torch.eye(len(square), dtype=square.dtype)
    weights = torch.linalg.solve(square + ridge, centred.T @ (y - y.mean(dim=0)))
    network.project.weight.copy_(weights.T)
    said, norm = x @ weights, network.norm
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(said.mean(dim=0))
    norm.running_var.copy_(said.var(dim=0))
    norm.weight.copy_((norm.running_var + norm.eps).sqrt())
    norm.bias.copy_(y.mean(dim=0))
