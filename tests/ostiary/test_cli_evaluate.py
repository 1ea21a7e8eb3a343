"""`ostiary evaluate` end to end: real networks, real faces, and what may be wrong with data."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes.labelled import coded, sheet, table, votes, write_folders, write_zip

from ostiary.cli.__main__ import run
from ostiary.cli.failure import ExitCode
from ostiary.demo.mask import draw_mask
from ostiary.demo.portraits import FOLDER, load_portraits, read_picture

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PORTRAITS = load_portraits()
FIGURES = ("accuracy", "ece", "ms_per_face")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home whose networks are converted once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def evaluate(home: Path, tmp_path: Path, monkeypatch, capsys):
    """Run the command with --json in an empty folder; return its exit code and both outputs."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["--home", str(home), "evaluate", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def masked(key: str) -> np.ndarray:
    """A portrait with the demo's drawn mask, before grey."""
    portrait = PORTRAITS[key]
    assert portrait.mask is not None
    picture = draw_mask(read_picture(portrait.cutout), portrait.mask)
    alpha = picture[..., 3:].astype(np.float32) / 255
    return (picture[..., :3] * alpha + 110 * (1 - alpha)).astype(np.uint8)


def face(key: str, margin: float = 0.4) -> np.ndarray:
    """A square about a portrait's face."""
    portrait = PORTRAITS[key]
    x1, y1, x2, y2 = portrait.face
    half, x, y = max(x2 - x1, y2 - y1) * (0.5 + margin / 2), (x1 + x2) / 2, (y1 + y2) / 2
    picture = read_picture(portrait.photo)[..., :3]
    top, left = max(0, int(y - half)), max(0, int(x - half))
    return picture[top : int(y + half), left : int(x + half)]


def worn_rightly() -> list[str]:
    """Portraits whose drawn mask covers the nose."""
    return [
        key
        for key, one in PORTRAITS.items()
        if one.mask and min(y for _, y in one.mask.upper) < one.points[2][1]
    ]


@pytest.fixture(scope="module")
def mask_folder(tmp_path_factory) -> Path:
    """Whole photographs, crops, grey and transparent ones, in two classes; one is no picture."""
    root = tmp_path_factory.mktemp("masks")
    for folder in ("with_mask", "without_mask"):
        (root / folder).mkdir()
    for key in worn_rightly():
        (root / "with_mask" / f"{key}.png").write_bytes(coded(masked(key), ".png"))
    for key in ("biden", "collins", "hopper", "obama"):
        (root / "without_mask" / f"{key}.jpg").write_bytes(
            (FOLDER / PORTRAITS[key].photo).read_bytes()
        )
    grey = cv2.cvtColor(face("collins"), cv2.COLOR_BGR2GRAY)
    (root / "without_mask" / "grey.jpg").write_bytes(coded(grey))
    clear = cv2.cvtColor(face("hopper"), cv2.COLOR_BGR2BGRA)
    (root / "without_mask" / "clear.png").write_bytes(coded(clear, ".png"))
    wall = np.full((90, 70, 3), 90, np.uint8)
    (root / "without_mask" / "wall.jpg").write_bytes(coded(wall))
    (root / "with_mask" / "broken.jpg").write_bytes(b"no picture")
    return root


def test_masks_in_two_folders(evaluate, mask_folder, tmp_path):
    code, out, err = evaluate("mask", "--data", mask_folder, "--json", "--out", tmp_path / "plots")
    assert code == ExitCode.DONE
    assert "Traceback" not in err
    found = json.loads(out)
    bare, worn = 7, len(worn_rightly())
    assert found["model"].startswith("mobilenet-v2-mask@")
    assert found["count"] == bare + worn
    assert list(found["classes"]) == found["labels"] == ["with_mask", "without_mask"]
    assert [one["support"] for one in found["classes"].values()] == [worn, bare]
    assert [sum(row) for row in found["confusion"]] == [worn, bare]
    assert found["confusion"][0][0] == worn
    assert found["confusion"][1][1] >= bare - 1  # the wall may be anything
    assert found["not_found"] == 1
    assert found["parts"]["face found by the detector"]["accuracy"] == 1.0
    assert len(found["unreadable"]) == 1
    assert "broken.jpg" in found["unreadable"][0]
    assert found["rule"].startswith("Two classes: with_mask is a mask worn or worn wrongly")
    assert found["paper"]["classes"]["with_mask"]["recall"] == {"paper": 0.99, "ours": 1.0}
    assert found["by_size"]["64-128"]["count"] >= 1
    assert sum(one["count"] for one in found["by_size"].values()) == found["count"]


