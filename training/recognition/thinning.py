"""Knows how SFace is made thinner: which channels stay, and what weights do most of all's work.

Y. He, X. Zhang, J. Sun: Channel pruning for accelerating very deep neural networks,
arXiv:1707.06168: each layer's weights are fitted, by least squares on some faces, to what it said
with all channels. Those stay that say most to the next layer. Teaches nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from workers.networks.sface import SFace

AT_ONCE: Final = 32  # faces
SEEN: Final = 64  # places of each face's map that a layer is fitted to
RIDGE: Final = 1e-3  # of the mean of what is solved for,
END_RIDGE: Final = 0.3  # and at the end, where there are more numbers than faces
SEED: Final = 0

Places = Tensor  # (K,) of channels, rising


@dataclass(frozen=True, slots=True)
class Step:
    """A depthwise layer and the one of 1x1 after it."""

    deep: nn.Sequential
    wide: nn.Sequential


@torch.no_grad()
def thinned(whole: SFace, widths: Sequence[int], faces: Tensor) -> SFace:
    """Return a network of these widths that says much the same of faces (N, 3, 112, 112).

    Raises ValueError where there is no face to go by.
    """
    if not len(faces):
        raise ValueError("a thinner network is fitted on faces, and there are none")
    torch.manual_seed(SEED)
    thin = SFace(widths).eval()
    whole = whole.eval()
    stay = chosen(whole, widths, faces[:AT_ONCE])
    _weights(thin.stem).copy_(_weights(whole.stem)[stay[0]])
    _take(whole.stem, thin.stem, stay[0])
    maps = [((faces[k : k + AT_ONCE].flip(1) - 127.5) / 128) for k in range(0, len(faces), AT_ONCE)]
    theirs, ours = [whole.stem(x) for x in maps], [thin.stem(x) for x in maps]
    for their, our, into, out in zip(_steps(whole), _steps(thin), stay, stay[1:], strict=False):
        _take(their.deep, our.deep, into)
        _weights(our.deep).copy_(_weights(their.deep)[into])
        _take(their.wide, our.wide, out)
        theirs, ours = [their.deep(x) for x in theirs], [our.deep(x) for x in ours]
        said = [their.wide[0](x)[:, out] for x in theirs]
        _weights(our.wide).copy_(_fitted(ours, said)[:, :, None, None])
        theirs, ours = [their.wide(x) for x in theirs], [our.wide(x) for x in ours]
    _end(whole, thin, stay[-1], torch.cat(theirs), torch.cat(ours))
    return thin


def chosen(whole: SFace, widths: Sequence[int], faces: Tensor) -> list[Places]:
    """Return which channels stay after the stem and after each step."""
    found = []
    x = whole.stem((faces.flip(1) - 127.5) / 128)
    for step, width in zip(_steps(whole), widths, strict=False):
        x = step.deep(x)
        heard = _weights(step.wide)[:, :, 0, 0].norm(dim=0)
        found.append(_strongest(x.var(dim=(0, 2, 3)).sqrt() * heard, width))
        x = step.wide(x)
    heard = whole.project.weight.view(len(whole.project.weight), x.shape[1], -1).norm(dim=(0, 2))
    spread = whole.norm(x).var(dim=(0, 2, 3)).sqrt()
    return [*found, _strongest(spread * heard, widths[-1])]


def _strongest(weights: Tensor, count: int) -> Places:
    return weights.topk(count).indices.sort().values


def _steps(network: SFace) -> list[Step]:
    layers = [layer for layer in network.body if isinstance(layer, nn.Sequential)]
    return [Step(*pair) for pair in zip(layers[::2], layers[1::2], strict=True)]


def _weights(layers: nn.Sequential) -> Tensor:
    """Return the weights of the convolution that it begins with."""
    assert isinstance(layers[0], nn.Conv2d)
    return layers[0].weight


def _take(whole: nn.Module, thin: nn.Module, places: Places) -> None:
    """Copy some channels of what normalises and bends; convolutions are left."""
    for theirs, ours in zip(whole.modules(), thin.modules(), strict=True):
        if isinstance(theirs, nn.BatchNorm2d | nn.PReLU):
            for name, held in theirs.state_dict().items():
                ours.state_dict()[name].copy_(held[places] if held.dim() else held)


def _fitted(given: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Return weights (O, I) by which maps (B, I, H, W) come next to others (B, O, H, W)."""
    pairs = [_seen(x, y) for x, y in zip(given, wanted, strict=True)]
    x, y = (torch.cat(each).double() for each in zip(*pairs, strict=True))
    square = x.T @ x
    ridge = RIDGE * square.diagonal().mean() * torch.eye(len(square), dtype=torch.double)
    found: Tensor = torch.linalg.solve(square + ridge, x.T @ y)
    return found.T.float()


def _seen(given: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Return two maps' channels at some places of each face, (K, I) and (K, O)."""
    x, y = (each.flatten(2).transpose(1, 2) for each in (given, wanted))  # (B, H*W, C)
    if x.shape[1] > SEEN:
        at = torch.randperm(x.shape[1])[:SEEN]
        x, y = x[:, at], y[:, at]
    return x.flatten(0, 1), y.flatten(0, 1)


def _end(whole: SFace, thin: SFace, places: Places, theirs: Tensor, ours: Tensor) -> None:
    """Fit the last, dense layer: what stays of its weights, and the least that mends the rest."""
    _take(whole.norm, thin.norm, places)
    thin.norm_out.load_state_dict(whole.norm_out.state_dict())
    weights = whole.project.weight.view(len(whole.project.weight), len(whole.norm.weight), -1)
    stays = weights[:, places].flatten(1)
    x = thin.norm(ours).flatten(1)  # (N, D), and more numbers than faces
    missing = whole.project(whole.norm(theirs).flatten(1)) - whole.project.bias - x @ stays.T
    square = x @ x.T
    ridge = END_RIDGE * square.diagonal().mean() * torch.eye(len(x))
    mended = torch.linalg.solve((square + ridge).double(), missing.double()).float()
    thin.project.weight.copy_(stays + mended.T @ x)
    thin.project.bias.copy_(whole.project.bias)
