"""The data sets are read as their README says; skipped where they are absent."""

import os
from pathlib import Path

import pytest

from engine.observations import MaskState
from training.data import fer_pictures, lfw_pairs, mask_pictures

DATA = Path(os.environ.get("OSTIARY_DATA", Path(__file__).parents[3] / "shared" / "data"))
pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no data sets in {DATA} (OSTIARY_DATA)"),
]


def test_lfw_has_ten_folds_of_six_hundred_pairs():
    pairs = lfw_pairs(DATA)
    for fold in range(10):
        mine = [pair for pair in pairs if pair.fold == fold]
        assert len(mine) == 600
        assert sum(pair.same for pair in mine) == 300
    assert all(p.first.split("/")[0] == p.second.split("/")[0] for p in pairs if p.same)
    assert all(p.first.split("/")[0] != p.second.split("/")[0] for p in pairs if not p.same)


def test_fer_tiles_carry_their_labels():
    for count, tile in enumerate(fer_pictures(DATA)):
        assert tile.grey.shape == (48, 48)
        assert 0 <= tile.label < 7
        assert 0 <= tile.votes.sum() <= 10
        if count == 200:
            break


def test_mask_pictures_have_groups_and_all_three_classes():
    labels, groups = set(), set()
    for picture in mask_pictures(DATA):
        labels.add(picture.label)
        groups.add(picture.group)
        assert picture.picture.ndim == 3
        assert picture.group.partition("/")[2], picture.name
    assert labels == set(MaskState)
    assert len(groups) > 2000