def test_each_figure_has_its_interval_beside_it(evaluate, mask_folder):
    _, out, _ = evaluate("mask", "--data", mask_folder, "--json")
    found = json.loads(out)
    holders = [(found, FIGURES), *((found["classes"][name], ("precision", "recall", "f1"))
                                   for name in found["labels"])]  # fmt: skip
    holders += [(one, ("accuracy",)) for one in found["by_size"].values() if one["count"]]
    for holder, names in holders:
        for name in names:
            low, high = holder[f"{name}_ci"]
            assert low <= holder[name] <= high
    assert found["ms_per_face"] < found["ms_per_face_with_crop"]


def test_the_plots_are_pictures_and_their_paths_are_printed(evaluate, mask_folder, tmp_path):
    code, out, _ = evaluate("mask", "--data", mask_folder)
    assert code == ExitCode.DONE
    for name in ("mask-confusion.png", "mask-reliability.png"):
        path = tmp_path / "ostiary-evaluation" / name
        picture = cv2.imread(str(path))
        assert min(picture.shape[:2]) > 400
        assert picture.std() > 10
        assert f"ostiary-evaluation/{name}" in out
    for word in ("precision", "with_mask", "95% intervals", "paper", "broken.jpg", "64-128"):
        assert word in out


def test_three_classes_under_other_names(evaluate, mask_folder, tmp_path):
    files = {f"wearing mask/{path.name}": path.read_bytes()
             for path in (mask_folder / "with_mask").glob("*.png")}  # fmt: skip
    files |= {f"no_mask/{path.name}": path.read_bytes()
              for path in (mask_folder / "without_mask").glob("*.jpg")}  # fmt: skip
    below = [key for key, one in PORTRAITS.items() if one.mask and key not in worn_rightly()]
    files |= {f"mask_weared_incorrect/{key}.png": coded(masked(key), ".png") for key in below}
    assert below
    write_zip(tmp_path / "three.zip", files)
    code, out, _ = evaluate("mask", "--data", tmp_path / "three.zip", "--json")
    assert code == ExitCode.DONE
    found = json.loads(out)
    assert found["labels"] == ["wearing mask", "mask_weared_incorrect", "no_mask"]
    assert found["classes"]["mask_weared_incorrect"]["support"] == len(below)
    assert found["two_classes"]["labels"] == ["wearing mask", "no_mask"]
    assert found["two_classes"]["count"] == found["count"] - len(below)
    recall = found["two_classes"]["classes"]["no_mask"]["recall"]
    assert recall > 0.7
    beside = found["paper"]["classes"]["without_mask"]["recall"]
    assert beside == {"paper": 0.99, "ours": recall}


