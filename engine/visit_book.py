"""Knows the open visits of one camera and which track goes on with which. Judges no rule."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.boxes import Box
from engine.observations import Knowledge, MaskView, Who
from engine.reappearance import (
    Appearance,
    AppearanceKind,
    ReappearanceSettings,
    Sight,
    find,
)
from engine.rfc3339 import whole_ms
from engine.rules import Dwell, Standing
from engine.track_memory import TrackMemory
from engine.visits import KeptAlert, VisitState, visit_id

SECOND_NS: Final = 1_000_000_000
MAX_OPEN_VISITS: Final = 200
SAVE_EVERY_S: Final = 1.0  # transitions, at most; a new alert revision is saved at once
REFRESH_EVERY_S: Final = 2.0  # where a visible visit stands, for whoever owns the camera next
APPEARANCE_EVERY_S: Final = 1.0
# Whoever takes a camera over has not seen how far people walked meanwhile.
TAKE_OVER_GAP_NS: Final = SECOND_NS


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture shows of one visit.

    said: who the track says it is; who: the same after each person may stand only once.
    face_px: shorter side in source pixels; 0 where the face was not usable.
    """

    box: Box
    face_px: float
    said: Who | None
    who: Who | None
    mask: MaskView
    mask_views: int


class OpenVisit:
    """One visit that goes on."""

    def __init__(self, name: str, standing: Standing, box: Box, seen_ns: int) -> None:
        self.id = name
        self.standing = standing
        self.box = box
        self.seen_ns = seen_ns
        self.last_ns: int | None = seen_ns  # on this owner's time line; None until its first look
        self.track: int | None = None
        self.dwell = Dwell()
        self.face: NDArray[np.float32] | None = None
        self.colour: NDArray[np.float32] | None = None
        self.saved: VisitState | None = None
        self.saved_ns: int | None = None
        self.shown_ns: int | None = None  # when its appearance was last handed out

    def look(self, memory: TrackMemory, look: Look, now_ns: int) -> None:
        """Take what a picture shows of it."""
        self.box, self.seen_ns, self.last_ns = look.box, whole_ms(now_ns), now_ns
        self.face = memory.face_unit() if memory.face is not None else self.face
        self.colour = memory.colour if memory.colour is not None else self.colour
        standing = replace(self.standing, face_px=max(self.standing.face_px, look.face_px))
        if look.mask.state is not None:
            standing = replace(
                standing,
                mask=look.mask.state,
                mask_probability=look.mask.probability,
                mask_views=look.mask_views,
            )
        self.standing = _identified(standing, look, memory)

    def sight(self) -> Sight:
        """Return how it was last seen, to be found again by."""
        last_ns = self.seen_ns if self.last_ns is None else self.last_ns
        return Sight(self.box, last_ns, self.face, self.colour)

    def state(self, camera: str, alerts: tuple[KeptAlert, ...], ended: bool) -> VisitState:
        """Return its state as the ledger keeps it."""
        return VisitState(self.id, camera, self.seen_ns, self.box, self.standing, alerts, ended)

    def forget(self) -> None:
        """Forget who it is and what the face looks like; the next state is saved at once."""
        self.face, self.saved = None, None
        self.standing = replace(
            self.standing, knowledge=Knowledge.UNDECIDED, person_id=None, who_score=0.0
        )


