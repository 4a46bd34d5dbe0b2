"""What plug-ins must do, whoever wrote them, as checks that a plug-in's own tests can run."""

from mlwf_tui.conformance.evaluators import EVALUATOR_CHECKS, EvaluatorCase
from mlwf_tui.conformance.operations import OPERATION_CHECKS, OperationCase

__all__ = ["EVALUATOR_CHECKS", "OPERATION_CHECKS", "EvaluatorCase", "OperationCase"]
