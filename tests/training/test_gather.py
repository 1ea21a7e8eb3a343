"""Pictures fall to training, validation and test: by groups no two sides share one."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes.labelled import coded, sheet, table, tile, votes, write_zip
from fakes.tiny_training import RECIPE, coloured, write_coloured

from training.gather import Source, gather
from training.learnt import marked, write_split
from training.recipes.expression import checked, draw, targets
from training.recipes.paper import EXPRESSION
from training.refusal import Refusal
from training.splits import FOLDS, Side

pytestmark = pytest.mark.unit
SIDES = (Side.TRAINING, Side.VALIDATION, Side.TEST)


def material_of(data: Path, recipe=RECIPE, seed: int = 0, fold: int = 0):
    source = Source(recipe, data, data.parent / "cache", seed, fold)
    return gather(source, lambda done, total: None)


@pytest.fixture
def grouped(tmp_path) -> Path:
    """120 pictures in 60 groups, so that a split picture by picture would part groups."""
    rows, files = [], {}
    for number in range(120):
        label = ("with_mask", "without_mask")[number % 2]
        name = f"{number}.png"
        files[name] = coded(coloured(label, number), ".png")
        rows.append({"name": name, "label": label, "dup_group": number // 4 * 2 + number % 2})
    write_zip(tmp_path / "mine.zip", files | {"labels.csv": table(rows)})
    return tmp_path / "mine.zip"


def groups_by_side(material) -> dict[str, set[str]]:
    return {side: {material.samples[i].group for i in material.where(side)} for side in SIDES}


def test_by_groups_no_side_shares_one(grouped):
    found = groups_by_side(material_of(grouped))
    assert all(found.values())
    assert not found[Side.VALIDATION] & found[Side.TEST]
    assert not found[Side.TRAINING] & (found[Side.TEST] | found[Side.VALIDATION])
    assert all(group.startswith("mine/") for side in found.values() for group in side)


def test_every_picture_is_tested_by_one_fold(grouped):
    folds = [material_of(grouped, fold=fold) for fold in range(FOLDS)]
    tested = np.stack([fold.sides == Side.TEST for fold in folds])
    assert (tested.sum(axis=0) == 1).all()
    for found in map(groups_by_side, folds):
        assert not found[Side.TRAINING] & (found[Side.TEST] | found[Side.VALIDATION])


def test_by_chance_they_do_and_by_the_seed(grouped):
    by_chance = replace(RECIPE, split="chance")
    found = groups_by_side(material_of(grouped, by_chance))
    assert found[Side.TRAINING] & found[Side.TEST]
    sides = [material_of(grouped, by_chance, seed).sides for seed in (0, 0, 1)]
    assert np.array_equal(sides[0], sides[1])
    assert not np.array_equal(sides[0], sides[2])


def test_training_shows_no_test_picture_again(tmp_path):
    data = write_coloured(tmp_path / "data")
    before = material_of(data)
    tested = before.samples[before.where(Side.TEST)[0]]
    learnt = before.samples[before.where(Side.TRAINING)[0]]
    _, worse = cv2.imencode(".jpg", tested.read(), [cv2.IMWRITE_JPEG_QUALITY, 60])
    (data / Path(learnt.name)).write_bytes(coded(cv2.imdecode(worse, 1), ".png"))
    after = material_of(data)
    assert after.sides[before.where(Side.TRAINING)[0]] == Side.LEFT_OUT
    assert after.sha256 != before.sha256


def test_a_two_class_recipe_leaves_the_third_class_out(tmp_path):
    data = write_coloured(tmp_path / "data")
    (data / "incorrect").mkdir()
    (data / "incorrect" / "1.png").write_bytes(coded(coloured("with_mask", 77), ".png"))
    assert len(material_of(data).samples) == 80


def test_a_model_knows_what_it_learnt_from(grouped, tmp_path):
    material = material_of(grouped)
    write_split(material.samples, material.sides, tmp_path / "split.csv")
    again = marked(material.samples, tmp_path)
    learnt = [material.sides[n] for n, sample in enumerate(again) if sample.trained]
    assert set(learnt) == {Side.TRAINING, Side.VALIDATION}
    assert sum(not one.trained for one in again) == len(material.where(Side.TEST))
    assert marked(material.samples, tmp_path / "elsewhere") == list(material.samples)


@pytest.fixture
def fer(tmp_path) -> Path:
    """FER2013 as sheets: 30 of each expression for training, 3 of each to test."""
    rows, tiles = [], []
    for number in range(231):
        label = number % 7
        usage = "Training" if number < 210 else "PublicTest"
        word = ("anger", "contempt", "fear", "happiness", "sadness", "surprise", "neutral")[label]
        ten = votes(**({word: 10} if label < 2 else {word: 6, "unknown": 4}))
        rows.append({"sheet": 0, "tile": number, "usage": usage, "label": label, **ten})
        tiles.append(tile(number))
    files = {"sheet_000.png": sheet(tiles), "labels.csv": table(rows)}
    write_zip(tmp_path / "fer2013_mine.zip", files)
    return tmp_path


def test_fer_is_tested_on_all_but_training(fer):
    material = material_of(fer, replace(EXPRESSION, split="groups"))
    tested = material.where(Side.TEST)
    assert len(tested) == 21
    assert not any(material.samples[i].trained for i in tested)
    assert len(material.where(Side.VALIDATION)) > 6
    with pytest.raises(Refusal, match="no other folds"):
        material_of(fer, replace(EXPRESSION, split="groups"), fold=1)


def test_soft_targets_mix_votes_with_labels(fer):
    material = material_of(fer, EXPRESSION)
    wanted = targets(material, votes_weight=0.5)
    assert np.allclose(wanted.sum(axis=1), 1)
    assert wanted[0].tolist() == [1, 0, 0, 0, 0, 0, 0]
    drawn = draw(material, material.where(Side.TRAINING))
    assert not np.any(material.truth[drawn] == 1)  # all voted for contempt
    clear = checked(material)
    assert np.all(clear[material.truth == 1] == -1)
    assert np.all(clear[material.truth == 4] == 4)
