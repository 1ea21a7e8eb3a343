"""Knows everything that a worker keeps for one owned camera. Does not know the other cameras."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from config.cameras import Camera, rules_of
from engine.alerts import AlertReason
from engine.boxes import Boxes, no_boxes
from engine.gallery import Gallery
from engine.outbox import Outbox, VisitBox
from engine.packets import entry_ms
from engine.reappearance import Appearance
from engine.sampling import Activity, SamplingSettings
from engine.watch import CameraWatch, CameraWatchSettings, Restored, WatchResult
from streams.bus.packets import StreamKey
from streams.codecs.pool import Picture
from workers.figures import CameraFigures
from workers.motion import Motion
from workers.ownership import Taken

TICK_AFTER_NS = 1_000_000_000


@dataclass(slots=True)
class Desk:
    """One owned camera: its watch, what waits for the ledger, and its figures."""

    camera: Camera
    token: int
    watch: CameraWatch
    activity: Activity
    figures: CameraFigures
    outbox: Outbox = field(default_factory=Outbox)
    motion: Motion = field(default_factory=Motion)
    visits: VisitBox = field(default_factory=VisitBox)
    high_water: tuple[int, int] = (0, -1)  # epoch, pts of the newest picture analysed
    found: Boxes = field(default_factory=no_boxes)  # sure and doubtful, of the last picture
    last_captured_ns: int = 0
    last_seen_ns: int = 0  # this machine's clock at that picture

    @property
    def stream(self) -> StreamKey:
        """The stream that is analysed."""
        return StreamKey(self.camera.id, self.camera.analysis_role)

    def refuse(self, picture: Picture, bus_now_ms: int, budget_ms: int) -> str | None:
        """Return why a decoded picture is not analysed, or None."""
        epoch_ms, pts = self.high_water
        if picture.epoch_ms == epoch_ms and picture.pts <= pts:
            return "repeated"  # another epoch, be it lower, is the intake's to admit
        if bus_now_ms - entry_ms(picture.entry_id) > budget_ms:
            return "stale"
        return None

    def note(self, picture: Picture, now_ns: int) -> None:
        """Note that a picture is being analysed."""
        self.high_water = (picture.epoch_ms, picture.pts)
        self.last_captured_ns, self.last_seen_ns = picture.captured_ns, now_ns

    def faces_at(self) -> Boxes:
        """Return where faces are to be expected (N, 4), source pixels: tracked, or just found."""
        return np.concatenate([self.watch.places, self.found])

    def keep(self, result: WatchResult) -> None:
        """Keep what must reach the ledger."""
        self.visits.put(result.visits)
        self.outbox.put(result.alerts)

    def leave(self, now: Camera | None) -> None:
        """Keep what the camera's next owner needs; a camera with another use ends its visits."""
        if now is None or now.purpose is not self.camera.purpose:
            self.keep(self.watch.end(AlertReason.CAMERA_CHANGED))
        else:
            self.visits.put(self.watch.open_visits())

    def change(self, camera: Camera, now_ns: int) -> None:
        """Go on with other rules of the same use; alerts of rules that are no more go."""
        self.camera = camera
        self.keep(self.watch.replace_rules(rules_of(camera), self.last_captured_ns or now_ns))

    def tick(self, now_ns: int) -> WatchResult | None:
        """Let time pass where no picture came for a second."""
        gone_ns = now_ns - self.last_seen_ns
        if not self.last_captured_ns or gone_ns < TICK_AFTER_NS:
            return None
        return self.watch.tick(self.last_captured_ns + gone_ns)


@dataclass(frozen=True, slots=True)
class DeskPlan:
    """What every desk of a worker has in common."""

    gallery: Gallery
    models: dict[str, str]
    sampling: SamplingSettings


def open_desk(taken: Taken, plan: DeskPlan, looks: Sequence[Appearance], now_ns: int) -> Desk:
    """Return the desk of a camera just taken, with its visits and what they looked like."""
    camera = taken.camera
    watch = CameraWatch(
        CameraWatchSettings(camera.id, camera.purpose, rules_of(camera)),
        taken.token,
        plan.gallery,
        plan.models,
        Restored(taken.visits, tuple(looks)),
    )
    desk = Desk(camera, taken.token, watch, Activity(plan.sampling), CameraFigures(now_ns))
    if taken.visits:  # so that they end even if the camera never sends again
        desk.last_captured_ns = max(visit.seen_ns for visit in taken.visits)
        desk.last_seen_ns = now_ns
    return desk
