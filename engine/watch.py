"""Knows how one camera's pictures become tracks, visits and alerts. Does not know who runs it.

Theory of operation. For each analysed picture the worker calls `begin` with what the detector
found, shows the requested faces to the networks, and calls `finish` with what they said. `finish`
states every track, the alerts' new revisions and the visits to save. Where no picture comes,
`tick` lets time pass. All times are on the line of `captured_ns`.

Order of writing: save `visits` before `alerts`. Whoever takes over then finds every revision that
can have been written, and its first result hands the newest ones in again, so none is lost.
"""

from collections.abc import Mapping, Sequence

from engine.alert_book import AlertBook, Finding, Thresholds
from engine.alerts import AlertReason, AlertRevision
from engine.asking import requests
from engine.boxes import Boxes
from engine.faces import Detections, no_detections
from engine.gallery import Gallery
from engine.identity import NOBODY, each_once
from engine.observations import MaskView, TrackState, TrackView, Who
from engine.purpose import Purpose
from engine.rules import Rule, check_purpose, holds
from engine.track_memory import FaceEvidence, FaceRequest, TrackMemory, claims
from engine.tracking import Track, Tracker
from engine.visit_book import Look, OpenVisit, VisitBook
from engine.visits import KeptAlert, VisitState
from engine.watch_values import (
    CameraWatchSettings,
    Picture,
    Restored,
    SnapshotWish,
    WatchResult,
    shorter_side,
)

__all__ = [
    "CameraWatch",
    "CameraWatchSettings",
    "FaceEvidence",
    "FaceRequest",
    "Restored",
    "SnapshotWish",
    "WatchResult",
]


