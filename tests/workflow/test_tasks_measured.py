"""Reports of models of every task: measured, read again, written out, compared, counted anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mlwf_tui.entities.annotation import AnnotatedObject, Geometry, GeometryKind, Point, Tag
from mlwf_tui.entities.evidence import Fate, FatePick, Pick, Verdict
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.entities.measurement import ErrorKind, PixelErrorKind, Thresholds
from mlwf_tui.entities.model import Checkpoint, Evaluation, Model, Report
from mlwf_tui.entities.part import Part
from mlwf_tui.entities.run import RunState
from mlwf_tui.entities.section import MatrixSection, TableSection
from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter, NotFound
from mlwf_tui.protocols.trainers import EvaluateResult, ItemPrediction
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.tui.widgets.drawn_objects import draw_fates
from mlwf_tui.workflow.benchmark import BenchmarkParams, keep_benchmark, submit_benchmark
from mlwf_tui.workflow.commit import commit
from mlwf_tui.workflow.compare import compare
from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.refs import resolve_version
from mlwf_tui.workflow.reporting.evidence import open_evidence, write_item_table
from mlwf_tui.workflow.reporting.export_report import FORMATS, export_report
from mlwf_tui.workflow.reporting.pair_evidence import open_pair
from mlwf_tui.workflow.reporting.thresholds import open_sweep, read_threshold
from mlwf_tui.workflow.reports import read_evaluation
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.train import submit_train
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.observers import KeepingObserver
from tests.making import to_exported
from tests.tasks import CLASSES, TINY, make_exporter, make_items, make_schema

FORMAT = {"segment": "yolo:segment", "pose": "yolo:pose", "obb": "yolo:obb", "classify": "imagenet"}
TASKS = tuple(FORMAT)
HEADLINES = {
    "segment": {"map", "map50", "mean_iou", "boundary_iou"},
    "pose": {"map", "map50", "mean_iou"},
    "obb": {"map", "map50", "mean_iou"},
    "classify": {"top1", "top5", "macro_f1", "auc"},
    "semantic": {"miou", "pixel_accuracy", "boundary_iou"},
}
"""By evaluator, figures that have an interval."""
SECTIONS = {
    "segment": ["Where pixels go wrong", "Pixels by class"],
    "pose": ["Points"],
    "obb": [],
    "classify": ["Confusion", "ROC", "Most confused"],
    "semantic": [
        "Where pixels go wrong",
        "Pixels by class",
        "Images by IoU",
        "Confusion in pixels",
    ],
}


def _fill(workspace: Workspace, task: str, folder: Path) -> None:
    """Commit a project called as its task, with eight items to measure on."""
    source, observer = folder / task, KeepingObserver()
    source.mkdir()
    items = map(to_exported, make_items(task, train=4, val=8))
    make_exporter(task).write(items, make_schema(task), source, observer)
    import_folder(workspace, source, task, format=FORMAT[task], observer=observer)
    commit(workspace, task, message="measured on")


def _add_model(workspace: Workspace, name: str, task: str) -> Model:
    params = {"data": f"{task}@1", "model": TINY[task], "name": name}
    with record(workspace, "train", params=params, seed=0) as run:
        run.read_version(f"{task}@1")
        with workspace.store.writer() as writer:
            checkpoint = Checkpoint("best.pt", writer.put(name.encode()), len(name))
        return run.write_model(
            name=name, description="", architecture=TINY[task], task=task, trainer="ultralytics",
            class_names=CLASSES, image_size_px=64, checkpoints=(checkpoint,), metrics={},
        )  # fmt: skip


def _say(item: Item, place: int, skips: int) -> ItemPrediction:
    """Return the truth, moved by a pixel; of the first `skips` items something wrong."""
    is_wrong = place < skips
    tags = item.annotation.tags
    if tags:
        right = tags[0].name
        wrong = next(name for name in CLASSES if name != right)
        best = (wrong, right) if is_wrong else (right, wrong)
        return ItemPrediction(key=item.key, tags=(Tag(best[0], 0.8), Tag(best[1], 0.2)))
    objects = () if is_wrong else tuple(_move(one, place) for one in item.annotation.objects)
    return ItemPrediction(key=item.key, objects=objects)


def _move(labelled: AnnotatedObject, place: int) -> AnnotatedObject:
    def move(points: tuple[Point, ...]) -> tuple[Point, ...]:
        return tuple((x + 1, y) for x, y in points)

    geometry: Geometry = replace(labelled.geometry, points=move(labelled.geometry.points))
    return replace(labelled, geometry=geometry, confidence=0.9 - place / 100)


def _report(workspace: Workspace, model: Model, *, skips: int = 0, evaluator: str = "") -> Report:
    ref = f"{model.task}@1"
    version = resolve_version(workspace, ref)
    items = [item for item in iter_items(workspace.store, version.manifest) if item.split is Split.VAL]
    said = tuple(_say(item, place, skips) for place, item in enumerate(items))
    result = EvaluateResult(predictions=said, speed={"images_per_second": 50.0})
    with record(workspace, "benchmark", params={"model": model.name, "data": ref, "split": "val"}) as run:
        run.read_model(model.id)
        run.read_version(ref)
        params = BenchmarkParams(evaluator=evaluator)
        return keep_benchmark(run, version, model, Split.VAL, result, KeepingObserver(), params=params)


@pytest.mark.parametrize("evaluator", list(HEADLINES))
def test_a_report_has_its_tasks_figures_intervals_and_sections(
    workspace: Workspace, tmp_path: Path, evaluator: str
) -> None:
    task = "segment" if evaluator == "semantic" else evaluator
    _fill(workspace, task, tmp_path)
    model = _add_model(workspace, "m", task)

    report = _report(workspace, model, skips=2, evaluator="" if evaluator == task else evaluator)

    evaluation = read_evaluation(workspace, report)
    assert (report.evaluator, evaluation.evaluator, evaluation.schema) == (evaluator, evaluator, 5)
    assert [section.title for section in evaluation.sections] == SECTIONS[evaluator]
    assert set(evaluation.intervals) >= HEADLINES[evaluator]
    for name in HEADLINES[evaluator]:
        of = evaluation.intervals[name]
        assert of.low - 1e-9 <= evaluation.metrics[name] <= of.high + 1e-9
    assert evaluation.metrics.keys() == report.metrics.keys() <= evaluation.metric_names.keys()
    for format in FORMATS:
        text = export_report(workspace, report.name, tmp_path / f"report.{format}").read_text("utf-8")
        assert "cat" in text
        for title in SECTIONS[evaluator] if format != "csv" else ():
            is_empty = title == "Most confused" and format in ("html", "md") and title not in text
            assert title in text or is_empty


@pytest.mark.parametrize("task", TASKS)
def test_a_better_model_is_better_by_the_tasks_own_figure(
    workspace: Workspace, tmp_path: Path, task: str
) -> None:
    _fill(workspace, task, tmp_path)
    _report(workspace, _add_model(workspace, "old", task), skips=5)
    _report(workspace, _add_model(workspace, "new", task))

    found = compare(
        workspace, ["new", "old"], observer=KeepingObserver(), fail_if=["f1 < -1"] * (task != "classify")
    )

    pair = found.body.pairs[0].comparison
    main = pair.differences["top1" if task == "classify" else "map50"]
    assert main.value > 0
    assert main.low <= main.value <= main.high
    assert (pair.truths_fixed, pair.truths_broken) == (5, 0)
    evidence = open_pair(workspace, found.body)
    counts = {fate: sum(of.count for of in evidence.list_items(FatePick(fate=fate))) for fate in Fate}
    assert counts == {
        Fate.FIXED: 5, Fate.BROKEN: 0, Fate.BOTH_WRONG: pair.truths_both_missed,
        Fate.BOTH_RIGHT: pair.truths_both_found,
    }  # fmt: skip
    won = evidence.list_items(FatePick())
    assert [of.key for of in won] == [of.key for of in pair.items if of.fixed]
    item, seen = evidence.look(won[0].key, FatePick())
    assert [one.fate for one in seen if one.is_meant] == [Fate.FIXED]
    assert item.key == won[0].key and seen[0].newer is not None and seen[0].newer.truth_class
    assert bool(draw_fates(seen)[0].shapes) == (task != "classify")
    with pytest.raises(NotFound, match="no pair 2"):
        open_pair(workspace, found.body, 1)
    assert export_report(workspace, found.report.name, tmp_path / "compared.html").exists()


def test_figures_of_two_evaluators_are_not_compared(workspace: Workspace, tmp_path: Path) -> None:
    _fill(workspace, "segment", tmp_path)
    model = _add_model(workspace, "m", "segment")
    masks, pixels = _report(workspace, model), _report(workspace, model, evaluator="semantic")

    with pytest.raises(Conflict, match="not measured by the same evaluator, but by segment and semantic"):
        compare(workspace, [masks.name, pixels.name], observer=KeepingObserver())


@pytest.mark.parametrize("task", ["segment", "pose", "obb"])
def test_shapes_are_counted_at_another_confidence_without_the_model(
    workspace: Workspace, tmp_path: Path, task: str
) -> None:
    _fill(workspace, task, tmp_path)
    report = _report(workspace, _add_model(workspace, "m", task))
    evaluation = read_evaluation(workspace, report)

    tuned = open_sweep(workspace, report, evaluation).evaluate(Thresholds(0.865))
    counted = read_threshold(workspace, report).count(confidence=0.865, iou=0.5)

    assert tuned.metrics["recall"] == counted.recall == pytest.approx(4 / 8)
    assert tuned.metrics["map50"] == evaluation.metrics["map50"]

    evidence = open_evidence(workspace, report, evaluation)
    missed = evidence.list_items(Pick(verdict=Verdict.MISSED), Thresholds(0.865))
    assert len(missed) == 4
    for of in missed:
        item, seen = evidence.look(of.key, Pick(verdict=Verdict.MISSED), Thresholds(0.865))
        assert item.key == of.key
        assert [one.truth for one in seen if one.is_meant] == [o.geometry for o in item.annotation.objects]
    ((pair,),) = [evidence.look(of.key, Pick())[1] for of in evidence.list_items(Pick(confidence=(0.9, 1.0)))]
    assert pair.verdict is Verdict.FOUND and pair.confidence == 0.9
    assert pair.truth is not None and pair.predicted is not None
    assert {x - y for (x, _), (y, _) in zip(pair.predicted.points, pair.truth.points, strict=True)} == {1.0}


def test_what_has_no_threshold_says_so_and_has_images_behind_its_classes(
    workspace: Workspace, tmp_path: Path
) -> None:
    _fill(workspace, "classify", tmp_path)
    report = _report(workspace, _add_model(workspace, "m", "classify"), skips=3)

    with pytest.raises(InvalidInput, match="measures no single objects"):
        read_threshold(workspace, report)

    evaluation = read_evaluation(workspace, report)
    evidence = open_evidence(workspace, report, evaluation)
    assert evidence.choose(None, None) == evidence.own
    with pytest.raises(InvalidParameter, match="m-on-classify-1 is counted at its own thresholds alone"):
        evidence.choose(0.5, None)
    with pytest.raises(InvalidParameter, match="at its own thresholds alone"):
        evidence.choose(None, 0.75)
    matrix = evaluation.sections[0]
    assert isinstance(matrix, MatrixSection)
    for row, predicted in enumerate(matrix.names):
        for column, truth in enumerate(matrix.names):
            cell = Pick(
                predicted=predicted if predicted != "none" else "", truth=truth if truth != "none" else ""
            )
            assert len(evidence.list_items(cell)) == matrix.rows[row][column]
    wrong = evidence.list_items(Pick(verdict=Verdict.CONFUSED))
    assert len(wrong) == 3
    item, (first, *others) = evidence.look(wrong[0].key, Pick())
    assert (first.verdict, first.truth_class) == (Verdict.CONFUSED, item.annotation.tags[0].name)
    assert (first.confidence, others[0].confidence) == (0.8, 0.2)
    assert others[0].predicted_class == first.truth_class
    taken = Pick(predicted=first.predicted_class, verdict=Verdict.CONFUSED, confidence=(0.75, 0.85))
    meant = {of.key for of in evidence.list_items(Pick()) if evidence.look(of.key, taken)[1][0].is_meant}
    assert meant == {of.key for of in evidence.list_items(taken)} != set()
    with pytest.raises(InvalidInput, match="has no error: duplicate"):
        evidence.list_items(Pick(error=ErrorKind.DUPLICATE))


def _iter_shares(evaluation: Evaluation, name: str) -> Iterator[tuple[Pick, float]]:
    """Yield what stands behind the numbers of a class's row of "Pixels by class", with the numbers."""
    table = next(of for of in evaluation.sections if of.title == "Pixels by class")
    assert isinstance(table, TableSection)
    row = next(dict(zip(table.header, row, strict=True)) for row in table.rows if row[0] == name)
    for kind in PixelErrorKind:
        yield Pick(error=kind, of_class=name), float(row[kind] or 0)
    yield Pick(predicted=name, is_hit=False), float(row["too much"] or 0)
    yield Pick(truth=name, is_hit=False), float(row["missed"] or 0)


