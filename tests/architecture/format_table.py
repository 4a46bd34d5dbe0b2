"""Makes the tables of docs/formats.md from what importers and exporters declare.

`python -m tests.architecture.format_table` writes them into the file anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from mlwf_tui.entities.abilities import ANY_TAG, CLASS_TAG, SPLITS, Abilities
from mlwf_tui.entities.annotation import GeometryKind
from mlwf_tui.registry import Registry

PATH = Path(__file__).parents[2] / "docs" / "formats.md"
BEGIN, END = "<!-- made from what the exporters declare -->", "<!-- end -->"

_WORDS = {
    GeometryKind.RECTANGLE: "rectangles",
    GeometryKind.POLYGON: "polygons",
    GeometryKind.MASK: "masks",
    GeometryKind.POLYLINE: "polylines",
    GeometryKind.POINT: "points",
    GeometryKind.KEYPOINTS: "keypoints",
    GeometryKind.ORIENTED_BOX: "oriented boxes",
}
_VALUES = {"none": "without values", "text": "values as text", "typed": "with values"}


def make_tables() -> str:
    """Return both tables as Markdown, with the lines that mark them."""
    registry = Registry()
    written = set(registry.list_names("exporters"))
    names = sorted({*registry.list_names("importers"), *written})
    rows = [_describe_ways(registry, name, name in written) for name in names]
    sections = [
        _format_table(("import", "export", "what it is"), rows),
        _format_table(
            ("exported as", "shapes kept", "shapes converted", "left out"),
            [(f"`{name}`", *_describe_shapes(_get(registry, name))) for name in sorted(written)],
        ),
        _format_table(
            ("exported as", "tags of objects", "tags of items", "also kept", "splits", "coordinates"),
            [(f"`{name}`", *_describe_rest(_get(registry, name))) for name in sorted(written)],
        ),
    ]
    return "\n\n".join([BEGIN, *sections, END])


def fill_in(text: str) -> str:
    """Return a document with its tables made anew."""
    head, _, rest = text.partition(BEGIN)
    return f"{head}{make_tables()}{rest.partition(END)[2]}"


def _get(registry: Registry, name: str) -> Abilities:
    return registry.get_exporter(name).abilities


def _describe_ways(registry: Registry, name: str, is_written: bool) -> tuple[str, str, str]:
    is_read = name in registry.list_names("importers")
    summary = registry.get_importer(name).summary if is_read else registry.get_exporter(name).summary
    read_as = "`" + name.replace("-", ":", 1) + "`" if "-" in name else ""
    reads = f"`{name}`" if is_read else "`imagenet`" if name == "yolo-classify" else read_as
    return reads, f"`{name}`" if is_written else "", summary


def _describe_shapes(abilities: Abilities) -> tuple[str, str, str]:
    kept = [_WORDS[kind] for kind, target in abilities.geometries.items() if kind is target]
    if abilities.has_holes and GeometryKind.POLYGON in abilities.geometries:
        kept = [f"{word} with holes" if word == "polygons" else word for word in kept]
    converted = [
        f"{_WORDS[kind]} → {_WORDS[target]}"
        for kind, target in abilities.geometries.items()
        if kind is not target
    ]
    lost = [word for kind, word in _WORDS.items() if kind not in abilities.geometries]
    return _join(kept), _join(converted), _join(lost)


def _describe_rest(abilities: Abilities) -> tuple[str, ...]:
    also = [
        word
        for is_kept, word in (
            (abilities.has_confidence, "confidence"),
            (abilities.has_author, "author"),
            (abilities.has_visibility and abilities.has_keypoints, "visibility of keypoints"),
            (abilities.has_keypoint_boxes and abilities.has_keypoints, "boxes of keypoints"),
            (abilities.has_custom, "custom data of objects"),
            (
                bool(abilities.custom_texts),
                f"{_join(f'`{name}`' for name in abilities.custom_texts)} of objects",
            ),
            (abilities.has_item_custom, "custom data of items"),
            (abilities.has_datasets, "datasets"),
        )
        if is_kept
    ]
    of_items = _describe_tags(abilities.item_tags, abilities.item_values, ())
    return (
        _describe_tags(abilities.object_tags, abilities.object_values, abilities.valued_tags),
        of_items,
        _join(also),
        "needed" if abilities.splits == SPLITS else "kept",
        abilities.precision if abilities.geometries else "",
    )


def _describe_tags(names: tuple[str, ...], values: str, valued: tuple[str, ...]) -> str:
    if not names:
        return ""
    if names == CLASS_TAG:
        return "the first that is a class"
    besides = f" but {_join(f'`{name}`' for name in valued)}" if valued else ""
    shown = "any" if names == ANY_TAG else _join(f"`{name}`" for name in names)
    return f"{shown}, {_VALUES[values]}{besides}"


def _join(words: Iterable[str]) -> str:
    return ", ".join(words)


def _format_table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(_iter_lines(header, rows))


def _iter_lines(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    PATH.write_text(fill_in(PATH.read_text("utf-8")), "utf-8")
