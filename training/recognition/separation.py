"""Knows how the sets are kept apart: nobody who is learnt from is judged or calibrated on.

`python -m training.recognition.separation --data DIR` writes the lists in `training/splits`. People
of different sets are one where their mean vectors, by SFace, are alike; names say it only in part.
"""

import argparse
import hashlib
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

import training.splits
from training.recognition.faces import FACES, Faces, faces_112, identities
from training.recognition.material import embedded, unit
from training.sets.files import opened
from training.sets.tables import read_table
from workers.manifest import load_models
from workers.runtime.openvino import OpenVinoRuntime

Vectors = NDArray[np.float32]  # (N, D) unit vectors

ALIKE: Final = 0.5  # cosine; of pairs of two people in LFW one in 100,000 is above it
JUDGED: Final = ("lfw_pairs_112", "cn_celeb_112", "masked_identities")
CALIBRATED: Final = 100
SPLITS: Final = Path(training.splits.__file__).parent


def means(vectors: Vectors, people: Sequence[str]) -> tuple[list[str], Vectors]:
    """Return everybody's name and mean vector, by vectors (N, D) and whose they are."""
    names, numbers = np.unique(np.array(people), return_inverse=True)
    sums = np.zeros((len(names), vectors.shape[1]), np.float32)
    np.add.at(sums, numbers, vectors)
    return names.tolist(), unit(sums)


def alike(these: Vectors, those: Vectors) -> NDArray[np.bool_]:
    """Return which of these (N, D) are like any of those (M, D)."""
    parts = [(these[k : k + 512] @ those.T).max(axis=1) > ALIKE for k in range(0, len(these), 512)]
    return np.concatenate([np.zeros(0, np.bool_), *parts])


def separate(data: Path, cache: Path, threads: int) -> dict[str, list[str]]:
    """Return the lists by name."""
    runtime = OpenVinoRuntime(load_models(None).of("embedder", "sface"), cache, threads)

    def of(faces: Faces) -> Vectors:
        print(f"{len(faces.names):,} faces", file=sys.stderr, flush=True)
        return embedded(faces.crops, runtime, threads, lambda _: None)

    judged = []
    for name in JUDGED:
        faces = identities(data / f"{name}.zip")
        judged.append(means(of(faces), faces.people)[1])
    others = np.concatenate(judged)
    people = identities(data / "celeba299_112.zip")
    names, vectors = means(of(people), people.people)
    left = {name for name, same in zip(names, alike(vectors, others), strict=True) if same}
    left |= _twice(
        [name for name in names if name not in left], dict(zip(names, vectors, strict=True))
    )
    kept = sorted((name for name in names if name not in left), key=_by_chance)
    calibrated = sorted(kept[:CALIBRATED])
    rows = [place for place, name in enumerate(names) if name in calibrated]
    faces = faces_112(data)
    again = alike(of(faces), np.concatenate([others, vectors[rows]]))
    lost = [name for name, same in zip(faces.names, again, strict=True) if same]
    return {
        "celeba299-left-out": sorted(left),
        "celeba299-calibration": calibrated,
        "celeba299-training": sorted(kept[CALIBRATED:]),
        "faces_112-left-out": lost,
        "faces_112-validation": _validation(data, lost),
    }


def _twice(names: Sequence[str], vectors: dict[str, NDArray[np.float32]]) -> set[str]:
    """Return who is alike to somebody before him."""
    found: set[str] = set()
    for place, name in enumerate(names):
        before = [vectors[other] for other in names[:place] if other not in found]
        if before and bool(alike(vectors[name][None], np.stack(before))[0]):
            found.add(name)
    return found


def _by_chance(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _validation(data: Path, lost: Collection[str]) -> list[str]:
    with opened(data / f"{FACES}.zip") as files:
        (table,) = (file for file in files.files if file.path.name == "labels.csv")
        rows = read_table(table).rows
    named = (f"{FACES}/{row['file']}" for row in rows if row["split"] == "val")
    return [name for name in named if name not in lost]


def main(arguments: Sequence[str]) -> int:
    """Write the lists."""
    parser = argparse.ArgumentParser(description="Keep training, calibration and test apart")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    for name, lines in separate(options.data, options.cache, options.threads).items():
        (SPLITS / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
        print(f"{name}: {len(lines):,}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
