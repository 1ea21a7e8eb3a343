"""Pairs files in LFW's format, and what is wrong with others."""

import numpy as np
import pytest

from training.recognition.pairs import Named, every_pair, numbered, placed, read_pairs
from training.refusal import Refusal

pytestmark = pytest.mark.unit


def written(tmp_path, text):
    path = tmp_path / "pairs.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_folds_follow_the_first_line(tmp_path):
    lines = ["2\t1", "Ada\t1\t2", "Ada\t1\tBo\t1", "Bo\t1\t2", "Bo\t2\tAda\t2", ""]
    pairs = read_pairs(written(tmp_path, "\n".join(lines)))
    assert [pair.fold for pair in pairs] == [0, 0, 1, 1]
    assert [pair.same for pair in pairs] == [True, False, True, False]
    assert pairs[3].first == Named("Bo", 2)


def test_one_count_or_none_gives_ten_folds(tmp_path):
    body = "\n".join(f"Ada {n} {n + 1}\nAda {n} Bo {n}" for n in range(1, 11))
    for text in (f"10\n{body}", body):
        pairs = read_pairs(written(tmp_path, text))
        assert len(pairs) == 20
        assert {pair.fold for pair in pairs} == set(range(10))


def test_names_may_have_spaces_between_tabs(tmp_path):
    (pair,) = read_pairs(written(tmp_path, "Ada Lovelace\t1\t12"))
    assert (pair.first.person, pair.second.number) == ("Ada Lovelace", 12)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("10 300", "names no pairs"),
        ("2 2\nAda 1 2\nAda 1 Bo 1", "has 2 pairs, but its first line says 8"),
        ("Ada 1 2\nAda one two", "line 2"),
    ],
)
def test_what_is_no_pairs_file_is_refused_with_its_place(tmp_path, text, said):
    with pytest.raises(Refusal, match=said):
        read_pairs(written(tmp_path, text))


def test_pictures_are_found_by_the_number_at_their_names_end(tmp_path):
    places = numbered(["Ada/Ada_0001.jpg", "set/Bo/Bo_0012.png", "Cy/000.jpg", "Dee/face.jpg"])
    assert places == {Named("Ada", 1): 0, Named("Bo", 12): 1, Named("Cy", 0): 2}
    pairs = read_pairs(written(tmp_path, "Ada 1 Bo 12\nAda 1 2"))
    with pytest.raises(Refusal, match=r"1 of the 3 pictures .* Ada 2"):
        placed(pairs, places)


def test_every_pair_comes_once():
    people = np.array([0, 0, 1, 2])
    whole = np.ones(4, bool)
    pairs = every_pair(people, whole, whole)
    assert len(pairs.same) == 6
    assert pairs.same.sum() == 1
    bare = np.array([True, False, True, False])
    across = every_pair(people, bare, ~bare)
    assert sorted(zip(across.first, across.second, strict=True)) == [(0, 1), (0, 3), (2, 1), (2, 3)]
    assert across.same.tolist() == [True, False, False, False]
