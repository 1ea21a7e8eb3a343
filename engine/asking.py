"""Knows which of a picture's faces are shown to which networks. Does not know what they say."""

from collections.abc import Mapping, Sequence

from engine.faces import Detections
from engine.purpose import Purpose
from engine.track_memory import FaceRequest, TrackMemory, Wanted
from engine.tracking import Track
from engine.watch_values import CameraWatchSettings, shorter_side


def requests(
    tracks: Sequence[Track],
    detections: Detections,
    memories: Mapping[int, TrackMemory],
    settings: CameraWatchSettings,
    now_ns: int,
) -> tuple[FaceRequest, ...]:
    """Return what to ask of a picture, the dear embeddings of few faces: the longest waiting."""
    shown = [track for track in tracks if track.detection is not None]
    shown.sort(key=lambda track: memories[track.number].embedded_ns)
    left, found = settings.ask.embeds_a_picture, []
    for track in shown:
        memory, index = memories[track.number], track.detection
        if index is None or _too_small(memory, detections, index, settings):
            continue
        wanted = Wanted(
            embed=settings.purpose is Purpose.PEOPLE and left > 0,
            mask=settings.masks,
            expression=settings.purpose is Purpose.EXPRESSION,
        )
        request = memory.request(index, wanted, settings.ask, now_ns)
        left -= request.embed
        if request.embed or request.mask or request.expression:
            found.append(request)
    return tuple(sorted(found, key=lambda request: request.track))


def _too_small(
    memory: TrackMemory, detections: Detections, index: int, settings: CameraWatchSettings
) -> bool:
    """Return whether a face is too small to ask anything, and note it."""
    if shorter_side(detections.boxes[index]) >= settings.ask.min_face_px:
        return False
    memory.quality, memory.unused_because = 0.0, "too_small"
    return True
