"""What a training starts from: an architecture, a file, one of our models, or a finished training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from mlwf_tui.entities.ids import VersionId
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.project import Version
from mlwf_tui.entities.run import ArtifactKind, Run
from mlwf_tui.errors import InvalidInput, InvalidParameter, NotFound, suggest
from mlwf_tui.params import build_params
from mlwf_tui.protocols.trainers import STATE_NAME, Trainer
from mlwf_tui.settings import expand_path
from mlwf_tui.workflow.running.ends import look_at_file
from mlwf_tui.workflow.using.exports import check_format
from mlwf_tui.workflow.using.trust import check_file, check_model
from mlwf_tui.workspace import Workspace

DEFAULT_ARCHITECTURE = "yolov10n"
OWN_PARAMS = ("data", "model", "name", "task", "continues", "more_epochs", "benchmark")
"""Of the run, beside what the trainer takes."""
EXPORT_PARAM = "export"
"""The format in which a new model is kept as well, as "onnx"; given like a parameter of the trainer."""
DEFINITION_SUFFIX = ".yaml"
_PRETRAINED = "pretrained"
"""The parameter of a trainer that begins with the weights that the makers of an architecture give."""
_SHOWN_EACH = 6  # architectures of each trainer, where none is like what was meant
FIXED_WHEN_CONTINUED = ("optimizer", "nbs", "freeze", _PRETRAINED, "imgsz", "single_cls", "fraction")


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Where a training begins, and what for."""

    trainer: str
    architecture: str  # a known name, or the absolute path of a file
    task: str
    model: Model | None = None  # of this home, whose weights it begins with

    @property
    def file(self) -> Path | None:
        """The file outside of the home that it begins with: weights, or a definition."""
        path = Path(self.architecture)
        return path if self.model is None and path.is_absolute() else None

    @property
    def is_of_weights(self) -> bool:
        """Whether its file holds weights."""
        return self.file is not None and self.file.suffix != DEFINITION_SUFFIX


class Continued(msgspec.Struct, frozen=True, kw_only=True):
    """A training that goes on with a finished one."""

    run: Run  # the finished one
    model: Model  # that it has made
    start: Start
    version: Version  # that it goes on to learn from
    params: Mapping[str, Any]  # all, as a run of them is listed; `epochs` are those of the finished one
    more_epochs: int


def iter_trainers(workspace: Workspace) -> Iterator[Trainer]:
    """Yield the trainers, first the one that knows the default architecture."""
    names = workspace.registry.list_names("trainers")
    trainers = [workspace.registry.get_trainer(name) for name in names]
    yield from sorted(trainers, key=lambda one: DEFAULT_ARCHITECTURE not in one.list_architectures())


def find_trainer(workspace: Workspace, architecture: str) -> Trainer:
    """Return the trainer that knows an architecture, or takes such a file, or else the first."""
    trainers = tuple(iter_trainers(workspace))
    suffix = Path(architecture).suffix
    by_name = (found for found in trainers if architecture in found.list_architectures())
    by_file = (found for found in trainers if suffix in found.file_suffixes)
    return next(by_name, None) or next(by_file, trainers[0])


def find_start(workspace: Workspace, given: str) -> Start:
    """Return what a training is to start from: an architecture, else a file, else a model by name or id.

    Where there is no file `yolo11n.yaml`, that is the architecture, as Ultralytics names it.

    Raises:
        InvalidParameter: it is none of them.
        InvalidInput: the file is neither a definition nor weights.
    """
    trainer = find_trainer(workspace, given)
    if given in trainer.list_architectures():
        return Start(trainer=trainer.name, architecture=given, task=trainer.find_task(given))
    path = expand_path(Path(given))
    if path.suffix in trainer.file_suffixes and path.is_file():
        return Start(trainer=trainer.name, architecture=str(path), task=trainer.find_task(str(path)))
    defined = given.removesuffix(DEFINITION_SUFFIX)
    if defined in trainer.list_architectures():
        return Start(trainer=trainer.name, architecture=defined, task=trainer.find_task(defined))
    try:
        model = workspace.catalog.models.get(given)
    except NotFound:
        raise InvalidParameter(
            f"There is no architecture, file or model {given!r}.", hint=_find_hint(workspace, trainer, given)
        ) from None
    return start_from(model)


