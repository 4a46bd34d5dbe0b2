"""Comparisons of models by their reports: what is better, what cannot be told, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlwf_tui.cli.reports import describe_comparison
from mlwf_tui.entities.measurement import ErrorKind
from mlwf_tui.entities.model import ReportKind
from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.tui.widgets.comparison_sections import draw_models
from mlwf_tui.workflow.benchmarking.apart import NotMeasured, find_apart
from mlwf_tui.workflow.benchmarking.gates import parse_conditions
from mlwf_tui.workflow.calls import CALLS
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.compare import compare, read_comparison
from mlwf_tui.workflow.delete import delete
from mlwf_tui.workflow.describe import describe
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.history import list_changes
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.leaderboard import read_leaderboard
from mlwf_tui.workflow.lint import fix_remarks, lint
from mlwf_tui.workflow.reporting.sides import list_cause_rows
from mlwf_tui.workflow.reports import list_benchmarks, read_evaluation
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workspace import Workspace
from tests.fakes.observers import KeepingObserver
from tests.making import make_yolo
from tests.workflow.reporting import CLASSES, add_model, add_report, fill_val, predict

OBSERVER = KeepingObserver()


@pytest.fixture
def measured(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A home with two models, the newer of which misses nothing; both were measured on cells@1."""
    fill_val(workspace, tmp_path / "val")
    add_report(workspace, add_model(workspace, "old", size=9), predict(workspace, skips=6))
    add_report(workspace, add_model(workspace, "new"), predict(workspace), images_per_second=80)
    return workspace


def test_the_better_model_is_said_to_be_better_and_why(measured: Workspace) -> None:
    result = compare(measured, ["new", "old"], observer=OBSERVER)

    (pair,) = result.body.pairs
    assert (pair.new, pair.old) == ("new", "old")
    recall = pair.comparison.differences["recall"]
    assert recall.value == pytest.approx(0.5)
    assert recall.is_measurable
    assert 0 < recall.low < 0.5 < recall.high
    assert (pair.comparison.truths_fixed, pair.comparison.truths_broken) == (12, 0)
    assert [item.key for item in pair.comparison.items] == [f"main/{n:03d}.png" for n in range(6)]
    assert [model.is_on_front for model in result.body.models] == [True, False]


def test_reports_are_described_as_they_are_made_and_lint_would_say_the_same(measured: Workspace) -> None:
    compared = compare(measured, ["new", "old"], observer=OBSERVER).report
    report = measured.catalog.reports.get("old-on-cells-1")

    figure = re.escape(f"{report.metrics['map50']:.3f}")
    interval = r"\(95 % interval 0\.\d{3} to 0\.\d{3}\)"
    assert re.fullmatch(rf"old on cells@1, val: mAP50 {figure} {interval}", report.description)
    assert re.fullmatch(
        r"new is better than old by 0\.\d{3} mAP50 \(95 % interval .*\)\.", compared.description
    )
    said = [change.text for change in list_changes(measured, report.id) if change.what == "description"]
    assert said == [report.description]
    assert not [remark for remark in lint(measured).remarks if remark.message.startswith("the report")]
    for one in (report, compared):
        describe(measured, one.id, "")
        fix_remarks(measured, ["undocumented"])
        assert measured.catalog.reports.get_by_id(one.id).description == one.description
        describe(measured, one.id, "the one for the paper")  # a person's own goes before it
        assert measured.catalog.reports.get_by_id(one.id).description == "the one for the paper"


def test_equal_models_show_no_measurable_difference(workspace: Workspace, tmp_path: Path) -> None:
    fill_val(workspace, tmp_path / "val")
    for name in ("one", "other"):
        add_report(workspace, add_model(workspace, name), predict(workspace, skips=2))

    result = compare(workspace, ["one", "other"], observer=OBSERVER)

    assert not any(of.is_measurable for of in result.body.pairs[0].comparison.differences.values())
    assert "no measurable difference" in measured_summary(workspace)


def test_a_comparison_is_a_report_on_the_graph_and_is_found_again(measured: Workspace) -> None:
    first = compare(measured, ["new", "old"], observer=OBSERVER)
    again = compare(measured, ["new", "old"], observer=OBSERVER)

    assert (first.cached, again.cached) == (False, True)
    assert again.report == first.report
    assert first.report.kind is ReportKind.COMPARISON
    assert first.report.write_figure("recall") == "+0.500"
    assert measured.catalog.reports.get("new-on-cells-1").write_figure("recall") == "1.000"
    assert read_comparison(measured, first.report) == first.body
    with pytest.raises(InvalidParameter, match="compares models"):
        read_evaluation(measured, first.report)
    run = measured.catalog.runs.get(first.report.run_id)
    assert [artifact.kind for artifact in run.inputs] == ["report", "report"]