def _count_union(matrix: MatrixSection, place: int) -> int:
    """Return how many pixels are of a class, or were found as it."""
    return sum(matrix.rows[place]) + sum(row[place] for row in matrix.rows) - matrix.rows[place][place]


def test_pixels_have_images_behind_their_numbers_with_regions_and_whole_masks(
    workspace: Workspace, tmp_path: Path
) -> None:
    _fill(workspace, "segment", tmp_path)
    report = _report(workspace, _add_model(workspace, "m", "segment"), skips=3, evaluator="semantic")
    evaluation = read_evaluation(workspace, report)

    evidence = open_evidence(workspace, report, evaluation)

    matrix = evaluation.sections[-1]
    assert isinstance(matrix, MatrixSection)
    missed = evidence.list_items(Pick(predicted="", truth="cat"))
    assert sum(of.count for of in missed) == matrix.rows[-1][0]
    for pick, union_share in _iter_shares(evaluation, "cat"):
        counted = sum(of.count for of in evidence.list_items(pick))
        assert counted == pytest.approx(union_share * _count_union(matrix, 0)), pick
    worst, *_, best = evidence.list_items(Pick())
    assert (worst.iou, worst.found) == (0.0, 0)
    assert best.iou is not None and best.iou > 0.8
    assert write_item_table([worst]).splitlines() == [
        "item,found,missed,false,confused,count,iou", f"{worst.key},0,{worst.missed},0,0,{worst.missed},0.0",
    ]  # fmt: skip
    item, seen = evidence.look(best.key, Pick(verdict=Verdict.FALSE))
    assert item.key == best.key
    assert [one.is_meant for one in seen] == [one.verdict is Verdict.FALSE for one in seen]
    assert {one.region.kind for one in seen if one.region} == {GeometryKind.MASK}
    (whole,) = [one.truth for one in seen if one.truth]
    assert whole.kind is GeometryKind.POLYGON
    assert whole.bounds == item.annotation.objects[0].geometry.bounds
    page = export_report(workspace, report.name, tmp_path / "pixels.html").read_text("utf-8")
    assert 'class="r-missed"' in page and "M brown: missed" in page and "IoU 0.000; pixels: 0 found" in page
    with pytest.raises(InvalidParameter, match="at its own thresholds alone"):
        evidence.choose(0.5, None)


