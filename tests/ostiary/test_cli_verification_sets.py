"""`ostiary evaluate recognition --data` on small sets under the known names, judged for real."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from fakes.faces_of_people import EACH, PEOPLE, pair_lines, write_aligned, write_photographs
from fakes.labelled import coded

from ostiary.cli.__main__ import run
from ostiary.cli.failure import ExitCode

pytestmark = [pytest.mark.integration, pytest.mark.slow]
COUNT = EACH * len(PEOPLE)
WALL = "biden_0004.jpg"  # a photograph without a face, of a picture whose crop has one


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data")
    people = write_aligned(tmp_path_factory.mktemp("aligned") / "people")
    photographs = write_photographs(tmp_path_factory.mktemp("raw") / "photographs")
    (photographs / "biden" / WALL).write_bytes(coded(np.full((200, 160, 3), 90, np.uint8)))
    for name, folder in (("lfw_pairs_112", people), ("cn_celeb_112", people),
                         ("lfw_raw250_devtest", photographs)):  # fmt: skip
        shutil.make_archive(str(root / name), "zip", folder)
    (root / "lfw_pairs.txt").write_text("\n".join(pair_lines()))
    return root


@pytest.fixture
def evaluate(data: Path, tmp_path_factory, tmp_path: Path, monkeypatch, capsys):
    """Run the command in an empty folder; return what it printed."""
    monkeypatch.chdir(tmp_path)
    home = tmp_path_factory.getbasetemp() / "home"

    def call(*words: str) -> str:
        code = run(["--home", str(home), "evaluate", "recognition", "--data", str(data), *words])
        said = capsys.readouterr()
        assert code == ExitCode.DONE, said.err
        return said.out

    return call


def test_all_that_is_asked_of_the_known_sets(evaluate):
    found = json.loads(evaluate("--json"))
    assert set(found) == {"sets", "raw_against_aligned", "fairness", "search_1000", "plots"}
    assert set(found["sets"]) == {
        "LFW",
        "Mask-LFW, second masked",
        "Mask-LFW, both masked",
        "Occ-LFW, both 40 % hidden",
        "Chinese celebrities, all pairs",
    }
    bare, hidden = (found["sets"][name] for name in ("LFW", "Occ-LFW, both 40 % hidden"))
    assert hidden["impostor_pairs"] == bare["impostor_pairs"]
    assert hidden["threshold"] < bare["threshold"]  # what hides a face takes likeness away
    groups = found["fairness"]
    assert groups["threshold_at_far"] == bare["threshold_at_far"]
    across = COUNT * COUNT - len(PEOPLE) * EACH * EACH  # one name is one person
    assert groups["across"] == {"pairs": across, "false_accepts": bare["tar_at_far"]}  # all null
    assert groups["others"]["pairs"] == groups["chinese"]["pairs"] == across // 2
    search = found["search_1000"]
    assert (search["enrolled"], search["people_with_two"]) == (len(PEOPLE), len(PEOPLE))
    assert search["bare"] is search["masked"] is None  # a hundredth of twelve strangers is nobody


def test_photographs_agree_with_the_crops_of_the_same_names_but_where_no_face_is(evaluate):
    one = json.loads(evaluate("--json"))["raw_against_aligned"]
    assert one["not_found"] == [f"biden/{WALL}"]
    assert (one["people"], one["pictures"]) == (4, 3 + 2 + 2 + 4)
    assert one["same_pairs"] == 3 + 1 + 1 + 6
    assert one["impostor_pairs"] == 11 * 10 // 2 - 11
    assert one["cosine_median"] > 0.8
    accuracy = one["accuracy"]
    assert accuracy["aligned"] == 1
    assert accuracy["raw"] == pytest.approx((9 / 11 + 1) / 2)  # the lost picture's two pairs
    assert accuracy["difference"] == pytest.approx(-1 / 11)
    low, high = accuracy["interval"]
    assert low < -1 / 11 < high <= 0
    assert one["tar_at_far_1e-3"] is None  # 96 pairs of two people have no such threshold


def test_tables_for_people(evaluate):
    out = evaluate()
    for said in ("across the two", "Photographs found and aligned here", "no face found on 1",
                 "4 people, one picture each", "too few ask"):  # fmt: skip
        assert said in out
