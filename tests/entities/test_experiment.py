from __future__ import annotations

from datetime import UTC, datetime

from mlwf_tui.entities.experiment import find_main_metric, format_fact, make_experiment, sort_experiments
from mlwf_tui.entities.ids import ModelId, RunId
from mlwf_tui.entities.model import Model

AT = datetime(2026, 1, 2, tzinfo=UTC)


def make_model(name: str, **metrics: float) -> Model:
    return Model(
        id=ModelId(name), name=name, description="", architecture="yolov10n", task="detect",
        trainer="ultralytics", class_names=("cell",), image_size_px=64, checkpoints=(), metrics=metrics,
        run_id=RunId("r"), created_at=AT,
    )  # fmt: skip


def test_metrics_are_sorted_the_best_first_and_losses_the_lowest_first() -> None:
    a, b, c = (
        make_experiment(make_model(name, **metrics), None)
        for name, metrics in (
            ("a", {"map50": 0.2, "loss": 3.0}),
            ("b", {"map50": 0.9, "loss": 1.0}),
            ("c", {}),
        )
    )
    assert [one.name for one in sort_experiments([a, b, c], "map50")] == ["b", "a", "c"]
    assert [one.name for one in sort_experiments([a, b, c], "map50", is_reversed=True)] == ["a", "b", "c"]
    assert [one.name for one in sort_experiments([a, b, c], "loss")] == ["b", "a", "c"]
    assert [one.name for one in sort_experiments([c, b, a], "name")] == ["a", "b", "c"]


def test_the_main_metric_is_what_the_task_is_judged_by() -> None:
    assert find_main_metric({"precision": 0.9, "map50": 0.8, "map": 0.5}) == ("map", 0.5)
    assert find_main_metric({"loss": 0.3, "top5": 1.0, "top1": 0.75}) == ("top1", 0.75)
    assert find_main_metric({}) is None


def test_facts_are_short_to_read() -> None:
    assert format_fact("map50", 0.87654321) == "0.8765"
    assert format_fact("starred", True) == "★"
    assert format_fact("weights_bytes", 1234567) == "1,234,567"
    assert format_fact("lr0", None) == ""
