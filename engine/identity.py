"""Knows who a track is said to be, from several views. Does not know how views are compared."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.belief import Fading
from engine.gallery import Gallery, GallerySettings, assign_once
from engine.observations import Knowledge, Who

NOBODY = Who(Knowledge.UNDECIDED, None, 0.0)


@dataclass(frozen=True, slots=True)
class Likeness:
    """Means over a track's views: raw cosine (P,), and on a scale where 1 accepts, 0 rejects."""

    cosine: NDArray[np.float64]
    level: NDArray[np.float64]
    votes: float


class IdentityBelief:
    """Who one track is: known, unknown or undecided; one object per track.

    A name needs evidence, a mean similarity and a margin over the second person; unknown needs
    evidence and nobody who is like it. What stands stays until something else has earned more.
    """

    def __init__(self, gallery: Gallery) -> None:
        self._who = NOBODY
        self.views = 0
        self._begin(gallery)

    def _begin(self, gallery: Gallery) -> None:
        self._person_ids = gallery.person_ids
        self._settings: GallerySettings = gallery.settings
        size = 2 * len(self._person_ids) + 1
        self._sums = Fading(size, self._settings.half_life_s, self._settings.view_cap_s)

    def regard(self, gallery: Gallery) -> None:
        """Go on with another gallery: a name stands if its person is still in it."""
        if self._who.knowledge is Knowledge.KNOWN and (
            self._who.person_id not in gallery.person_ids
        ):
            self._who = NOBODY
        self._begin(gallery)

    def add(
        self, similarities: NDArray[np.floating], weight: float, masked: float, now_ns: int
    ) -> None:
        """Take one view: similarities (P,) in the gallery's order, weight 0..1.

        masked: the chance, 0..1, that the face wears a mask.
        """
        if similarities.shape != (len(self._person_ids),) or not 0 <= weight <= 1:
            raise ValueError(f"need ({len(self._person_ids)},) and 0..1: {similarities.shape}")
        reject, accept = self._settings.limits(masked)
        cosine = similarities.astype(np.float64)
        level = (cosine - reject) / (accept - reject)
        self._sums.add(weight * np.concatenate([cosine, level, [1.0]]), now_ns)
        self.views += 1
        self._decide(self._means(now_ns))

    def statement(self, now_ns: int) -> Who:
        """Return who it is said to be now, with the mean similarity to the best person."""
        means = self._means(now_ns)
        if not len(means.cosine) or means.votes <= 0:
            return self._who
        person_id = self._who.person_id
        shown = int(np.argmax(means.cosine))
        if person_id is not None:
            shown = self._person_ids.index(person_id)
        score = float(np.clip(means.cosine[shown], 0, 1))
        return Who(self._who.knowledge, person_id, score)

    def disagrees(self, similarities: NDArray[np.floating]) -> bool:
        """Return whether a view (P,) is nearest to another person than the one that stands."""
        if self._who.knowledge is Knowledge.UNDECIDED:
            return True
        best = self._person_ids[int(np.argmax(similarities))] if len(similarities) else None
        if self._who.knowledge is Knowledge.KNOWN:
            return best != self._who.person_id
        return bool(len(similarities) and similarities.max() >= self._settings.accept_masked)

    def _means(self, now_ns: int) -> Likeness:
        sums = self._sums.at(now_ns)
        votes, people = float(sums[-1]), len(self._person_ids)
        means = sums[:-1] / max(votes, 1e-12)
        return Likeness(means[:people], means[people:], votes)

    def _decide(self, means: Likeness) -> None:
        settings = self._settings
        standing = self._who.person_id
        if len(means.cosine):
            best = int(np.argmax(means.cosine))
            others = np.delete(means.cosine, best)
            margin = means.cosine[best] - others.max() if len(others) else np.inf
            name = self._person_ids[best]
            extra = settings.switch_extra if standing not in (None, name) else 0.0
            enough = means.votes >= settings.votes_needed
            if enough and means.level[best] >= 1 and margin >= settings.margin + extra:
                self._who = Who(Knowledge.KNOWN, name, 0.0)
                return
        needed = settings.unknown_votes_needed + (0.0 if standing is None else 0.5)
        unlike = not len(means.level) or means.level.max() < 0
        if means.votes >= needed and unlike:
            self._who = Who(Knowledge.UNKNOWN, None, 0.0)


def each_once(said: Mapping[int, Who], visible: Collection[int]) -> dict[int, Who]:
    """Return who each track is, each person once; whom the picture shows goes first."""
    whos = assign_once({number: who for number, who in said.items() if number in visible})
    taken = {who.person_id for who in whos.values()} - {None}
    hidden = {number: who for number, who in said.items() if number not in visible}
    return whos | {
        number: NOBODY if who.person_id in taken else who for number, who in hidden.items()
    }
