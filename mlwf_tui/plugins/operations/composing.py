"""compose: copies through a sequence of steps that a person wrote down, each with its probability."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np

from mlwf_tui.entities.names import suggest_name
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import build_params, param
from mlwf_tui.plugins.operations.copies import (
    CopyOperation,
    Step,
    copies_param,
    keep_originals_param,
    min_visible_param,
    splits_param,
)
from mlwf_tui.plugins.operations.corrupting import make_corrupt
from mlwf_tui.plugins.operations.cropping import make_crop
from mlwf_tui.plugins.operations.degrading import make_blur, make_compress, make_noise
from mlwf_tui.plugins.operations.light import make_brightness, make_color
from mlwf_tui.plugins.operations.turning import make_flip, make_rotate
from mlwf_tui.plugins.operations.warping import make_elastic, make_perspective

_MAKERS: Final[Mapping[str, Callable[[], CopyOperation]]] = {
    "blur": make_blur,
    "brightness": make_brightness,
    "color": make_color,
    "compress": make_compress,
    "corrupt": make_corrupt,
    "crop": make_crop,
    "elastic": make_elastic,
    "flip": make_flip,
    "noise": make_noise,
    "perspective": make_perspective,
    "rotate": make_rotate,
}
_EXAMPLE: Final = "-p 'steps=flip p=0.5,rotate p=0.3 degrees=20'"


@dataclass(frozen=True, slots=True)
class ComposeParams:
    steps: tuple[str, ...] = param(
        ("flip p=0.5", "rotate p=0.5", "brightness p=0.5"),
        f"what happens, in order: NAME p=PROBABILITY key=value, of {', '.join(_MAKERS)}",
    )
    shuffle: bool = param(False, "draw another order for every copy")
    at_least_one: bool = param(True, "where luck leaves every step out, take one of them")
    copies: int = copies_param()
    keep_originals: bool = keep_originals_param()
    splits: tuple[str, ...] = splits_param()
    min_visible: float = min_visible_param()


class _Planned(NamedTuple):
    """One written step, read."""

    operation: CopyOperation
    params: Any
    chance: float


def make_compose() -> CopyOperation:
    """Return the operation that follows a list of steps."""
    return CopyOperation(
        name="compose",
        summary="a sequence of steps of your own, each with a probability, in order or shuffled",
        version=3,
        params_type=ComposeParams,
        list_steps=_choose_steps,
        check=_check,
    )


def _check(params: ComposeParams) -> None:
    if not params.steps:
        raise InvalidParameter("There is no step.", hint=f"Write some: {_EXAMPLE}.")
    if not any(step.chance > 0 for step in _read_steps(params.steps)):
        raise InvalidParameter("No step can happen: every probability is 0.", hint=f"Raise one: {_EXAMPLE}.")


def _choose_steps(params: ComposeParams, generator: np.random.Generator) -> Sequence[Step]:
    """Draw which steps happen; their order is that of the list, or drawn as well."""
    planned = _read_steps(params.steps)
    luck = generator.random(len(planned))
    chosen = [at for at, step in enumerate(planned) if luck[at] < step.chance]
    if not chosen and params.at_least_one:
        possible = [at for at, step in enumerate(planned) if step.chance > 0]
        chosen = [possible[int(generator.integers(len(possible)))]]
    if params.shuffle:
        chosen = [chosen[int(at)] for at in generator.permutation(len(chosen))]
    return [step for at in chosen for step in planned[at].operation.list_steps(planned[at].params, generator)]


@lru_cache(maxsize=16)  # the same few lists for every image
def _read_steps(texts: tuple[str, ...]) -> tuple[_Planned, ...]:
    return tuple(_read_step(text) for text in texts)


def _read_step(text: str) -> _Planned:
    """Return a step from a text such as `rotate p=0.3 degrees=20`.

    Raises:
        InvalidParameter: there is no such step or parameter, or a value is out of its bounds.
    """
    name, *words = text.split()
    if name not in _MAKERS:
        raise InvalidParameter(f"There is no step {name!r}.", hint=suggest_name(name, _MAKERS))
    operation = _MAKERS[name]()
    own = {field.name for field in fields(operation.params_type)} - {
        "copies", "keep_originals", "splits", "min_visible",
    }  # fmt: skip
    values: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise InvalidParameter(
                f"In the step {text!r}, {word!r} is not key=value.", hint=f"Write {_EXAMPLE}."
            )
        if key not in {*own, "p"}:
            raise InvalidParameter(
                f"The step {name} has no parameter {key!r}.", hint=suggest_name(key, ("p", *sorted(own)))
            )
        values[key] = value
    chance = build_params(_Chance, {"p": values.pop("p", "1")}).p
    params = build_params(operation.params_type, values)
    operation.check(params)
    return _Planned(operation, params, chance)


@dataclass(frozen=True, slots=True)
class _Chance:
    p: float = param(1.0, "how likely the step is", low=0, high=1)
