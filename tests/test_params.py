"""Parameters as a person writes them: what is a number, and what leaves one unset."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import build_params, describe_params, param
from mlwf_tui.tui.widgets.form import FormField, find_fault, format_default


@dataclass(frozen=True, slots=True)
class Params:
    n: int = param(1, "how many")
    share: float = param(0.5, "of the whole")
    most: int | None = param(None, "at most so many", unset="none")
    workers: int | None = param(None, "processes")
    name: str = param("", "a text")


@pytest.mark.parametrize(("name", "text"), [("n", "5_0"), ("share", "0_1.5"), ("most", "1_000")])
def test_digits_with_underscores_are_no_number(name: str, text: str) -> None:
    with pytest.raises(InvalidParameter, match=f"{name} is '{text}', which is not a"):
        build_params(Params, {name: text})
    spec = next(spec for spec in describe_params(Params) if spec.name == name)
    assert "must be a" in find_fault(FormField(spec), text)


def test_texts_keep_their_underscores_and_numbers_are_read() -> None:
    made = build_params(Params, {"n": "50", "share": "1e-3", "name": "5_0"})
    assert (made.n, made.share, made.name) == (50, 0.001, "5_0")


def test_what_is_unset_is_written_as_what_it_means() -> None:
    specs = {spec.name: spec for spec in describe_params(Params)}
    assert [format_default(specs[name]) for name in ("most", "workers")] == ["none", "auto"]
    for word in ("none", "auto", ""):
        assert build_params(Params, {"most": word, "workers": word}) == Params()
        assert find_fault(FormField(specs["most"]), word) == ""
