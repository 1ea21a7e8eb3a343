"""A teaching on small sets, for real: what it writes, and that a kill changes no byte of it."""

import hashlib
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fakes.tiny_teaching import TEACHING, course, run, write_sets
from fakes.tiny_training import Steps

from training.augment import vary
from training.recognition.beginning import sface
from training.recognition.checking import found_first
from training.recognition.material import Room, as_classes, gather, unit
from training.recognition.recipes import CLEAN_SMALL
from training.recognition.teaching import Lesson, Pupil
from training.recognition.train import teach
from training.splits import listed
from training.state import NAME, State, StateError
from workers.manifest import load_models
from workers.runtime.openvino import OpenVinoRuntime

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_sets(tmp_path_factory.mktemp("sets"))


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def whole(data, home):
    """A teaching that nobody disturbed, in a home's folder of models."""
    return run(data, home / "models" / "recognition-tiny-0")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_killed_in_the_middle_of_an_epoch_it_comes_to_the_same_weights(data, whole, tmp_path):
    steps = whole.lesson.feed.steps
    assert steps > 4
    at = steps + 2  # in the second epoch, after a save and before the next
    words = [sys.executable, "-m", "fakes.tiny_teaching", str(data), str(tmp_path / "out"), str(at)]
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    done = subprocess.run(words, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths}, check=False)
    assert done.returncode == -9
    assert (tmp_path / "out" / NAME).exists()
    assert not (tmp_path / "out" / "model.toml").exists()
    shell = Steps()
    again = run(data, tmp_path / "out", shell)
    assert 0 < shell.first < at
    assert again.sha256 == whole.sha256
    assert again.calibration.declared() == whole.calibration.declared()


def test_the_model_is_found_by_its_name_and_gives_vectors(whole, home):
    entry = load_models(home).of("embedder", "recognition-tiny")
    assert entry.label == whole.label
    assert entry.sha256 == sha256(whole.files["weights"])
    runtime = OpenVinoRuntime(entry, home / "cache" / "networks", 1)
    face = np.full((1, 112, 112, 3), 90, np.uint8)
    (vectors,) = runtime.run(face).values()
    assert vectors.shape == (1, 128)
    assert "masked_weight" in entry.thresholds
    card = whole.files["card"].read_text()
    assert card.startswith(f"# {whole.label}")
    assert "Stopped early" not in card


def test_only_the_layers_that_learn_have_changed(whole):
    teacher = sface().state_dict()
    best = whole.state.best
    changed = {name.split(".")[0] for name, held in best.items() if not held.equal(teacher[name])}
    assert changed == {"body", "norm", "project", "norm_out"}
    frozen = sface().first(TEACHING.frozen)
    count = len(frozen) - 1  # the stem is not of the body
    places = [name.split(".")[1] for name in best if name.startswith("body.")]
    moved = {
        int(place)
        for place, name in zip(places, [n for n in best if n.startswith("body.")], strict=True)
        if not best[name].equal(teacher[name])
    }
    assert min(moved) >= count


def test_what_is_kept_lies_so_far_between_what_it_began_with_and_what_it_learnt(whole):
    network, teaching = sface(), replace(TEACHING, taken=0.25)
    still = network.first(teaching.frozen)
    lesson = replace(whole.lesson, teaching=teaching, pupil=network, still=still)
    pupil = Pupil(lesson, replace(whole.state))
    pupil.keep()
    name = "body.24.0.weight"
    before, after = sface().state_dict()[name], pupil.average.state_dict()[name]
    assert not before.equal(after)
    assert torch.allclose(pupil.state.best[name], before + 0.25 * (after - before), atol=1e-7)


def test_another_recipe_in_the_same_folder_is_refused(data, whole):
    other = replace(course(data, whole.out), teaching=replace(TEACHING, margin=0.5))
    with pytest.raises(StateError, match="another recipe") as refused:
        teach(other, Steps())
    assert refused.value.lines[1] == f"recipe: margin={TEACHING.margin} there, margin=0.5 here."


