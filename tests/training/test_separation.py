"""Nobody who is learnt from is judged or calibrated on: by name, and by what faces look like."""

import os
import zlib
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
@pytest.mark.parametrize("share", [
    0.04,
    pytest.param(1.0, marks=pytest.mark.skipif(
        "OSTIARY_ALL_FACES" not in os.environ,
        reason="26,000 faces are embedded in five minutes: set OSTIARY_ALL_FACES=1",
    )),
])  # fmt: skip
def test_the_sets_share_nobody_by_their_faces(tmp_path, share):
    """A share of the judged people, all of their pictures, and of the faces without a name."""
    runtime = OpenVinoRuntime(load_models(None).of("embedder", "sface"), tmp_path, 2)

    def some(names, times=1):
        return {name for name in names if zlib.crc32(name.encode()) < times * share * 2**32}

    def of(faces, times=1):
        chosen = some(faces.people, times)
        mine = faces.where([k for k, person in enumerate(faces.people) if person in chosen])
        return means(embedded(mine.crops, runtime, 2, lambda _: None), mine.people)[1]

    judged = np.concatenate([of(identities(DATA / f"{name}.zip")) for name in JUDGED])
    celeba = DATA / "celeba299_112.zip"
    kept = of(identities(celeba, listed("celeba299-calibration")))
    taught = of(identities(celeba, listed("celeba299-training")), times=5)
    bare = faces_112(DATA, listed("faces_112-left-out"))
    # people of several pictures are held against others picture by picture, as they were left out
    chosen = some(bare.names)
    mine = bare.where([k for k, name in enumerate(bare.names) if name in chosen])
    alone = embedded(mine.crops, runtime, 2, lambda _: None)
    assert len(judged) > 150 and len(alone) > 300 and len(taught) > 15
    for these, those in ((taught, judged), (kept, judged), (taught, kept), (alone, judged),
                         (alone, kept)):  # fmt: skip
        assert float((these @ those.T).max()) <= ALIKE + ROUNDED
