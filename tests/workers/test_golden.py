"""What the shipped weights say of the demo's credited portraits, as it was when they were shipped.

A change of crop, preprocessing, runtime or weights shows here.
`python -m tests.workers.test_golden` prints the table anew.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.observations import Expression, MaskState
from ostiary.demo.mask import draw_mask
from ostiary.demo.portraits import load_portraits, read_picture
from workers.crops import ALIGNED, EXPRESSION, MASK
from workers.manifest import load_manifest, load_models
from workers.models import Models

pytestmark = [pytest.mark.integration, pytest.mark.slow]

GOLDEN = Path(__file__).with_name("golden.json")
ROLES = ("embedder", "mask", "expression")
WITHIN = 0.03  # of a probability, or of a unit vector's number: runtimes and CPUs round differently


def pictures() -> dict[str, np.ndarray]:
    """Every portrait as it was photographed, and those that have a mask in the demo, with it."""
    found = {}
    for key, portrait in load_portraits().items():
        found[key] = read_picture(portrait.photo)[..., :3]
        if portrait.mask:
            masked = draw_mask(read_picture(portrait.cutout), portrait.mask).astype(np.float32)
            cover = masked[..., 3:] / 255
            found[f"{key}, masked"] = masked[..., :3] * cover + 110 * (1 - cover)
    return {key: np.ascontiguousarray(picture, np.uint8) for key, picture in found.items()}


def numbers(models: Models, crop: np.ndarray) -> dict[str, float]:
    """The first eight numbers of a face's vector."""
    vector = models.embed(crop)[0]
    return {f"number {place}": round(float(vector[place]), 3) for place in range(8)}


def embedders(models: Models, cache: Path) -> dict[str, dict[str, dict[str, float]]]:
    """What every shipped embedder says of the first face of each picture, by label."""
    crops = {}
    for key, picture in pictures().items():
        (faces,) = models.detect([picture])
        crops[key] = models.crop(picture, faces.points[:1], ALIGNED)
    found = {}
    for entry in (one for one in load_models(None).entries if one.role == "embedder"):
        chosen = load_models(None).chosen({"embedder": entry.name})
        own = Models.load("cpu", cache, threads=1, entries=chosen)
        found[entry.label] = {key: numbers(own, crop) for key, crop in crops.items()}
    return found


def told(models: Models, picture: np.ndarray) -> dict[str, dict[str, float]]:
    """The probabilities of the first face, by class, and its vector's first eight numbers."""
    (faces,) = models.detect([picture])
    points = faces.points[:1]
    mask = models.mask(models.crop(picture, points, MASK))[0]
    expression = models.expression(models.crop(picture, points, EXPRESSION))[0]
    return {
        "embedder": numbers(models, models.crop(picture, points, ALIGNED)),
        "mask": {state.value: round(float(p), 3) for state, p in zip(MaskState, mask, strict=True)},
        "expression": {
            one.value: round(float(p), 3) for one, p in zip(Expression, expression, strict=True)
        },
    }


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return Models.load("cpu", tmp_path_factory.mktemp("models"), threads=1)


def test_the_shipped_weights_say_what_they_said(models):
    golden = json.loads(GOLDEN.read_text())
    labels = {role: load_manifest()[role].label for role in ROLES}
    assert golden["models"] == labels, "new weights: print the table anew and look at it"
    shown = pictures()
    assert set(shown) == set(golden["pictures"])
    for key, picture in shown.items():
        said = told(models, picture)
        for role, expected in golden["pictures"][key].items():
            assert said[role] == pytest.approx(expected, abs=WITHIN), key


def test_every_shipped_embedder_says_what_it_said(models, tmp_path):
    golden, found = json.loads(GOLDEN.read_text())["embedders"], embedders(models, tmp_path)
    assert list(golden) == list(found), "new weights: print the table anew and look at it"
    for label, by_picture in golden.items():
        for key, expected in by_picture.items():
            assert found[label][key] == pytest.approx(expected, abs=WITHIN), (label, key)


if __name__ == "__main__":
    import tempfile

    place = Path(tempfile.mkdtemp())
    shipped = Models.load("cpu", place, threads=1)
    table = {
        "models": {role: load_manifest()[role].label for role in ROLES},
        "pictures": {key: told(shipped, picture) for key, picture in pictures().items()},
        "embedders": embedders(shipped, place),
    }
    print(json.dumps(table, indent=1))
