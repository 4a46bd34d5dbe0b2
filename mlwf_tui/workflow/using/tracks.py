"""Follows objects through the frames of a video: which of them are the same thing; pure.

Each track predicts where its object is next from how it moved so far, and takes the detection of its class
that covers that place best. The surest detections choose first; faint ones only go on with a track and begin
none, as they are often a known thing half hidden.

Source: Zhang et al., ByteTrack, 2022, for the two rounds; the motion is linear, without a Kalman filter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import structs

from mlwf_tui.entities.annotation import AnnotatedObject, Bounds, Tag
from mlwf_tui.entities.pairing import measure_iou

TRACK_TAG = "track"
MIN_IOU = 0.3  # between where a track expects its object and where it is found
SURE = 0.5  # of the best confidence: from here on a detection may begin a track
LOST_AFTER = 30  # frames without a detection end a track; a second at 30 frames
SMOOTHING = 0.5  # share of the newest step in a track's motion


class Tracker:
    """Gives the objects of one frame after another the numbers of their tracks, from 1."""

    def __init__(self, *, sure: float = SURE) -> None:
        self._sure = sure
        self._tracks: list[_Track] = []
        self._count = 0

    def follow(self, objects: Sequence[AnnotatedObject]) -> tuple[AnnotatedObject, ...]:
        """Return the objects of the next frame, each with a tag that holds its track's number.

        A faint one that belongs to no track has none.
        """
        for track in self._tracks:
            track.advance()
        numbers: dict[int, int] = {}
        sure = [place for place, found in enumerate(objects) if (found.confidence or 0.0) >= self._sure]
        faint = [place for place in range(len(objects)) if place not in set(sure)]
        free = self._match(objects, sure, self._tracks, numbers)
        self._match(objects, faint, free, numbers)
        for place in sure:
            if place not in numbers:
                self._count += 1
                numbers[place] = self._count
                self._tracks.append(_Track(self._count, objects[place]))
        self._tracks = [track for track in self._tracks if track.missed <= LOST_AFTER]
        return tuple(_tag(found, numbers.get(place)) for place, found in enumerate(objects))

    def _match(
        self,
        objects: Sequence[AnnotatedObject],
        places: Iterable[int],
        tracks: Sequence[_Track],
        numbers: dict[int, int],
    ) -> list[_Track]:
        """Pair detections with tracks, the best covered first, and return the tracks that are left."""
        pairs = [
            (
                measure_iou(track.bounds, objects[place].geometry.bounds),
                -track.missed,
                -track.number,
                place,
                track,
            )
            for place in places
            for track in tracks
            if track.class_name == objects[place].class_name
        ]
        pairs.sort(key=lambda pair: pair[:4], reverse=True)
        taken: set[int] = set()
        for iou, _, _, place, track in pairs:
            if iou >= MIN_IOU and place not in numbers and track.number not in taken:
                taken.add(track.number)
                numbers[place] = track.number
                track.meet(objects[place].geometry.bounds)
        return [track for track in tracks if track.number not in taken]


class _Track:
    """One thing that is followed."""

    def __init__(self, number: int, found: AnnotatedObject) -> None:
        self.number = number
        self.class_name = found.class_name
        self.missed = 0
        self._seen = self.bounds = found.geometry.bounds
        self._motion = (0.0, 0.0, 0.0, 0.0)  # pixels a frame, of each side

    def advance(self) -> None:
        """Move on by a frame, unseen so far."""
        self.missed += 1
        self.bounds = Bounds(*(side + step for side, step in zip(self.bounds, self._motion, strict=True)))

    def meet(self, found: Bounds) -> None:
        """Take a detection as the thing's place."""
        steps = [(new - old) / self.missed for new, old in zip(found, self._seen, strict=True)]
        self._motion = tuple(  # type: ignore[assignment]
            SMOOTHING * step + (1 - SMOOTHING) * before
            for step, before in zip(steps, self._motion, strict=True)
        )
        self._seen = self.bounds = found
        self.missed = 0


def _tag(found: AnnotatedObject, number: int | None) -> AnnotatedObject:
    if number is None:
        return found
    return structs.replace(found, tags=(*found.tags, Tag(TRACK_TAG, float(number))))
