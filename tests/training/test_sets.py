"""Labelled pictures are found in folders, zips, tables and sheets, whatever people call them."""

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from fakes.labelled import coded, noise, sheet, table, tile, votes, write_folders, write_zip

from engine.observations import Expression, MaskState
from training.sets.classes import EXPRESSION_TASK, MASK_TASK, Task
from training.sets.collect import collect
from training.sets.ferplus import verdicts
from training.sets.files import Unreadable, opened
from training.sets.samples import Collected, names_in

pytestmark = pytest.mark.unit

ANGER, HAPPY = (list(Expression).index(one) for one in (Expression.ANGER, Expression.HAPPINESS))


def found_in(path: Path, task: Task = MASK_TASK) -> Collected:
    with opened(path) as files:
        found = collect(files, task, "root")
        found.absent += files.damaged
        for sample in found.samples:
            assert sample.read().ndim == 3
        return found


def labels(found: Collected) -> Counter:
    return Counter((sample.source, sample.label) for sample in found.samples)


@pytest.mark.parametrize(
    ("name", "state"),
    [("with_mask", "worn"), ("With Mask", "worn"), ("WithMask", "worn"), ("masked", "worn"),
     ("incorrect", "incorrect"), ("mask_weared_incorrect", "incorrect"),
     ("incorrect_mask", "incorrect"), ("without_mask", "missing"), ("no-mask", "missing"),
     ("unmasked", "missing")],
)  # fmt: skip
def test_masks_go_by_many_names(name, state):
    assert tuple(MaskState)[MASK_TASK.place(name)] == state


@pytest.mark.parametrize("name", ["masks3_real", "masks", "occluders", "Ann", ""])
def test_other_names_are_no_mask(name):
    assert MASK_TASK.place(name) is None


@pytest.mark.parametrize("task", [MASK_TASK, EXPRESSION_TASK])
def test_no_name_means_two_classes(task):
    keys = [key for one in task.classes for key in (one.usual, *one.others)]
    assert all(task.place(one.usual) == place for place, one in enumerate(task.classes))
    assert all(
        task.place(key) == place
        for place, one in enumerate(task.classes)
        for key in (one.usual, *one.others)
    )
    assert not any(task.skipped(key) for key in keys)


def test_the_papers_words_for_expressions_are_known():
    words = ["anger", "disgust", "fear", "happy", "sad", "surprised", "normal"]
    assert [EXPRESSION_TASK.place(word) for word in words] == list(range(7))
    assert EXPRESSION_TASK.skipped("Contempt") == "contempt"


def test_class_folders(tmp_path):
    write_folders(tmp_path, {"with_mask": 3, "without_mask": 2})
    (tmp_path / "with_mask" / "notes.txt").write_text("no picture")
    (tmp_path / "with_mask" / ".hidden.jpg").write_bytes(b"nothing")
    found = found_in(tmp_path)
    assert labels(found) == {("root", "with_mask"): 3, ("root", "without_mask"): 2}
    assert names_in(found.samples, MASK_TASK) == ["with_mask", "incorrect", "without_mask"]


def test_names_of_ck_plus_say_whom_they_show(tmp_path):
    names = ("S010_004_00000017", "S010_006_00000015", "S010_a", "S999_001_00000018")
    files = {f"anger/{name}.png": coded(noise(seed)) for seed, name in enumerate(names)}
    write_zip(tmp_path / "ck.zip", files)
    found = found_in(tmp_path, EXPRESSION_TASK)
    assert [one.group for one in found.samples] == ["ck/S010", "ck/S010", "", "ck/S999"]


def test_class_folders_below_others_are_sets_of_their_own(tmp_path):
    write_folders(tmp_path, {"test/Mask": 2, "train/No Mask": 1})
    assert labels(found_in(tmp_path)) == {("test", "Mask"): 2, ("train", "No Mask"): 1}


def test_the_nearest_folder_names_the_class(tmp_path):
    write_folders(tmp_path, {"masked/no_mask": 2, "masked/mask/Ann": 1})
    assert labels(found_in(tmp_path)) == {("masked", "no_mask"): 2, ("masked", "mask"): 1}


def test_a_table_says_nothing_of_a_zip_beside_it(tmp_path):
    (tmp_path / "a.jpg").write_bytes(coded(noise(1)))
    (tmp_path / "labels.csv").write_bytes(table([{"name": "a.jpg", "label": "with_mask"}]))
    write_zip(tmp_path / "more.zip", {"without_mask/1.jpg": coded(noise(2))})
    assert labels(found_in(tmp_path)) == {("root", "with_mask"): 1, ("more", "without_mask"): 1}