def test_stopped_early_the_card_says_so(data, tmp_path):
    made = run(data, tmp_path / "out", Steps(stop_at=3))
    assert made.state.step == 3
    assert "**Stopped early**, after 3 of" in made.files["card"].read_text()


def test_faces_are_as_large_as_the_schedule_says_before_and_after_a_stop(
    data, tmp_path, monkeypatch
):
    sides = []

    def noted(crop, size_px, *rest, **named):
        sides.append(size_px)
        return vary(crop, size_px, *rest, **named)

    monkeypatch.setattr("training.recognition.material.vary", noted)
    teaching = replace(CLEAN_SMALL, epochs=2, batch=2)
    told = replace(
        course(data, tmp_path / "out"), teaching=teaching, network="occluded-resnet-half"
    )
    stopped = teach(told, Steps(stop_at=3))
    steps = stopped.lesson.feed.steps
    assert steps > 3
    assert set(sides) == {56}
    sides.clear()
    teach(told, Steps())
    small = math.ceil(0.85 * 2 * steps)
    assert [sides.count(56), sides.count(112)] == [2 * (small - 3), 2 * (2 * steps - small)]
    assert sides == sorted(sides)


def test_what_is_left_out_is_not_learnt_from(data, tmp_path):
    taught = gather(Room(data, tmp_path, 1), TEACHING, lambda done, total: None)
    left = listed("faces_112-left-out") | listed("celeba299-calibration")
    assert not left & {*taught.faces.names, *taught.faces.people}
    assert len(taught.validation) == 2
    assert not set(taught.validation) & set(taught.training)
    assert taught.masked.shape == (2, len(taught.faces.names), 112, 112, 3)
    lower = taught.masked[0, :, 75:105, 35:77].astype(float) - taught.faces.crops[:, 75:105, 35:77]
    assert (np.abs(lower).mean(axis=(1, 2, 3)) > 10).all()  # everybody wears something


def test_a_class_is_half_the_picture_and_half_the_person():
    vectors = unit(np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32))
    found = as_classes(vectors, np.array([0, 1, 0, 2]))
    both = vectors[0] + vectors[2]
    wanted = vectors[0] + both / np.linalg.norm(both)
    assert np.allclose(found[0], wanted / np.linalg.norm(wanted), atol=1e-6)
    assert np.allclose(found[1], vectors[1], atol=1e-6)


def test_the_loss_is_a_margin_softmax_and_a_pull():
    random = np.random.default_rng(1)
    classes = unit(random.normal(size=(6, 128)).astype(np.float32))
    twin = classes[0] + 0.3 * classes[1]
    classes[5] = twin / np.linalg.norm(twin)  # alike to the first: no opponent
    vectors = unit(random.normal(size=(3, 128)).astype(np.float32))
    places = [0, 3, 5]
    lesson = Lesson(TEACHING, "sface", "", sface(), (), None, classes, None, torch.device("cpu"))
    pupil = object.__new__(Pupil)
    pupil.lesson, pupil.state, pupil.classes = lesson, State({}), torch.from_numpy(classes)
    found = float(pupil._loss(torch.from_numpy(vectors), torch.tensor(places)))
    total = 0.0
    for vector, own in zip(vectors, places, strict=True):
        logits = {}
        for k, other in enumerate(classes):
            if k != own and classes[own] @ other > TEACHING.alike:
                continue
            cosine = float(vector @ other) - (TEACHING.margin if k == own else 0)
            logits[k] = TEACHING.scale * cosine
        top = max(logits.values())
        log_sum = top + np.log(sum(np.exp(v - top) for v in logits.values()))
        total += log_sum - logits[own] + TEACHING.pull * (1 - float(vector @ classes[own]))
    assert found == pytest.approx(total / 3, rel=1e-4)


def test_found_first_counts_whose_own_is_nearest():
    references = np.eye(3, dtype=np.float32)
    vectors = unit(np.array([[1, 0, 0], [0.9, 1, 0], [1, 0, 0.5]], np.float32))
    assert found_first(vectors, references) == pytest.approx(2 / 3)
