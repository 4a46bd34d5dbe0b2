"""Running a pipeline: a file, or a recipe that ships with mlwf; what it will do is shown before it begins."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

from mlwf_tui.entities.pipeline import StepReport, StepState
from mlwf_tui.params import parse_assignments
from mlwf_tui.tui.keys import DATA
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.screens.command_lines import split_entries, split_words, write_pipeline
from mlwf_tui.tui.screens.verbs.host import Again, Host, ask_form, find_new, finish, follow, list_known
from mlwf_tui.tui.screens.verbs.terms import list_detach_fields, read_detached_terms
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.tui.widgets.form import Form, FormField, make_field
from mlwf_tui.tui.widgets.formats import STEP_GLYPHS
from mlwf_tui.workflow.pipeline import (
    PipelineResult,
    Request,
    make_request,
    needs_job,
    preview_pipeline,
    run_pipeline,
    submit_pipeline,
)
from mlwf_tui.workflow.pipelines.files import ReadyRecipe, list_ready

MAX_POINTS_SHOWN = 3


class Piping:
    """Asks for a pipeline and what it reads, shows its steps, and does them."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def pipeline(self, entry: Entry | None) -> None:
        """Ask which pipeline, beginning with the selected data or recipe."""
        self._host.ask("recipes", list_ready, partial(self._ask, entry))

    def ask(self, entry: Entry | None, *, ref: str, begun: Callable[[], None]) -> None:
        """Ask how this pipeline is to be run; `begun` is called as it begins."""
        self._host.ask("recipes", list_ready, partial(self._ask, entry, ref=ref, begun=begun))

    def _ask(
        self,
        entry: Entry | None,
        ready: tuple[ReadyRecipe, ...],
        *,
        ref: str = "",
        begun: Callable[[], None] = lambda: None,
    ) -> None:
        def begin(values: dict[str, str], again: Again) -> None:
            def look() -> tuple[Request, PipelineResult, bool]:
                request = self._read_request(values)
                preview = preview_pipeline(
                    self._host.workspace, request, observer=ScreenObserver(lambda _: None)
                )
                return request, preview, needs_job(self._host.workspace, request)

            self._host.ask("pipeline", look, partial(self._confirm, values, again, begun), failed=again)

        chosen = entry.ref if entry is not None and entry.kind is EntryKind.RECIPE else ref
        source = entry.ref if entry is not None and entry.kind in DATA else ""
        fields: tuple[FormField, ...] = (
            make_field(
                "pipeline",
                f"a YAML file, draft, or one of {', '.join(recipe.name for recipe in ready)}",
                chosen,
                suggestions=tuple(recipe.name for recipe in ready),
                is_required=True,
            ),
            make_field(
                "source",
                "PROJECT or PROJECT@N to read; of several NAME=PROJECT; NAME=PROJECT; empty as the file says",
                source,
                suggestions=tuple(self._host.snapshot.iter_data_refs()),
                is_required=bool(source),
            ),
            make_field("to", "project that gets the result; empty as the file says"),
            make_field("params", "STEP.PARAMETER=VALUE, several with ; between them"),
            make_field("sweep", "STEP.PARAMETER=V,V,…: do it once for each value"),
            make_field("seed", "instead of the file's", type_name="int"),
            *list_detach_fields(self._host.snapshot),
        )
        form = Form("Run a pipeline", fields, command=write_pipeline, verb="look at its steps")
        ask_form(self._host, form, begin)

    def _read_request(self, values: Mapping[str, str]) -> Request:
        sweep = parse_assignments(split_entries(values.get("sweep", "")))
        return make_request(
            self._host.workspace,
            values["pipeline"],
            sources=_read_named(values.get("source", "")),
            to=_read_named(values.get("to", "")),
            params=parse_assignments(split_entries(values.get("params", ""))),
            seed=int(values["seed"]) if values.get("seed") else None,
            sweep={target: split_words(words) for target, words in sweep.items()},
        )

    def _confirm(
        self,
        values: Mapping[str, str],
        again: Again,
        begun: Callable[[], None],
        looked: tuple[Request, PipelineResult, bool],
    ) -> None:
        request, preview, is_for_job = looked
        terms = read_detached_terms(values)

        def confirmed(is_wanted: bool) -> None:
            if not is_wanted:
                again()
                return
            begun()
            if terms is not None or is_for_job:
                submit = partial(submit_pipeline, self._host.workspace, request, terms=terms)
                self._host.ask("pipeline", submit, partial(follow, self._host), failed=again)
            else:
                work = partial(run_pipeline, self._host.workspace, request)
                title = f"Pipeline {preview.pipeline}"
                done = partial(self._say, list_known(self._host))
                self._host.do_long(title, lambda seen: work(observer=seen), done, failed=again)

        text = f"{describe_preview(preview)}\n\n$ {write_pipeline(values)}"
        self._host.put(Confirm(f"Run {preview.pipeline}", text, yes="Run it"), confirmed)

    def _say(self, known: Collection[str], made: PipelineResult) -> None:
        outputs = [output for point in made.points for output in point.outputs]
        refs = ", ".join(f"{output.project}@{output.version}" for output in outputs)
        states = [step.state for point in made.points for step in point.steps]
        cached = states.count(StepState.CACHED)
        how = f" {cached:,} of {len(states):,} steps were known before." if cached else ""
        problems = [problem for point in made.points for problem in point.problems]
        if problems:
            how += f" Left out {len(problems):,}: see ! for why."
        detail = "\n".join(f"{problem.path}: {problem.reason}" for problem in problems)
        select = find_new(outputs[-1].project, known) if outputs else ""
        finish(self._host, f"Made {refs}.{how}", detail=detail, select=select, has_moved=True)


def describe_preview(preview: PipelineResult) -> str:
    """Return the steps that will be done and those that are known, the outputs and the warnings."""
    lines = list(preview.warnings)
    for point in preview.points[:MAX_POINTS_SHOWN]:
        if point.values:
            lines.append("  ".join(f"{name}={value}" for name, value in point.values.items()))
        lines += [_describe_step(step) for step in point.steps]
        lines.append(f"→ {', '.join(output.project for output in point.outputs)}")
    hidden = len(preview.points) - MAX_POINTS_SHOWN
    return "\n".join([*lines, f"… and {hidden:,} more points"] if hidden > 0 else lines)


def _describe_step(step: StepReport) -> str:
    state = "known before" if step.state is StepState.CACHED else "to do"
    counts = "" if step.items_in is None else f"  {step.items_in:,} items"
    if step.items_out is not None:
        counts += f" → {'~' if step.is_estimate else ''}{step.items_out:,}"
    name = step.name if step.name == step.operation else f"{step.name} ({step.operation})"
    return f"{STEP_GLYPHS[step.state.value]} {name}: {state}{counts}"


def _read_named(text: str) -> dict[str, str]:
    """Return `NAME=VALUE; …`, or one value alone under the name ""."""
    words = split_entries(text)
    if len(words) == 1 and "=" not in words[0]:
        return {"": words[0]}
    return parse_assignments(words)
