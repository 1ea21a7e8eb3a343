"""What was trained on is told from what was not, as training itself split it."""

import os
from collections import Counter
from pathlib import Path

import pytest
from fakes.labelled import coded, noise, table, write_zip

from training.data import MASK_SETS
from training.evaluation import untrained
from training.sets.classes import EXPRESSION_TASK, MASK_TASK
from training.sets.collect import collect
from training.sets.files import opened
from training.sets.known import FACES, KNOWN, all_known
from training.sets.samples import Collected, Sample
from training.splits import Side, side_of

DATA = Path(os.environ.get("OSTIARY_DATA", Path(__file__).parents[3] / "shared" / "data"))
pytestmark = [pytest.mark.integration, pytest.mark.slow]
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no data sets in {DATA} (OSTIARY_DATA)")


def found_in(path: Path, task=MASK_TASK) -> Collected:
    with opened(path) as files:
        return collect(files, task, "root")


@needs_data
def test_the_split_is_the_one_of_training():
    found = found_in(DATA)
    assert all_known(found)
    masks = [sample for sample in found.samples if sample.source in MASK_SETS]
    assert len(masks) > 7000
    assert all(one.trained == (side_of(one.group) is not Side.TEST) for one in masks)
    press = Counter(sample.trained for sample in found.samples if sample.source == "press")
    assert press == {True: 255, False: 85}
    bare = [sample for sample in found.samples if sample.source == FACES]
    assert Counter(sample.people for sample in bare) == {
        "Asian": 900, "White": 900, "Black": 900, "Indian": 900, "Other": 900, "": 216
    }  # fmt: skip
    assert 0.18 < sum(not sample.trained for sample in bare) / len(bare) < 0.22


@needs_data
def test_training_is_trained_on_and_the_rest_is_not():
    found = found_in(DATA, EXPRESSION_TASK)
    trained = Counter((sample.source, sample.trained) for sample in found.samples)
    assert trained == {
        ("fer2013_train_public Training", True): 28493,
        ("fer2013_train_public PublicTest", False): 3574,
        ("ckplus48", False): 759,
    }
    assert found.left_out == {"contempt": 39}


def test_another_set_of_the_same_name_is_a_strangers(tmp_path):
    rows = [{"name": f"with_mask/{n}.jpg", "label": "with_mask", "picture_group": n}
            for n in range(30)]  # fmt: skip
    files = {row["name"]: coded(noise(n)) for n, row in enumerate(rows)}
    write_zip(tmp_path / "masks3_real.zip", files | {"labels.csv": table(rows)})
    found = found_in(tmp_path)
    assert len(found.samples) == 30
    assert not any(sample.trained for sample in found.samples)


@pytest.mark.parametrize("own", KNOWN.values(), ids=lambda own: own.name)
def test_a_group_stays_on_one_side(own):
    """Of drawn masks the person is the group, not the picture."""
    rows = [{own.group_column: f"Ann_Example_{n:04d}", "picture_group": "7"} for n in range(40)]
    sides = {own.trained(row) for row in rows}
    assert len(sides) == (2 if own.name == "masks_crops" else 1)


def sample(trained: bool) -> Sample:
    return Sample("set", "name", "x", 0, read=lambda: noise(1), trained=trained)


def test_what_was_trained_on_is_left_out_unless_asked_for_or_alone():
    mixed = [sample(True), sample(False), sample(True)]
    chosen, learnt = untrained(mixed, everything=False)
    assert [one.trained for one in chosen] == [False]
    assert len(learnt) == 2
    assert untrained(mixed, everything=True) == (mixed, ())
    assert untrained([sample(True)] * 2, everything=False)[1] == ()
