"""Values of a pipeline's file in the types of declared parameters, and the lines of those that do not fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlwf_tui.entities.pipeline import Step
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import ParamSpec, describe_type


def fit_value(spec: ParamSpec, value: Any) -> Any:
    """Return a value of the file in the type that its parameter has.

    A mapping is read as `key=value` entries where a list of texts is wanted.

    Raises:
        InvalidParameter: it is of another type. `true` is no number, and a list no text.
    """
    if spec.type_name.startswith("list of "):
        inner = spec.type_name.removeprefix("list of ")
        if isinstance(value, Mapping) and inner == "str":
            return tuple(f"{key}={_fit_scalar(spec, entry, inner)}" for key, entry in value.items())
        if isinstance(value, list | tuple):
            return tuple(_fit_scalar(spec, entry, inner) for entry in value)
        return value if isinstance(value, str) else (_fit_scalar(spec, value, inner),)
    return value if value is None else _fit_scalar(spec, value, spec.type_name)


def _fit_scalar(spec: ParamSpec, value: Any, type_name: str) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match type_name:
        case "bool":
            fits = isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false"))
        case "int" | "float":
            fits = is_number or isinstance(value, str)  # as -p gives it; converting it says the rest
        case "str":
            fits = isinstance(value, str) or is_number
        case _:
            fits = True
    if not fits:
        raise InvalidParameter(
            f"The parameter {spec.name} is {_show(value)}, which is not {describe_type(type_name)}.",
            hint=f"Give {spec.name} as {describe_type(type_name)}.",
        )
    return str(value) if type_name == "str" else value


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "a mapping" if isinstance(value, Mapping) else repr(value)[:60]


def find_line(step: Step, message: str) -> int:
    """Return the line of the parameter whose value an error quotes, or the step's."""
    quoted = set(re.findall(r"'([^']*)'", message))
    for name, value in step.params.items():
        values = value if isinstance(value, list | tuple) else [value]
        texts = {str(part) for entry in values for part in (entry, *str(entry).split("="))}
        if quoted & texts or f" {name} " in f" {message} ":
            return step.param_lines.get(name) or step.line
    return step.line


def lower_first(message: str) -> str:
    """Return a sentence as it stands behind a place."""
    return message[:1].lower() + message[1:]