def _find_hint(workspace: Workspace, trainer: Trainer, given: str) -> str:
    """Say what may be meant instead of a start that is not there, of whichever trainer."""
    architectures, path = trainer.list_architectures(), Path(given)
    if path.suffix not in trainer.file_suffixes:
        known = [one.list_architectures() for one in iter_trainers(workspace)]
        some = [", ".join(names[:_SHOWN_EACH]) for names in known]
        return suggest(given, chain(*known)).rstrip() or f"Try one of {', …, '.join(some)}, …"
    if path.stem in architectures and _PRETRAINED in {one.name for one in fields(trainer.params_type)}:
        own = f"--model {path.stem} -p {_PRETRAINED}=true"
        return f"Check the path; or start from the weights that its makers give, which are fetched: {own}."
    return "Check the path."


def start_from(model: Model) -> Start:
    """Return the start of a training that goes on from a model of this home.

    Raises:
        InvalidInput: its weights are not kept here.
    """
    if not model.checkpoints:
        raise InvalidInput(f"The weights of {model.name} are not kept here.", hint="Choose another model.")
    return Start(trainer=model.trainer, architecture=model.architecture, task=model.task, model=model)


def check_weights(workspace: Workspace, start: Start, *, is_trusted: bool) -> None:
    """Refuse weights from elsewhere that may run code of their maker, unless a person vouches for them.

    Raises:
        Untrusted: nobody does.
    """
    if start.model is not None:
        check_model(workspace, start.model, is_trusted=is_trusted)
    elif start.file is not None and start.is_of_weights:
        trainer = workspace.registry.get_trainer(start.trainer)
        check_file(workspace, trainer, start.file, is_trusted=is_trusted)


def find_changed_file(workspace: Workspace, run: Run) -> str:
    """Return the path of the file that a training began with, if it holds something else now.

    Raises:
        NotFound: it is gone.
        InvalidInput: it cannot be read.
    """
    for noted in workspace.catalog.artifacts.read_files(list_file_ids(run)).values():
        if noted.digest and look_at_file(noted.path, is_hashed=True).digest != noted.digest:
            return noted.path
    return ""


def list_file_ids(run: Run) -> list[str]:
    """Return the ids of the files outside of the home that a run has read."""
    return [one.id for one in run.inputs if one.kind in (ArtifactKind.FILE, ArtifactKind.WEIGHTS)]


def find_continued(workspace: Workspace, ref: str) -> tuple[Run, Model]:
    """Return a finished training, and its model, that can be gone on with for more epochs.

    Raises:
        NotFound: there is no such run.
        InvalidInput: it is no training, left no model, or kept nothing to go on from.
    """
    run = workspace.catalog.runs.get(ref)
    made = next((output for output in run.outputs if output.kind is ArtifactKind.MODEL), None)
    if run.verb != "train" or made is None:
        raise InvalidInput(
            f"The {run.verb} run {run.id} is no training that has left a model.", hint=_find_way_on(run)
        )
    model = workspace.catalog.models.get(made.id)
    if STATE_NAME not in [checkpoint.name for checkpoint in model.checkpoints]:
        data = run.params.get("data", "DATA")
        raise InvalidInput(
            f"The training {run.id} kept nothing to go on from (keep_state=false, or an older mlwf).",
            hint=f"Start a new one from its weights: mlwf train {data} --model {model.name}",
        )
    return run, model


def _find_way_on(run: Run) -> str:
    """Say what can be done with a run that has left no model to go on from."""
    if run.is_tracked:
        return "A program of its own did it: start that again."
    if run.verb != "train":
        return ""
    if run.can_begin_again:
        return f"mlwf resume {run.id}"
    return "" if run.state.is_finished else f"mlwf watch {run.id} shows when it has."


