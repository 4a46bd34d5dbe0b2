from __future__ import annotations

import pytest

from mlwf_tui.errors import InvalidParameter
from mlwf_tui.expressions.fields import ValueType
from mlwf_tui.expressions.parse import parse_fact_condition

FIELDS = {
    "name": ValueType.TEXT, "task": ValueType.TEXT, "map50": ValueType.NUMBER, "lr0": ValueType.NUMBER,
    "starred": ValueType.FLAG, "cache": ValueType.ANY,
}  # fmt: skip
FACTS: dict[str, str | float | bool | None] = {
    "name": "small",
    "task": "detect",
    "map50": 0.7,
    "lr0": 0.01,
    "starred": True,
    "cache": "ram",
}


@pytest.mark.parametrize(
    "text",
    [
        "task = detect and map50 > 0.5",
        "task == segment or lr0 in (0.01, 0.002)",
        "starred and not (map50 < 0.5)",
        'name ~ "sm*" && cache != disk',
        "0.5 < map50",
    ],
)
def test_what_facts_say_meets_the_condition(text: str) -> None:
    assert parse_fact_condition(text, FIELDS)(FACTS)


@pytest.mark.parametrize("text", ["map50 > 0.7", "task = pose", "not starred", "lr0 not in (0.01)"])
def test_what_facts_do_not_say_does_not(text: str) -> None:
    assert not parse_fact_condition(text, FIELDS)(FACTS)


def test_no_comparison_holds_of_a_fact_that_is_missing() -> None:
    assert not parse_fact_condition("map50 > 0 or map50 <= 0 or map50 = 0", FIELDS)({"name": "small"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("map5 > 0.5", "there is no field 'map5'"),
        ("task > 3", "a text"),
        ("map50 = good", "there is no field 'good'"),
        ("count(cat) > 2", "no functions"),
        ("map50", "a comparison is expected"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InvalidParameter, match="at character") as caught:
        parse_fact_condition(text, FIELDS)
    assert said in caught.value.message