def test_a_zip_is_a_folder_of_its_name(tmp_path):
    files = {f"incorrect_mask/{n}.png": coded(noise(n), ".png") for n in range(4)}
    files |= {"__MACOSX/incorrect_mask/0.png": b"x", "incorrect_mask/._0.png": b"x"}
    files |= {"Mask/1.jpg": coded(noise(9))}
    write_zip(tmp_path / "mine.zip", files)
    expected = {("mine", "incorrect_mask"): 4, ("mine", "Mask"): 1}
    assert labels(found_in(tmp_path)) == expected
    assert labels(found_in(tmp_path / "mine.zip")) == expected


def test_a_zip_of_one_class_is_a_class(tmp_path):
    write_zip(tmp_path / "with_mask.zip", {"1.jpg": coded(noise(1)), "2.jpg": coded(noise(2))})
    assert labels(found_in(tmp_path)) == {("root", "with_mask"): 2}


def test_a_zip_beside_its_own_folder_counts_once(tmp_path):
    write_folders(tmp_path / "set", {"mask": 2, "no_mask": 2})
    held = {
        f"{path.parent.name}/{path.name}": path.read_bytes() for path in tmp_path.rglob("*.jpg")
    }
    write_zip(tmp_path / "set.zip", held)
    assert len(found_in(tmp_path).samples) == 4


def test_a_table_wins_over_folders(tmp_path):
    rows = [{"file": f"some/{n}.jpg", "label": ["with_mask", "without_mask"][n % 2], "w": 3}
            for n in range(4)]  # fmt: skip
    rows.append({"file": "some/gone.jpg", "label": "with_mask", "w": 3})
    files = {row["file"]: coded(noise(n)) for n, row in enumerate(rows[:4])}
    files["with_mask/unlisted.jpg"] = coded(noise(8))
    write_zip(tmp_path / "mine.zip", files | {"labels.csv": table(rows)})
    found = found_in(tmp_path)
    assert labels(found) == {("mine", "with_mask"): 2, ("mine", "without_mask"): 2}
    assert len(found.absent) == 1
    assert "gone.jpg" in found.absent[0]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffName;Class\na.jpg;with mask\nb.jpg;scarf\n",
        "Class,Name\r\nwith mask,./a.jpg\r\nscarf,b.jpg\r\n",
    ],
)
def test_tables_of_other_shapes(tmp_path, text):
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(coded(noise(1)))
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    found = found_in(tmp_path)
    assert labels(found) == {("root", "with mask"): 1}
    assert found.unknown == {"scarf": 1}


def test_a_table_may_name_pictures_without_folder_or_suffix(tmp_path):
    write_folders(tmp_path, {"images": 2, "more": 1})
    (tmp_path / "more" / "0.jpg").rename(tmp_path / "more" / "9.jpg")
    rows = [{"image": "9", "label": "mask"}, {"image": "1.jpg", "label": "no mask"},
            {"image": "8", "label": "no mask"}]  # fmt: skip
    (tmp_path / "labels.csv").write_bytes(table(rows))
    found = found_in(tmp_path)
    assert [sample.name for sample in found.samples] == ["more/9.jpg", "images/1.jpg"]
    assert len(found.absent) == 1


def test_unknown_classes_beside_known_ones_are_counted_and_others_are_elsewhere(tmp_path):
    write_folders(tmp_path, {"with_mask": 1, "without_mask": 1, "scarf": 3, "scarf/red": 1})
    write_zip(tmp_path / "people.zip", {"Ann/1.jpg": coded(noise(1))})
    found = found_in(tmp_path)
    assert found.unknown == {"scarf": 4, "people": 1}
    write_folders(tmp_path / "deep", {"a/with_mask": 1, "b/without_mask": 1, "people/Ann": 2})
    assert found_in(tmp_path / "deep").elsewhere == {"people": 2}


def test_contempt_is_left_out_by_name(tmp_path):
    write_folders(tmp_path, {"anger": 2, "contempt": 3, "happy": 1})
    found = found_in(tmp_path, EXPRESSION_TASK)
    assert found.left_out == {"contempt": 3}
    assert not found.unknown
    assert {sample.truth for sample in found.samples} == {ANGER, HAPPY}


