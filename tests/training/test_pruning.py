"""Filters that are taken out were silent before: the network's function is exactly kept."""

import pytest
import torch

from training.recognition.pruning import (
    kept,
    pruned,
    ratios_by,
    sensitivities,
    strongest,
    weight_of,
    zeroed,
)
from workers.networks.occluded_resnet import BLOCKS, INNER, OUTER, OccludedResNet, full

pytestmark = [pytest.mark.unit, pytest.mark.slow]


@pytest.fixture(scope="module")
def network() -> OccludedResNet:
    """A narrow one whose normalisation has seen a batch."""
    torch.manual_seed(0)
    made = OccludedResNet(full(0.125)).train()
    with torch.no_grad():
        made(torch.rand(4, 3, 112, 112) * 255)
    return made.eval()


def faces(count: int = 2) -> torch.Tensor:
    torch.manual_seed(5)
    return torch.rand(count, 3, 112, 112) * 255


def test_parameters_are_those_counted_by_hand():
    channels, total = OUTER[0], 3 * 9 * OUTER[0] + 2 * OUTER[0]
    for place, (blocks, inner, outer) in enumerate(zip(BLOCKS, INNER, OUTER, strict=True)):
        for number in range(blocks):
            total += channels * inner + 2 * inner + 9 * inner * outer + 2 * outer
            if place and not number:
                total += channels * outer + 2 * outer
            channels = outer
    mask = 512 * 128 + 128 + 9 * 128 * 512 + 512
    project = 512 * 128 + 128
    plain = OccludedResNet(full(), masking=False)
    assert sum(held.numel() for held in plain.parameters()) == total + project
    whole = OccludedResNet(full())
    assert sum(held.numel() for held in whole.parameters()) == total + project + mask
    convolutions = [one for one in plain.modules() if isinstance(one, torch.nn.Conv2d)]
    assert len(convolutions) - 3 == 49  # and a layer at the end: fifty, but for three short-cuts


def test_a_face_becomes_128_numbers_of_unit_length(network):
    with torch.no_grad():
        out = network(faces(3))
    assert out.shape == (3, 128)
    assert torch.allclose(out.norm(dim=1), torch.ones(3), atol=1e-5)


@pytest.mark.parametrize(("side", "margin"), [(112, 8), (56, 4)])
def test_it_looks_at_the_middle_of_a_face_and_nowhere_else(network, side, margin):
    one = faces(1)[..., :side, :side]
    beside, inside = one.clone(), one.clone()
    beside[..., :margin], beside[..., side - margin :] = 0, 0
    inside[..., margin] = 0
    with torch.no_grad():
        assert network(one).equal(network(beside))
        assert not network(one).equal(network(inside))


@pytest.mark.parametrize(("outer", "inner"), [(0.0, 0.3), (0.5, 0.0), (0.25, 0.5)])
def test_a_pruned_network_says_what_it_says_with_those_filters_silent(network, outer, inner):
    chosen = kept(network, [outer] * 4, [[inner] * n for n in BLOCKS])
    small = pruned(network, chosen)
    count, before = (sum(p.numel() for p in one.parameters()) for one in (small, network))
    assert count < before
    with torch.no_grad():
        said, wanted, whole = (one(faces()) for one in (small, zeroed(network, chosen), network))
    assert torch.allclose(said, wanted, atol=1e-5)
    assert not torch.allclose(said, whole, atol=1e-3)


def test_nothing_pruned_changes_nothing(network):
    same = pruned(network, kept(network, [0.0] * 4, [[0.0] * n for n in BLOCKS]))
    with torch.no_grad():
        assert torch.equal(same(faces()), network(faces()))


def test_the_weakest_filters_go_and_one_stays():
    layer = torch.nn.Conv2d(3, 5, 1, bias=False)
    with torch.no_grad():
        for place, scale in enumerate((3.0, 0.1, 2.0, 5.0, 0.2)):
            layer.weight[place] = scale
    assert strongest(weight_of(layer), 0.4).tolist() == [0, 2, 3]
    assert strongest(weight_of(layer), 1.0).tolist() == [3]


def test_blocks_that_are_missed_most_lose_least(network):
    def judge(one: OccludedResNet) -> float:
        """An error that only the first block of the second stage and the last block make."""
        missing = [
            (block.first_norm.weight == 0).float().mean()
            for block in (one.blocks()[1][0], one.blocks()[3][2])
        ]
        return float(0.5 + 2 * missing[0] + missing[1])

    rises = sensitivities(network, 0.5, judge)
    assert [len(each) for each in rises] == list(BLOCKS)
    assert rises[1][0] == pytest.approx(1.0)
    assert rises[3][2] == pytest.approx(0.5)
    assert sum(map(sum, rises)) == pytest.approx(1.5)
    ratios = ratios_by(rises, 0.3)
    assert min(map(min, ratios)) == ratios[1][0] == pytest.approx(0.15)
    assert max(map(max, ratios)) == pytest.approx(0.45)
    assert sum(map(sum, ratios)) / sum(BLOCKS) == pytest.approx(0.3)
