"""A thinner SFace: what stays of it, and that it says nearly what the whole one says."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fakes.faces_of_people import PEOPLE, varied
from fakes.tiny_teaching import course, write_sets
from fakes.tiny_training import Steps
from torch.nn import functional

from training.feed import pixels
from training.recognition.beginning import sface
from training.recognition.recipes import LIGHT as RECIPE
from training.recognition.thinning import chosen, thinned
from training.recognition.train import teach
from workers.manifest import load_models
from workers.networks.build import build
from workers.networks.sface import LIGHT, WIDTHS, SFace

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def faces() -> torch.Tensor:
    return pixels(np.concatenate([varied(person) for person in PEOPLE]))


def likeness(one: SFace, other: SFace, faces: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return functional.cosine_similarity(one(faces), other(faces))


def test_with_all_its_channels_it_is_the_same(faces):
    whole = sface()
    assert likeness(thinned(whole, WIDTHS, faces), whole, faces).min() > 0.97


def test_with_few_it_says_nearly_the_same_of_the_faces_it_was_fitted_on(faces):
    whole, thin = sface(), thinned(sface(), LIGHT, faces)
    assert likeness(thin, whole, faces).min() > 0.9
    assert sum(held.numel() for held in thin.parameters()) < 4_000_000
    by_chance = SFace(LIGHT).eval()
    assert likeness(by_chance, whole, faces).max() < 0.5


def test_what_says_nothing_goes_first(faces):
    whole = sface()
    silent = torch.arange(0, 32, 2)
    with torch.no_grad():
        for name in ("weight", "bias"):
            getattr(whole.stem[1], name)[silent] = 0
        whole.body[0][1].weight[silent] = 0  # nothing of them goes on to the next layer
        first, *_ = chosen(whole, LIGHT, faces)
    assert first.tolist() == list(range(1, 32, 2))


def test_it_is_always_the_same(faces):
    one, same = (thinned(sface(), LIGHT, faces[:4]).state_dict() for _ in range(2))
    assert all(held.equal(same[name]) for name, held in one.items())


def test_without_faces_there_is_nothing_to_go_by():
    with pytest.raises(ValueError, match="there are none"):
        thinned(sface(), LIGHT, torch.zeros(0, 3, 112, 112))


def test_it_is_taught_and_is_an_embedder_as_any_other(tmp_path, faces):
    data, home = write_sets(tmp_path / "sets"), tmp_path / "home"
    told = course(data, home / "models" / "recognition-light-0")
    recipe = replace(RECIPE, epochs=2, batch=2)
    made = teach(replace(told, teaching=recipe, network="sface-light"), Steps())
    assert made.state.step == made.steps
    with torch.no_grad():
        out = build(load_models(home).of("embedder", "recognition-light"))(faces)
    assert out.shape == (len(faces), 128)
