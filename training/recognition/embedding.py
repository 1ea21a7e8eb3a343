"""Knows how a set's faces become vectors, each once however often it is asked for. Judges nothing.

Everything runs as the worker runs it on the CPU: one face, one thread.
"""

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.answers import Report
from training.draw import Template
from training.live import live_detector, live_runtime
from training.recognition.faces import Faces
from training.recognition.masking import Wardrobe, chance, each_masked
from training.recognition.occluding import Hidden, occlude
from training.sets.pictures import Picture
from workers.light import lit
from workers.manifest import Entry, load_manifest

Vector = NDArray[np.float32]  # (D,), of length one
Vectors = NDArray[np.float32]  # (N, D) unit vectors
LEAST: Final = 1e-9  # a vector's length, to divide by


@dataclass(frozen=True, slots=True)
class Look:
    """How a set's faces are shown to an embedder.

    pictures: the set. raw: its pictures are aligned first. masked: with a mask each, photographed
    ones where there are templates. hidden: what hides a share of each. seed: of both.
    """

    pictures: Path
    raw: bool = False
    masked: bool = False
    templates: tuple[Template, ...] = ()
    hidden: Hidden | None = None
    seed: int = 0

    def shown(self, faces: Faces, cache: Path) -> Iterator[Picture]:
        """Yield the faces as they are looked at, one by one. cache: of networks."""
        crops: Iterator[Picture] = iter(faces.crops)
        if self.masked:
            wardrobe = Wardrobe(live_detector(cache), self.templates)
            crops = each_masked(faces.names, faces.crops, wardrobe, self.seed)
        for name, crop in zip(faces.names, crops, strict=True):
            if self.hidden is None:
                yield crop
            else:
                random = chance(self.seed, name)
                yield occlude(crop, self.hidden.share, self.hidden.things, random)


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """The vectors of one network and look, by the faces' names, and what each took."""

    vectors: dict[str, Vector] = field(default_factory=dict)
    took_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What has been embedded: by a network's checksum and the look.

    dressed: faces that wear masks, by look and name, as a mask takes longer than any network.
    """

    known: dict[tuple[str, Look], _Known] = field(default_factory=lambda: defaultdict(_Known))
    dressed: dict[Look, dict[str, Picture]] = field(default_factory=lambda: defaultdict(dict))


@dataclass(frozen=True, slots=True)
class Bench:
    """What a model is judged with: its networks' cache, who is told how far it is, the memory.

    kept: a folder where the model's vectors outlive the process, or None.
    """

    cache: Path
    report: Report
    memory: Memory = field(default_factory=Memory)
    kept: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Unit vectors (N, D) of some faces; ms_per_face: the median of what one took."""

    vectors: Vectors
    ms_per_face: float


def embedded(faces: Faces, look: Look, entry: Entry, bench: Bench) -> Embedded:
    """Return the vectors of a look's faces; only those that were never asked for are made."""
    if bench.kept is None:
        return _made(faces, look, entry, bench)
    place = bench.kept / f"vectors-{_key(faces, look, entry)}.npz"
    if place.is_file():
        with np.load(place) as held:
            return Embedded(held["vectors"], float(held["ms_per_face"]))
    made = _made(faces, look, entry, bench)
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_suffix(".part.npz")
    np.savez(part, vectors=made.vectors, ms_per_face=made.ms_per_face)
    part.replace(place)
    return made


def _key(faces: Faces, look: Look, entry: Entry) -> str:
    """Return what vectors depend on: faces, how they are shown, and the network."""
    hidden = look.hidden and (look.hidden.share, len(look.hidden.things))
    shown = (look.raw, look.masked, len(look.templates), hidden, look.seed)
    detector = load_manifest()["detector"].sha256 if look.masked else ""
    digest = hashlib.sha256(repr((faces.names, shown, detector, entry.sha256)).encode())
    digest.update(faces.crops.tobytes())
    return digest.hexdigest()[:16]


def _made(faces: Faces, look: Look, entry: Entry, bench: Bench) -> Embedded:
    known = bench.memory.known[entry.sha256, look]
    places = [place for place, name in enumerate(faces.names) if name not in known.vectors]
    if places:
        new = faces if len(places) == len(faces.names) else faces.where(places)
        runtime = live_runtime(entry, bench.cache)
        for name, crop in zip(new.names, _shown(new, look, bench), strict=True):
            began = time.perf_counter()
            (vector,) = runtime.run(lit(crop)[None]).values()
            known.took_ms.append(1000 * (time.perf_counter() - began))
            known.vectors[name] = vector[0] / max(float(np.linalg.norm(vector[0])), LEAST)
            bench.report(len(known.vectors), len(faces.names))
    vectors = np.stack([known.vectors[name] for name in faces.names]).astype(np.float32)
    return Embedded(vectors, float(np.median(known.took_ms)))


def _shown(faces: Faces, look: Look, bench: Bench) -> Iterator[Picture]:
    """Yield faces as a look has them; masks are put on once, whoever looks."""
    if not look.masked:
        yield from look.shown(faces, bench.cache)
        return
    dressed = bench.memory.dressed[look]
    new = [place for place, name in enumerate(faces.names) if name not in dressed]
    made = look.shown(faces.where(new), bench.cache) if new else iter(())
    for name in faces.names:
        if name not in dressed:
            dressed[name] = next(made)
        yield dressed[name]