class CameraWatch:
    """One camera under one token; made anew with each token and each change of purpose."""

    def __init__(
        self,
        settings: CameraWatchSettings,
        token: int,
        gallery: Gallery,
        models: Mapping[str, str],
        restored: Restored | Sequence[VisitState] = (),
    ) -> None:
        self._settings = settings
        self._token = token
        by_face = settings.purpose is Purpose.PEOPLE
        self._gallery = gallery if by_face else None
        self._tracker = Tracker(settings.tracker)
        self._memories: dict[int, TrackMemory] = {}
        self._visits = VisitBook(settings.camera, token, by_face, settings.reappearance)
        mask_share = settings.beliefs.mask.min_probability
        known, unknown = gallery.settings.accept_bare, gallery.settings.reject_bare
        self._alerts = AlertBook(models, Thresholds(mask_share, known, unknown))
        self._rules = settings.rules
        self._picture: Picture | None = None
        self._last_ns: int | None = None
        self._size_px = (1, 1)
        left = restored if isinstance(restored, Restored) else Restored(visits=restored)
        self._visits.restore(left.visits, left.appearances)
        for visit in self._visits:
            kept = () if visit.saved is None else visit.saved.alerts
            self._alerts.restore(visit.id, kept)
        self._told_again = [kept.revision for visit in self._visits for kept in self._kept(visit)]

    @property
    def tracked(self) -> bool:
        """Whether anybody is tracked, which is worth the full rate of pictures."""
        return bool(self._memories)

    @property
    def places(self) -> Boxes:
        """Where the tracks were last (N, 4), pixels of the source picture."""
        return self._tracker.places

    @property
    def looks_without_visit(self) -> int:
        """How often a track was seen that got no visit, for there were too many."""
        return self._visits.refused

    def begin(
        self, detections: Detections, size_px: tuple[int, int], captured_ns: int
    ) -> tuple[FaceRequest, ...]:
        """Take a picture's faces, in source pixels; return which are worth showing to networks.

        size_px: width, height of the source picture. Must be followed by `finish`.
        """
        tracks = self._tracker.update(detections.boxes, detections.scores, captured_ns)
        self._picture = Picture(tracks, size_px, captured_ns)
        self._last_ns, self._size_px = captured_ns, size_px
        for track in tracks:
            if track.state is TrackState.ENDED:
                self._memories.pop(track.number, None)
            elif track.number not in self._memories:
                memory = TrackMemory(track.number, captured_ns, self._gallery)
                self._memories[track.number] = memory
        return requests(tracks, detections, self._memories, self._settings, captured_ns)

    def finish(self, evidence: Mapping[int, FaceEvidence]) -> WatchResult:
        """Take what the networks said, by detection; return what follows from the picture.

        RuntimeError without `begin`; ValueError for an embedding where none may be computed.
        """
        picture, self._picture = self._picture, None
        if picture is None:
            raise RuntimeError("finish needs a begin before it")
        self._absorb(picture, evidence)
        now_ns, visible = picture.captured_ns, picture.visible()
        ended = self._visits.advance(now_ns)
        alerts, visits = self._end(ended, None)
        said = claims(self._memories, now_ns)
        whos = each_once(said, visible)
        self._attend(picture, said, whos)
        changed, wishes = self._judge(picture, now_ns)
        again, self._told_again = self._told_again, []
        kept = {visit.id: self._kept(visit) for visit in self._visits}
        return WatchResult(
            tracks=tuple(self._view(picture, track, whos) for track in picture.tracks),
            alerts=(*again, *alerts, *changed),
            visits=(*visits, *self._visits.to_save(kept, visible, now_ns)),
            snapshots_wanted=tuple(wishes),
            appearances=tuple(self._visits.appearances(visible, now_ns)),
        )

    def tick(self, now_ns: int) -> WatchResult:
        """Let time pass without a picture; a moment before the last picture changes nothing."""
        if self._last_ns is not None and now_ns <= self._last_ns:
            return WatchResult()
        self.begin(no_detections(), self._size_px, now_ns)
        return self.finish({})

    def replace_gallery(self, gallery: Gallery) -> None:
        """Go on with other enrolled people; what stands stays until views say otherwise."""
        if self._gallery is None:
            return
        self._gallery = gallery
        for memory in self._memories.values():
            memory.regard(gallery)

    def replace_embedder(self, gallery: Gallery) -> None:
        """Go on with vectors of another embedder: what was seen by the old one is no likeness."""
        for memory in self._memories.values():
            memory.face = None
        self._visits.forget_faces()
        self.replace_gallery(gallery)

    def replace_models(self, models: Mapping[str, str]) -> None:
        """State other networks in evidence from now on; what was believed before stays."""
        self._alerts.models = dict(models)

    def replace_rules(self, rules: tuple[Rule, ...], now_ns: int) -> WatchResult:
        """Go on with other rules; alerts of rules that are no more are withdrawn."""
        check_purpose(rules, self._settings.purpose)
        left = {rule.id for rule in rules}
        self._rules = rules
        withdrawn = [
            self._alerts.withdraw(visit.id, kept.rule_id, AlertReason.RULE_REMOVED, now_ns)
            for visit in self._visits
            for kept in self._kept(visit)
            if kept.rule_id not in left
        ]
        return self._told([revision for revision in withdrawn if revision is not None], now_ns)

    def erase_person(self, person_id: str, now_ns: int) -> WatchResult:
        """Forget an erased person at once: name, vectors, and the subject of open alerts."""
        if self._gallery is not None:
            self.replace_gallery(self._gallery.without(person_id))
        for visit in self._visits:
            if visit.standing.person_id == person_id:
                visit.forget()
                memory = self._memories.get(visit.track or 0)
                if memory is not None:
                    memory.face = None
        return self._told(self._alerts.forget(person_id, now_ns), now_ns)

    def open_visits(self) -> tuple[VisitState, ...]:
        """Return all open visits as they are now, to save when the camera is handed over."""
        camera = self._settings.camera
        return tuple(one.state(camera, self._kept(one), ended=False) for one in self._visits)

    def end(self, reason: AlertReason | None = None) -> WatchResult:
        """End all visits: the camera goes, or is used for something else from now on."""
        self._memories.clear()
        alerts, visits = self._end(self._visits.drain(), reason)
        return WatchResult(alerts=(*self._told_again, *alerts), visits=visits)

    def _told(self, alerts: Sequence[AlertRevision], now_ns: int) -> WatchResult:
        told = {revision.id for revision in alerts}
        again = [revision for revision in self._told_again if revision.id not in told]
        self._told_again = []
        kept = {visit.id: self._kept(visit) for visit in self._visits}
        saved = self._visits.to_save(kept, {}, now_ns)
        return WatchResult(alerts=(*again, *alerts), visits=tuple(saved))

    def _kept(self, visit: OpenVisit) -> tuple[KeptAlert, ...]:
        return self._alerts.kept(visit.id)

    def _absorb(self, picture: Picture, evidence: Mapping[int, FaceEvidence]) -> None:
        for track in picture.tracks:
            found = evidence.get(-1 if track.detection is None else track.detection)
            if found is None:
                continue
            if found.embedding is not None and self._gallery is None:
                raise ValueError(f"camera {self._settings.camera} may not compute embeddings")
            self._memories[track.number].absorb(
                found, self._gallery, self._settings.beliefs, picture.captured_ns
            )

    def _attend(self, picture: Picture, said: Mapping[int, Who], whos: Mapping[int, Who]) -> None:
        """Let each confirmed track that the picture shows go on with its visit."""
        visible, now_ns = picture.visible(), picture.captured_ns
        for track in picture.tracks:
            if track.number not in visible or track.state is not TrackState.CONFIRMED:
                continue
            memory, box = self._memories[track.number], visible[track.number]
            visit = self._visits.of(memory) or self._visits.attach(memory, box, visible, now_ns)
            if visit is None:
                continue
            usable = memory.unused_because is None
            look = Look(
                box=box,
                face_px=shorter_side(track.box) if usable else 0.0,
                said=said.get(track.number),
                who=whos.get(track.number),
                mask=memory.mask_view(now_ns),
                mask_views=memory.mask_views(now_ns),
            )
            visit.look(memory, look, now_ns)

    def _judge(
        self, picture: Picture, now_ns: int
    ) -> tuple[list[AlertRevision], list[SnapshotWish]]:
        """Hold every rule against every visit; return new revisions and the pictures they want."""
        shown = {track.number: track.detection for track in picture.tracks}
        alerts, wishes = [], []
        for visit, rule in ((visit, rule) for visit in self._visits for rule in self._rules):
            detection = shown.get(visit.track or 0)
            ripe = visit.dwell.update(rule, holds(rule, visit.standing, now_ns), now_ns)
            quality = None if detection is None else self._snapshot_quality(visit)
            finding = Finding(rule, visit.id, visit.standing, visit.seen_ns, ripe, quality)
            change = self._alerts.judge(finding, now_ns)
            if change is None:
                continue
            alerts.append(change.revision)
            snapshot = change.revision.evidence.snapshot
            if change.snapshot_wanted and snapshot is not None and detection is not None:
                wishes.append(SnapshotWish(snapshot, change.revision.id, detection))
        return alerts, wishes

    def _snapshot_quality(self, visit: OpenVisit) -> float:
        """Return what a snapshot of this picture's face is worth: what its last look was."""
        memory = self._memories.get(visit.track or 0)
        # A face that could not be used is better than none, and soon bettered.
        return 0.0 if memory is None or memory.unused_because is not None else memory.quality

    def _end(
        self, visits: Sequence[OpenVisit], reason: AlertReason | None
    ) -> tuple[list[AlertRevision], tuple[VisitState, ...]]:
        """Close the alerts of visits that are over; return the revisions and the last states."""
        alerts: list[AlertRevision] = []
        states = []
        for visit in visits:
            closing = self._alerts.close(visit.id, visit.seen_ns, reason)
            alerts.extend(closing.revisions)
            states.append(visit.state(self._settings.camera, closing.kept, ended=True))
        return alerts, tuple(states)

    def _view(self, picture: Picture, track: Track, whos: Mapping[int, Who]) -> TrackView:
        now_ns, settings = picture.captured_ns, self._settings
        memory = self._memories.get(track.number)
        mask = MaskView(None, 0.0) if memory is None else memory.mask_view(now_ns)
        expression = None
        if settings.purpose is Purpose.EXPRESSION and memory is not None:
            expression = memory.expression_view(now_ns)
        return TrackView(
            track_id=f"{self._token}-{track.number}",
            box=picture.box(track),
            state=track.state,
            who=None if self._gallery is None else whos.get(track.number, NOBODY),
            mask=mask if settings.masks else None,
            expression=expression,
            quality=0.0 if memory is None else memory.quality,
            unused_because=None if memory is None else memory.unused_because,
        )
