"""The contract of evaluators, kept by each that is installed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mlwf_tui.conformance import EVALUATOR_CHECKS, EvaluatorCase
from mlwf_tui.conformance.evaluators import make_request
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
