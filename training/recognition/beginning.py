"""Knows what weights an embedder begins with before it is taught. Teaches nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from torch import nn

from engine.faces import ALIGNED_PX
from training.feed import pixels
from training.recognition.checking import Crops
from training.recognition.fitting import fitted
from training.recognition.pruning import kept, pruned, ratios_by, sensitivities
from training.recognition.teaching import Teaching
from training.recognition.thinning import thinned
from training.refusal import Refusal
from training.starts import held
from workers.manifest import load_models, read_folder, verify
from workers.networks.build import OCCLUDED, build
from workers.networks.face_aligner import AlignedSFace
from workers.networks.face_net import FAMILY, ChannelAttention, FaceNet, Variant
from workers.networks.occluded_resnet import OccludedResNet, full
from workers.networks.sface import LIGHT, SFace

NETWORKS: Final = ("sface", "sface-aligned", "sface-light", *FAMILY, *OCCLUDED)

Judge = Callable[[OccludedResNet], float]


class UnknownNetwork(Exception):
    """No embedder that can be taught is called so."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no network {name!r}: {', '.join(NETWORKS)}.")


def begin(network: str, teaching: Teaching, seed: int, examples: Crops) -> nn.Module:
    """Return a network as a teaching begins with it; examples: faces (N, 112, 112, 3) to go by.

    Raises UnknownNetwork, WeightsError; Refusal for a network that has no aligner to be taught.
    """
    if network not in NETWORKS:
        raise UnknownNetwork(network)
    if teaching.by == "points" and network != teaching.network:
        raise Refusal(
            f"The recipe {teaching.name} teaches {teaching.network}, not {network}.",
            "Name another by --recipe: distilled, for one.",
        )
    torch.manual_seed(seed)
    if network == "sface":
        return sface()
    if network == "sface-light":
        return thinned(sface(), LIGHT, pixels(examples))
    if network == "sface-aligned":
        return aligned(taught=teaching.by != "points")
    if network in OCCLUDED:
        return OccludedResNet(full(OCCLUDED[network]), teaching.masking)
    return _face_net(FAMILY[network], teaching, examples)


def _face_net(variant: Variant, teaching: Teaching, examples: Crops) -> FaceNet:
    """Return one of paper 1's networks by chance, lent SFace's weights, or fitted to it, too."""
    face_net = FaceNet(variant)
    face_net.dropout.p = teaching.dropout
    if teaching.start == "nothing":
        return face_net
    lender = sface()
    lend(lender, face_net, variant)
    if teaching.start == "fitted":
        side = teaching.schedule.size(0, 1, ALIGNED_PX)
        return fitted(face_net, lender, pixels(examples), side)
    return face_net


@dataclass(frozen=True, slots=True)
class Origin:
    """A network that was taught before, and the share of its filters that goes, 0..1."""

    folder: Path
    ratio: float = 0.0


def go_on(origin: Origin, teaching: Teaching, seed: int, judge: Judge) -> nn.Module:
    """Return what another teaching left, without its least filters; judge: an error of it.

    Raises WeightsError; ValueError where filters are to go of a network that is none of paper 2.
    """
    network = build(read_folder(origin.folder))
    if not isinstance(network, OccludedResNet):
        if origin.ratio:
            raise ValueError("only the residual networks of paper 2 lose filters")
        return network
    if origin.ratio:
        network = without_least(network, origin.ratio, judge)
    if not teaching.masking or network.mask is not None:
        return network
    torch.manual_seed(seed)
    begun = OccludedResNet(network.widths, masking=True)
    begun.load_state_dict(network.state_dict(), strict=False)
    return begun


def without_least(network: OccludedResNet, ratio: float, judge: Judge) -> OccludedResNet:
    """Return it without a ratio of its filters.

    Of a block's inner ones fewer go where it suffers most; the outer ones of a stage go together.
    """
    ratios = ratios_by(sensitivities(network, ratio, judge), ratio)
    return pruned(network, kept(network, [ratio] * len(ratios), ratios))


def sface() -> SFace:
    """Return SFace with its weights. Raises WeightsError if the file is another."""
    network = SFace()
    weights = load_file(verify(load_models(None).of("embedder", "sface")))
    network.load_state_dict({k: v.float() for k, v in weights.items()}, strict=False)
    return network.eval()


def aligned(taught: bool) -> AlignedSFace:
    """Return SFace behind an aligner, one that was taught or one by chance. Raises ValueError."""
    network = AlignedSFace()
    network.sface = sface()
    if taught:
        network.load_state_dict(held("aligner"), strict=False)
    return network.eval()


def lend(lender: SFace, network: FaceNet, variant: Variant) -> None:
    """Give a face network the weights of SFace's steps, which are as many and as wide.

    What SFace has not (attention, context, the last layer) stays as it is.
    """
    _copy(lender.stem, network.stage_1[0])
    body = list(lender.body)
    pairs = zip(body[::2], body[1::2], strict=True)  # depthwise, pointwise
    for (deep, wide), block in zip(pairs, _blocks(network, variant), strict=True):
        if isinstance(block, nn.Sequential):
            _copy(deep, block[:2])
            _copy(wide, block[3:5])


def _blocks(network: FaceNet, variant: Variant) -> Iterator[nn.Module]:
    """Yield the thirteen blocks in the input's order, or what stands in the place of one."""
    yield from list(network.stage_1)[1:]
    for one in network.stage_2:
        if variant.eca != "between" or not isinstance(one, ChannelAttention):
            yield one
    yield from network.stage_3


def _copy(lender: nn.Module, layers: nn.Module) -> None:
    """Copy a convolution, where it is one, and what normalises after it."""
    for mine, theirs in zip(layers.children(), lender.children(), strict=False):
        if type(mine) is type(theirs):
            mine.load_state_dict(theirs.state_dict())
