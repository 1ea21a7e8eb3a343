"""Knows what an embedder is taught on: faces bare and masked, and what the teacher says of them.

Masks are put on, and the faces found again, once; that is kept in a cache. Does not know the loop.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.faces import ALIGNED_PX, TEMPLATE_112
from training.answers import Report
from training.augment import relight, vary, worsen
from training.draw import load_templates
from training.hide import HIDDEN, hide, load_things
from training.live import LONGEST_PX
from training.recipe import Crop, Made, Make
from training.recognition.displacing import behind, covered, displaced
from training.recognition.faces import Crops, Faces, faces_112, identities, joined
from training.recognition.learnt_from import Taught
from training.recognition.masking import Wardrobe, chance
from training.recognition.teaching import Teaching
from training.recognition.triplets import drawn, stacked, with_mates
from training.refusal import Refusal
from training.splits import listed
from workers.detector import Detector
from workers.manifest import Entry, load_manifest, load_models
from workers.runtime import Runtime
from workers.runtime.openvino import OpenVinoRuntime

Vectors = NDArray[np.float32]  # (N, D) unit vectors
Places = NDArray[np.intp]
Given = TypeVar("Given")
Got = TypeVar("Got")

FIRST_SEED: Final = 1000  # of the masks: evaluation draws others
MANY: Final = 256  # faces between two reports


@dataclass(frozen=True, slots=True)
class Room:
    """Where a teaching's material comes from and is kept; threads: of the CPU."""

    data: Path
    cache: Path
    threads: int


def gather(room: Room, teaching: Teaching, report: Report) -> Taught:
    """Return everything that a pupil is taught on. Raises Refusal, OSError."""
    faces, validation = read(room.data)
    training = np.setdiff1d(np.arange(len(faces.names)), validation)
    digest = hashlib.sha256(repr((faces.names, faces.people)).encode())
    digest.update(faces.crops.tobytes())
    if teaching.by == "points":
        nothing = np.empty((0, *faces.crops.shape), np.uint8), np.empty((0, 0), np.float32)
        return Taught(faces, *nothing, training, validation, digest.hexdigest())
    teacher = load_models(None).of("embedder", "sface")
    total = (2 + teaching.copies) * len(faces.names)
    told = _Counter(report, total)
    vectors = _kept(
        room.cache / f"teacher-{_key(digest, teacher.sha256)}.npy",
        lambda: _both_ways(faces.crops, teacher, room, told),
    )
    masked = []
    for copy in range(teaching.copies):
        key = _key(digest, f"{load_manifest()['detector'].sha256} {copy}")
        put_on = _dresser(room, faces, copy, told)
        masked.append(_kept(room.cache / f"masked-{key}.npy", put_on))
    return Taught(
        faces,
        np.stack(masked),
        as_classes(vectors, faces.numbers()),
        training,
        validation,
        digest.hexdigest(),
    )


def each_once(taught: Taught, make: Make) -> list[Made]:
    """Return validation as it is made, always the same."""
    places = [int(place) for place in taught.validation]
    chances = [np.random.default_rng((FIRST_SEED, place)) for place in places]
    return [make(place, ALIGNED_PX, by) for place, by in zip(places, chances, strict=True)]


