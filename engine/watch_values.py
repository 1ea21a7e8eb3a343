"""Knows what goes into and comes out of the watch over one camera. Decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.alerts import AlertRevision
from engine.boxes import Box
from engine.observations import TrackView
from engine.purpose import Purpose
from engine.reappearance import Appearance, ReappearanceSettings
from engine.rules import Rule, check_purpose
from engine.track_memory import AskSettings, BeliefChoices
from engine.tracking import Track, TrackerSettings
from engine.visits import VisitState


@dataclass(frozen=True, slots=True)
class CameraWatchSettings:
    """One camera as the watch needs it. masks: whether masks are looked at."""

    camera: str
    purpose: Purpose = Purpose.NONE
    rules: tuple[Rule, ...] = ()
    masks: bool = True
    tracker: TrackerSettings = field(default_factory=TrackerSettings)
    beliefs: BeliefChoices = field(default_factory=BeliefChoices)
    ask: AskSettings = field(default_factory=AskSettings)
    reappearance: ReappearanceSettings = field(default_factory=ReappearanceSettings)

    def __post_init__(self) -> None:
        check_purpose(self.rules, self.purpose)


@dataclass(frozen=True, slots=True)
class SnapshotWish:
    """Take this detection of the picture in hand and keep it under this id, as evidence."""

    snapshot_id: str
    alert_id: str
    detection: int


@dataclass(frozen=True, slots=True)
class WatchResult:
    """What follows from one picture, or from time alone.

    tracks: all tracks, those that ended in this picture once more. visits: states to save, before
    `alerts`. appearances: for the bus, so that the next owner finds the visits again.
    """

    tracks: tuple[TrackView, ...] = ()
    alerts: tuple[AlertRevision, ...] = ()
    visits: tuple[VisitState, ...] = ()
    snapshots_wanted: tuple[SnapshotWish, ...] = ()
    appearances: tuple[Appearance, ...] = ()


@dataclass(frozen=True, slots=True)
class Restored:
    """What the owner before has left: open visits, and what they looked like."""

    visits: Sequence[VisitState] = ()
    appearances: Sequence[Appearance] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture between `begin` and `finish`. size_px: width, height of the source."""

    tracks: tuple[Track, ...]
    size_px: tuple[int, int]
    captured_ns: int

    def box(self, track: Track) -> Box:
        width, height = self.size_px
        x1, y1, x2, y2 = track.box.tolist()
        return Box(_share(x1, width), _share(y1, height), _share(x2, width), _share(y2, height))

    def visible(self) -> dict[int, Box]:
        """Return the boxes of the tracks that this picture shows."""
        return {
            track.number: self.box(track) for track in self.tracks if track.detection is not None
        }


def shorter_side(box: NDArray[np.float32]) -> float:
    """Return the shorter side of a box (4,), in its own unit."""
    return float(min(box[2] - box[0], box[3] - box[1]))


def _share(place_px: float, side_px: int) -> float:
    return min(1.0, max(0.0, place_px / side_px))