def test_one_image_has_figures_and_no_intervals(workspace: Workspace, tmp_path: Path) -> None:
    _fill(workspace, "classify", tmp_path)
    model, version = _add_model(workspace, "m", "classify"), resolve_version(workspace, "classify@1")
    item = next(i for i in iter_items(workspace.store, version.manifest) if i.split is Split.VAL)
    params = {"model": "m", "data": "classify@1", "split": "val"}
    with record(workspace, "benchmark", params=params) as run:
        run.read_model(model.id)
        run.read_version("classify@1")
        part = Part(split="val", keys=(item.key,))
        result = EvaluateResult(predictions=(_say(item, 0, 0),), speed={})
        report = keep_benchmark(run, version, model, part, result, KeepingObserver())

    evaluation = read_evaluation(workspace, report)
    assert evaluation.metrics["top1"] == 1
    assert evaluation.intervals == {}
    assert "One image was measured: how sure the figures are cannot be said." in evaluation.notes


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        yield workspace


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_a_real_model_of_each_task_is_trained_and_measured(
    home: Workspace, tmp_path: Path, task: str
) -> None:
    _fill(home, task, tmp_path)
    params = {"preset": "quick", "epochs": 1, "imgsz": 64, "batch": 4, "device": "cpu"}

    trained = jobs.wait_for_end(
        home, submit_train(home, f"{task}@1", model=TINY[task], params=params, name="m")
    )
    assert trained.state is RunState.DONE, trained.error
    measured = jobs.wait_for_end(
        home, submit_benchmark(home, "m", f"{task}@1", params={"speed": "off"}, device="cpu")
    )

    assert measured.state is RunState.DONE, measured.error
    report = home.catalog.reports.get(measured.result["report"])
    evaluation = read_evaluation(home, report)
    assert report.evaluator == task
    assert [section.title for section in evaluation.sections] == SECTIONS[task]
    if task == "classify":
        validated = home.catalog.models.get("m").metrics["top1"]  # on the same images, by the library
        assert evaluation.metrics["top1"] == pytest.approx(validated)
