"""Does a queued run: what the worker process calls; the verbs themselves are in their own files."""

from __future__ import annotations

from mlwf_tui.entities.ids import ModelId, VersionId
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.run import ArtifactKind, Run
from mlwf_tui.errors import InvalidInput
from mlwf_tui.protocols import Observer
from mlwf_tui.workflow.apply import perform_apply
from mlwf_tui.workflow.benchmark import perform_benchmark
from mlwf_tui.workflow.recorder import Recorder, closing_run
from mlwf_tui.workflow.train import perform_train
from mlwf_tui.workspace import Workspace


def perform(workspace: Workspace, run: Run, observer: Observer) -> None:
    """Do the run and close it. Its inputs were pinned when it was queued and are read from its row.

    Raises:
        MlwfError: what went wrong; the run is closed as failed, or as stopped, before it is raised.
    """
    recorder = Recorder(workspace, run)
    with closing_run(recorder):
        match run.verb:
            case "train":
                perform_train(recorder, _find_version(recorder), observer)
            case "benchmark":
                perform_benchmark(recorder, _find_version(recorder), _find_model(recorder), observer)
            case "apply":
                perform_apply(recorder, _find_version(recorder), _find_model(recorder), observer)
            case other:
                raise InvalidInput(f"The verb {other!r} is not done by a worker.", hint="Start it anew.")


def _find_version(recorder: Recorder) -> Version:
    version_id = VersionId(_find_input(recorder, ArtifactKind.VERSION))
    return recorder.workspace.catalog.versions.get_by_id(version_id)


def _find_model(recorder: Recorder) -> Model:
    model_id = ModelId(_find_input(recorder, ArtifactKind.MODEL))
    return recorder.workspace.catalog.models.get_by_id(model_id)


def _find_input(recorder: Recorder, kind: ArtifactKind) -> str:
    return next(artifact.id for artifact in recorder.run.inputs if artifact.kind is kind)
