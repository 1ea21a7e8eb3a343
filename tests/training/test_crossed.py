"""Of several models each judges its own test side, and none a picture that another judges."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.crossed import NotCrossed, crossed, judged_by
from training.learnt import write_split
from training.sets.samples import Sample
from training.splits import FOLDS, Side, side_of
from workers.manifest import Entry, load_manifest

pytestmark = pytest.mark.unit


def sample(number: int) -> Sample:
    return Sample("set", f"{number}.png", "x", 0, read=lambda: np.zeros((8, 8, 3), np.uint8))


SAMPLES = [sample(number) for number in range(100)]


def model(folder: Path, name: str, sides: list[str] | None) -> Entry:
    """A model in a folder of its own, which says the sides of the first pictures, if any."""
    (folder / name).mkdir()
    if sides is not None:
        write_split(SAMPLES[: len(sides)], sides, folder / name / "split.csv")
    return replace(load_manifest()["mask"], name=name, file=folder / name / "w.safetensors")


def names(samples) -> list[str]:
    return [one.name for one in samples]


def test_five_folds_judge_every_picture_once(tmp_path):
    entries = [
        model(tmp_path, f"fold{fold}", [side_of(one.name, fold=fold) for one in SAMPLES])
        for fold in range(FOLDS)
    ]
    found = crossed(SAMPLES, entries)
    assert sorted(name for one in found for name in names(one.samples)) == sorted(names(SAMPLES))
    assert all(one.samples for one in found)
    assert [one.entry for one in found] == entries
    (note,) = judged_by(found, len(SAMPLES))
    assert f"{entries[2].label} {len(found[2].samples)}" in note


def test_only_the_test_side_is_judged(tmp_path):
    first = model(tmp_path, "a", [Side.TEST, Side.LEFT_OUT, Side.VALIDATION, Side.TRAINING])
    second = model(tmp_path, "b", [Side.TRAINING, Side.LEFT_OUT, Side.TEST, Side.LEFT_OUT])
    found = crossed(SAMPLES[:5], [first, second])
    assert [names(one.samples) for one in found] == [["0.png"], ["2.png"]]
    assert list(judged_by(found, 5))[1].startswith("3 of 5 pictures were on none")


def test_a_model_that_does_not_say_its_test_side_is_refused(tmp_path):
    entries = [model(tmp_path, "a", [Side.TEST]), model(tmp_path, "b", None)]
    with pytest.raises(NotCrossed, match=r"b@\w+ does not say .* no split\.csv"):
        crossed(SAMPLES, entries)


def test_two_models_that_would_judge_the_same_picture_are_refused(tmp_path):
    entries = [model(tmp_path, "a", [Side.TRAINING, Side.TEST]),
               model(tmp_path, "b", [Side.TEST, Side.TEST])]  # fmt: skip
    with pytest.raises(NotCrossed, match=r"a@\w+ and b@\w+ were both tested on 1\.png"):
        crossed(SAMPLES, entries)
    with pytest.raises(NotCrossed, match="both tested"):
        crossed(SAMPLES, [entries[0], entries[0]])


def test_pictures_of_no_test_side_are_refused(tmp_path):
    entries = [model(tmp_path, name, [Side.TRAINING]) for name in ("a", "b")]
    with pytest.raises(NotCrossed, match="None of the pictures"):
        crossed(SAMPLES, entries)
