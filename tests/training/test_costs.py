"""Multiplications of the face networks against a count by hand."""

import pytest
import torch
from torch import nn

from training.recognition.costs import cost
from workers.networks.face_net import FAMILY, FaceNet
from workers.networks.occluded_resnet import BLOCKS as BLOCKS_2
from workers.networks.occluded_resnet import INNER, OUTER, OccludedResNet, full
from workers.networks.sface import SFace

pytestmark = [pytest.mark.unit, pytest.mark.slow]

# side of what comes out, channels in, out: of MobileNetV1's 13 blocks after a stem of stride 2
BLOCKS = [(56, 32, 64), (28, 64, 128), (28, 128, 128), (14, 128, 256), (14, 256, 256),
          (7, 256, 512), *[(7, 512, 512)] * 5, (4, 512, 1024), (4, 1024, 1024)]  # fmt: skip


def of_block(side: int, before: int, after: int) -> int:
    return side * side * (9 * before + before * after)


def by_hand() -> int:
    return 56 * 56 * 27 * 32 + sum(of_block(*one) for one in BLOCKS) + 1024 * 128


def macs(name: str) -> int:
    return cost(FaceNet(FAMILY[name])).macs


def test_the_plain_network_and_what_is_added_to_it():
    plain = by_hand()
    assert macs("facenet") == macs("facenet-silu") == plain
    assert macs("facenet-eca-7") == plain + 3 * 512 * 7
    at, pixels = 512, 7 * 7
    context = pixels * (9 * at * at // 4 + at * at + 2 * at * 256 + 256 * 9 * at)
    assert macs("facenet-cot") == plain + context
    assert macs("facenet-full") == plain + context + 3 * 512 * 7


def test_what_attention_saves_in_the_place_of_layers():
    plain, attention = by_hand(), 512 * 5
    assert macs("facenet-less-a-layer") == plain - 49 * 9 * 512 + attention
    assert macs("facenet-less-a-block") == plain - of_block(7, 512, 512) + attention
    assert macs("facenet-less-three") == plain - 3 * of_block(7, 512, 512) + 3 * attention


def test_the_teachers_stem_keeps_the_size_so_every_step_sees_twice_the_side():
    steps = [(2 * side if side > 4 else 7, before, after) for side, before, after in BLOCKS]
    stem, dense = 112 * 112 * 27 * 32, 7 * 7 * 1024 * 128
    assert cost(SFace()).macs == stem + sum(of_block(*one) for one in steps) + dense


def test_the_residual_network_of_paper_2():
    # a stage's side after its first block, whose second layer has the stride: 112x96 halved, ...
    sides = [(56, 48), (28, 24), (14, 12), (7, 6)]
    before, macs = 64, 56 * 48 * 27 * 64
    for place, ((high, wide), blocks) in enumerate(zip(sides, BLOCKS_2, strict=True)):
        inner, outer = INNER[place], OUTER[place]
        for number in range(blocks):
            first = number == 0 and place > 0
            seen = 4 * high * wide if first else high * wide
            macs += seen * before * inner + high * wide * 9 * inner * outer
            macs += high * wide * before * outer if first else 0
            before = outer
    dense = 512 * 128
    assert cost(OccludedResNet(full(), masking=False)).macs == macs + dense
    mask = 42 * (512 * 128 + 9 * 128 * 512)
    assert cost(OccludedResNet(full())).macs == macs + dense + mask


def test_counting_leaves_the_network_as_it_was():
    network = FaceNet(FAMILY["facenet"]).train()
    before = {name: held.clone() for name, held in network.state_dict().items()}
    cost(network)
    assert network.training
    assert all(held.equal(before[name]) for name, held in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_groups_and_dense_layers():
    layers = nn.Sequential(nn.Conv2d(3, 6, 3, groups=3, bias=True), nn.Flatten(), nn.Linear(24, 5))
    found = cost(layers, 4, 4)
    assert found.macs == 2 * 2 * 6 * 9 + 24 * 5
    assert found.parameters == 6 * 9 + 6 + 24 * 5 + 5
    assert isinstance(layers(torch.zeros(1, 3, 4, 4)), torch.Tensor)
