"""A face network that is fitted to SFace before it is taught: what it says, and of what size."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fakes.faces_of_people import PEOPLE, varied
from torch.nn import functional

from training.recipe import Schedule
from training.recognition.beginning import begin, sface
from training.recognition.recipes import DISTILLED, ENLARGED
from workers.networks.face_net import ChannelAttention, FaceNet

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.concatenate([varied(person) for person in PEOPLE])


@pytest.fixture(scope="module")
def faces(crops) -> torch.Tensor:
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float()


def enlarged(faces: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(faces, size=(224, 224), mode="bilinear")


@pytest.mark.parametrize("name", ["facenet", "facenet-full"])
def test_it_says_much_what_sface_says_of_enlarged_faces(name, crops, faces):
    network = begin(name, ENLARGED, 0, crops)
    lent = begin(name, DISTILLED, 0, crops).eval()
    with torch.no_grad():
        wanted = functional.normalize(sface()(faces))
        said, before = ((one(enlarged(faces)) * wanted).sum(dim=1) for one in (network, lent))
    assert said.min() > 0.9
    assert before.max() < 0.5


def test_what_sface_has_not_is_as_if_it_were_not_there(crops, faces):
    network = begin("facenet-full", ENLARGED, 0, crops)
    assert isinstance(network, FaceNet)
    attention = [one for one in network.modules() if isinstance(one, ChannelAttention)]
    assert len(attention) == 3
    with torch.no_grad():
        x = torch.randn(2, 64, 5, 5)
        assert torch.allclose(attention[0](x), x / 2)  # all channels alike
        maps = network.stage_2(network.stage_1((enlarged(faces).flip(1) - 127.5) / 128))
        off = (network.context(maps) - maps.clamp(min=0)).abs()
    assert off.max() < 0.01 * maps.abs().max()


def test_it_is_fitted_to_faces_of_the_schedules_first_size(crops, faces):
    as_they_are = replace(ENLARGED, schedule=Schedule("cosine", sizes=((1.0, 112),)))
    small, large = (begin("facenet", one, 0, crops) for one in (as_they_are, ENLARGED))
    with torch.no_grad():
        wanted = functional.normalize(sface()(faces))
        assert (small(faces) * wanted).sum(dim=1).mean() > (large(faces) * wanted).sum(dim=1).mean()


def test_without_faces_there_is_nothing_to_fit_it_to():
    with pytest.raises(ValueError, match="there are none"):
        begin("facenet", ENLARGED, 0, np.zeros((0, 112, 112, 3), np.uint8))
