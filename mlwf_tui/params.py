"""Parameters declared once as a dataclass: parsing, checking and describing them for every face.

A field says what it means and what it may be with `param`:

    @dataclass(frozen=True, slots=True)
    class RotateParams:
        degrees: float = param(10.0, "largest angle either way", low=0, high=180)

From that come the check of `-p degrees=20`, the help of the command line and the app's form.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, field, fields
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from mlwf_tui.errors import InvalidParameter, suggest

N = TypeVar("N")
UNSET: Final = "auto"
UNSETS: Final = (UNSET, "none")
_TYPE_WORDS = {"int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false"}


class ParamSpec(msgspec.Struct, frozen=True):
    """One declared parameter as the faces show it."""

    name: str
    type_name: str  # int, float, bool, str, or "list of …"
    default: Any
    help: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    group: str = ""  # what it is about, where there are many
    unset: str = UNSET  # how None is written

    @property
    def bounds(self) -> str:
        """What values are allowed, in words; empty where anything of the type is."""
        if self.choices:
            return " | ".join(self.choices)
        is_bounded = self.low is not None or self.high is not None
        return _describe_range(self.low, self.high) if is_bounded else ""


def param(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] = (),
    group: str = "",
    unset: str = UNSET,
) -> Any:
    """Declare a dataclass field with its help and bounds (both ends allowed).

    `unset` is how None is written, one of UNSETS: "none" where it means that there is no limit.
    """
    metadata = {
        "help": help, "low": low, "high": high, "choices": tuple(choices), "group": group, "unset": unset,
    }  # fmt: skip
    return field(default=default, metadata=metadata)


def describe_params(params_type: type[Any]) -> tuple[ParamSpec, ...]:
    """Return the declared parameters in their order."""
    hints = get_type_hints(params_type)
    return tuple(
        ParamSpec(
            name=f.name,
            type_name=_name_type(hints[f.name]),
            default=None if f.default is MISSING else f.default,
            help=f.metadata.get("help", ""),
            low=f.metadata.get("low"),
            high=f.metadata.get("high"),
            choices=f.metadata.get("choices", ()),
            group=f.metadata.get("group", ""),
            unset=f.metadata.get("unset", UNSET),
        )
        for f in fields(params_type)
    )


def parse_assignments(assignments: Sequence[str]) -> dict[str, str]:
    """Split `key=value` words as the command line's -p takes them.

    Raises:
        InvalidParameter: a word without `=`, or a key twice.
    """
    values: dict[str, str] = {}
    for word in assignments:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise InvalidParameter(f"The parameter {word!r} is not key=value.", hint="Write -p key=value.")
        if key.strip() in values:
            raise InvalidParameter(f"The parameter {key.strip()!r} is given twice.", hint="Give it once.")
        values[key.strip()] = value
    return values


def read_scalar(text: str) -> Any:
    """Return what a person wrote for a parameter that nobody has declared: a number, true, false, or a text.

    It is read as JSON, so "640" in quotation marks is a text, and null is None.
    """
    words = {"true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return text if isinstance(value, list | dict) else value


def build_params(params_type: type[Any], values: Mapping[str, Any]) -> Any:
    """Return an instance of `params_type` from texts or values of the right type, checked.

    Raises:
        InvalidParameter: an unknown name, a value of the wrong type, or one out of its bounds.
    """
    known = {f.name: f for f in fields(params_type)}
    unknown = [name for name in values if name not in known]
    if unknown:
        raise InvalidParameter(
            f"There is no parameter {unknown[0]!r}.",
            hint=f"{suggest(unknown[0], known)}The parameters are: {', '.join(known) or 'none'}.",
        )
    hints = get_type_hints(params_type)
    checked = {
        name: _check_bounds(known[name], _convert(name, value, hints[name])) for name, value in values.items()
    }
    return params_type(**checked)


def _convert(name: str, value: Any, wanted: Any) -> Any:
    origin = get_origin(wanted)
    if origin in (types.UnionType, Union):
        options = get_args(wanted)
        if type(None) in options and (value is None or value in ("", *UNSETS)):
            return None
        return _convert(name, value, next(o for o in options if o is not type(None)))
    if origin is tuple:
        parts = value.split(",") if isinstance(value, str) else list(value)
        inner = get_args(wanted)[0]
        return tuple(_convert(name, p.strip() if isinstance(p, str) else p, inner) for p in parts if p != "")
    if wanted is bool:
        return _convert_bool(name, value)
    try:
        if wanted is int and isinstance(value, float) and not value.is_integer():
            raise ValueError(value)
        return parse_number(value, wanted) if isinstance(value, str) else wanted(value)
    except (TypeError, ValueError) as error:
        raise InvalidParameter(
            f"The parameter {name} is {value!r}, which is not {describe_type(_name_type(wanted))}.",
            hint=f"Give {name} as {describe_type(_name_type(wanted))}.",
        ) from error


def parse_number(text: str, wanted: Callable[[str], N]) -> N:
    """Return what a person wrote as a number of the wanted type, or as a text where that is wanted.

    Raises:
        ValueError: it is none; digits with underscores, which Python reads, are none either.
    """
    if wanted in (int, float) and "_" in text:
        raise ValueError(text)
    return wanted(text)


def _convert_bool(name: str, value: Any) -> bool:
    word = str(value).strip().lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise InvalidParameter(f"The parameter {name} is {value!r}.", hint=f"Give {name} as true or false.")


def _check_bounds(declared: Field[Any], value: Any) -> Any:
    low, high = declared.metadata.get("low"), declared.metadata.get("high")
    choices = declared.metadata.get("choices", ())
    if choices and str(value).lower() in ("true", "false"):
        value = str(value).lower()  # as a file of YAML, or Python, has it
    if choices and value is not None and value not in choices:
        raise InvalidParameter(
            f"The parameter {declared.name} is {value!r}.", hint=f"Choose from {', '.join(choices)}."
        )
    if isinstance(value, int | float) and not isinstance(value, bool):
        is_low = low is not None and not value >= low
        is_high = high is not None and not value <= high
        if is_low or is_high:
            raise InvalidParameter(
                f"The parameter {declared.name} is {value}, out of its range.",
                hint=f"It may be {_describe_range(low, high)}.",
            )
    return value


def _describe_range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"{_write_bound(low)}–{_write_bound(high)}"
    return f"≥ {_write_bound(low)}" if low is not None else f"≤ {_write_bound(high)}"


def _write_bound(bound: float | None) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def describe_type(type_name: str) -> str:
    """Return what a value of a parameter's type is, in a person's words."""
    return _TYPE_WORDS.get(type_name, type_name)


def _name_type(wanted: Any) -> str:
    origin = get_origin(wanted)
    if origin in (types.UnionType, Union):
        return _name_type(next(o for o in get_args(wanted) if o is not type(None)))
    if origin is tuple:
        return f"list of {_name_type(get_args(wanted)[0])}"
    return str(getattr(wanted, "__name__", wanted))