def read(data: Path) -> tuple[Faces, NDArray[np.intp]]:
    """Return the faces to learn from, and the places of those that are for validation."""
    learnt = faces_112(data, listed("faces_112-left-out"))
    people = identities(data / "celeba299_112.zip", listed("celeba299-training"))
    held = listed("faces_112-validation")
    validation = [place for place, name in enumerate(learnt.names) if name in held]
    return joined([learnt, people]), np.array(validation, np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Reserved:
    """The people whom thresholds rest on: faces, and the same with masks (N, 112, 112, 3)."""

    faces: Faces
    masked: Crops


def reserved(room: Room, report: Report) -> Reserved:
    """Return the people whom nothing else is done with. Raises Refusal, OSError."""
    faces = identities(room.data / "celeba299_112.zip", listed("celeba299-calibration"))
    digest = hashlib.sha256(faces.crops.tobytes())
    key = _key(digest, load_manifest()["detector"].sha256)
    told = _Counter(report, len(faces.names))
    return Reserved(
        faces, _kept(room.cache / f"reserved-{key}.npy", _dresser(room, faces, 0, told))
    )


def as_classes(vectors: Vectors, people: NDArray[np.intp]) -> Vectors:
    """Return what a pupil is to say of each face: half the teacher's vector, half its person's.

    The mean of a person's pictures is a better vector than that of any one of them.
    """
    sums = np.zeros((int(people.max()) + 1, vectors.shape[1]), np.float32)
    np.add.at(sums, people, vectors)
    return unit(vectors + unit(sums)[people])


def unit(vectors: Vectors) -> Vectors:
    """Return vectors (N, D) at unit length."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def make(taught: Taught, teaching: Teaching, data: Path) -> Make:
    """Return what makes samples: a face, bare or masked or with something before it, varied.

    Where a pupil learns by triplets, a sample is three of them.
    """
    things = load_things(data, seen=True)
    people = taught.faces.numbers()
    mates = with_mates(people, taught.training) if teaching.by == "triplets" else {}

    def face(place: int, size_px: int, random: np.random.Generator) -> Crop:
        kind = random.random()
        if kind < teaching.masked:
            crop = taught.masked[random.integers(teaching.copies), place]
        else:
            crop = taught.faces.crops[place]
            if kind < teaching.masked + teaching.hidden:
                what = HIDDEN[random.integers(len(HIDDEN))]
                crop = hide(crop, TEMPLATE_112, what, random, things)
        return vary(crop, size_px, teaching.strength, random, scale=size_px / ALIGNED_PX)

    def one(place: int, size_px: int, random: np.random.Generator) -> Made:
        return Made(face(place, size_px, random), np.array([place], np.float32))

    def three(place: int, size_px: int, random: np.random.Generator) -> Made:
        places = drawn(place, people, mates, random)
        crop = stacked(places, lambda k: face(k, size_px, random))
        return Made(crop, np.array(places, np.float32))

    return three if mates else one


def make_displaced(taught: Taught, teaching: Teaching, data: Path) -> Make:
    """Return what makes samples for an aligner: a displaced face, and where its points lie."""
    templates = load_templates(data) if (data / "occluders").is_dir() else ()
    things, strength = load_things(data, seen=True), teaching.strength

    def one(place: int, size_px: int, random: np.random.Generator) -> Made:
        crop, kind = taught.faces.crops[place], random.random()
        if kind < teaching.masked:
            crop = covered(crop, templates, random)
        elif kind < teaching.masked + teaching.hidden:
            crop = behind(crop, things, random)
        crop, offsets = displaced(crop, random)
        if random.random() < strength.worsen:
            crop = worsen(crop, random)
        return Made(relight(crop, strength, random), offsets)

    return one


def shown(taught: Taught, teaching: Teaching) -> Places:
    """Return the places of what is shown in an epoch: for triplets, those who have a mate."""
    if teaching.by != "triplets":
        return taught.training
    mates = with_mates(taught.faces.numbers(), taught.training)
    if len(mates) < 2:
        raise Refusal(
            "Triplets need two people with two pictures each.",
            f"Among {len(taught.training):,} pictures are {len(mates)}.",
        )
    return np.sort(np.concatenate(list(mates.values())))


def embedded(crops: Crops, runtime: Runtime, threads: int, told: Callable[[int], None]) -> Vectors:
    """Return unit vectors (N, D) of faces (N, 112, 112, 3), by so many threads at once."""

    def some(part: Crops) -> Vectors:
        (found,) = runtime.run(part).values()
        told(len(part))
        return found

    return unit(np.concatenate(_by_threads(some, _parts(crops), threads)))


def _both_ways(crops: Crops, entry: Entry, room: Room, told: Callable[[int], None]) -> Vectors:
    """Return the mean of each face's vector and its mirror image's."""
    runtime = OpenVinoRuntime(entry, room.cache.parent / "networks", room.threads)
    ways = (crops, np.ascontiguousarray(crops[:, :, ::-1]))
    one, other = (embedded(way, runtime, room.threads, told) for way in ways)
    return unit(one + other)


def _dresser(
    room: Room, faces: Faces, copy: int, told: Callable[[int], None]
) -> Callable[[], Crops]:
    """Return what puts on masks: every other copy drawn ones, as nobody has photographed them."""

    def dress() -> Crops:
        entry = load_manifest()["detector"]
        runtime = OpenVinoRuntime(entry, room.cache.parent / "networks", room.threads)
        there = (room.data / "occluders").is_dir() and copy % 2 == 0
        templates = load_templates(room.data) if there else ()
        wardrobe = Wardrobe(Detector(runtime, entry, LONGEST_PX), templates)

        def some(places: NDArray[np.intp]) -> Crops:
            told(len(places))
            seed = FIRST_SEED + copy
            return np.stack(
                [wardrobe.mask(faces.crops[k], chance(seed, faces.names[k])) for k in places]
            )

        return np.concatenate(_by_threads(some, _parts(np.arange(len(faces.names))), room.threads))

    return dress


def _by_threads(work: Callable[[Given], Got], parts: Iterable[Given], threads: int) -> list[Got]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))


def _parts(held: NDArray[Any]) -> Sequence[NDArray[Any]]:
    edges = [*range(0, len(held), MANY), len(held)]
    return [held[first:last] for first, last in pairwise(edges)]


class _Counter:
    """Counts what is done, whoever does it."""

    def __init__(self, report: Report, total: int) -> None:
        self._report, self._total, self._done = report, total, 0

    def __call__(self, more: int) -> None:
        self._done += more
        self._report(min(self._done, self._total), self._total)


def _key(digest: "hashlib._Hash", more: str) -> str:
    whole = digest.copy()
    whole.update(more.encode())
    return whole.hexdigest()[:16]


def _kept(path: Path, work: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """Return an array that is kept in a file, made now where there is none."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npy")
        np.save(part, work())
        part.replace(path)
    held: NDArray[Any] = np.load(path)
    return held
