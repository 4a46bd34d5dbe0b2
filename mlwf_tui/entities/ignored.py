"""Which truths nobody has to find: crowds, as COCO has them, and what is difficult, as VOC has it."""

from __future__ import annotations

from mlwf_tui.entities.annotation import AnnotatedObject

CROWD = "iscrowd"  # many things as one: a detection lies on it by the share of its own area that does
DIFFICULT = "difficult"  # one thing, which a detection lies on as on any other


def is_ignored(labelled: AnnotatedObject) -> bool:
    """Whether an object is marked as a crowd or as difficult, with any value but 0."""
    return bool(labelled.tags) and (is_crowd(labelled) or _is_marked(labelled, DIFFICULT))


def is_crowd(labelled: AnnotatedObject) -> bool:
    """Whether an object is marked as a crowd."""
    return bool(labelled.tags) and _is_marked(labelled, CROWD)


def describe_ignored(crowd_count: int, difficult_count: int) -> str:
    """Return in words what is ignored, with its verb; "" for nothing."""
    parts = [
        (crowd_count, "a crowd (iscrowd)", "crowds (iscrowd)"),
        (difficult_count, "difficult", "difficult"),
    ]
    said = [(count, one if count == 1 else many) for count, one, many in parts if count]
    if not said:
        return ""
    words = [f"{count:,} {_name(count, is_first=not at)} {what}" for at, (count, what) in enumerate(said)]
    return f"{' and '.join(words)} {'are' if sum(count for count, _ in said) > 1 else 'is'}"


def _name(count: int, *, is_first: bool) -> str:
    verb = "that is" if count == 1 else "that are"
    noun = "object" if count == 1 else "objects"
    return f"{noun} {verb}" if is_first else verb


def _is_marked(labelled: AnnotatedObject, name: str) -> bool:
    return any(tag.name == name and tag.value != 0 for tag in labelled.tags)
