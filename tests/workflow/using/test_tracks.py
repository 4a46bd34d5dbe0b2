"""A thing keeps its number through the frames of a video, also where it was hidden for a while."""

from __future__ import annotations

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, Tag
from mlwf_tui.workflow.using.tracks import LOST_AFTER, Tracker


def see(left: float, top: float = 0, *, name: str = "car", confidence: float = 0.9) -> AnnotatedObject:
    return AnnotatedObject(name, Geometry.rectangle(left, top, left + 20, top + 20), confidence)


def read_numbers(objects: tuple[AnnotatedObject, ...]) -> list[float | str | None]:
    return [next((tag.value for tag in one.tags if tag.name == "track"), None) for one in objects]


def test_two_things_that_pass_each_other_keep_their_numbers() -> None:
    tracker = Tracker()
    for step in range(20):
        seen = (see(step * 10), see(190 - step * 10, top=15))
        shown = tracker.follow(seen if step % 2 else seen[::-1])  # in whatever order they come
        numbers = read_numbers(shown if step % 2 else shown[::-1])
        if step == 0:
            first = numbers
        assert numbers == first


def test_a_thing_that_was_hidden_is_found_where_it_must_have_moved_to() -> None:
    tracker = Tracker()
    for step in range(5):
        tracker.follow((see(step * 8),))
    for _ in range(6):
        tracker.follow(())

    assert read_numbers(tracker.follow((see(11 * 8),))) == [1]
    for _ in range(LOST_AFTER + 1):
        tracker.follow(())
    assert read_numbers(tracker.follow((see(44 * 8),))) == [2]


def test_a_faint_detection_goes_on_with_a_track_and_begins_none() -> None:
    tracker = Tracker()
    tracker.follow((see(0),))

    shown = tracker.follow((see(2, confidence=0.2), see(200, confidence=0.2)))

    assert read_numbers(shown) == [1, None]


def test_things_of_another_class_are_other_things_and_tags_stay() -> None:
    tracker = Tracker()
    tracker.follow((see(0),))
    tagged = AnnotatedObject("dog", Geometry.rectangle(0, 0, 20, 20), 0.9, tags=(Tag("seen"),))

    (shown,) = tracker.follow((tagged,))

    assert shown.tags == (Tag("seen"), Tag("track", 2.0))
