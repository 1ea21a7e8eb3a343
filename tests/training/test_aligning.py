"""An aligner is taught on small sets, for real: what it writes, and that SFace stays as it was."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fakes.tiny_teaching import behind_an_aligner
from safetensors.torch import load_file

from training.recognition.beginning import sface
from training.recognition.recipes import ALIGNER
from workers.manifest import load_models
from workers.networks.build import build
from workers.networks.face_aligner import AlignedSFace
from workers.runtime.openvino import OpenVinoRuntime

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def made(home):
    # of some eight faces, bare: what it learns is seen in few steps
    return behind_an_aligner(home, replace(ALIGNER, epochs=6, batch=2, masked=0, hidden=0))


def test_the_file_holds_the_aligner_and_ranges_and_sface_is_the_shipped_one(made, home):
    names = load_file(made.files["weights"])
    assert all(name.startswith("aligner.") or name.endswith(".range") for name in names)
    assert load_models(home).of("embedder", "recognition-aligner").network == "sface-aligned-int8"
    network = build(load_models(home).of("embedder", "recognition-aligner"))
    shipped = sface().state_dict()
    for name, held in network.sface.state_dict().items():
        assert name.endswith(".range") or held.equal(shipped[name]), name


def test_the_aligner_has_learnt(made, home):
    torch.manual_seed(0)
    network = build(load_models(home).of("embedder", "recognition-aligner"))
    first = made.lesson.pupil.aligner.body[0].weight
    assert first.equal(network.aligner.body[0].weight)
    losses = [epoch.loss for epoch in made.state.epochs]
    assert losses[-1] < losses[0]


def test_it_is_an_embedder_as_any_other(made, home):
    entry = load_models(home).of("embedder", "recognition-aligner")
    runtime = OpenVinoRuntime(entry, home / "cache" / "networks", 1)
    faces = np.random.default_rng(0).integers(0, 255, (2, 112, 112, 3)).astype(np.uint8)
    (vectors,) = runtime.run(faces).values()
    with torch.no_grad():
        same = build(entry)(torch.from_numpy(faces).permute(0, 3, 1, 2).float()).numpy()
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(same, axis=1)
    assert ((vectors * same).sum(axis=1) / lengths).min() > 0.99  # in bytes both
    assert "masked_weight" in entry.thresholds
    assert "put a face right" in made.files["card"].read_text()


def test_it_is_watched_by_faces_that_it_does_not_learn_from(made):
    watched = made.lesson.watched
    assert len(watched.crops) == len(watched.offsets) > 0
    marks = watched.marks(made.lesson.pupil, made.lesson.device)
    assert marks.loss == pytest.approx(made.state.epochs[-1].validation_loss, rel=0.01)
    assert marks.accuracy <= marks.balanced <= 1
    assert not list(made.out.parents[1].glob("cache/**/teacher-*"))  # SFace was not asked


def test_an_aligner_that_is_right_puts_all_right(made):
    class Right(AlignedSFace):
        def offsets(self, face):
            return wanted[: len(face)].view(-1, 5, 2)

    watched = made.lesson.watched
    some = replace(watched, crops=watched.crops[:2], offsets=watched.offsets[:2])
    wanted = torch.from_numpy(some.offsets)
    marks = some.marks(Right(), made.lesson.device)
    assert (marks.loss, marks.accuracy, marks.balanced) == (0, 1, 1)
    wanted = wanted + torch.tensor([1.5, 0]).repeat(5)  # each point a pixel and a half to the right
    marks = some.marks(Right(), made.lesson.device)
    assert (marks.accuracy, marks.balanced) == (0, 1)
