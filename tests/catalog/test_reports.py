from __future__ import annotations

from typing import Any

import pytest

from mlwf_tui.catalog.catalog import Catalog
from mlwf_tui.entities.ids import Digest, ModelId, ReportId
from mlwf_tui.entities.model import Model, Report
from mlwf_tui.entities.project import Version
from mlwf_tui.errors import Conflict, InvalidInput, NotFound


@pytest.fixture
def model(make: Any) -> Model:
    made: Model = make.model("cells", make.run("train"))
    return made


@pytest.fixture
def version(make: Any) -> Version:
    made: Version = make.version(make.project())
    return made


def create(catalog: Catalog, model: Model, version: Version, name: str = "first") -> Report:
    return catalog.reports.create(
        name=name,
        model_id=model.id,
        version_id=version.id,
        split="val",
        metrics={"map50": 0.86},
        speed={"inference_ms": 3.5},
        settings={"iou": 0.5, "split": "val"},
        evaluation=Digest("e" * 64),
        run_id=model.run_id,
    )


def test_a_report_comes_back_with_the_names_it_refers_to(
    catalog: Catalog, model: Model, version: Version
) -> None:
    report = create(catalog, model, version)
    assert catalog.reports.get("first") == catalog.reports.get(report.id) == report
    assert (report.model_name, report.version_ref) == ("cells", "bccd@1")
    assert report.settings == {"iou": 0.5, "split": "val"}
    assert (report.metrics, report.speed) == ({"map50": 0.86}, {"inference_ms": 3.5})


def test_a_report_outlives_its_model_and_project(catalog: Catalog, model: Model, version: Version) -> None:
    report = create(catalog, model, version)
    catalog.models.delete(model.id)
    catalog.projects.delete(version.project_id)
    assert catalog.reports.get("first") == report


def test_lists_are_newest_first_and_of_one_model(
    catalog: Catalog, make: Any, model: Model, version: Version
) -> None:
    other = make.model("other", make.run())
    first, second = create(catalog, model, version), create(catalog, other, version, "second")
    assert catalog.reports.list() == (second, first)
    assert catalog.reports.list(model_id=model.id) == (first,)
    assert catalog.reports.list(model_id=ModelId("x")) == ()


def test_rename_describe_and_delete(catalog: Catalog, model: Model, version: Version) -> None:
    report = create(catalog, model, version)
    create(catalog, model, version, "second")
    with pytest.raises(Conflict):
        catalog.reports.rename(report.id, "second")
    with pytest.raises(InvalidInput):
        catalog.reports.rename(report.id, "")
    assert catalog.reports.rename(report.id, "third").name == "third"
    assert catalog.reports.describe(report.id, "good").description == "good"
    catalog.reports.delete(report.id)
    assert catalog.reports.find("third") is None
    with pytest.raises(NotFound):
        catalog.reports.get("third")
    with pytest.raises(NotFound) as raised:
        catalog.reports.delete(ReportId("x"))
    assert raised.value.hint == "mlwf report lists them."


def test_a_report_on_no_model_is_refused(catalog: Catalog, model: Model, version: Version) -> None:
    with pytest.raises(NotFound):
        catalog.reports.create(
            name="first",
            model_id=ModelId("x"),
            version_id=version.id,
            split="val",
            metrics={},
            speed={},
            evaluation=Digest(""),
            run_id=model.run_id,
        )
    assert catalog.reports.list() == ()