def test_differences_are_taken_for_no_models_own_figures(measured: Workspace) -> None:
    made = compare(measured, ["new", "old"], observer=OBSERVER).report

    (first, second) = read_leaderboard(measured, "cells", metric="map50").models
    assert [(first.model, first.value), (second.model, second.report)] == [
        ("new", 1.0),
        ("old", "old-on-cells-1"),
    ]
    new = measured.catalog.models.get("new")
    assert [report.name for report in list_benchmarks(measured, model_id=new.id)] == ["new-on-cells-1"]
    node = next(node for node in read_graph(measured, None).nodes if node.id == f"report:{made.id}")
    assert node.detail == "mAP50 differs by +0.495 on cells@1 val"


def test_three_are_each_set_beside_the_last(measured: Workspace) -> None:
    add_report(measured, add_model(measured, "third"), predict(measured, skips=3))

    result = compare(measured, ["new", "third", "old"], observer=OBSERVER)

    assert [(pair.new, pair.old) for pair in result.body.pairs] == [("new", "old"), ("third", "old")]
    assert [pair.comparison.truths_fixed for pair in result.body.pairs] == [12, 6]


def test_models_of_long_names_are_measured_and_compared(workspace: Workspace, tmp_path: Path) -> None:
    fill_val(workspace, tmp_path / "val", images=2)
    names = ["é" * 127, "o" * 255]
    for name in names:
        report = add_report(workspace, add_model(workspace, name, size=1), predict(workspace))
        assert report.name.endswith("-1")

    compare(workspace, names, observer=OBSERVER)

    assert len(workspace.catalog.reports.list()) == 3


def test_what_was_not_timed_is_on_no_front_and_keeps_nobody_off_it(measured: Workspace) -> None:
    quick = add_model(measured, "quick", size=1)
    add_report(measured, quick, predict(measured), images_per_second=None)

    body = compare(measured, ["quick", "new", "old"], observer=OBSERVER).body

    assert [(of.model, of.is_on_front) for of in body.models] == [
        ("quick", False), ("new", True), ("old", False),
    ]  # fmt: skip
    told = next(line for line in describe_comparison(body) if "IMAGES/S" in line).splitlines()
    assert (told[1].split()[0], told[1].split()[4]) == ("quick", "-")
    drawn = ["".join(text for text, *_ in line) for line in draw_models(body, 100)]
    assert [line.split()[3] for line in drawn if line.startswith(" quick")] == ["-"]


def test_a_model_that_was_measured_again_without_its_speed_keeps_the_one_it_had(measured: Workspace) -> None:
    new = measured.catalog.models.get("new")
    add_report(measured, new, predict(measured), images_per_second=None)

    said = compare(measured, ["new", "old"], observer=OBSERVER).body.models[0]
    assert (said.report_name, said.speed["images_per_second"]) == ("new-on-cells-1", 80)

    changed = add_report(measured, new, predict(measured, skips=1), images_per_second=None)
    said = compare(measured, ["new", "old"], observer=OBSERVER).body.models[0]
    assert said.report_name == changed.name  # it says something else by now
    assert not said.speed


def test_a_model_that_finds_nothing_is_on_no_front_however_small_and_fast(measured: Workspace) -> None:
    blind = add_model(measured, "blind", size=1)
    add_report(measured, blind, predict(measured, skips=12), images_per_second=10_000)

    body = compare(measured, ["blind", "new", "old"], observer=OBSERVER).body

    assert [(of.model, of.is_on_front) for of in body.models] == [
        ("blind", False), ("new", True), ("old", False),
    ]  # fmt: skip
    (group,) = read_leaderboard(measured, "cells").groups
    assert {of.model for of in group.reports if of.report_id in group.list_front()} == {"new"}


def test_words_for_the_same_data_are_no_difference(measured: Workspace) -> None:
    add_report(measured, add_model(measured, "typed", params={"data": "cells"}), predict(measured))

    (pair,) = compare(measured, ["typed", "new"], observer=OBSERVER).body.pairs

    assert list_cause_rows(pair) == []


