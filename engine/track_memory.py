"""Knows what has been learnt about one track, and what is still worth asking of the networks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.belief import Belief, BeliefSettings, weight_of
from engine.gallery import Gallery, unit
from engine.identity import IdentityBelief
from engine.observations import Expression, ExpressionView, MaskState, MaskView, Who

SECOND_NS: Final = 1_000_000_000
MASKS: Final = tuple(MaskState)
EXPRESSIONS: Final = tuple(Expression)
MISSING: Final = MASKS.index(MaskState.MISSING)
APPEARANCE_SHARE: Final = 0.2  # what a new view of the clothes weighs in their mean


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which networks a camera's purpose, its rules and this picture's budget allow."""

    embed: bool
    mask: bool
    expression: bool


@dataclass(frozen=True, slots=True)
class FaceRequest:
    """Which networks one detection of the picture in hand is worth."""

    detection: int
    track: int
    embed: bool
    mask: bool
    expression: bool


@dataclass(frozen=True, slots=True)
class FaceEvidence:
    """What the networks said of one detection; None where they were not asked.

    quality: 0..1. unused_because: why the face is not used, or None; then nothing else counts.
    embedding: (128,) unit length. mask: (3,) probabilities in MaskState's order. expression:
    (7,) in Expression's order. colour: histogram (B,) of the clothes that sums to 1.
    """

    quality: float
    unused_because: str | None = None
    embedding: NDArray[np.float32] | None = None
    mask: NDArray[np.float32] | None = None
    expression: NDArray[np.float32] | None = None
    colour: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class AskSettings:
    """How often a face is shown to the networks: often until they are sure, then seldom.

    *_every_s: how often what stands is looked at again; until then the mask and the expression are
    asked for in each picture, and the costlier embedding every `doubt_every_s`: evidence is
    counted in seconds, so more would say no more. patience_s: after this time without a name the
    embedding is asked for only every `tired_every_s`. embeds_a_picture: of how many faces at most
    it is asked in one picture, so that a crowd holds up nobody. min_face_px: shorter side, source
    pixels, below which nothing is asked.
    """

    mask_every_s: float = 0.25
    embed_every_s: float = 1.0
    expression_every_s: float = 0.25
    doubt_every_s: float = 0.2
    patience_s: float = 4.0
    tired_every_s: float = 0.4
    embeds_a_picture: int = 2
    min_face_px: float = 20.0


@dataclass(frozen=True, slots=True)
class BeliefChoices:
    """What the beliefs of a track need."""

    mask: BeliefSettings = field(default_factory=BeliefSettings)
    expression: BeliefSettings = field(
        default_factory=lambda: BeliefSettings(lead_needed=0.1, switch_extra=0.1,
                                               min_probability=0.35)
    )  # fmt: skip


