"""The pipeline that a person puts together in the app: kept in the home, checked as a whole, saved as a file.

It is the very text that `mlwf pipeline draft` runs, so what is found here is what running it would say.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.pipeline import Fault, Output, Pipeline, Step, StepReport, Training
from mlwf_tui.errors import Conflict, InvalidInput, InvalidParameter
from mlwf_tui.formats import pipeline_texts
from mlwf_tui.formats.pipeline_texts import write_pipeline
from mlwf_tui.formats.pipelines import PipelineFaults, read_pipeline
from mlwf_tui.formats.yaml_nodes import YamlNode, read_word, read_yaml
from mlwf_tui.params import build_params
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.settings import expand_path
from mlwf_tui.workflow.pipelines.files import DRAFT, SUFFIXES, Draft, find_draft, find_pipeline, place_draft
from mlwf_tui.workflow.pipelines.piping import plan_pipeline
from mlwf_tui.workflow.pipelines.surveying import survey_plan
from mlwf_tui.workflow.transforming.sources import Source
from mlwf_tui.workflow.using.annotating import ApplyParams
from mlwf_tui.workflow.whole_files import replace_file
from mlwf_tui.workspace import Workspace

HEAD = "head"
_NOTHING = YamlNode(None, 0)


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline that is worked on, and the file that it was opened from or saved as."""

    pipeline: Pipeline
    path: str = ""  # empty where it is in no file yet
    saved: str = ""  # the text that the file had then

    @property
    def text(self) -> str:
        """The normalised text."""
        return write_pipeline(self.pipeline)

    @property
    def is_changed(self) -> bool:
        """Whether the file says something else than what is worked on."""
        return not self.path or normalise(self.saved, self.path) != self.text


class PlacedFault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one part.

    A part is `source:NAME`, `step:NAME`, `branch:NAME`, `output:0`, `sweep:0`, `train`, or HEAD where it is
    about none of them.
    """

    part: str
    message: str
    hint: str = ""
    is_warning: bool = False


class DraftCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a pipeline would be told if it were run; `steps` only where nothing is wrong."""

    faults: tuple[PlacedFault, ...]
    steps: tuple[StepReport, ...] = ()
    points: int = 1  # of its sweep

    @property
    def is_sound(self) -> bool:
        """Whether it can be run."""
        return all(fault.is_warning for fault in self.faults)


class StepPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a preview of one step is made from; `note` says where that is not what the step would read."""

    operation: str
    refs: tuple[str, ...]  # as the screen names them
    sources: tuple[Source, ...]
    params: Mapping[str, Any]
    seed: int
    is_random: bool
    note: str


def read_draft(workspace: Workspace) -> Opened | None:
    """Return what this person worked on last, or None where that is nothing.

    Raises:
        InvalidParameter: what is kept cannot be read; it stays where it is until something else is kept.
    """
    draft = find_draft(workspace)
    if draft is None:
        return None
    return Opened(pipeline=read_pipeline(draft.text.encode(), DRAFT), path=draft.path, saved=draft.saved)


def keep_draft(workspace: Workspace, opened: Opened) -> None:
    """Keep what is worked on, so that it is there when the app is opened again.

    Raises:
        StorageFailed: the disk refused.
    """
    draft = Draft(text=opened.text, path=opened.path, saved=opened.saved)
    replace_file(place_draft(workspace), msgspec.json.format(msgspec.json.encode(draft)))


def open_pipeline(workspace: Workspace, ref: str) -> Opened:
    """Open a file, a ready recipe by its name or a kept one by its id; only a file is saved again as one.

    Raises:
        NotFound: there is none.
        InvalidParameter: it cannot be read; every fault is told with its line.
    """
    found = find_pipeline(workspace, ref)
    path = expand_path(Path(ref))
    is_file = (path.suffix in SUFFIXES or "/" in ref) and path.is_file()
    pipeline = found.read()
    if not is_file:
        return Opened(pipeline=pipeline)
    return Opened(pipeline=pipeline, path=str(path), saved=found.content.decode("utf-8-sig"))


def save_pipeline(opened: Opened, path: Path, *, is_forced: bool = False) -> Opened:
    """Write the normalised text to a file, whole or not at all, and return what is worked on from now on.

    Raises:
        Conflict: a file is there that holds something else than what was opened or saved last, or comments,
            which the normalised text has not; `is_forced` overwrites it.
        InvalidParameter: it is no name for a pipeline's file.
        StorageFailed: the disk refused.
    """
    path = expand_path(path)
    if path.suffix not in SUFFIXES:
        path = path.with_name(f"{path.name}.yaml")
    if path.is_dir():
        raise InvalidParameter(f"{path} is a folder.", hint="Name a file in it.")
    if path.exists() and not is_forced:
        _check_replaceable(opened, path)
    text = opened.text
    replace_file(path, text.encode())
    return Opened(pipeline=opened.pipeline, path=str(path), saved=text)


def normalise(text: str, name: str) -> str:
    """Return the normalised text of a pipeline, or the text itself where it cannot be read."""
    try:
        return write_pipeline(read_pipeline(text.encode(), name))
    except InvalidParameter:
        return text


def check_draft(
    workspace: Workspace, pipeline: Pipeline, observer: Observer, *, is_counting: bool = False
) -> DraftCheck:
    """Check a pipeline as running it would, and say of each fault which part of it is meant.

    Where `is_counting`, say as well how each step stands and how many items go through it.
    """
    content = write_pipeline(pipeline).encode()
    parts = _list_parts(content)
    try:
        plans = plan_pipeline(workspace, read_pipeline(content, DRAFT))
    except PipelineFaults as error:
        return DraftCheck(faults=tuple(_place(fault, parts) for fault in error.faults))
    steps: tuple[StepReport, ...] = ()
    told = plans[0].warnings
    if is_counting:
        survey = survey_plan(workspace, plans[0], observer)
        steps, told = survey.steps, (*told, *survey.warnings)
    faults = tuple(_place_warning(text, parts) for text in told)
    return DraftCheck(faults=faults, steps=steps, points=len(plans))


def find_preview(workspace: Workspace, pipeline: Pipeline, name: str, observer: Observer) -> StepPreview:
    """Return how to look at a step: on what it reads where that is there, else on what its sources hold.

    Raises:
        PipelineFaults: the step, or one before it, cannot be done so.
        InvalidInput: it applies a model.
    """
    alone = replace(pipeline, outputs=(Output(result=name, project="preview"),), sweeps=(), training=None)
    (plan,) = plan_pipeline(workspace, read_pipeline(write_pipeline(alone).encode(), DRAFT))
    checked = next(step for step in plan.steps if step.name == name)
    if checked.operation is None:
        raise InvalidInput("What a model says is not shown before it runs.", hint="^n counts the items.")
    held = survey_plan(workspace, plan, observer).manifests
    inputs = {name: held[read] for name, read in checked.reads}
    is_there = all(inputs.values())
    found = inputs if is_there else {name: held[name] for name in plan.sources}
    note = (
        "" if is_there else f"The steps before {name} were not done yet: it is shown on {', '.join(found)}."
    )
    return StepPreview(
        operation=checked.operation.name,
        refs=tuple(found),
        sources=tuple(
            Source(manifest, name, name if len(found) > 1 else "")
            for name, manifest in found.items()
            if manifest is not None
        ),
        params=msgspec.to_builtins(asdict(checked.params)),
        seed=checked.seed,
        is_random=getattr(checked.operation, "is_random", True),
        note=note,
    )


def read_params(
    workspace: Workspace, operation: str, texts: Mapping[str, str], before: Mapping[str, Any]
) -> dict[str, Any]:
    """Return parameters as a file has them, of the texts of a form; what does not fit stays a text.

    A text that says what stood there `before` leaves it as it was. Without an operation they are of apply.

    Raises:
        NotFound: there is no such operation.
    """
    chosen = workspace.registry.get_operation(operation).params_type if operation else ApplyParams
    return {name: _read_param(chosen, name, text, before) for name, text in texts.items()}


def write_params(params: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters of a file as the texts of a form."""
    return {name: _write_param(value) for name, value in params.items()}


def write_part(part: Step | Output | Training) -> str:
    """Return a part in one line, as a file may have it."""
    return pipeline_texts.write_part(part)


