"""SFace's last layer is taught behind an aligner, for real, on small sets: nothing else moves."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fakes.tiny_teaching import behind_an_aligner
from safetensors.torch import load_file

from training.feed import pixels
from training.recognition.beginning import aligned, sface
from training.recognition.recipes import SHIPPED
from training.starts import held
from workers.manifest import load_models
from workers.networks.build import build

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]
LAST = {"sface.project.weight", "sface.project.bias"}


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def made(home):
    return behind_an_aligner(home, replace(SHIPPED, epochs=4, batch=4, masked=1, hidden=0))


def test_the_file_holds_the_aligner_the_last_layer_and_ranges(made):
    names = {name for name in load_file(made.files["weights"]) if not name.endswith(".range")}
    assert {name for name in names if not name.startswith("aligner.")} == LAST


def test_the_last_layer_alone_is_another(made, home):
    network = build(load_models(home).of("embedder", "recognition-shipped"))
    shipped = sface().state_dict()
    moved = {
        f"sface.{name}"
        for name, weights in network.sface.state_dict().items()
        if not name.endswith(".range") and not weights.equal(shipped[name])
    }
    assert moved == LAST
    for name, weights in held("aligner").items():
        assert network.state_dict()[name].equal(weights), name


def test_masked_faces_are_nearer_to_what_the_teacher_says(made):
    watched, device = made.lesson.watched, made.lesson.device
    before = watched.marks(aligned(taught=True), device)
    assert made.state.epochs[-1].validation_loss < before.loss


def test_a_frozen_base_sees_what_the_network_sees(made):
    crops = pixels(made.lesson.watched.masked)
    with torch.no_grad():
        features = made.lesson.pupil.features(crops)
    away = made.lesson.base(crops) - features
    assert away.abs().max() < 0.01 * features.std()
