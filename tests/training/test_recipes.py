"""Recipes say what the papers say; schedules, moves, order and samples do what they declare."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.augment import Affine, move
from training.feed import Feed
from training.recipe import HEAD, Made, Optimiser, Schedule
from training.recipes import RECIPES
from training.recipes.paper import EXPRESSION, MASK, MASK_MOVES
from training.recognition.beginning import NETWORKS
from training.recognition.recipes import TEACHINGS
from training.recognition.tables import TABLES
from training.starts import FOLDER, HELD, beginning, held
from workers.networks.build import CLASSIFIERS

pytestmark = pytest.mark.unit


def picture(height: int = 60, width: int = 44) -> np.ndarray:
    small = np.random.default_rng(4).integers(0, 256, (5, 5, 3)).astype(np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def test_the_mask_papers_numbers():
    assert (MASK.epochs, MASK.batch, MASK.input_px, MASK.frozen) == (12, 30, 224, 19)
    assert MASK.optimiser.kind == "adam"
    assert MASK.schedule.factor(876, 876) * 1e-4 == pytest.approx(1e-4 / (1 + 1e-4 / 12 * 876))
    assert (MASK_MOVES.turn_degrees, MASK_MOVES.zoom, MASK_MOVES.shift) == (30, 0.2, 0.4)
    network = MASK.build(2)
    assert network.hidden.weight.shape == (128, 1280)
    assert network.dropout.p == 0.5


def test_the_expression_papers_head_learns_ten_times_as_fast():
    network = EXPRESSION.build(7)
    base, head = EXPRESSION.optimiser.of(network).param_groups
    assert (base["times"], head["times"], base["momentum"]) == (1.0, 10.0, 0.9)
    assert {id(p) for p in head["params"]} == {id(p) for p in network.classifier.parameters()}
    assert len(base["params"]) + 2 == len(list(network.parameters()))
    assert (EXPRESSION.epochs, EXPRESSION.batch, EXPRESSION.choose) == (300, 64, "loss")


@pytest.mark.parametrize("recipe", [r for named in RECIPES.values() for r in named.values()])
def test_every_recipe_names_a_network_of_the_product(recipe):
    assert CLASSIFIERS[recipe.network] is recipe.build
    assert recipe.input_px % 16 == 0
    assert replace(recipe, epochs=7).declared() != recipe.declared()


@pytest.mark.parametrize("recipe", [r for named in RECIPES.values() for r in named.values()])
def test_every_recipe_begins_with_weights_of_its_network(recipe):
    network = recipe.build(len(recipe.labels))
    fits = network.load_state_dict(beginning(recipe.start), strict=False)
    assert not fits.unexpected_keys
    assert not [name for name in fits.missing_keys if not name.startswith(HEAD)]


def test_a_damaged_beginning_is_refused(tmp_path, monkeypatch):
    for name, _ in HELD.values():
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes()[:-1] + b"?")
    monkeypatch.setattr("training.starts.FOLDER", tmp_path)
    for start in HELD:
        with pytest.raises(ValueError, match="is damaged: restore it"):
            held(start)


def test_frozen_weights_are_not_moved():
    network = MASK.build(2)
    network.features.requires_grad_(False)
    (head,) = Optimiser("adam", 1e-4).of(network).param_groups
    assert len(head["params"]) == 4


def test_a_cosine_rises_then_falls_and_crops_grow():
    schedule = Schedule("cosine", warm=0.05, sizes=((0.5, 64),))
    factors = [schedule.factor(step, 100) for step in range(101)]
    assert factors.index(max(factors)) == 5
    assert max(factors) == pytest.approx(1.0)
    assert factors[100] == pytest.approx(0.005)
    assert [schedule.size(step, 100, 96) for step in (0, 49, 50, 99)] == [64, 64, 96, 96]


def test_unmoved_is_the_whole_picture_resized():
    whole = picture()
    resized = cv2.resize(whole, (96, 96), interpolation=cv2.INTER_LINEAR).astype(int)
    ours = move(whole, 96, Affine(replicate=True)).astype(int)
    assert np.abs(ours - resized).mean() < 1


def test_flips_and_shifts_are_what_they_say():
    whole = picture(64, 64)
    flipped = [move(whole, 64, Affine(flip=True), np.random.default_rng(n)) for n in range(20)]
    same = [np.array_equal(one, whole) for one in flipped]
    mirrored = [np.array_equal(one, whole[:, ::-1]) for one in flipped]
    assert all(a or b for a, b in zip(same, mirrored, strict=True))
    assert 4 < sum(mirrored) < 16
    black = np.full((64, 64, 3), 255, np.uint8)
    for seed in range(10):
        out = move(black, 64, Affine(shift=0.25), np.random.default_rng(seed))
        rows = np.nonzero(out.max(axis=(1, 2)) > 200)[0]
        assert 64 - len(rows) <= 17


def counting(index: int, size_px: int, random: np.random.Generator) -> Made:
    crop = np.full((size_px, size_px, 3), index, np.uint8)
    return Made(crop, random.random(2).astype(np.float32))


@given(st.integers(0, 9), st.integers(0, 5), st.integers(1, 4))
def test_an_epoch_entered_late_goes_on_as_it_would_have(epoch, begin, threads):
    feed = Feed(np.arange(40), counting, 6, 3, 1)
    whole = list(feed.epoch(epoch, 0, lambda step: 4))
    rest = list(replace(feed, threads=threads).epoch(epoch, begin, lambda step: 4))
    assert len(whole) == feed.steps == 6
    assert len(rest) == 6 - begin
    for mine, theirs in zip(rest, whole[begin:], strict=True):
        assert np.array_equal(mine.crops, theirs.crops)
        assert np.array_equal(mine.targets, theirs.targets)


def test_epochs_and_repeats_differ():
    feed = Feed(np.array([5, 5, 5, 5]), counting, 4, 0, 1)
    first, second = (next(iter(feed.epoch(n, 0, lambda step: 4))).targets for n in (0, 1))
    assert len({tuple(row.tolist()) for row in first}) == 4
    assert not np.array_equal(np.sort(first, axis=0), np.sort(second, axis=0))


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_row_of_a_papers_table_can_be_taught_in_its_turn(table):
    before = []
    for row in table.rows:
        assert row.recipe in TEACHINGS
        assert row.network in NETWORKS
        assert row.origin is None or row.origin in before
        before.append(row.name)
    shown = [name for part in table.parts for name in part.rows]
    compared = [one.row for one in table.baselines]
    assert {table.plain, *shown, *compared} <= set(before)
