"""Checks a pipeline as a whole before anything of it is done: names, types, ranges, classes, circles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.annotation import LabelSchema
from mlwf_tui.entities.item import Split, check_dataset
from mlwf_tui.entities.joining import join_schemas as join_definitions
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.pipeline import MAX_SWEPT, Fault, Output, Pipeline, Source, Step, Training
from mlwf_tui.errors import InvalidInput, InvalidParameter, MlwfError, NotFound, PluginError
from mlwf_tui.formats.pipelines import hint_at, make_error
from mlwf_tui.params import build_params, describe_params
from mlwf_tui.protocols.operations import Operation
from mlwf_tui.store.manifests import read_summary
from mlwf_tui.workflow.pipelines.plans import CheckedStep, Plan
from mlwf_tui.workflow.pipelines.step_params import find_line, fit_value, lower_first
from mlwf_tui.workflow.pipelines.values import iter_points
from mlwf_tui.workflow.refs import check_project_name, resolve_manifest
from mlwf_tui.workflow.train import check_training
from mlwf_tui.workflow.training.starts import DEFAULT_ARCHITECTURE
from mlwf_tui.workflow.transforming.planning import join_schemas, transform_schema
from mlwf_tui.workflow.transforming.trying import try_out
from mlwf_tui.workflow.using.annotating import ApplyParams, check_applicable, extend_schema
from mlwf_tui.workspace import Workspace

_BLANK = re.compile(r"\{([^{}]*)\}")


def plan_pipeline(workspace: Workspace, pipeline: Pipeline) -> tuple[Plan, ...]:
    """Return the plan, or of a sweep one for each combination of values, in their order.

    Raises:
        InvalidParameter: it cannot be run so; every fault is told with its line.
    """
    points = list(iter_points(pipeline))
    if len(points) > MAX_SWEPT:
        fault = Fault(pipeline.sweeps[0].line, f"the sweep has {len(points):,} points.",
                      f"Give at most {MAX_SWEPT}.")  # fmt: skip
        raise make_error(pipeline.path, [fault])
    plans = [_Checker(workspace, point, values).check() for point, values in points]
    return tuple(plans)


class _Checker:
    """Checks one pipeline, and remembers everything that is wrong with it."""

    def __init__(self, workspace: Workspace, pipeline: Pipeline, values: Mapping[str, Any]) -> None:
        self._workspace = workspace
        self._pipeline = pipeline
        self._values = values
        self._faults: list[Fault] = []
        self._steps = {step.name: step for step in pipeline.steps}
        self._lasts = {branch.name: branch.last for branch in pipeline.branches}
        self._schemas: dict[str, LabelSchema | None] = {}

    def check(self) -> Plan:
        refs = {source.name: source.ref or "" for source in self._pipeline.sources}
        for source in self._pipeline.sources:
            self._schemas[source.name] = self._read_schema(source)
        checked = {step.name: self._check_step(step) for step in self._order()}
        outputs = self._check_outputs(refs)
        training = self._check_training(outputs, refs)
        if self._faults:
            raise make_error(self._pipeline.path, self._faults)
        needed = self._find_needed(outputs)
        steps = [found for found in checked.values() if found is not None]
        return Plan(
            pipeline=replace(self._pipeline, steps=self._write_out(checked)),
            sources={name: ref for name, ref in refs.items() if name in needed},
            steps=tuple(found for found in steps if found.name in needed),
            outputs=outputs,
            training=training,
            values=self._values,
            warnings=(*self._warn(needed), *self._warn_of_definitions(outputs)),
        )

    # --- names ---

    def _resolve(self, name: str) -> str:
        """Return the source or step that a name means; of a branch its last step."""
        return self._lasts.get(name, name)

    def _is_known(self, name: str, line: int, what: str) -> bool:
        known = [known for known, _ in self._pipeline.iter_names()]
        if name not in known:
            self._fault(line, f"{what} reads {name!r}, which is not there.", hint_at(name, known))
        return name in known

    def _order(self) -> list[Step]:
        """Return the steps with each behind what it reads, else as in the file; tell of circles."""
        ordered: list[Step] = []
        done: set[str] = set()
        for step in self._pipeline.steps:
            if not step.inputs and self._pipeline.sources:
                names = ", ".join(source.name for source in self._pipeline.sources)
                self._fault(step.line, f"the step {step.name} does not say which source it reads.",
                            f"Write from: with one or more of {names}.")  # fmt: skip
            for name in step.inputs:
                self._is_known(name, step.inputs_line or step.line, f"the step {step.name}")
        waiting = list(self._pipeline.steps)
        while waiting:
            ready = next((step for step in waiting if not self._blockers(step, done)), None)
            if ready is None:
                self._tell_circle(waiting)
                return [*ordered, *waiting]  # so that their parameters are looked at as well
            waiting.remove(ready)
            done.add(ready.name)
            ordered.append(ready)
        return ordered

    def _blockers(self, step: Step, done: set[str]) -> list[str]:
        resolved = (self._resolve(name) for name in step.inputs)
        return [name for name in resolved if name in self._steps and name not in done]

    def _tell_circle(self, waiting: Sequence[Step]) -> None:
        names = {step.name for step in waiting}
        row = [waiting[0].name]
        while True:
            step = self._steps[row[-1]]
            following = next(n for n in map(self._resolve, step.inputs) if n in names)
            if following in row:
                circle = [*row[row.index(following) :], following]
                break
            row.append(following)
        first = self._steps[circle[0]]
        self._fault(
            first.inputs_line or first.line,
            f"the steps go in a circle: {' reads '.join(circle)}.",
            "Let one of them read something else.",
        )

    # --- sources ---

    def _read_schema(self, source: Source) -> LabelSchema | None:
        if source.ref is None:
            self._fault(
                source.line,
                f"the source {source.name} is still to be given.",
                f"Run it with --source {source.name}=PROJECT.",
            )
            return None
        try:
            project, manifest = resolve_manifest(self._workspace, source.ref)
        except MlwfError as error:
            self._fault(source.line, f"source {source.name}: {lower_first(error.message)}", error.hint)
            return None
        summary = read_summary(self._workspace.store, manifest)
        if not summary.item_count:
            hint = f"Import images: mlwf import PATH {project.name}"
            self._fault(source.line, f"the source {source.ref} is empty.", hint)
        return summary.schema

    # --- steps ---

    def _check_step(self, step: Step) -> CheckedStep | None:
        inputs = [(name, self._resolve(name)) for name in step.inputs]
        schemas = {name: self._schemas.get(read) for name, read in inputs}
        self._schemas[step.name] = None
        operation = model = None
        if step.operation:
            operation = self._find_operation(step)
            params = self._build(step, operation.params_type) if operation else None
        else:
            model = self._find_model(step)
            params = self._build(step, ApplyParams)
        if params is None or any(schema is None for schema in schemas.values()) or not inputs:
            return None
        known = {name: schema for name, schema in schemas.items() if schema is not None}
        schema = self._transform_schema(step, operation, model, params, known)
        if schema is None:
            return None
        self._schemas[step.name] = schema
        seed = self._pipeline.seed if step.seed is None else step.seed
        return CheckedStep(
            step=step,
            operation=operation,
            model=model,
            params=params,
            seed=seed,
            reads=tuple(inputs),
            schema=schema,
        )

    def _find_operation(self, step: Step) -> Operation | None:
        names = self._workspace.registry.list_names("operations")
        if step.operation not in names:
            self._fault(
                step.line, f"there is no operation {step.operation!r}.", hint_at(step.operation, names)
            )
            return None
        try:
            return self._workspace.registry.get_operation(step.operation)
        except PluginError as error:
            self._fault(step.line, lower_first(error.message), error.hint)
            return None

    def _find_model(self, step: Step) -> Model | None:
        if not step.model:
            hint = f"Run it with -p {step.name}.model=MODEL."
            self._fault(step.line, f"the model of the step {step.name} is still to be given.", hint)
            return None
        try:
            model = self._workspace.catalog.models.get(step.model)
            check_applicable(model)
        except (NotFound, InvalidInput) as error:
            self._fault(step.line, lower_first(error.message), error.hint)
            return None
        return model

    def _build(self, step: Step, params_type: type[Any]) -> Any:
        """Return the checked parameters, or None where some do not fit, which is told."""
        specs = {spec.name: spec for spec in describe_params(params_type)}
        values: dict[str, Any] = {}
        is_sound = True
        for name, value in step.params.items():
            line = step.param_lines.get(name) or step.line
            if name not in specs:
                self._fault(line, f"{step.verb} has no parameter {name!r}.", hint_at(name, specs))
                is_sound = False
                continue
            try:
                values[name] = fit_value(specs[name], value)
                build_params(params_type, {name: values[name]})
            except InvalidParameter as error:
                self._fault(line, f"{step.name}: {lower_first(error.message)}", error.hint)
                is_sound = False
        return build_params(params_type, values) if is_sound else None

    def _transform_schema(
        self,
        step: Step,
        operation: Operation | None,
        model: Model | None,
        params: Any,
        schemas: Mapping[str, LabelSchema],
    ) -> LabelSchema | None:
        try:
            before = join_schemas(operation, schemas, params)
            if model is not None:
                return extend_schema(before, model)
            if operation is None:
                return None
            after = transform_schema(operation, before, params)
            try_out(operation, before, params)
        except (InvalidInput, PluginError) as error:
            self._fault(
                find_line(step, error.message), f"{step.name}: {lower_first(error.message)}", error.hint
            )
            return None
        return after

    # --- outputs ---

    def _check_outputs(self, refs: Mapping[str, str]) -> tuple[Output, ...]:
        outputs: list[Output] = []
        for output in self._pipeline.outputs:
            is_known = self._is_known(output.result, output.line, f"the output {output.project}")
            project = self._fill_in(output.project, output, refs)
            dataset = self._fill_in(output.dataset, output, refs)
            message = self._fill_in(output.message, output, refs)
            try:
                check_project_name(project)
                if dataset:
                    check_dataset(dataset)
            except InvalidParameter as error:
                self._fault(output.line, lower_first(error.message), error.hint)
            if project in [other.project for other in outputs]:
                self._fault(output.line, f"two outputs go to the project {project}.",
                            "Name another project, or join the results: a step that reads both puts each"
                            " into a dataset.")  # fmt: skip
            if is_known:
                result = self._resolve(output.result)
                outputs.append(
                    replace(output, result=result, project=project, dataset=dataset, message=message)
                )
        return tuple(outputs)

    def _check_training(self, outputs: Sequence[Output], refs: Mapping[str, str]) -> Training | None:
        """Return the training with its output's project in full; what its data lack is said by itself."""
        training = self._pipeline.training
        if training is None:
            return None
        line, splits = training.line, tuple(Split)
        by_name = {name: output for output in outputs for name in (output.project, output.result)}
        by_name |= {name: by_name[last] for name, last in self._lasts.items() if last in by_name}
        found = outputs[0] if not training.project and len(outputs) == 1 else by_name.get(training.project)
        if found is None and outputs:
            hint = hint_at(training.project, by_name) if training.project else "Write on: with one of them."
            self._fault(line, f"train does not say on which output: {training.project!r}.", hint)
        if training.benchmark and training.benchmark not in splits:
            self._fault(
                line, f"there is no split {training.benchmark!r}.", hint_at(training.benchmark, splits)
            )
        try:
            check_training(self._workspace, training.model or DEFAULT_ARCHITECTURE, training.params)
        except InvalidParameter as error:
            self._fault(line, f"train: {lower_first(error.message)}", error.hint)
        if found is None:
            return None
        name = self._fill_in(training.name, found, refs)
        seed = self._pipeline.seed if training.seed is None else training.seed
        model = training.model or DEFAULT_ARCHITECTURE
        return replace(training, project=found.project, name=name, seed=seed, model=model)

    def _fill_in(self, text: str, output: Output, refs: Mapping[str, str]) -> str:
        """Return the text with `{SOURCE}` as that one's project, and `{STEP.PARAMETER}` as its value."""
        blanks = {name: ref.partition("@")[0].rpartition("/")[2] for name, ref in refs.items()}
        for step in self._pipeline.steps:
            blanks |= {f"{step.name}.{name}": str(value) for name, value in step.params.items()}
            blanks |= {f"{step.name}.seed": str(self._pipeline.seed if step.seed is None else step.seed)}
            if step.model:
                blanks[f"{step.name}.model"] = step.model

        def fill(found: re.Match[str]) -> str:
            if refs.get(found[1]) == "":
                return found[1]  # the source is still to be given, which is told
            if found[1] not in blanks:
                self._fault(
                    output.line, f"there is nothing to fill {found[0]} with.", hint_at(found[1], blanks)
                )
            return blanks.get(found[1], found[1] or "-")

        return _BLANK.sub(fill, text)

    def _find_needed(self, outputs: Iterable[Output]) -> set[str]:
        needed: set[str] = set()
        waiting = [output.result for output in outputs]
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                step = self._steps.get(name)
                waiting += [self._resolve(read) for read in step.inputs] if step else []
        return needed

    def _warn(self, needed: set[str]) -> Iterator[str]:
        """Yield a sentence for every branch, step and source that no output needs."""
        path = self._pipeline.path
        for branch in self._pipeline.branches:
            if branch.last not in needed:
                yield f"{path}:{branch.line}: the branch {branch.name} is used by nobody and left out."
        for step in self._pipeline.steps:
            if step.name not in needed and not step.branch:
                yield f"{path}:{step.line}: the step {step.name} is used by nobody and left out."
        for source in self._pipeline.sources:
            if source.name not in needed:
                yield f"{path}:{source.line}: the source {source.name} is used by nobody."

    def _warn_of_definitions(self, outputs: Sequence[Output]) -> Iterator[str]:
        """Yield what of a result does not fit the project beside whose items it is put."""
        for output in outputs:
            workspace, schema = self._workspace, self._schemas.get(output.result)
            project = workspace.catalog.projects.find(output.project, workspace.settings.workspace)
            if output.dataset and project is not None and schema is not None:
                ours = read_summary(workspace.store, project.manifest).schema
                for conflict in join_definitions(ours, schema).conflicts:
                    yield f"{self._pipeline.path}:{output.line}: {output.project}: {conflict}."

    def _write_out(self, checked: Mapping[str, CheckedStep | None]) -> tuple[Step, ...]:
        """Return the steps with every parameter and seed in full."""
        written = []
        for step in self._pipeline.steps:
            found = checked.get(step.name)
            if found is not None:
                step = replace(step, params=msgspec.to_builtins(asdict(found.params)), seed=found.seed)
            written.append(step)
        return tuple(written)

    def _fault(self, line: int, message: str, hint: str = "") -> None:
        self._faults.append(Fault(line, message, hint))
