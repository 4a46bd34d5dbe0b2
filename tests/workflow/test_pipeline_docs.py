"""Every example of docs/pipelines.md runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlwf_tui.workflow.import_ import import_folder
from mlwf_tui.workflow.pipeline import make_request, run_pipeline
from mlwf_tui.workspace import Workspace
from tests.fakes.acting import install_plugins
from tests.fakes.observers import KeepingObserver
from tests.fakes.seeing import add_seer
from tests.making import make_voc

DOCS = Path(__file__).parents[2] / "docs" / "pipelines.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.split()[1])
def test_an_example_of_the_docs_runs(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.syspath_prepend(install_plugins(tmp_path / "plugins").partition(":")[0])
    boxes = {f"{n}.jpg": [("cell", 2 + n, 3, 22 + n, 21)] for n in range(8)}
    make_voc(tmp_path / "voc", boxes)
    import_folder(workspace, tmp_path / "voc", "cells", observer=KeepingObserver())
    add_seer(workspace, "small", [("cell", 40, 30, 60, 45)])
    (tmp_path / "example.yaml").write_text(text, "utf-8")
    request = make_request(workspace, str(tmp_path / "example.yaml"))
    result = run_pipeline(workspace, request, observer=KeepingObserver())
    assert result.warnings == ()
    for point in result.points:
        for output in point.outputs:
            assert output.is_new
            assert workspace.catalog.projects.get(output.project).item_count == output.item_count
    assert run_pipeline(workspace, request, observer=KeepingObserver()).cached
