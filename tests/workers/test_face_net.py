"""FaceNet is as the paper has it: shapes, parameters by hand, attention by plain computation."""

import numpy as np
import pytest
import torch

from workers.networks.face_net import (
    ChannelAttention,
    ContextualTransformer,
    FaceNet,
    Variant,
)

pytestmark = [pytest.mark.unit, pytest.mark.slow]

# channels in, out of the 13 depthwise-separable blocks: 5 of stage 1, 6 of stage 2, 2 of stage 3
BLOCKS = [(32, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), *[(512, 512)] * 5,
          (512, 1024), (1024, 1024)]  # fmt: skip


def depthwise(channels):
    return 9 * channels + 2 * channels


def by_hand(blocks=BLOCKS):
    stem = 3 * 32 * 9 + 2 * 32
    body = sum(depthwise(a) + a * b + 2 * b for a, b in blocks)
    return stem + body + 1024 * 128 + 2 * 128


def parameters(variant):
    return sum(held.numel() for held in FaceNet(variant).parameters())


def test_parameters_are_those_counted_by_hand():
    plain = by_hand()
    assert parameters(Variant()) == plain
    assert parameters(Variant(silu=True)) == plain
    assert parameters(Variant(eca="between", kernel=7)) == plain + 3 * 7
    a_block = depthwise(512) + 512 * 512 + 2 * 512
    assert parameters(Variant(eca="instead of a layer")) == plain - 9 * 512 + 5
    assert parameters(Variant(eca="instead of a block")) == plain - a_block + 5
    assert parameters(Variant(eca="instead of three")) == plain - 3 * a_block + 3 * 5
    keys, values = 9 * 512 * 512 // 4 + 2 * 512, 512 * 512 + 2 * 512
    heads = 1024 * 256 + 2 * 256 + 256 * 9 * 512 + 9 * 512
    assert parameters(Variant(cot=True)) == plain + keys + values + heads


@pytest.mark.parametrize(
    "variant",
    [
        Variant(),
        Variant(eca="between", kernel=7, silu=True, cot=True),
        Variant(eca="instead of three", kernel=3),
    ],
)
def test_a_face_becomes_128_numbers_of_unit_length(variant):
    network = FaceNet(variant).train()  # untaught, only a batch's own statistics keep values alive
    with torch.no_grad():
        out = network(torch.rand(4, 3, 112, 112) * 255)
    assert out.shape == (4, 128)
    assert torch.allclose(out.norm(dim=1), torch.ones(4), atol=1e-5)


@pytest.mark.parametrize("kernel", [3, 5, 7, 9, 11])
def test_channel_attention_is_a_convolution_over_the_channels_means(kernel):
    torch.manual_seed(kernel)
    module, x = ChannelAttention(kernel), torch.randn(2, 16, 5, 4)
    weights = module.across.weight.detach().numpy().reshape(-1)
    means = x.numpy().mean(axis=(2, 3))
    wanted = np.empty(x.shape)
    for n in range(2):
        for c in range(16):
            inside = [c + k - kernel // 2 for k in range(kernel)]
            total = sum(
                w * means[n, i] for w, i in zip(weights, inside, strict=True) if 0 <= i < 16
            )
            wanted[n, c] = x[n, c].numpy() / (1 + np.exp(-total))
    assert np.allclose(module(x).detach().numpy(), wanted, atol=1e-5)


def test_the_contextual_transformer_adds_what_attends_over_the_keys_context():
    torch.manual_seed(1)
    module, x = ContextualTransformer(8).eval(), torch.randn(2, 8, 4, 3)
    with torch.no_grad():
        static, values = module.keys(x).numpy(), module.values(x).numpy()
        heads = module.attention(torch.cat((torch.from_numpy(static), x), 1)).numpy()
    wanted = static.copy()
    for n in range(2):
        for c in range(8):
            scores = heads[n, 9 * c : 9 * c + 9].reshape(9, -1).mean(axis=0)  # one for each place
            shares = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
            wanted[n, c] += (shares * values[n, c].reshape(-1)).reshape(4, 3)
    assert np.allclose(module(x).detach().numpy(), wanted, atol=1e-5)


def test_all_variants_have_gradients_everywhere():
    network = FaceNet(Variant(eca="between", kernel=7, silu=True, cot=True))
    network(torch.rand(4, 3, 112, 112) * 255).sum().backward()
    without = [name for name, held in network.named_parameters() if held.grad is None]
    assert not without
