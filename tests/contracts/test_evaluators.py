"""The contract of evaluators, kept by each that is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlwf_tui.conformance import EVALUATOR_CHECKS, EvaluatorCase
from mlwf_tui.conformance.evaluators import check_declaration, make_request
from mlwf_tui.entities.model import TASKS
from mlwf_tui.registry import Registry

NAMES = Registry().list_names("evaluators")


@pytest.mark.parametrize("check", EVALUATOR_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_an_evaluator_keeps_the_contract(name: str, check: Callable[[EvaluatorCase], None]) -> None:
    check(EvaluatorCase.of(name))


@pytest.mark.parametrize("task", ["segment", "obb"])
@pytest.mark.parametrize("name", ["detect", "semantic"])
def test_shapes_can_be_measured_by_another_evaluator_as_well(name: str, task: str) -> None:
    case = EvaluatorCase.of(name, make_request(task))

    for check in EVALUATOR_CHECKS:
        check(case)


def test_each_task_has_its_evaluator() -> None:
    for task in TASKS:
        assert Registry().get_evaluator(task).tasks[0] == task


def test_the_evaluator_that_the_documents_show_keeps_the_contract() -> None:
    text = Path("docs/evaluators.md").read_text("utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(compile(code, "docs/evaluators.md", "exec"), names)
    case = EvaluatorCase(names["CountEvaluator"](), make_request("detect"))

    for check in EVALUATOR_CHECKS:
        if check is not check_declaration:  # it is in nobody's entry points
            check(case)

    assert len(code.splitlines()) < 60


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"metric_names": {"other": "other"}}, "has no name for people"),
        ({"weigh": lambda self, batches, check: {"counted": next(batches)[0]}}, "shape"),
        ({"keys": ("a", "a")}, "measured twice"),
    ],
)
def test_a_check_says_what_is_not_kept(spoil: dict[str, Any], said: str) -> None:
    text = Path("docs/evaluators.md").read_text("utf-8")
    names: dict[str, Any] = {}
    exec(compile(text.split("```python\n")[1].split("```")[0], "docs/evaluators.md", "exec"), names)
    evaluator = names["CountEvaluator"]()
    for name, value in spoil.items():
        owner = evaluator if name == "metric_names" else names["Counted"]
        if name == "keys":
            value = property(lambda self: ("main/0.png",) * 8, lambda self, _: None)
        setattr(owner, name, value)
    case = EvaluatorCase(evaluator, make_request("detect"))

    with pytest.raises(AssertionError, match=said):
        for check in EVALUATOR_CHECKS[1:]:
            check(case)