class VisitBook:
    """The open visits of one camera; at most 200, a further track gets none.

    refused: how often, once for each look at such a track.
    """

    def __init__(
        self, camera: str, token: int, by_face: bool, settings: ReappearanceSettings
    ) -> None:
        self._camera, self._token = camera, token
        self._by_face = by_face
        self._settings = settings
        self._gap_s = settings.face_gap_s if by_face else settings.colour_gap_s
        self._visits: dict[str, OpenVisit] = {}
        self.refused = 0

    def __iter__(self) -> Iterator[OpenVisit]:
        return iter(tuple(self._visits.values()))

    def restore(self, states: Iterable[VisitState], appearances: Iterable[Appearance]) -> None:
        """Go on with the visits of the owner before; their gaps begin with the first picture."""
        for state in states:
            if not state.ended:
                visit = OpenVisit(state.id, state.standing, state.box, state.seen_ns)
                visit.last_ns, visit.saved, visit.saved_ns = None, state, state.seen_ns
                self._visits[state.id] = visit
        for appearance in appearances:
            found = self._visits.get(appearance.visit_id)
            vector = appearance.vector.astype(np.float32)
            if found is not None and appearance.kind is AppearanceKind.COLOUR:
                found.colour = vector
            elif found is not None and self._by_face:
                found.face = vector

    def advance(self, now_ns: int) -> list[OpenVisit]:
        """Move to now; take out and return the visits that ended."""
        for visit in self._visits.values():
            if visit.last_ns is None:
                visit.last_ns = max(visit.seen_ns, now_ns - TAKE_OVER_GAP_NS)
            visit.last_ns = min(visit.last_ns, now_ns)
        ended = [one for one in self._visits.values() if self._gone(one, now_ns)]
        for visit in ended:
            del self._visits[visit.id]
        return ended

    def _gone(self, visit: OpenVisit, now_ns: int) -> bool:
        return visit.last_ns is not None and now_ns - visit.last_ns > self._gap_s * SECOND_NS

    def drain(self) -> list[OpenVisit]:
        """Take out and return all visits."""
        ended = list(self._visits.values())
        self._visits.clear()
        return ended

    def of(self, memory: TrackMemory) -> OpenVisit | None:
        """Return the visit of a track, if it still has one."""
        found = self._visits.get(memory.visit_id or "")
        return found if found is not None and found.track == memory.number else None

    def attach(
        self, memory: TrackMemory, box: Box, visible: Mapping[int, Box], now_ns: int
    ) -> OpenVisit | None:
        """Give a track its visit, an earlier one or a new one; None while it has to wait.

        visible: the tracks that this picture shows: nobody takes their visits.
        """
        free = [one for one in self._visits.values() if one.track not in visible]
        if self._must_wait(memory, free, now_ns):
            return None
        sight = Sight(box, now_ns, memory.face_unit(), memory.colour)
        place = find(sight, [one.sight() for one in free], self._by_face, self._settings)
        if place is not None:
            visit = free[place]
        elif len(self._visits) < MAX_OPEN_VISITS:
            visit = self._open(memory, box)
        else:
            self.refused += 1
            return None
        visit.track, memory.visit_id = memory.number, visit.id
        return visit

    def _must_wait(self, memory: TrackMemory, free: Sequence[OpenVisit], now_ns: int) -> bool:
        if now_ns - memory.first_ns >= self._settings.wait_s * SECOND_NS:
            return False
        if self._by_face:
            return memory.face is None and any(one.face is not None for one in free)
        return memory.colour is None and any(one.colour is not None for one in free)

    def _open(self, memory: TrackMemory, box: Box) -> OpenVisit:
        opened_ns = whole_ms(memory.first_ns)
        name = visit_id(self._camera, self._token, memory.number, opened_ns)
        visit = OpenVisit(name, Standing(opened_ns), box, opened_ns)
        self._visits[name] = visit
        return visit

    def forget_faces(self) -> None:
        """Forget what faces look like, not whose they are: another embedder sees otherwise."""
        for visit in self._visits.values():
            visit.face = None

    def to_save(
        self, alerts: Mapping[str, tuple[KeptAlert, ...]], visible: Mapping[int, Box], now_ns: int
    ) -> list[VisitState]:
        """Return the states that are worth writing now, given each visit's alerts."""
        found = []
        for visit in self._visits.values():
            state = visit.state(self._camera, alerts.get(visit.id, ()), ended=False)
            if _worth_saving(visit, state, visit.track in visible, now_ns):
                visit.saved, visit.saved_ns = state, now_ns
                found.append(state)
        return found

    def appearances(self, visible: Mapping[int, Box], now_ns: int) -> list[Appearance]:
        """Return what the visible visits look like, each at most once a second."""
        found = []
        for visit in self._visits.values():
            vector = visit.face if self._by_face else visit.colour
            recent = _within(visit.shown_ns, APPEARANCE_EVERY_S, now_ns)
            if visit.track not in visible or vector is None or recent:
                continue
            visit.shown_ns = now_ns
            kind = AppearanceKind.FACE if self._by_face else AppearanceKind.COLOUR
            found.append(Appearance(visit.id, kind, vector.astype(np.float16), visit.seen_ns))
        return found


def _identified(standing: Standing, look: Look, memory: TrackMemory) -> Standing:
    if look.who is None or look.said is None:
        return standing
    if look.who.knowledge is Knowledge.UNDECIDED:
        if look.said.knowledge is not Knowledge.KNOWN:
            return standing
        # Somebody else in the picture has the better claim to this name.
        return replace(standing, knowledge=Knowledge.UNDECIDED, person_id=None)
    return replace(
        standing,
        knowledge=look.who.knowledge,
        person_id=look.who.person_id,
        who_score=look.who.score,
        who_views=0 if memory.who is None else memory.who.views,
    )


def _worth_saving(visit: OpenVisit, state: VisitState, visible: bool, now_ns: int) -> bool:
    saved = visit.saved
    if saved is None or saved.alerts != state.alerts:
        return True
    if _within(visit.saved_ns, SAVE_EVERY_S, now_ns):
        return False
    before, after = saved.standing, state.standing
    stands = (before.mask, before.knowledge, before.person_id)
    changed = stands != (after.mask, after.knowledge, after.person_id)
    return changed or (visible and not _within(visit.saved_ns, REFRESH_EVERY_S, now_ns))


def _within(last_ns: int | None, period_s: float, now_ns: int) -> bool:
    return last_ns is not None and 0 <= now_ns - last_ns < period_s * SECOND_NS