def test_a_gate_is_run_into_or_not(measured: Workspace) -> None:
    gates = ["map50 < -0.01", "recall > 0.4", "map50.low > 0", "recall.p < 0.05"]

    assert compare(measured, ["new", "old"], fail_if=gates, observer=OBSERVER).failed == (
        "recall > 0.4", "map50.low > 0", "recall.p < 0.05",
    )  # fmt: skip
    assert compare(measured, ["old", "new"], fail_if=gates, observer=OBSERVER).failed[0] == "map50 < -0.01"
    with pytest.raises(InvalidParameter, match="no difference in 'map51'"):
        compare(measured, ["new", "old"], fail_if=["map51 < 0"], observer=OBSERVER)


def test_reports_on_versions_that_were_deleted_are_passed_over(measured: Workspace, tmp_path: Path) -> None:
    fill_val(measured, tmp_path / "others", images=5, project="others")
    old = measured.catalog.models.get("old")
    newest = add_report(measured, old, predict(measured, ref="others@1"), ref="others@1")
    measured.catalog.versions.delete(newest.version_id)

    result = compare(measured, ["new", "old"], observer=OBSERVER)

    assert [model.version for model in result.body.models] == ["cells@1", "cells@1"]
    with pytest.raises(NotFound, match="others@1 that the report old-on-others-1 has measured was deleted"):
        compare(measured, ["new", newest.name], observer=OBSERVER)


def test_a_deleted_version_is_no_ground_though_all_were_measured_there_last(
    measured: Workspace, tmp_path: Path
) -> None:
    fill_val(measured, tmp_path / "others", images=5, project="others")
    for name in ("old", "new"):
        model = measured.catalog.models.get(name)
        report = add_report(measured, model, predict(measured, ref="others@1"), ref="others@1")
    measured.catalog.versions.delete(report.version_id)

    result = compare(measured, ["new", "old"], observer=OBSERVER)
    assert [model.version for model in result.body.models] == ["cells@1", "cells@1"]

    stranger = add_model(measured, "stranger")
    apart = find_apart(measured, ["stranger", "new"])
    assert apart is not None and "measured on others@1 does not count" in apart.message
    assert [(of.model, of.version) for of in apart.missing] == [(stranger.name, "cells@1")]


def test_however_often_a_model_was_measured_elsewhere_since_it_is_found(
    measured: Workspace, tmp_path: Path
) -> None:
    fill_val(measured, tmp_path / "others", images=2, project="others")
    old = measured.catalog.models.get("old")
    last = add_report(measured, old, predict(measured, ref="others@1"), ref="others@1")
    for number in range(30):
        measured.catalog.reports.create(
            name=f"again-{number}", model_id=old.id, version_id=last.version_id, split="val", metrics={},
            speed={}, evaluation=last.evaluation, run_id=last.run_id, settings=last.settings,
            predictions=last.predictions,
        )  # fmt: skip

    result = compare(measured, ["new", "old"], observer=OBSERVER)

    assert [model.version for model in result.body.models] == ["cells@1", "cells@1"]


def test_a_model_whose_predictions_were_not_kept_is_to_be_measured_again(measured: Workspace) -> None:
    old = measured.catalog.reports.get("old-on-cells-1")
    measured.catalog.reports.delete(old.id)
    measured.catalog.reports.create(
        name="of-before", model_id=old.model_id, version_id=old.version_id, split="val", metrics={}, speed={},
        evaluation=old.evaluation, run_id=old.run_id,
    )  # fmt: skip

    apart = find_apart(measured, ["new", "old"])

    assert apart is not None
    assert apart.commands == ("mlwf benchmark old cells@1 --split val",)


@pytest.mark.parametrize(
    "text",
    ["map50", "map50 < much", "< 3", "map50.middle < 0", "map50 == 1", "map50 < nan", "map50.p > inf", ""],
)
def test_what_is_no_gate_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="no condition"):
        parse_conditions([text])


def test_models_that_were_measured_on_other_data_are_refused_with_the_command(
    measured: Workspace, tmp_path: Path
) -> None:
    fill_val(measured, tmp_path / "others", images=5, project="others")
    stranger = add_model(measured, "stranger", ref="others@1")
    add_report(measured, stranger, predict(measured, ref="others@1"), ref="others@1")

    with pytest.raises(Conflict, match="not measured on the same data") as raised:
        compare(measured, ["stranger", "old"], observer=OBSERVER)
    assert raised.value.hint.endswith(": mlwf benchmark old others@1 --split val")
    assert isinstance(raised.value, NotMeasured)
    assert [(of.model, of.version, of.evaluator) for of in raised.value.missing] == [("old", "others@1", "")]
    queued = CALLS["compare"](measured, {"models": ["new", "old"]}, OBSERVER)  # as the queue does it
    assert queued.report.kind is ReportKind.COMPARISON


