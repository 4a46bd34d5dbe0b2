"""Rules of counting: reports by two of them are kept apart, and each is read by its own."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import AnnotatedObject, Annotation, Geometry, GeometryKind, Tag
from mlwf_tui.entities.evidence import Pick
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.model import Report
from mlwf_tui.entities.part import Part
from mlwf_tui.evaluation.evaluate import evaluate
from mlwf_tui.protocols.trainers import ItemPrediction
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.workflow.benchmarking.apart import NotMeasured, find_apart
from mlwf_tui.workflow.benchmarking.parts import digest_items, select_items
from mlwf_tui.workflow.benchmarking.rules import FIRST, NOW, apply_rules, find_rules, read_rules
from mlwf_tui.workflow.compare import compare
from mlwf_tui.workflow.leaderboard import read_leaderboard
from mlwf_tui.workflow.measuring import keep_predictions, measure_report, read_kept
from mlwf_tui.workflow.refs import resolve_version
from mlwf_tui.workflow.reporting.evidence import open_evidence
from mlwf_tui.workflow.reports import read_evaluation
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workspace import Workspace
from tests.evaluation.worlds import make_box
from tests.fakes.observers import KeepingObserver
from tests.states import add_version, make_plain_item
from tests.workflow.reporting import CLASSES, add_model, add_report, fill_val, predict

CROWD = replace(make_box("cell", 30, 2, 12), tags=(Tag("iscrowd"),))
TRIANGLE = Geometry(GeometryKind.POLYGON, ((0.0, 0.0), (40.0, 0.0), (0.0, 40.0)))


def _fill(workspace: Workspace, folder: Path) -> None:
    """Commit cells@2, with a crowd on each image of the val split."""
    fill_val(workspace, folder, images=3)
    manifest = resolve_version(workspace, "cells@1").manifest
    items = [
        replace(item, annotation=Annotation((*item.annotation.objects, CROWD)))
        if item.split is Split.VAL
        else item
        for item in iter_items(workspace.store, manifest)
    ]
    add_version(workspace, "cells", items, schema=read_summary(workspace.store, manifest).schema)


def _add_old(workspace: Workspace, name: str) -> Report:
    """Enter a report as a program made it that knew the first rules alone."""
    version = resolve_version(workspace, "cells@2")
    items = select_items(workspace, version.manifest, Part(split="val"))
    said = _say(workspace)
    truths = {item.key: item.annotation for item in apply_rules(items, FIRST)}
    evaluation = replace(evaluate(truths, said, CLASSES), schema=4)
    model = add_model(workspace, name, ref="cells@2")
    with record(workspace, "benchmark", params={"model": name, "data": "cells@2", "split": "val"}) as run:
        run.read_model(model.id)
        with run.writer() as writer:
            body = writer.put(msgspec.json.encode(evaluation))
            found = [ItemPrediction(key=key, objects=tuple(objects)) for key, objects in said.items()]
            predictions = keep_predictions(writer, found)
        return run.write_report(
            name=f"{name}-on-cells", model_id=model.id, version_id=version.id, split="val",
            metrics=evaluation.metrics, speed={}, evaluation=body, predictions=predictions,
            settings={"measured": digest_items(items), "evaluator": "detect"},
        )  # fmt: skip


def _add_new(workspace: Workspace, name: str) -> Report:
    return add_report(workspace, add_model(workspace, name, ref="cells@2"), _say(workspace), ref="cells@2")


def _say(workspace: Workspace) -> dict[str, list[AnnotatedObject]]:
    said = predict(workspace, ref="cells@1")
    return {key: [*objects, make_box("cell", 31, 3, 9, 0.95)] for key, objects in said.items()}


def test_rules_are_noted_where_they_say_something_else() -> None:
    def make(*objects: AnnotatedObject) -> list[Item]:
        return [make_plain_item("d/a", make_box("cell", 0, 0, 9), *objects)]

    assert find_rules(make(), "detect") == FIRST
    assert find_rules(make(CROWD), "detect") == NOW
    assert find_rules(make(CROWD), "semantic") == NOW
    assert find_rules(make(CROWD), "classify") == FIRST
    assert find_rules(make(AnnotatedObject("cell", TRIANGLE)), "detect") == NOW
    assert find_rules(make(AnnotatedObject("cell", TRIANGLE)), "segment") == FIRST


def test_the_first_rules_see_plain_objects_and_keep_other_tags() -> None:
    marked = replace(CROWD, tags=(Tag("iscrowd"), Tag("occluded"), Tag("difficult")))

    ((seen,),) = [item.annotation.objects for item in apply_rules([make_plain_item("d/a", marked)], FIRST)]

    assert seen == replace(CROWD, tags=(Tag("occluded"),))
    assert apply_rules([make_plain_item("d/a", marked)], NOW)[0].annotation.objects == (marked,)


def test_an_old_report_is_read_by_its_own_rules(workspace: Workspace, tmp_path: Path) -> None:
    _fill(workspace, tmp_path / "val")

    for report, truths in ((_add_old(workspace, "old"), 9), (_add_new(workspace, "new"), 6)):
        evaluation = read_evaluation(workspace, report)
        measured = measure_report(workspace, read_kept(workspace, report), CLASSES)
        evidence = open_evidence(workspace, report, evaluation)

        assert evaluation.metrics["truth_count"] == truths
        assert len(measured.truths.image) == truths
        shown = evidence.list_items(Pick())
        assert sum(of.found + of.missed + of.confused for of in shown) == truths
    assert read_rules(report) == NOW


def test_reports_by_two_rules_are_ranked_and_compared_apart(workspace: Workspace, tmp_path: Path) -> None:
    _fill(workspace, tmp_path / "val")
    _add_old(workspace, "old")
    _add_new(workspace, "new")

    apart = find_apart(workspace, ["new", "old"])
    groups = read_leaderboard(workspace, "cells").groups

    assert isinstance(apart, NotMeasured)
    assert "an older mlwf counted crowds, difficult objects and sizes otherwise" in str(apart)
    assert [of.model for of in apart.missing] == ["old"]
    assert [[of.model for of in group.reports] for group in groups] == [["new"], ["old"]]


def test_the_newest_report_by_old_rules_is_measured_anew_with_the_others(
    workspace: Workspace, tmp_path: Path
) -> None:
    _fill(workspace, tmp_path / "val")
    _add_old(workspace, "old")
    add_model(workspace, "new", ref="cells@2")

    apart = find_apart(workspace, ["new", "old"])

    assert apart is not None
    assert [of.model for of in apart.missing] == ["new", "old"]


def test_a_report_whose_speed_was_switched_off_tells_none(workspace: Workspace, tmp_path: Path) -> None:
    fill_val(workspace, tmp_path / "val", images=3)
    model = add_model(workspace, "m")

    reports = [add_report(workspace, model, predict(workspace), speed=speed) for speed in ("quick", "off")]

    assert [dict(report.speed) for report in reports] == [{"images_per_second": 50.0}, {}]


def test_old_reports_of_plain_boxes_are_compared_with_new_ones(workspace: Workspace, tmp_path: Path) -> None:
    fill_val(workspace, tmp_path / "val", images=3)
    reports = [
        add_report(workspace, add_model(workspace, name), predict(workspace)) for name in ("old", "new")
    ]

    assert ["rules" in report.settings for report in reports] == [False, False]
    result = compare(workspace, ["new", "old"], observer=KeepingObserver())
    assert result.body.pairs[0].comparison.differences["map50"].value == 0
