"""`ostiary evaluate recognition` end to end: real networks, real faces, and what may be wrong."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes.faces_of_people import EACH, PEOPLE, pair_lines, write_aligned, write_photographs
from fakes.labelled import coded

from ostiary.cli.__main__ import run
from ostiary.cli.failure import ExitCode

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def crops(tmp_path_factory) -> Path:
    return write_aligned(tmp_path_factory.mktemp("aligned") / "people")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("pairs") / "pairs.txt"
    path.write_text("\n".join(pair_lines()))
    return path


@pytest.fixture
def evaluate(home: Path, tmp_path: Path, monkeypatch, capsys):
    """Run the command in an empty folder; return its exit code and both outputs."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["--home", str(home), "evaluate", "recognition", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def judged(evaluate, *words) -> dict:
    code, out, err = evaluate(*words, "--json")
    assert code == ExitCode.DONE, err
    assert out.count("\n") == 1  # one object on one line
    return json.loads(out)


def test_pairs_of_aligned_faces(evaluate, crops, pairs):
    found = judged(evaluate, "--crops", crops, "--pairs", pairs)
    assert found["pairs"] == len(pair_lines())
    assert found["pictures"] == EACH * len(PEOPLE)
    assert found["impostor_pairs"] == EACH * EACH * 6  # all across identities, not only the file's
    assert found["accuracy"] == 1.0
    assert found["accuracy_std"] == 0.0
    assert 0.2 < found["threshold"] < 0.9
    assert found["tar_at_far"] == {"1e-2": None, "1e-3": None, "1e-4": None}  # 96 pairs say nothing
    assert found["ms_per_face"] > 0
    for plot in found["plots"].values():
        picture = cv2.imread(plot)
        assert picture is not None
        assert picture.std() > 5


def test_a_zip_says_the_same_as_its_folder_and_sface_is_always_there(
    evaluate, crops, pairs, tmp_path
):
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", crops.parent, crops.name)
    mine = judged(evaluate, "--crops", crops, "--pairs", pairs, "--model", "sface")
    packed = judged(evaluate, "--crops", archive, "--pairs", pairs, "--model", "sface")
    assert mine["model"].startswith("sface@")
    timed = {"ms_per_face", "plots"}
    assert {k: v for k, v in mine.items() if k not in timed} == {
        k: v for k, v in packed.items() if k not in timed
    }


def test_a_mask_on_the_second_follows_the_seed(evaluate, crops, pairs):
    bare = judged(evaluate, "--crops", crops, "--pairs", pairs)
    first = judged(evaluate, "--crops", crops, "--pairs", pairs, "--mask-second", 7)
    again = judged(evaluate, "--crops", crops, "--pairs", pairs, "--mask-second", 7)
    other = judged(evaluate, "--crops", crops, "--pairs", pairs, "--mask-second", 8)
    assert first["threshold"] == again["threshold"] != other["threshold"]
    assert first["threshold"] < bare["threshold"]  # a mask takes likeness away
    assert first["impostor_pairs"] == 2 * bare["impostor_pairs"]  # bare and masked, either way


def test_every_pair_of_folders(evaluate, crops):
    found = judged(evaluate, "--folders", crops)
    count = EACH * len(PEOPLE)
    assert found["pairs"] == count * (count - 1) // 2
    assert found["same_pairs"] == len(PEOPLE) * EACH * (EACH - 1) // 2


def test_whole_photographs_are_found_and_aligned_first(evaluate, tmp_path):
    photographs = write_photographs(tmp_path / "photographs")
    wall = np.full((200, 160, 3), 90, np.uint8)
    (photographs / "biden" / "biden_0009.jpg").write_bytes(coded(wall))
    found = judged(evaluate, "--folders", photographs, "--raw")
    assert found["not_found"] == ["biden/biden_0009.jpg"]
    assert found["accuracy"] > 0.9
    code, _, err = evaluate("--folders", photographs)
    assert code == ExitCode.FAILED
    assert "an aligned face is square; else say --raw" in err


def test_a_table_for_people(evaluate, crops, pairs):
    code, out, _ = evaluate("--crops", crops, "--pairs", pairs)
    assert code == ExitCode.DONE
    assert "accuracy" in out
    assert "too few pairs of two people" in out
    assert "all across identities" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], ExitCode.USAGE, "Say what is compared"),
        (["--crops", "."], ExitCode.USAGE, "--crops and --pairs belong together"),
        (["--folders", ".", "--crops", "."], ExitCode.USAGE, "Say what is compared"),
        (["--data", ".", "--raw"], ExitCode.USAGE, "--raw, --mask-second and --templates belong"),
        (["--data", ".", "--templates", "."], ExitCode.USAGE, "and --templates belong to"),
        (["--folders", "nowhere"], ExitCode.NOT_FOUND, "There is no folder or file nowhere"),
        (["--folders", "."], ExitCode.FAILED, "There are no pictures of people"),
        (["--data", "."], ExitCode.FAILED, "None of the sets that are known"),
        (["--folders", ".", "--model", "nobody"], ExitCode.NOT_FOUND, "no embedder model 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_said(evaluate, words, code, said):
    got, out, err = evaluate(*words)
    assert (got, out) == (code, "")
    assert said in err
    assert len(err.strip().splitlines()) <= 3


def test_a_missing_picture_is_named(evaluate, crops, tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("biden 1 2\nbiden 1 77\nbiden 1 obama 1")
    code, _, err = evaluate("--crops", crops, "--pairs", path)
    assert code == ExitCode.FAILED
    assert "biden 77" in err


def test_pairs_of_one_kind_are_refused(evaluate, crops, tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("biden 1 2\nobama 1 2")
    code, _, err = evaluate("--crops", crops, "--pairs", path)
    assert code == ExitCode.FAILED
    assert "Pairs of both kinds are needed" in err


def test_mask_and_expression_take_no_pairs(crops, home, capsys):
    code = run(["--home", str(home), "evaluate", "mask", "--folders", str(crops)])
    assert code == ExitCode.USAGE
    assert "are for recognition" in capsys.readouterr().err
