"""Faces are embedded once for each network and look, and look as they are asked for."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from training.recognition import embedding
from training.recognition.embedding import Bench, Look, embedded
from training.recognition.faces import Faces
from training.recognition.masking import chance
from training.recognition.occluding import Hidden, occlude

pytestmark = pytest.mark.unit


class Sums:
    """A network whose vector is the sums of a face's three colours; counts what it is shown."""

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []

    def run(self, crops: np.ndarray) -> dict[str, np.ndarray]:
        self.shown.append(crops[0].copy())
        return {"vector": crops.reshape(1, -1, 3).sum(axis=1).astype(np.float32)}


@pytest.fixture
def network(monkeypatch) -> Sums:
    made = Sums()
    monkeypatch.setattr(embedding, "live_runtime", lambda entry, cache: made)
    return made


def faces(*names: str) -> Faces:
    random = np.random.default_rng(3)
    crops = random.integers(0, 255, (4, 112, 112, 3)).astype(np.uint8)
    places = [int(name.removeprefix("a/")) for name in names]
    return Faces(names, tuple("a" for _ in names), crops[places])


def entry(sha256: str = "one") -> SimpleNamespace:
    return SimpleNamespace(sha256=sha256)


def bench() -> Bench:
    return Bench(Path(), lambda done, total: None)


def test_only_what_is_new_is_embedded(network):
    one, look = bench(), Look(Path("set.zip"))
    first = embedded(faces("a/0", "a/2"), look, entry(), one)
    both = embedded(faces("a/1", "a/2", "a/0"), look, entry(), one)
    assert len(network.shown) == 3
    assert np.array_equal(both.vectors[[2, 1]], first.vectors)
    assert np.allclose(np.linalg.norm(both.vectors, axis=1), 1)
    sums = faces("a/1").crops[0].reshape(-1, 3).sum(axis=0)
    assert np.allclose(both.vectors[0], sums / np.linalg.norm(sums))
    assert both.ms_per_face > 0


def test_another_network_set_or_look_is_embedded_anew(network):
    one, some = bench(), faces("a/0")
    for look in (Look(Path("a.zip")), Look(Path("b.zip")), Look(Path("a.zip"), raw=True)):
        for sha256 in ("one", "two"):
            embedded(some, look, entry(sha256), one)
            embedded(some, look, entry(sha256), one)
    assert len(network.shown) == 6
    embedded(some, Look(Path("a.zip")), entry(), bench())
    assert len(network.shown) == 7  # of another run nothing is known


def test_a_share_is_hidden_as_name_and_seed_have_it(network):
    hidden = Hidden(0.4)
    embedded(faces("a/0", "a/3"), Look(Path("a.zip"), hidden=hidden, seed=5), entry(), bench())
    for shown, name in zip(network.shown, ("a/0", "a/3"), strict=True):
        (crop,) = faces(name).crops
        assert np.array_equal(shown, occlude(crop, 0.4, (), chance(5, name)))
        assert (shown != crop).any(axis=2).mean() > 0.35
