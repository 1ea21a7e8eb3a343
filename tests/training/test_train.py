"""A training on small pictures, for real: what it writes, and that a kill changes no byte of it."""

import csv
import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch
from fakes.tiny_training import FROZEN, RECIPE, Steps, order, run, write_coloured
from sklearn.metrics import confusion_matrix

from training.evaluation import NothingToJudge
from training.gather import TooLittle
from training.splits import Side
from training.state import NAME, StateError
from training.train import NoDevice, alone, device_of, train
from training.unvaried import checked, logits_of
from workers.manifest import load_models
from workers.networks.build import build

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_coloured(tmp_path_factory.mktemp("coloured"))


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A training that nobody disturbed, in a home's folder of models."""
    home = tmp_path_factory.mktemp("home")
    return run(data, home / "models" / "mask-tiny-0")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def killed(data: Path, out: Path, step: int) -> None:
    """Train in a process of its own that is killed at a step."""
    words = [sys.executable, "-m", "fakes.tiny_training", str(data), str(out), str(step)]
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    done = subprocess.run(words, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths}, check=False)
    assert done.returncode == -9


def test_killed_in_the_middle_of_an_epoch_it_comes_to_the_same_weights(data, whole, tmp_path):
    steps = whole.made.steps
    assert steps > 5
    at = next(step for step in range(steps + 2, 2 * steps) if step % 4 == 2)
    killed(data, tmp_path / "out", at)  # in the second epoch, after a save and before the next
    shell = Steps()
    again = run(data, tmp_path / "out", shell)
    assert shell.first == at - 2
    assert again.made.sha256 == whole.made.sha256
    assert sha256(again.files["weights"]) == sha256(whole.files["weights"])
    assert again.made.state.epochs == whole.made.state.epochs


def test_killed_before_anything_was_saved_it_begins_again(data, whole, tmp_path):
    killed(data, tmp_path / "out", 1)
    assert not (tmp_path / "out" / NAME).exists()
    assert run(data, tmp_path / "out").made.sha256 == whole.made.sha256


@pytest.mark.parametrize("recipe", [RECIPE, FROZEN], ids=["whole", "frozen"])
def test_stopped_early_it_writes_what_it_has_and_goes_on(data, tmp_path, recipe):
    undisturbed = run(data, tmp_path / "all", recipe=recipe)
    part = run(data, tmp_path / "out", Steps(stop_at=2), recipe)
    assert not part.made.finished
    assert "**Stopped early**, after 2 of" in part.files["card"].read_text()
    assert part.made.sha256 != undisturbed.made.sha256
    rest = run(data, tmp_path / "out", recipe=recipe)
    assert rest.made.finished
    assert rest.made.sha256 == undisturbed.made.sha256


def test_another_seed_makes_other_weights(data, whole, tmp_path):
    other = train(order(data, tmp_path / "out", seed=1), Steps())
    assert other.made.sha256 != whole.made.sha256


def test_what_is_written_is_a_model_of_the_catalogue(whole):
    home = whole.out.parents[1]
    entry = load_models(home).of("mask", "mask-tiny")
    assert entry.label == whole.made.label
    assert entry.classes == 2
    assert entry.measured["test_accuracy"] == pytest.approx(whole.made.tested.accuracy, abs=1e-4)
    network = build(entry)
    test = checked(RECIPE, whole.made.material, Side.TEST)
    said = logits_of(network, test.crops).argmax(axis=1)
    assert confusion_matrix(test.truth, said).tolist() == [
        list(row) for row in whole.made.tested.confusion
    ]


def test_the_card_names_data_split_recipe_figures_and_licence(whole):
    text = whole.files["card"].read_text()
    for word in ("worn, missing", "80 pictures", "ask who gave", "validation", "adamw", "| worn |",
                 "Limits", "Research only", whole.made.label):  # fmt: skip
        assert word in text
    for name in ("curves", "confusion"):
        picture = cv2.imread(str(whole.files[name]))
        assert min(picture.shape[:2]) > 300
        assert picture.std() > 10


def test_the_split_says_where_every_picture_went(whole):
    with whole.files["split"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 80
    sides = [row["side"] for row in rows]
    assert {s: sides.count(s) for s in set(sides)} == {
        side: count for side, count in whole.made.counts().items() if count
    }


def test_what_was_learnt_once_is_not_learnt_again(data, whole):
    shell = Steps()
    again = run(data, whole.out, shell)
    assert (shell.first, shell.done) == (whole.made.state.step, 0)
    assert again.made.sha256 == whole.made.sha256


def test_a_frozen_base_keeps_its_weights(data, tmp_path):
    from training.train import beginning

    made = run(data, tmp_path / "out", recipe=FROZEN).made
    for name, tensor in beginning("imagenet").items():
        assert torch.equal(made.state.best[name], tensor), name
    assert made.state.best["hidden.weight"].shape == (128, 1280)


def test_a_damaged_state_is_said_to_be_damaged(data, tmp_path):
    run(data, tmp_path / "out", Steps(stop_at=2))
    path = tmp_path / "out" / NAME
    whole = path.read_bytes()
    for broken in (whole[:-1], b"", whole[:200] + b"x" + whole[201:], b"\x80\x04K\x01."):
        path.write_bytes(broken)
        with pytest.raises(StateError, match="is damaged"):
            run(data, tmp_path / "out")


def test_nothing_else_goes_on_in_a_folder(data, whole, tmp_path):
    run(data, tmp_path / "out", Steps(stop_at=2))
    with pytest.raises(StateError, match="another seed"):
        train(order(data, tmp_path / "out", seed=3), Steps())
    with pytest.raises(StateError, match="another fold"):
        train(replace(order(data, tmp_path / "out"), fold=2), Steps())
    with pytest.raises(StateError, match="another recipe"):
        run(data, tmp_path / "out", recipe=FROZEN)
    more = write_coloured(tmp_path / "more", each=41)
    with pytest.raises(StateError, match="another data"):
        run(more, tmp_path / "out")
    assert run(data, tmp_path / "out").made.sha256 == whole.made.sha256


def test_two_at_once_are_refused(data, tmp_path):
    (tmp_path / "out").mkdir()
    with alone(tmp_path / "out"), pytest.raises(StateError, match="Another process"):
        run(data, tmp_path / "out")


def test_data_that_is_too_little(data, tmp_path):
    with pytest.raises(NothingToJudge, match="no pictures"):
        (tmp_path / "empty").mkdir()
        run(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(TooLittle, match=r"Too few pictures of: worn \(19\), missing \(19\)"):
        run(write_coloured(tmp_path / "few", each=19), tmp_path / "out")
    alone = write_coloured(tmp_path / "alone")
    for path in (alone / "with_mask").iterdir():
        path.unlink()
    with pytest.raises(TooLittle, match="no picture of: worn"):
        run(alone, tmp_path / "out")
    same = write_coloured(tmp_path / "same")
    for path in (same / "with_mask").iterdir():
        path.write_bytes((same / "with_mask" / "0.png").read_bytes())
    with pytest.raises(TooLittle, match="No picture of worn falls to the training part"):
        run(same, tmp_path / "out")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu_is_said_and_not_worked_around():
    with pytest.raises(NoDevice, match="no CUDA here"):
        device_of("cuda")
    assert device_of("auto").type == "cpu"
    with pytest.raises(NoDevice, match="'tpu'"):
        device_of("tpu")