@pytest.fixture(scope="module")
def fer_zip(tmp_path_factory) -> Path:
    """Portraits as FER2013's tiles: one by FER+ a tie, one trained on."""
    keys = ["obama", "collins", "hopper", "biden", "obama2"]
    tiles = [cv2.resize(cv2.cvtColor(face(key, 0.15), cv2.COLOR_BGR2GRAY), (48, 48),
                        interpolation=cv2.INTER_AREA) for key in keys]  # fmt: skip
    ten = [votes(happiness=10), votes(happiness=9, neutral=1), votes(neutral=5, happiness=5),
           votes(unknown=10), votes(happiness=10)]  # fmt: skip
    rows = [
        {"sheet": 0, "tile": n, "usage": "Training" if n == 4 else "PrivateTest", "label": 3,
         "label_name": "happy", **ten[n]}
        for n in range(5)
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("fer") / "private.zip"
    write_zip(path, {"sheet_000.jpg": sheet(tiles), "labels.csv": table(rows)})
    return path


def test_fer_sheets_by_both_sets_of_labels(evaluate, fer_zip, tmp_path):
    code, out, _ = evaluate("expression", "--data", fer_zip, "--json")
    assert code == ExitCode.DONE
    found = json.loads(out)
    assert found["count"] == 4
    assert found["trained_on_left_out"] == 1
    assert found["classes"]["happy"]["support"] == 4
    assert found["ferplus"]["count"] == 2
    assert found["ferplus"]["left_out"] == {"tie": 1, "contempt": 0, "unknown": 1, "no_face": 0}
    assert found["ferplus"]["accuracy"] == 1.0  # both laugh
    assert found["paper"]["accuracy"] == {"paper": 0.645, "ours": found["accuracy"]}
    assert sorted(found["plots"]) == [
        "confusion", "ferplus_confusion", "ferplus_reliability", "reliability"
    ]  # fmt: skip
    everything = json.loads(evaluate("expression", "--data", fer_zip, "--json", "--all")[1])
    assert everything["count"] == 5
    assert everything["trained_on_left_out"] == 0


def test_without_contempt_and_with_a_note(evaluate, tmp_path):
    for folder, key in (("happy", "obama"), ("contempt", "hopper"), ("neutral", "hopper")):
        (tmp_path / "data" / folder).mkdir(parents=True)
        (tmp_path / "data" / folder / "1.jpg").write_bytes(coded(face(key)))
    code, out, _ = evaluate("expression", "--data", tmp_path / "data", "--json")
    found = json.loads(out)
    assert code == ExitCode.DONE
    assert found["count"] == 2
    assert found["left_out"] == {"contempt": 1}
    assert "contempt (1)" in found["notes"][0]
    assert "ferplus" not in found


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["nose", "--data", "."], ExitCode.USAGE, "no task 'nose'"),
        (["mask"], ExitCode.USAGE, "--data"),
        (["mask", "--data", "nowhere"], ExitCode.NOT_FOUND, "nowhere"),
        (["mask", "--data", "text.txt"], ExitCode.USAGE, "neither a folder nor a zip"),
        (["mask", "--data", "empty"], ExitCode.FAILED, "no pictures in empty"),
        (["mask", "--data", "broken.zip"], ExitCode.FAILED, "broken.zip: "),
        (["mask", "--data", "people"], ExitCode.FAILED, "Ann (2)"),
        (["mask", "--data", "half"], ExitCode.FAILED, "scarf (2)"),
        (["mask", "--data", "dark"], ExitCode.FAILED, "None of the 2 pictures"),
        (["mask", "--data", "dark", "--model", "resnet"], ExitCode.NOT_FOUND, "mobilenet-v2-mask"),
    ],
)
def test_what_is_wrong_is_said(evaluate, tmp_path, words, code, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("")
    (tmp_path / "broken.zip").write_bytes(b"PK no more")
    write_folders(tmp_path / "people", {"Ann": 2, "Bob": 1})
    write_folders(tmp_path / "half", {"with_mask": 1, "scarf": 2})
    for folder in ("with_mask", "without_mask"):
        (tmp_path / "dark" / folder).mkdir(parents=True)
        (tmp_path / "dark" / folder / "1.jpg").write_bytes(b"nothing")
    found, out, err = evaluate(*words)
    assert (found, out) == (code, "")
    assert says in err
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 3


def test_plots_that_cannot_be_written_are_said(evaluate, mask_folder, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = evaluate("mask", "--data", mask_folder, "--out", tmp_path / "file")
    assert code == ExitCode.FAILED
    assert "--out" in err


def test_what_must_be_installed_is_said_before_the_work(evaluate, mask_folder, monkeypatch):
    monkeypatch.delitem(sys.modules, "training.plots", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.axes", None)
    code, _, err = evaluate("mask", "--data", mask_folder)
    assert code == ExitCode.FAILED
    assert "needs matplotlib" in err
    assert "ostiary[server,worker,train]" in err
    assert "pictures" not in err
