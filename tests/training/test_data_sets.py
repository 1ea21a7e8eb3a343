"""The data sets are read as their README says; skipped where they are absent."""

import os
from pathlib import Path

import pytest

from training.recognition.pairs import read_pairs

DATA = Path(os.environ.get("OSTIARY_DATA", Path(__file__).parents[3] / "shared" / "data"))
pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no data sets in {DATA} (OSTIARY_DATA)"),
]


def test_lfw_has_ten_folds_of_six_hundred_pairs():
    pairs = read_pairs(DATA / "lfw_pairs.txt")
    for fold in range(10):
        mine = [pair for pair in pairs if pair.fold == fold]
        assert len(mine) == 600
        assert sum(pair.same for pair in mine) == 300
    assert len({name for p in pairs for name in (p.first, p.second)}) == 7_701
