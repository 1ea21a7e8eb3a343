"""Knows the four networks that the pipeline needs, loaded once. Does not know tracks or cameras."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.faces import Detections
from engine.observations import MaskState
from engine.purpose import Purpose
from workers.crops import ALIGNED, EXPRESSION, MASK, Crops, Framing, crop_faces
from workers.detection import joined
from workers.detector import Detector
from workers.light import all_lit
from workers.manifest import Entry, Role, load_manifest
from workers.preprocess import input_size
from workers.regions import Sight, Size, part_sizes
from workers.runtime import DeviceError, Runtime

Picture = NDArray[np.uint8]  # (H, W, 3) BGR
DETECT_SIZE_PX = 640
CLOSE_PX: Final = 1920  # the longer side in which small faces of a large photograph are looked for
FRAMINGS: Final[Mapping[Role, Framing]] = {
    "embedder": ALIGNED,
    "mask": MASK,
    "expression": EXPRESSION,
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a set of models is made of; `device` is "cpu" or a CUDA device."""

    entries: Mapping[Role, Entry]
    runtimes: Mapping[Role, Runtime]
    device: str
    detect_size_px: int


class Models:
    """Detector, embedder, mask and expression classifier on one device."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._detector = Detector(
            parts.runtimes["detector"], parts.entries["detector"], parts.detect_size_px
        )
        self._close = Detector(parts.runtimes["detector"], parts.entries["detector"], CLOSE_PX)

    @property
    def entries(self) -> Mapping[Role, Entry]:
        """What each network in use is."""
        return self._parts.entries

    @property
    def versions(self) -> Mapping[Role, str]:
        """The label of each network in use, "name@version"."""
        return {role: entry.label for role, entry in self._parts.entries.items()}

    @classmethod
    def load(
        cls,
        device: str,
        cache: Path,
        threads: int,
        detect_size_px: int = DETECT_SIZE_PX,
        entries: Mapping[Role, Entry] | None = None,
    ) -> "Models":
        """Load a network for every role on "cpu" or "cuda".

        cache: where converted networks are kept. threads: how many may call at once on a CPU.
        entries: as `workers.manifest.Catalogue.chosen` gives them; the shipped ones for None.
        Raises DeviceError for a device that is not there, WeightsError for weights that differ.
        """
        entries = load_manifest() if entries is None else entries
        runtimes = {
            role: runtime_for(entry, device, cache, threads) for role, entry in entries.items()
        }
        return cls(Parts(entries, runtimes, device, detect_size_px))

    def warm(self, width_px: int, height_px: int) -> None:
        """Compile every network for pictures of one size, so that no live picture waits for it."""
        detector, whole = self._parts.runtimes["detector"], self._input(width_px, height_px)
        sizes = part_sizes(whole) if self._parts.device == "cpu" else [whole]
        for size in sizes:
            detector.run(np.zeros((1, size.height_px, size.width_px, 3), np.uint8))
        for role, entry in self._parts.entries.items():
            if role != "detector":
                self._parts.runtimes[role].run(np.zeros((1, *entry.input, 3), np.uint8))

    def _input(self, width_px: int, height_px: int) -> Size:
        return input_size(width_px, height_px, self._parts.detect_size_px)

    def detect(
        self, pictures: Sequence[Picture], sights: Sequence[Sight] | None = None
    ) -> list[Detections]:
        """Return the faces of each picture, best first, in pixels of that picture.

        sights: for each picture, what need be looked at. A CPU spares the rest; a GPU looks at
        everything, as one batch of equal sizes costs it less than several of parts.
        """
        return self._detector.detect(pictures, sights if self._parts.device == "cpu" else None)

    def search(self, photographs: Sequence[Picture]) -> list[Detections]:
        """Return the faces of each photograph; a large one is looked at a second time, closely.

        Faces of 30 pixels in a photograph of 4000 vanish where its longer side becomes 640; faces
        as large as the picture vanish where it does not. It costs nine times a live picture.
        """
        found = self.detect(photographs)
        limit_px = 1.25 * self._parts.detect_size_px
        large = [place for place, one in enumerate(photographs) if max(one.shape[:2]) > limit_px]
        closely = self._close.detect([photographs[place] for place in large])
        for place, faces in zip(large, closely, strict=True):
            found[place] = joined(found[place], faces, self.thresholds("detector")["iou"])
        return found

    def crop(
        self, picture: Picture, points: NDArray[np.float32], wanted: Framing = ALIGNED
    ) -> Crops:
        """Cut faces (N, 5, 2) out of a picture by one of `workers.crops`' framings."""
        if self._parts.device == "cpu":
            return crop_faces(picture, points, wanted)
        from workers.warp import warp_faces

        return warp_faces(picture, points, wanted, self._parts.device)

    def replace(self, entry: Entry, runtime: Runtime) -> None:
        """Go on with another network; the old one is let go.

        No other call may be under way. Vectors belong to one embedder: who changes it makes the
        gallery anew. ValueError for the detector, behind which the others were measured.
        """
        if entry.role == "detector":
            raise ValueError(f"{entry.role} cannot change while cameras are analysed")
        self._parts = replace(
            self._parts,
            entries={**self._parts.entries, entry.role: entry},
            runtimes={**self._parts.runtimes, entry.role: runtime},
        )

    def network(self, role: Role) -> tuple[Entry, Runtime]:
        """Return what stands for a role: its description, and what runs it."""
        return self._parts.entries[role], self._parts.runtimes[role]

    def framing(self, role: Role) -> Framing:
        """Return how faces are cut for a role's network, at its input's size."""
        return FRAMINGS[role].resized(self._parts.entries[role].input[0])

    def embed(self, crops: Crops) -> NDArray[np.float32]:
        """Return unit vectors (N, 128) of faces cut by `ALIGNED`, (N, 112, 112, 3)."""
        vectors = self._run("embedder", all_lit(crops), 128)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)

    def mask(self, crops: Crops) -> NDArray[np.float32]:
        """Return probabilities (N, 3), in MaskState's order, of faces cut by `framing`."""
        return three_states(self._classify("mask", crops))

    def expression(self, crops: Crops) -> NDArray[np.float32]:
        """Return probabilities (N, 7), in Expression's order, of faces cut by `framing`."""
        return self._classify("expression", crops)

    def thresholds(self, role: Role) -> Mapping[str, float]:
        """Return the manifest's thresholds of "detector", "embedder", "mask" or "expression"."""
        return self._parts.entries[role].thresholds

    def _classify(self, role: Role, crops: Crops) -> NDArray[np.float32]:
        """Return calibrated probabilities: softmax of the logits over the fitted temperature."""
        entry = self._parts.entries[role]
        logits = self._run(role, crops, entry.classes) / entry.thresholds["temperature"]
        raised = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)

    def _run(self, role: Role, crops: Crops, columns: int) -> NDArray[np.float32]:
        """Return a network's only output (N, columns); no crops need no network."""
        if not len(crops):
            return np.zeros((0, columns), np.float32)
        (output,) = self._parts.runtimes[role].run(crops).values()
        return output