class TrackMemory:
    """One track's beliefs and appearance."""

    def __init__(self, number: int, now_ns: int, gallery: Gallery | None) -> None:
        self.number = number
        self.first_ns = now_ns
        self.visit_id: str | None = None
        self.quality = 0.0
        self.unused_because: str | None = None
        self.face: NDArray[np.float32] | None = None  # sum of weighted unit embeddings
        self.colour: NDArray[np.float32] | None = None
        self.mask: Belief | None = None
        self.expression: Belief | None = None
        self.who: IdentityBelief | None = None if gallery is None else IdentityBelief(gallery)
        self._asked_ns: dict[str, int] = {}
        self._doubt = {"mask": True, "embed": True, "expression": True}
        self._masked = 0.0  # the chance that the face wears a mask, as last seen
        self._patient_from_ns = now_ns

    @property
    def embedded_ns(self) -> int:
        """When the embedding was last asked for, 0 if never."""
        return self._asked_ns.get("embed", 0)

    def request(self, detection: int, wanted: Wanted, ask: AskSettings, now_ns: int) -> FaceRequest:
        """Return what to ask about this picture's face, and note that it was asked."""
        tired = now_ns - self._patient_from_ns > ask.patience_s * SECOND_NS
        every_s = {
            "mask": 0.0 if self._doubt["mask"] else ask.mask_every_s,
            "embed": ask.embed_every_s,
            "expression": 0.0 if self._doubt["expression"] else ask.expression_every_s,
        }
        if self._doubt["embed"]:
            every_s["embed"] = ask.tired_every_s if tired else ask.doubt_every_s
        return FaceRequest(
            detection,
            self.number,
            embed=wanted.embed and self._due("embed", every_s["embed"], now_ns),
            mask=wanted.mask and self._due("mask", every_s["mask"], now_ns),
            expression=wanted.expression and self._due("expression", every_s["expression"], now_ns),
        )

    def _due(self, kind: str, every_s: float, now_ns: int) -> bool:
        last_ns = self._asked_ns.get(kind)
        # A tenth is forgiven: pictures do not come to the nanosecond.
        if last_ns is not None and 0 <= now_ns - last_ns < 0.9 * every_s * SECOND_NS:
            return False
        self._asked_ns[kind] = now_ns
        return True

    def absorb(
        self, found: FaceEvidence, gallery: Gallery | None, beliefs: BeliefChoices, now_ns: int
    ) -> None:
        """Take what the networks said of this picture's face."""
        self.quality = float(np.clip(found.quality, 0, 1))
        self.unused_because = found.unused_because
        if found.unused_because is not None:
            return
        weight = weight_of(self.quality)
        if found.mask is not None:
            self.mask = self.mask or Belief(len(MASKS), beliefs.mask)
            self.mask.add(found.mask, weight, now_ns)
            self._masked = float(np.clip(1 - found.mask[MISSING], 0, 1))
            self._doubt["mask"] = self.mask.disagrees(found.mask)
        if found.expression is not None:
            self.expression = self.expression or Belief(len(EXPRESSIONS), beliefs.expression)
            self.expression.add(found.expression, weight, now_ns)
            self._doubt["expression"] = self.expression.disagrees(found.expression)
        if found.colour is not None:
            self.colour = _blend(self.colour, found.colour)
        if found.embedding is not None and gallery is not None and self.who is not None:
            similarities = gallery.compare(found.embedding[None])[0]
            worth = gallery.settings.reliability(self.quality, self._masked)
            self.who.add(similarities, worth, self._masked, now_ns)
            self._doubt["embed"] = self.who.disagrees(similarities)
            weighed = found.embedding.astype(np.float32) * np.float32(worth)
            self.face = weighed if self.face is None else self.face + weighed

    def regard(self, gallery: Gallery) -> None:
        """Go on with another gallery: every view is asked for again."""
        if self.who is not None:
            self.who.regard(gallery)
            self._doubt["embed"] = True
            self._patient_from_ns = self._asked_ns.get("embed", self.first_ns)

    def face_unit(self) -> NDArray[np.float32] | None:
        """Return the mean embedding (128,) at unit length, or None."""
        return None if self.face is None else unit(self.face[None])[0]

    def mask_view(self, now_ns: int) -> MaskView:
        """Return what stands about the mask."""
        if self.mask is None:
            return MaskView(None, 0.0)
        said = self.mask.statement(now_ns)
        return MaskView(None if said.label is None else MASKS[said.label], said.probability)

    def mask_views(self, now_ns: int) -> int:
        """Return how many views of the mask were counted."""
        return 0 if self.mask is None else self.mask.statement(now_ns).count

    def expression_view(self, now_ns: int) -> ExpressionView:
        """Return what stands about the expression."""
        if self.expression is None:
            return ExpressionView(None, 0.0)
        said = self.expression.statement(now_ns)
        label = None if said.label is None else EXPRESSIONS[said.label]
        return ExpressionView(label, said.probability)


def claims(memories: Mapping[int, TrackMemory], now_ns: int) -> dict[int, Who]:
    """Return who each track says that it is, before each person may stand only once."""
    return {
        number: memory.who.statement(now_ns)
        for number, memory in memories.items()
        if memory.who is not None
    }


def _blend(mean: NDArray[np.float32] | None, new: NDArray[np.float32]) -> NDArray[np.float32]:
    if mean is None or mean.shape != new.shape:
        return new.astype(np.float32)
    blended: NDArray[np.float32] = ((1 - APPEARANCE_SHARE) * mean + APPEARANCE_SHARE * new).astype(
        np.float32
    )
    return blended