def read_continued(workspace: Workspace, ref: str, params: Mapping[str, Any]) -> Continued:
    """Return how a finished training goes on with these parameters, of which epochs=+20 is one.

    Raises:
        NotFound: there is no such run, or its version was deleted.
        InvalidParameter: how many epochs is not said, or a parameter cannot change now.
        InvalidInput: the run is no training that can be gone on with.
    """
    run, model = find_continued(workspace, ref)
    more_epochs = read_more_epochs(params, run.params)
    start = start_from(model)
    given = {key: value for key, value in run.params.items() if key not in OWN_PARAMS}
    given |= {key: value for key, value in params.items() if key != "epochs"}
    version = next(found for found in run.inputs if found.kind is ArtifactKind.VERSION)
    return Continued(
        run=run,
        start=start,
        model=model,
        version=workspace.catalog.versions.get_by_id(VersionId(version.id)),
        params=check_params(workspace, start, given),
        more_epochs=more_epochs,
    )


def read_more_epochs(params: Mapping[str, Any], before: Mapping[str, Any]) -> int:
    """Return how many epochs a training of the parameters `before` is to go on for, from epochs=+20.

    Raises:
        InvalidParameter: it is not said, not so, or something is to change that cannot.
    """
    text = str(params.get("epochs", ""))
    if not text.startswith("+") or not text[1:].isdecimal() or int(text) < 1:
        raise InvalidParameter(
            "A training that is continued needs to be told for how many more epochs.",
            hint="Say so: -p epochs=+20.",
        )
    for name in FIXED_WHEN_CONTINUED:
        if name in params and str(params[name]) != str(before.get(name)):
            raise InvalidParameter(
                f"The parameter {name} cannot change while a training goes on.",
                hint="Start a new one from the model's weights.",
            )
    return int(text)


def check_params(workspace: Workspace, start: Start, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters as a run of them is listed, whatever the data are.

    Raises:
        InvalidParameter: one does not fit, or is the run's own.
    """
    for key in OWN_PARAMS:
        if key in params:
            raise InvalidParameter(
                f"The parameter {key!r} is the run's own.",
                hint="Give data, --model and --name apart from -p.",
            )
    if str(params.get("epochs", "")).startswith("+"):
        raise InvalidParameter(
            f"{params['epochs']} epochs are more than those of an earlier training, and none is named.",
            hint=f"Name it, --continue RUN, or give epochs={str(params['epochs'])[1:]}.",
        )
    trainer = workspace.registry.get_trainer(start.trainer)
    declared, extra = split_params(trainer, params)
    built = build_params(trainer.params_type, declared)
    trainer.check_settings(built, extra)
    check_architecture = getattr(trainer, "check_architecture", None)
    if check_architecture is not None:
        check_architecture(start.architecture, built)
    values = {field.name: getattr(built, field.name) for field in fields(trainer.params_type)}
    checked = {key: value for key, value in values.items() if value is not None} | extra
    if format := str(params.get(EXPORT_PARAM) or ""):
        check_format(trainer, format)
        checked[EXPORT_PARAM] = format
    return checked


def split_params(trainer: Trainer, params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters that the trainer declares, and those it hands on to its library."""
    names = {declared.name for declared in fields(trainer.params_type)}
    declared = {key: value for key, value in params.items() if key in names}
    others = {key: value for key, value in params.items() if key not in names and key != EXPORT_PARAM}
    return declared, others


def read_params_text(text: str, path: str) -> dict[str, Any]:
    """Return the parameters of a YAML file, as it stands.

    Raises:
        InvalidInput: it is no flat mapping of names to values.
    """
    import yaml  # 20 ms that other trainings do without

    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # as of 2001-99-99, of [[[…
        reason = str(error).splitlines()[0]
        raise InvalidInput(f"{path} is no YAML: {reason}.", hint="Write one `key: value` a line.") from error
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise InvalidInput(f"{path} holds no parameters by name.", hint="Write one `key: value` a line.")
    odd = next((key for key, value in found.items() if not _is_plain(value)), None)
    if odd is not None:
        raise InvalidInput(
            f"{path} gives {odd[:80]!r} no plain value.", hint="Write a number, a text, or a list of them."
        )
    return found


def _is_plain(value: Any) -> bool:
    """Whether a value is none that only YAML knows, nor a list in lists, which grows with each alias."""
    one_each = value if isinstance(value, list) else [value]
    return all(one is None or isinstance(one, str | int | float) for one in one_each)
