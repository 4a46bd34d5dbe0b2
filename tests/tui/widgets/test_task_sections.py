"""What a report's page draws of other tasks than boxes: their own sections, at any width."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from mlwf_tui.conformance.evaluators import CLASSES, EvaluatorCase, make_request
from mlwf_tui.entities.evidence import Pick
from mlwf_tui.entities.ids import Digest, ModelId, ReportId, RunId, VersionId
from mlwf_tui.entities.measurement import Interval, PixelErrorKind, PixelErrors
from mlwf_tui.entities.model import Evaluation, Report, describe_benchmark
from mlwf_tui.entities.section import BarSection, CurveSection, MatrixSection, TableSection
from mlwf_tui.tui.widgets.drawing import Line, Linked, measure_line
from mlwf_tui.tui.widgets.report_cursor import find_spots
from mlwf_tui.tui.widgets.report_sections import SECTIONS, draw_overview
from mlwf_tui.tui.widgets.report_tabs import list_tabs
from mlwf_tui.tui.widgets.task_sections import draw_section, list_sections

EXPECTED = {
    "segment": ["Overview", "Classes", "Where pixels go wrong", "Pixels by class", "Precision and recall"],
    "pose": ["Overview", "Classes", "Points", "Precision and recall", "Confidence"],
    "obb": ["Overview", "Classes", "Precision and recall", "Confidence", "Calibration"],
    "classify": ["Overview", "Classes", "Confusion", "ROC", "Most confused", "Calibration", "Speed"],
    "semantic": ["Overview", "Classes", "Where pixels go wrong", "Pixels by class", "Images by IoU"],
}
REPORT = Report(
    id=ReportId("1" * 32),
    name="r",
    description="",
    model_id=ModelId("2" * 32),
    model_name="m",
    version_id=VersionId("3" * 32),
    version_ref="p@1",
    split="val",
    metrics={},
    speed={},
    evaluation=Digest("0" * 64),
    run_id=RunId("4" * 32),
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def _evaluate(name: str) -> Evaluation:
    case = EvaluatorCase.of(name)
    return replace(
        case.measure(make_request(case.evaluator.tasks[0])).summarize(),
        evaluator=name,
        metric_names=dict(case.evaluator.metric_names),
        schema=4,
    )


def _write(lines: list[Line]) -> str:
    return "\n".join("".join(text for text, _ in line) for line in lines)


@pytest.mark.parametrize("nothing", ["none", "(none)", "background", "(background)"])
def test_a_matrix_is_linked_whatever_nothing_is_called_in_it(nothing: str) -> None:
    names = (nothing.strip("()"), nothing) if "(" in nothing else ("cat", nothing)
    section = MatrixSection(title="Confusion", names=names, rows=((1, 0), (0, 0)))

    lines = draw_section(section, REPORT, _evaluate("classify"), 100)

    spots = find_spots(lines)
    assert [spot.target for spot in spots] == [Pick(predicted=names[0], truth=names[0])]


@pytest.mark.parametrize("name", list(EXPECTED))
def test_a_page_has_its_tasks_sections_in_order(name: str) -> None:
    evaluation = _evaluate(name)

    sections = list_sections(evaluation)

    assert list(sections)[: len(EXPECTED[name])] == EXPECTED[name]
    drawn = {title: _write(draw(REPORT, evaluation, 100)) for title, draw in sections.items()}
    for label in list(evaluation.metric_names.values())[:5]:
        assert label in drawn["Overview"]
    assert all(of in drawn["Classes"] for of in CLASSES)
    assert all(text.strip() for text in drawn.values())


@pytest.mark.parametrize("width", [24, 78, 200])
@pytest.mark.parametrize("name", list(EXPECTED))
def test_own_sections_fit_into_any_width(name: str, width: int) -> None:
    evaluation = _evaluate(name)

    for section in evaluation.sections:
        if not isinstance(section, CurveSection):  # plots have a width of their own below 40 cells
            lines = draw_section(section, REPORT, evaluation, width)
            widest = max(measure_line(line) for line in lines)
            assert widest <= max(width, 78), section.title


def test_numbers_of_pixels_open_their_images() -> None:
    evaluation = _evaluate("semantic")
    targets = {
        text.target
        for section in evaluation.sections
        for line in draw_section(section, REPORT, evaluation, 100)
        for text, _ in line
        if isinstance(text, Linked)
    }
    assert Pick(predicted="", truth=CLASSES[0]) in targets and Pick(of_class=CLASSES[1]) in targets
    assert Pick(item="main/0.png") in targets
    tabs = list_tabs(REPORT, evaluation)
    assert list(tabs["Items"]) == ["Images by IoU"] and list(tabs["Confusion"]) == ["Confusion in pixels"]


def test_the_page_does_not_say_again_what_describes_its_report_by_itself() -> None:
    evaluation = _evaluate("classify")
    own = describe_benchmark(REPORT.model_name, REPORT.version_ref, REPORT.part, evaluation)
    for text, is_shown in ((own, False), ("the one for the paper", True)):
        lines = draw_overview(replace(REPORT, description=text), evaluation, 200)
        assert (text in _write(lines)) is is_shown


def test_boxes_have_all_the_common_sections_as_before() -> None:
    assert list_sections(Evaluation(metrics={})) is SECTIONS


def test_a_narrow_table_says_which_columns_it_has_no_room_for() -> None:
    table = TableSection(
        title="t", header=("class", "first", "second"), rows=(("cat", 0.5, None),), note="why"
    )

    text = _write(draw_section(table, REPORT, Evaluation(metrics={}), 16))

    assert "cat" in text
    assert "0.500" in text
    assert "no room for se" in text
    assert "why" in text


def test_bars_tell_value_and_interval_and_what_is_not_known() -> None:
    bars = BarSection(
        title="b",
        names=("one", "two"),
        values=(0.25, None),
        label="share",
        intervals=(Interval(0.1, 0.4), None),
    )

    text = _write(draw_section(bars, REPORT, Evaluation(metrics={}), 80))

    assert "0.250" in text
    assert "0.100 … 0.400" in text
    assert "–" in text  # noqa: RUF001 - the dash that is drawn


def test_each_share_of_a_classs_pixels_opens_the_images_that_have_them() -> None:
    table = TableSection(
        title="Pixels by class",
        header=("class", "IoU", "boundary", "extent", "segment", "too much", "missed"),
        rows=(("cat", 0.7, 0.2, 0.1, 0.0, 0.1, 0.2),),
    )
    errors = (PixelErrors(key="a.png", class_name="cat", counts=(20, 10, 0)),)
    evaluation = Evaluation(metrics={}, evaluator="semantic", sections=(table,), pixel_errors=errors)

    lines = draw_section(table, REPORT, evaluation, 80)

    assert [spot.target for spot in find_spots(lines)] == [
        Pick(of_class="cat"),
        Pick(error=PixelErrorKind.BOUNDARY, of_class="cat"),
        Pick(error=PixelErrorKind.EXTENT, of_class="cat"),  # none is of a segment
        Pick(predicted="cat", is_hit=False),
        Pick(truth="cat", is_hit=False),
    ]


@pytest.mark.parametrize("is_of_pixels", [True, False])
def test_kinds_of_wrong_pixels_open_their_images_where_these_are_known(is_of_pixels: bool) -> None:
    bars = BarSection(
        title="Where pixels go wrong", names=("right", "boundary", "extent", "segment"),
        values=(0.7, 0.2, 0.1, 0.0), label="share",
    )  # fmt: skip
    errors = (PixelErrors(key="a.png", class_name="cat", counts=(20, 10, 0)),) if is_of_pixels else ()
    evaluation = Evaluation(metrics={}, evaluator="semantic", sections=(bars,), pixel_errors=errors)

    lines = list_sections(evaluation)["Where pixels go wrong"](REPORT, evaluation, 80)

    wanted = [Pick(error=PixelErrorKind.BOUNDARY), Pick(error=PixelErrorKind.EXTENT)]  # none is of a segment
    spots = find_spots(lines)
    assert [spot.target for spot in spots] == (wanted if is_of_pixels else [])
    rows = [_write([lines[spot.row]]).split()[0] for spot in spots]
    assert rows == (["boundary", "extent"] if is_of_pixels else [])


def test_nothing_to_show_says_so() -> None:
    empty = CurveSection(title="c", curves=(), x_label="x", y_label="y")

    assert "nothing to show" in _write(draw_section(empty, REPORT, Evaluation(metrics={}), 80))