def test_a_damaged_zip_is_named_and_the_rest_is_read(tmp_path):
    write_folders(tmp_path, {"with_mask": 1, "without_mask": 1})
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 no more")
    found = found_in(tmp_path)
    assert len(found.samples) == 2
    assert "broken.zip" in found.absent[0]


def test_a_member_that_is_damaged_is_unreadable(tmp_path):
    path = tmp_path / "mine.zip"
    write_zip(path, {"with_mask/1.jpg": coded(noise(1)) * 20})
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)
    path.write_bytes(data)
    with opened(tmp_path) as files:
        (sample,) = collect(files, MASK_TASK, "root").samples
        with pytest.raises(Unreadable, match=r"1\.jpg"):
            sample.read()


def test_links_that_go_round_end(tmp_path):
    write_folders(tmp_path, {"with_mask": 2})
    (tmp_path / "with_mask" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(found_in(tmp_path).samples) == 2


def fer(tmp_path: Path, rows: list[dict[str, object]], a_row: int = 40) -> Path:
    """A zip of FER2013's layout: tile n is `tile(n)`."""
    full = [{"sheet": 0, "tile": n, "fer_row": n, **row} for n, row in enumerate(rows)]
    files = {"sheet_000.png": sheet([tile(n) for n in range(len(rows))], a_row)}
    write_zip(tmp_path / "fer.zip", files | {"labels.csv": table(full)})
    return tmp_path / "fer.zip"


def test_sheets_of_any_usage(tmp_path):
    rows = [
        {"usage": usage, "label": label, "label_name": name, **votes(anger=9, neutral=1)}
        for usage, label, name in
        [("PrivateTest", 0, "angry"), ("Training", 3, "happy"), ("mine", 3, "happy")] * 15
    ]  # fmt: skip
    found = found_in(fer(tmp_path, rows), EXPRESSION_TASK)
    assert labels(found) == {
        ("fer PrivateTest", "angry"): 15, ("fer Training", "happy"): 15, ("fer mine", "happy"): 15
    }  # fmt: skip
    assert [sample.trained for sample in found.samples[:3]] == [False, True, False]
    for place in (0, 39, 40, 44):
        assert np.array_equal(found.samples[place].read()[..., 0], tile(place))


def test_sheets_say_nothing_of_masks(tmp_path):
    found = found_in(fer(tmp_path, [{"usage": "x", "label": 0}]), MASK_TASK)
    assert not found.samples
    assert found.elsewhere == {"fer": 1}


def test_a_sheet_or_a_tile_that_is_not_there_is_unreadable(tmp_path):
    path = fer(tmp_path, [{"usage": "x", "label": 0}])
    rows = [{"sheet": 0, "tile": 41, "label": 0}, {"sheet": 7, "tile": 0, "label": 0},
            {"sheet": "", "tile": "", "label": 0}]  # fmt: skip
    with zipfile.ZipFile(path) as archive:
        pixels = archive.read("sheet_000.png")
    write_zip(path, {"sheet_000.png": pixels, "labels.csv": table(rows)})
    with opened(path) as files:
        found = collect(files, EXPRESSION_TASK, "root")
        assert len(found.absent) == 1
        for sample in found.samples:
            with pytest.raises(Unreadable, match="sheet"):
                sample.read()


def test_what_most_of_ten_voted_for_is_the_verdict(tmp_path):
    given = [votes(anger=4, neutral=3, sadness=3), votes(anger=5, neutral=5),
             votes(contempt=6, anger=4), votes(unknown=7), votes(nf=10),
             votes(happiness=6, contempt=4), votes()]  # fmt: skip
    rows = [{"usage": "PrivateTest", "label": 0, "label_name": "angry", **one} for one in given]
    found = verdicts(found_in(fer(tmp_path, rows), EXPRESSION_TASK).samples)
    assert found is not None
    assert found.truth.tolist() == [ANGER, -1, -1, -1, -1, HAPPY, -1]
    assert found.clear.tolist() == [False, False, False, False, False, True, False]
    assert found.left_out == {"tie": 1, "contempt": 1, "unknown": 1, "no_face": 1, "no_votes": 1}


def test_without_votes_there_is_no_verdict(tmp_path):
    found = found_in(fer(tmp_path, [{"usage": "x", "label": 0}]), EXPRESSION_TASK)
    assert verdicts(found.samples) is None
    assert found.samples[0].label == "anger"