def read_value(text: str) -> Any:
    """Return what one word means in a file: a number, true, false, nothing, or a text."""
    return read_word(text)


def read_values(text: str) -> tuple[Any, ...]:
    """Return what a person has listed, by commas, or by semicolons where entries have commas."""
    words = text.split(";") if ";" in text else text.split(",")
    return tuple(read_word(word.strip()) for word in words if word.strip())


def _write_param(value: Any) -> str:
    match value:
        case None:
            return "auto"
        case bool():
            return "true" if value else "false"
        case Mapping():
            return ",".join(f"{key}={entry}" for key, entry in value.items())
        case list() | tuple():
            return ",".join(str(entry) for entry in value)
        case _:
            return str(value)


def _read_param(params_type: type[Any], name: str, text: str, before: Mapping[str, Any]) -> Any:
    if name in before and _write_param(before[name]) == text:
        return before[name]
    try:
        value = getattr(build_params(params_type, {name: text}), name)
    except InvalidParameter:
        return text
    return list(value) if isinstance(value, tuple) else value


# --- where a fault belongs -------------------------------------------------------------------------


def _list_parts(content: bytes) -> list[tuple[int, str]]:
    """Return the line that each part begins in, and its name, in the order of the lines.

    They are read off the text itself, whatever is wrong with what it says.
    """
    top = read_yaml(content, DRAFT)
    parts = [(0, HEAD)]
    parts += [(line, f"source:{name}") for name, line in _get(top, "sources").key_lines.items()]
    rows = [_get(top, "steps")]
    for name, node in _list_entries(_get(top, "branches")):
        parts.append((_get(top, "branches").key_lines[name], f"branch:{name}"))
        rows.append(node)
    for row in rows:
        parts += [(step.line, f"step:{_get(step, 'name').value}") for step in _list_nodes(row)]
    parts += [(o.line, f"output:{at}") for at, o in enumerate(_list_nodes(_get(top, "outputs")))]
    parts += [(line, f"sweep:{at}") for at, line in enumerate(_get(top, "sweep").key_lines.values())]
    if isinstance(top.value, dict) and "train" in top.value:
        parts.append((top.key_lines["train"], "train"))
    return sorted(parts)


def _get(node: YamlNode, key: str) -> YamlNode:
    return node.value.get(key, _NOTHING) if isinstance(node.value, dict) else _NOTHING


def _list_entries(node: YamlNode) -> list[tuple[str, YamlNode]]:
    return list(node.value.items()) if isinstance(node.value, dict) else []


def _list_nodes(node: YamlNode) -> list[YamlNode]:
    return node.value if isinstance(node.value, list) else []


def _place(fault: Fault, parts: list[tuple[int, str]]) -> PlacedFault:
    return PlacedFault(part=_find_part(fault.line, parts), message=fault.message, hint=fault.hint)


def _place_warning(text: str, parts: list[tuple[int, str]]) -> PlacedFault:
    """Return a warning, `FILE:LINE: what`, at the part that it is about."""
    line, _, message = text.removeprefix(f"{DRAFT}:").partition(": ")
    part = _find_part(int(line) if line.isdecimal() else 0, parts)
    return PlacedFault(part=part, message=message, is_warning=True)


def _find_part(line: int, parts: list[tuple[int, str]]) -> str:
    at = bisect_right(parts, line, key=lambda part: part[0])
    return parts[max(at, 1) - 1][1]


# --- files -----------------------------------------------------------------------------------------


def _check_replaceable(opened: Opened, path: Path) -> None:
    """Raise Conflict where writing to a file would lose what nobody here has seen, or its comments."""
    try:
        there = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Conflict(
            f"{path} is there already, and is no pipeline.", hint="Choose another name."
        ) from error
    if str(path) != opened.path:
        raise Conflict(f"{path} is there already.", hint="Choose another name, or overwrite it.")
    if there != opened.saved:
        raise Conflict(f"{path} was changed meanwhile.", hint="Open it again, or overwrite it.")
    if normalise(there, opened.path) != there and "#" in there:
        raise Conflict(
            f"{path} has comments, which would be lost.", hint="Choose another name, or overwrite it."
        )
