"""Facts of any kind as lines for a person: each by its name, in the unit that the name tells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from mlwf_tui.cli.text import format_age, format_duration
from mlwf_tui.entities.sizes import format_size

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
            lines += [label.rstrip(), *(f"{indent}  {_join(entry)}" for entry in value)]
        else:
            lines.append(f"{label}  {format_value(name, value)}".rstrip())
    return "\n".join(lines)


def _join(entry: Mapping[str, Any]) -> str:
    return "  ".join(format_value(name, value) for name, value in entry.items())


def format_value(name: str, value: Any) -> str:
    """Return a value as the name of its field asks for: an age, a size, a time."""
    if value is None or value in ("", [], {}, ()):
        return "-"
    if name.endswith("_at"):
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
