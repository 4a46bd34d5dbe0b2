"""Names beside which nothing must have a name of its own."""

from __future__ import annotations

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Tag
from mlwf_tui.entities.evidence import BACKGROUND, name_nothing, parse_pick
from mlwf_tui.entities.section import MatrixSection
from mlwf_tui.evaluation.tables import list_names
from mlwf_tui.protocols.evaluators import EvaluatedItem, EvaluationRequest
from mlwf_tui.registry import Registry
from tests.evaluation.worlds import make_box
from tests.fakes.observers import KeepingObserver


def test_nothing_stands_in_brackets_where_a_class_is_called_so() -> None:
    assert name_nothing(("cat", "dog")) == "none"
    assert name_nothing(("cat", "none")) == "(none)"
    assert name_nothing(("none", "(none)")) == "((none))"
    assert name_nothing(("none",), BACKGROUND) == "background"


def test_a_class_that_is_called_none_stands_in_quotes_in_a_sentence() -> None:
    assert list_names(["cat", "none", "background"]) == 'cat, "none", "background"'


def test_nothing_is_asked_for_by_the_name_that_it_has() -> None:
    assert parse_pick(["predicted=(none)"], ("none",)).predicted == ""
    assert parse_pick(["predicted=none"], ("none",)).predicted == "none"
    assert parse_pick(["predicted=none"], ("cat",)).predicted == ""
    assert parse_pick(["predicted=(none)"], ("cat",)).predicted == "(none)"


def _find_names(task: str, items: tuple[EvaluatedItem, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    request = EvaluationRequest(items=items, class_names=names)
    sections = Registry().get_evaluator(task).measure(request, KeepingObserver()).summarize().sections
    (matrix,) = [of for of in sections if isinstance(of, MatrixSection)]
    return matrix.names


def test_matrices_tell_nothing_from_a_class_of_that_name() -> None:
    painted: tuple[AnnotatedObject, ...] = (make_box("background", 0, 0, 9),)
    pixels = EvaluatedItem(key="a", width_px=20, height_px=20, truth=Annotation(painted), objects=painted)
    tagged = EvaluatedItem(
        key="a", width_px=9, height_px=9, truth=Annotation(tags=(Tag("none"),)), tags=(Tag("none", 0.9),)
    )

    assert _find_names("semantic", (pixels,), ("background",)) == ("background", "(background)")
    assert _find_names("classify", (tagged,), ("cat", "none")) == ("cat", "none", "(none)")
