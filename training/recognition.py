"""Knows how recognition is judged: LFW's pairs, and a gallery as a door has it. Trains nothing.

G. B. Huang et al.: Labeled Faces in the Wild, UMass TR 07-49, View 2: ten folds, the threshold of
each chosen on the other nine. LFW is only ever tested on.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data import Pair, decode_jpeg, lfw_pairs
from training.live import live_runtime
from workers.manifest import load_manifest

FALSE_ACCEPTS = (1e-2, 1e-3)
GALLERY = 50  # people enrolled, as at the door of an office


@dataclass(frozen=True, slots=True)
class OpenSet:
    """A gallery of people with two or more pictures, asked with their others and with strangers.

    Shares 0..1 at the manifest's `accept` and `margin`, for single views; belief joins several.
    """

    people: int
    enrolled_views: int
    stranger_views: int
    accepted_right: float
    accepted_wrong: float
    strangers_accepted: float


@dataclass(frozen=True, slots=True)
class Recognition:
    """Accuracy over ten folds with its standard error, 0..1, and cosine thresholds."""

    pairs: int
    accuracy: float
    standard_error: float
    threshold: float
    true_accepts: dict[str, float]  # by false accept rate
    cosine_at: dict[str, float]  # by false accept rate
    impostor_highest: float
    open_set: OpenSet


def embeddings(data: Path, cache: Path) -> dict[str, NDArray[np.float32]]:
    """Return the unit vector (128,) of every aligned LFW picture by its name."""
    entry = load_manifest()["embedder"]
    kept = cache / f"lfw-vectors-{entry.sha256[:16]}.npz"
    if kept.is_file():
        with np.load(kept) as held:
            return dict(zip(held["names"].tolist(), held["vectors"], strict=True))
    runtime = live_runtime(entry, cache)
    vectors: dict[str, NDArray[np.float32]] = {}
    with zipfile.ZipFile(data / "lfw_pairs_112.zip") as archive:
        for name in sorted(n for n in archive.namelist() if n.endswith(".jpg")):
            (out,) = runtime.run(decode_jpeg(archive.read(name))[None]).values()
            vectors[name] = np.asarray(out[0] / np.linalg.norm(out[0]), np.float32)
    np.savez(kept, names=np.array(list(vectors)), vectors=np.stack(list(vectors.values())))
    return vectors


def evaluate_recognition(data: Path, cache: Path) -> Recognition:
    """Judge the shipped embedder on LFW."""
    vectors, pairs = embeddings(data, cache), lfw_pairs(data)
    cosines = np.array([vectors[p.first] @ vectors[p.second] for p in pairs], np.float64)
    same = np.array([p.same for p in pairs])
    accuracies, thresholds = ten_folds(cosines, same, pairs)
    impostors = np.sort(cosines[~same])[::-1]
    cosine_at = {f"{far:g}": float(impostors[int(far * len(impostors))]) for far in FALSE_ACCEPTS}
    return Recognition(
        len(pairs),
        float(accuracies.mean()),
        float(accuracies.std(ddof=1) / np.sqrt(len(accuracies))),
        float(thresholds.mean()),
        {far: float((cosines[same] > value).mean()) for far, value in cosine_at.items()},
        cosine_at,
        float(impostors[0]),
        open_set(vectors),
    )


def ten_folds(
    cosines: NDArray[np.float64], same: NDArray[np.bool_], pairs: list[Pair]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each fold's accuracy at the threshold that is best on the other nine, and that."""
    folds = np.array([pair.fold for pair in pairs])
    accuracies, thresholds = [], []
    for fold in range(folds.max() + 1):
        rest = folds != fold
        best = best_threshold(cosines[rest], same[rest])
        thresholds.append(best)
        accuracies.append(((cosines[~rest] > best) == same[~rest]).mean())
    return np.array(accuracies), np.array(thresholds)


def best_threshold(cosines: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """Return the cosine that separates same from different pairs with the fewest errors."""
    order = np.argsort(cosines)
    sorted_same = same[order]
    # errors when cutting after position i: same below the cut, different above it
    errors = np.cumsum(sorted_same) + (~sorted_same).sum() - np.cumsum(~sorted_same)
    cut = int(errors.argmin())
    above = cosines[order][min(cut + 1, len(cosines) - 1)]
    return float((cosines[order][cut] + above) / 2)


def open_set(vectors: dict[str, NDArray[np.float32]]) -> OpenSet:
    """Enrol GALLERY people by two pictures each; ask with their others and with strangers."""
    limits = load_manifest()["embedder"].thresholds
    by_person: dict[str, list[NDArray[np.float32]]] = {}
    for name in sorted(vectors):
        by_person.setdefault(name.partition("/")[0], []).append(vectors[name])
    rich = [person for person, held in by_person.items() if len(held) >= 4]
    enrolled = rich[:: max(1, len(rich) // GALLERY)][:GALLERY]
    gallery = np.stack([np.stack(by_person[person][:2]) for person in enrolled])  # (P, 2, 128)
    right = wrong = asked = accepted = strangers = 0
    for person, held in by_person.items():
        for vector in held[2:] if person in enrolled else held[:1]:
            scores = (gallery @ vector).max(axis=1)
            first, second = np.sort(scores)[::-1][:2]
            sure = first >= limits["accept"] and first - second >= limits["margin"]
            if person not in enrolled:
                strangers, accepted = strangers + 1, accepted + int(sure)
                continue
            asked += 1
            hit = enrolled[int(scores.argmax())] == person
            right, wrong = right + int(sure and hit), wrong + int(sure and not hit)
    return OpenSet(
        len(enrolled),
        asked,
        strangers,
        right / max(asked, 1),
        wrong / max(asked, 1),
        accepted / max(strangers, 1),
    )
