"""Nobody who is learnt from is judged or calibrated on: by name, and by what faces look like."""

import os
from pathlib import Path

import numpy as np
import pytest

from training.recognition.faces import faces_112, identities
from training.recognition.material import embedded
from training.recognition.separation import ALIKE, CALIBRATED, JUDGED, alike, means
from training.splits import listed
from workers.manifest import load_models
from workers.runtime.openvino import OpenVinoRuntime

DATA = Path(os.environ.get("OSTIARY_DATA", Path(__file__).parents[3] / "shared" / "data"))
pytestmark = pytest.mark.unit
LISTS = ("celeba299-training", "celeba299-calibration", "celeba299-left-out")
ROUNDED = 0.005  # CPUs round differently


def test_the_lists_share_nobody():
    names = [name for part in LISTS for name in listed(part)]
    assert len(names) == len(set(names)) == 226
    assert len(listed("celeba299-calibration")) == CALIBRATED
    assert not listed("faces_112-left-out") & listed("faces_112-validation")


def test_people_are_alike_from_a_cosine_on():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(40, 16)).astype(np.float32)
    names, found = means(vectors, [f"p{k % 7}" for k in range(40)])
    assert names == [f"p{k}" for k in range(7)]
    for place, mine in enumerate(found):
        wanted = vectors[place::7].sum(axis=0)
        assert np.allclose(mine, wanted / np.linalg.norm(wanted), atol=1e-6)
    plain = [any(float(a @ b) > ALIKE for b in found[3:]) for a in found[:3]]
    assert alike(found[:3], found[3:]).tolist() == plain
    assert alike(found[:2], found[:2]).all()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no data sets in {DATA} (OSTIARY_DATA)")
@pytest.mark.skipif(
    "OSTIARY_ALL_FACES" not in os.environ,
    reason="26,000 faces are embedded in five minutes: set OSTIARY_ALL_FACES=1",
)
def test_the_sets_share_nobody_by_their_faces(tmp_path):
    runtime = OpenVinoRuntime(load_models(None).of("embedder", "sface"), tmp_path, 2)

    def of(faces):
        return means(embedded(faces.crops, runtime, 2, lambda _: None), faces.people)

    judged = np.concatenate([of(identities(DATA / f"{name}.zip"))[1] for name in JUDGED])
    celeba = DATA / "celeba299_112.zip"
    kept = of(identities(celeba, listed("celeba299-calibration")))[1]
    taught = of(identities(celeba, listed("celeba299-training")))[1]
    bare = faces_112(DATA, listed("faces_112-left-out"))
    # people of several pictures are held against others picture by picture, as they were left out
    alone = embedded(bare.crops, runtime, 2, lambda _: None)
    for these, those in ((taught, judged), (kept, judged), (taught, kept), (alone, judged),
                         (alone, kept)):  # fmt: skip
        assert float((these @ those.T).max()) <= ALIKE + ROUNDED