def three_states(chances: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a mask network's chances (N, 3) in MaskState's order.

    A network of two classes, worn and missing, never says that a mask is worn wrongly.
    """
    states = list(MaskState)
    if chances.shape[1] == len(states):
        return chances
    return np.insert(chances, states.index(MaskState.INCORRECT), 0.0, axis=1)


def alert_models(models: Models) -> dict[str, str]:
    """Return the labels that alerts name: the networks that they rest on, never an expression."""
    versions = models.versions
    return {role: versions[role] for role in ("detector", "embedder", "mask")}


def observation_models(models: Models, purpose: Purpose) -> dict[str, str]:
    """Return the labels that a camera's observations name."""
    asked: tuple[Role, ...] = ("mask", "expression")
    versions = models.versions
    return {role: versions[role] for role in asked[: 1 + (purpose is Purpose.EXPRESSION)]}


def runtime_for(entry: Entry, device: str, cache: Path, threads: int) -> Runtime:
    """Return the runtime of a device: OpenVINO for "cpu", torch for "cuda" or "cuda:N".

    Raises DeviceError for any other device, and for CUDA where there is none.
    """
    if device == "cpu":
        from workers.runtime.openvino import OpenVinoRuntime

        return OpenVinoRuntime(entry, cache, threads)
    if device == "cuda" or device.startswith("cuda:"):
        from workers.runtime.torch import TorchRuntime

        return TorchRuntime(entry, device)
    raise DeviceError(f"device {device!r} is unknown: use cpu or cuda")