def test_versions_whose_split_is_the_same_are_the_same_data(measured: Workspace, tmp_path: Path) -> None:
    more = make_yolo(tmp_path / "more", {"train/y.png": [("cell", 1, 1, 9, 9)]}, class_names=CLASSES)
    import_folder(measured, more, "cells", observer=OBSERVER)
    commit(measured, "cells", message="more to train on")
    later = add_model(measured, "later", ref="cells@2")
    add_report(measured, later, predict(measured, ref="cells@2", skips=1), ref="cells@2")

    result = compare(measured, ["later", "old"], observer=OBSERVER)

    assert [model.version for model in result.body.models] == ["cells@2", "cells@1"]
    assert ("data", "version") in {(cause.kind, cause.name) for cause in result.body.pairs[0].causes}


def test_a_setting_that_was_not_given_is_its_default_and_measuring_is_none(measured: Workspace) -> None:
    given = {"preset": "standard", "batch": 8, "epochs": 100, "note": "x", "benchmark": False}
    add_report(measured, add_model(measured, "given", params=given), predict(measured))
    plain = {"preset": "standard", "note": None}
    add_report(measured, add_model(measured, "plain", params=plain), predict(measured))

    body = compare(measured, ["plain", "given"], observer=OBSERVER).body

    (pair,) = body.pairs
    assert list_cause_rows(pair) == [("parameter batch", "8", "16"), ("parameter note", "x", "-")]
    assert [line for line in describe_comparison(body) if line.startswith("differs")] == [
        "differs: parameter batch  8 → 16", "differs: parameter note  x → -",
    ]  # fmt: skip


def test_parameters_that_are_no_unicode_are_told_escaped(measured: Workspace) -> None:
    model = measured.catalog.models.get("new")
    params = measured.catalog.runs.get(model.run_id).params
    started = {**params, "model": "x", "weights": "/caf\udce9.pt", "paths": ["/caf\udce9.pt"]}
    with record(measured, "train", params=started, seed=0) as run:
        run.read_version("cells@1")
        made = run.write_model(
            name="odd",
            description="",
            architecture="yolov10n",
            task="detect",
            trainer="ultralytics",
            class_names=CLASSES,
            image_size_px=64,
            checkpoints=model.checkpoints,
            metrics={},
        )
    add_report(measured, made, predict(measured))

    (pair,) = compare(measured, ["odd", "new"], observer=OBSERVER).body.pairs

    assert {of.name: of.after for of in pair.causes if of.kind == "parameter"} == {
        "weights": "/caf\\udce9.pt", "paths": ["/caf\\udce9.pt"],
    }  # fmt: skip


def list_missing(workspace: Workspace, *refs: str, evaluator: str | None = None) -> list[tuple[str, str]]:
    """Return the models that are still to be measured, and by which evaluator."""
    apart = find_apart(workspace, refs, evaluator=evaluator)
    assert apart is not None
    return [(of.model, of.evaluator) for of in apart.missing]


def test_models_of_two_evaluators_are_measured_by_their_own(workspace: Workspace, tmp_path: Path) -> None:
    fill_val(workspace, tmp_path / "val")
    add_report(workspace, add_model(workspace, "boxes"), predict(workspace))
    add_report(workspace, add_model(workspace, "pixels"), predict(workspace), evaluator="semantic")
    add_model(workspace, "new")

    with pytest.raises(NotMeasured, match="by the same evaluator, but by detect and semantic") as caught:
        compare(workspace, ["boxes", "pixels"], observer=OBSERVER)
    assert caught.value.hint.endswith(" measure them there: mlwf benchmark pixels cells@1 --split val")
    assert caught.value.evaluator == "detect"
    assert list_missing(workspace, "new", "pixels") == [("new", ""), ("pixels", "")]
    assert list_missing(workspace, "new", "pixels", evaluator="semantic") == [("new", "semantic")]
    assert list_missing(workspace, "new", "pixels-on-cells-1") == [("new", "semantic")]
    with pytest.raises(InvalidParameter, match="no evaluator 'sematic'"):
        find_apart(workspace, ["new", "pixels"], evaluator="sematic")
    with pytest.raises(InvalidParameter, match="does not measure models for the task detect"):
        compare(workspace, ["boxes", "pixels"], evaluator="segment", observer=OBSERVER)

    boxes = workspace.catalog.models.get("boxes")
    add_report(workspace, boxes, predict(workspace), evaluator="semantic")
    by_pixels = compare(workspace, ["boxes", "pixels"], observer=OBSERVER)
    assert (by_pixels.body.evaluator, by_pixels.body.pairs[0].comparison.counted) == ("semantic", "images")
    pixels = workspace.catalog.models.get("pixels")
    add_report(workspace, pixels, predict(workspace))
    assert compare(workspace, ["boxes", "pixels"], observer=OBSERVER).body.evaluator == "detect"
    assert compare(workspace, ["boxes", "pixels"], evaluator="semantic", observer=OBSERVER).cached


