"""Knows how filters of a residual network are taken out, and which. Trains nothing.

H. Li et al.: Pruning filters for efficient ConvNets, arXiv:1608.08710: filters of the least sum of
absolute weights go first; how many of a block's, by how much the network suffers without them. What
blocks of a stage add to one another goes together: the short-cut's rule.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from workers.networks.occluded_resnet import Block, OccludedResNet, Widths

STEP: Final = 4  # at half width and a ratio of 0.3: 43 % less time, 34 % with any number, 41 % by 8
Places = Tensor  # (K,) of filters, rising


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Which filters stay. outer: by stage; inner: by stage and block."""

    outer: tuple[Places, ...]
    inner: tuple[tuple[Places, ...], ...]


def weight_of(layer: nn.Conv2d) -> Tensor:
    """Return each filter's sum of absolute weights, (O,)."""
    return layer.weight.detach().abs().sum(dim=(1, 2, 3))


def strongest(weights: Tensor, ratio: float) -> Places:
    """Return the places of filters that stay when a ratio, 0..1, goes; one stays at least.

    A multiple of STEP where there are so many: a CPU takes odd numbers of filters no faster.
    """
    count = max(1, len(weights) - round(ratio * len(weights)))
    if len(weights) >= 2 * STEP:
        count = min(len(weights), STEP * max(1, round((1 - ratio) * len(weights) / STEP)))
    return weights.topk(count).indices.sort().values


def kept(network: OccludedResNet, outer: Sequence[float], inner: Sequence[Sequence[float]]) -> Kept:
    """Return the filters that stay, by ratios of each stage and of each of its blocks."""
    together = []
    for place, (stage, ratio) in enumerate(zip(network.blocks(), outer, strict=True)):
        layers = [block.second for block in stage]
        layers += [block.short for block in stage if block.short is not None]
        layers += [network.stem] if place == 0 else []
        together.append(
            strongest(torch.stack([weight_of(one) for one in layers]).sum(dim=0), ratio)
        )
    alone = tuple(
        tuple(strongest(weight_of(block.first), r) for block, r in zip(stage, ratios, strict=True))
        for stage, ratios in zip(network.blocks(), inner, strict=True)
    )
    return Kept(tuple(together), alone)


def zeroed(network: OccludedResNet, chosen: Kept) -> OccludedResNet:
    """Return a copy in which every other filter says nothing: what `pruned` computes, as slowly."""
    out = deepcopy(network)
    _silence(out.stem_norm, chosen.outer[0])
    for stage, together, alone in zip(out.blocks(), chosen.outer, chosen.inner, strict=True):
        for block, inside in zip(stage, alone, strict=True):
            _silence(block.first_norm, inside)
            _silence(block.second_norm, together)
            if block.short_norm is not None:
                _silence(block.short_norm, together)
    return out


@torch.no_grad()
def _silence(norm: nn.BatchNorm2d, places: Places) -> None:
    gone = torch.ones(norm.num_features, dtype=torch.bool)
    gone[places] = False
    norm.weight[gone] = 0
    norm.bias[gone] = 0


def pruned(network: OccludedResNet, chosen: Kept) -> OccludedResNet:
    """Return a smaller network with the filters that stay; the function is that of `zeroed`."""
    widths = Widths(
        tuple(len(places) for places in chosen.outer),
        tuple(tuple(len(places) for places in stage) for stage in chosen.inner),
    )
    out = OccludedResNet(widths, network.mask is not None).train(network.training)
    every = torch.arange(3)
    _conv(network.stem, out.stem, chosen.outer[0], every)
    _norm(network.stem_norm, out.stem_norm, chosen.outer[0])
    before, stages = chosen.outer[0], (network.blocks(), out.blocks())
    for place, together in enumerate(chosen.outer):
        for number, inside in enumerate(chosen.inner[place]):
            old, new = (blocks[place][number] for blocks in stages)
            _block(old, new, _Cut(before, inside, together))
            before = together
    with torch.no_grad():
        out.project.weight.copy_(network.project.weight[:, before])
        out.project.bias.copy_(network.project.bias)
    if network.mask is not None and out.mask is not None:  # its own filters all stay
        narrow = torch.arange(network.mask.first.out_channels)
        _conv(network.mask.first, out.mask.first, narrow, before)
        _conv(network.mask.second, out.mask.second, before, narrow)
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """What stays of one block: of what comes in, inside, and of what goes out."""

    before: Places
    inside: Places
    after: Places


def _block(old: Block, new: Block, cut: _Cut) -> None:
    _conv(old.first, new.first, cut.inside, cut.before)
    _norm(old.first_norm, new.first_norm, cut.inside)
    _conv(old.second, new.second, cut.after, cut.inside)
    _norm(old.second_norm, new.second_norm, cut.after)
    if old.short is not None and new.short is not None:
        _conv(old.short, new.short, cut.after, cut.before)
    if old.short_norm is not None and new.short_norm is not None:
        _norm(old.short_norm, new.short_norm, cut.after)


@torch.no_grad()
def _conv(old: nn.Conv2d, new: nn.Conv2d, out: Places, into: Places) -> None:
    new.weight.copy_(old.weight[out][:, into])
    if old.bias is not None and new.bias is not None:
        new.bias.copy_(old.bias[out])


@torch.no_grad()
def _norm(old: nn.BatchNorm2d, new: nn.BatchNorm2d, places: Places) -> None:
    for name, held in old.state_dict().items():
        new.state_dict()[name].copy_(held[places] if held.dim() else held)


def sensitivities(
    network: OccludedResNet, ratio: float, judge: Callable[[OccludedResNet], float]
) -> list[list[float]]:
    """Return how much an error, as judged, rises where one block alone loses inner filters."""
    before = judge(network)
    blocks = network.blocks()
    nothing = [0.0] * len(blocks)
    rises = []
    for place, stage in enumerate(blocks):
        of_stage = []
        for number in range(len(stage)):
            ratios = [[0.0] * len(each) for each in blocks]
            ratios[place][number] = ratio
            of_stage.append(judge(zeroed(network, kept(network, nothing, ratios))) - before)
        rises.append(of_stage)
    return rises


def ratios_by(rises: Sequence[Sequence[float]], ratio: float) -> list[list[float]]:
    """Return each block's ratio: half the mean where most is lost, half as much again where least.

    By the order of the rises, evenly between the two: their mean is the ratio.
    """
    order = sorted(
        (rise, place, k) for place, each in enumerate(rises) for k, rise in enumerate(each)
    )
    found = [[0.0] * len(each) for each in rises]
    for rank, (_, place, number) in enumerate(order):
        share = rank / max(1, len(order) - 1)  # 0 is the least sensitive
        found[place][number] = ratio * (1.5 - share)
    return found
