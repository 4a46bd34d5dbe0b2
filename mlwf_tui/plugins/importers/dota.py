"""Imports DOTA: a text file of oriented boxes for each image, four corners in pixels and a class a line."""

from __future__ import annotations

from typing import Final

from mlwf_tui.entities.annotation import AnnotatedObject, Tag
from mlwf_tui.entities.counts import format_count
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import check_class_name
from mlwf_tui.plugins.importers.label_lines import OfLabelLines
from mlwf_tui.plugins.importers.objects import make_oriented_box, make_tags, parse_value, read_number

_HEADERS: Final = ("imagesource", "gsd", "acquisition dates")


class DotaImporter(OfLabelLines):
    """Oriented boxes of DOTA, corners in the file's order; what the first lines say is custom."""

    name = "dota"
    summary = "DOTA: labelTxt/ with a text file for each image, four corners, class and difficulty a line"
    title = "four corners and a class a line"
    folders = frozenset({"labeltxt", "labeltxt-v1.0", "labeltxt-v1.5", "annfiles"})
    layout = folders | {"images"}

    def read_line(self, words: list[str]) -> AnnotatedObject:
        """Return the object of a line: eight numbers, a class, and mostly how difficult it is.

        Raises:
            InvalidInput: it is none; the message follows "line 3 ".
        """
        if len(words) not in (9, 10):
            raise InvalidInput(
                f"has {format_count(len(words), 'word')}, not four corners, a class and a difficulty"
            )
        numbers = [read_number(word, "coordinate") for word in words[:8]]
        box = make_oriented_box(zip(numbers[::2], numbers[1::2], strict=True))
        difficulty = read_number(words[9], "difficulty") if len(words) == 10 else 0.0
        tags = make_tags({"difficult": True}) if difficulty == 1 else ()
        if difficulty not in (0, 1):
            tags = (Tag("difficult", difficulty),)
        return AnnotatedObject(check_class_name(words[8]), box, tags=tags)

    def read_fact(self, line: str) -> dict[str, str | float | bool] | None:
        """Return what a line of the head says, where it is one."""
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or name.lower() not in _HEADERS:
            return None
        return {} if value.lower() in ("", "null", "none") else {name.lower(): parse_value(value)}