def test_models_of_two_tasks_are_measured_by_who_measures_both(workspace: Workspace, tmp_path: Path) -> None:
    fill_val(workspace, tmp_path / "val")
    add_report(workspace, add_model(workspace, "boxes"), predict(workspace))
    add_report(
        workspace, add_model(workspace, "outlines", task="segment"), predict(workspace), evaluator="semantic"
    )
    add_model(workspace, "points", task="pose")

    for refs in (("boxes", "outlines"), ("outlines", "boxes")):
        assert list_missing(workspace, *refs) == [("outlines", "detect")]
    with pytest.raises(NotMeasured, match="tasks detect and pose, which no evaluator measures") as caught:
        compare(workspace, ["boxes", "points"], observer=OBSERVER)
    assert not caught.value.missing


def test_classes_that_one_does_not_know_are_named(measured: Workspace) -> None:
    narrow = add_model(measured, "narrow", classes=["cell"])
    cells = {key: [of for of in found if of.class_name == "cell"] for key, found in predict(measured).items()}
    add_report(measured, narrow, cells)

    result = compare(measured, ["narrow", "old"], observer=OBSERVER)

    assert result.body.one_sided_classes == ("spot",)


def test_what_cannot_be_compared_is_refused(measured: Workspace) -> None:
    with pytest.raises(InvalidParameter, match="One model alone"):
        compare(measured, ["new"], observer=OBSERVER)
    with pytest.raises(InvalidParameter, match="with itself"):
        compare(measured, ["new", "new"], observer=OBSERVER)
    with pytest.raises(NotFound, match="There is no model 'nothing'"):
        compare(measured, ["new", "nothing"], observer=OBSERVER)
    report = measured.catalog.reports.list()[0].name
    delete(measured, report)
    with pytest.raises(NotFound, match=f"The report '{report}' was deleted"):
        compare(measured, ["new", report], observer=OBSERVER)
    delete(measured, "old")
    with pytest.raises(NotFound, match="The model 'old' was deleted"):
        compare(measured, ["new", "old"], observer=OBSERVER)


def test_a_report_without_kept_predictions_says_how_to_get_them(measured: Workspace) -> None:
    old = measured.catalog.reports.get("old-on-cells-1")
    model = measured.catalog.models.get("old")
    with measured.catalog.transaction():
        measured.catalog.reports.delete(old.id)
        measured.catalog.reports.create(
            name="of-before",
            model_id=model.id,
            version_id=old.version_id,
            split="val",
            metrics={},
            speed={},
            evaluation=old.evaluation,
            run_id=old.run_id,
        )

    with pytest.raises(InvalidInput, match="were not kept") as raised:
        compare(measured, ["new", "of-before"], observer=OBSERVER)
    assert "mlwf benchmark old cells@1" in raised.value.hint


def test_an_evaluation_says_how_sure_it_is_and_what_goes_wrong(measured: Workspace) -> None:
    evaluation = read_evaluation(measured, measured.catalog.reports.get("old-on-cells-1"))

    assert evaluation.schema == 5
    interval = evaluation.intervals["recall"]
    assert interval.low < evaluation.metrics["recall"] < interval.high
    assert {share.kind: share.count for share in evaluation.errors}[ErrorKind.MISSED] == 12
    assert evaluation.calibration is not None


def test_a_set_of_one_item_has_figures_but_no_intervals(workspace: Workspace, tmp_path: Path) -> None:
    fill_val(workspace, tmp_path / "val", images=1)
    said = read_evaluation(workspace, add_report(workspace, add_model(workspace, "one"), predict(workspace)))
    silent = read_evaluation(workspace, add_report(workspace, add_model(workspace, "other"), {}))

    assert (said.metrics["recall"], said.intervals, said.class_intervals) == (1.0, {}, {})
    assert (silent.metrics["recall"], silent.calibration) == (0.0, None)
    assert silent.errors[-1].count == 2
    (pair,) = compare(workspace, ["one", "other"], observer=OBSERVER).body.pairs
    assert not any(of.is_measurable for of in pair.comparison.differences.values())


def measured_summary(workspace: Workspace) -> str:
    (run,) = [run for run in workspace.catalog.runs.list() if run.verb == "compare"]
    return str(run.result["summary"])
