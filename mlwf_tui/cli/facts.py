"""Facts of any kind as lines for a person: each by its name, in the unit that the name tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from mlwf_tui.cli.text import format_age, format_duration, format_table
from mlwf_tui.entities.sizes import format_size

_NOTHING: Final[tuple[object, ...]] = (None, "", [], {}, ())
MAX_DURATION_S: Final = 1e11  # longer ones are none, and no timedelta holds them


def format_facts(facts: Mapping[str, Any], indent: str = "") -> str:
    """Return facts as `name  value` lines, nested ones indented."""
    width = max((len(name) for name in facts), default=0)
    lines = []
    for name, value in facts.items():
        plain = name.removesuffix("_s") if _is_duration(name, value) else name
        shown = name if "/" in name else plain.replace("_", " ")  # a metric's key stays as it is
        label = f"{indent}{shown:<{width}}"
        if isinstance(value, Mapping) and value:
            lines += [label.rstrip(), format_facts(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            lines += [label.rstrip(), _format_rows(value, indent + "  ")]
        else:
            lines.append(f"{label}  {format_value(name, value)}".rstrip())
    return "\n".join(lines)


def _format_rows(entries: Sequence[Mapping[str, Any]], indent: str) -> str:
    """Return entries as a table with their keys as headings, without the columns in which nothing is."""
    names = [
        name for name in _list_names(entries) if any(entry.get(name) not in _NOTHING for entry in entries)
    ]
    header = [_head(name, [entry.get(name) for entry in entries]) for name in names]
    rows = [[_format_cell(name, entry.get(name)) for name in names] for entry in entries]
    return format_table(header, rows, empty="", indent=indent)


def _list_names(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for entry in entries for name in entry))


def _head(name: str, values: Sequence[Any]) -> str:
    plain = name.removesuffix("_s") if any(_is_duration(name, value) for value in values) else name
    return (plain if "/" in name else plain.replace("_", " ")).upper()


def _format_cell(name: str, value: Any) -> str:
    """Return what is in a cell on one line, whatever it is made of."""
    if isinstance(value, Mapping) and value:
        return ", ".join(f"{key}={_format_cell(key, one)}" for key, one in value.items())
    if isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
        return "; ".join(_format_cell(name, one) for one in value)
    return format_value(name, value)


def format_value(name: str, value: Any) -> str:
    """Return a value as the name of its field asks for: an age, a size, a time."""
    if value in _NOTHING:
        return "-"
    if name.endswith("_at") or isinstance(value, datetime):
        return format_age(value)
    if name.endswith("_bytes"):
        return format_size(value)
    if _is_duration(name, value):
        return format_duration(timedelta(seconds=value))
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def _is_duration(name: str, value: Any) -> bool:
    return name.endswith("_s") and isinstance(value, float) and 0 <= value < MAX_DURATION_S
