"""What runs in a process of its own: benchmark, apply; and stop, which ends it. Training has its own file."""

from __future__ import annotations

from functools import partial

from mlwf_tui.entities.item import Split
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.tui.screens import command_lines
from mlwf_tui.tui.screens.verbs.fields import make_data_field, make_model_field
from mlwf_tui.tui.screens.verbs.host import Again, Host, ask_form, finish, follow
from mlwf_tui.tui.screens.verbs.terms import list_terms_fields, read_terms
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.form import Form, FormField, make_field
from mlwf_tui.workflow import apply
from mlwf_tui.workflow.benchmark import submit_benchmark
from mlwf_tui.workflow.stop import GRACE_S, stop_run


class Models:
    """Asks for what a run needs, starts it and follows it."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def benchmark(self, entry: Entry) -> None:
        def begin(values: dict[str, str], again: Again) -> None:
            split, device = values.get("split", Split.VAL.value), values.get("device", "auto")
            work = partial(
                submit_benchmark,
                self._host.workspace,
                values["model"],
                values["data"],
                split=split,
                device=device,
                terms=read_terms(values),
            )
            self._host.ask("benchmark", work, partial(follow, self._host), failed=again)

        splits = tuple(split.value for split in Split)
        fields = (
            make_model_field(self._host.snapshot, entry),
            make_data_field(self._host.snapshot, entry),
            make_field("split", "items to measure on", Split.VAL.value, choices=splits),
            make_field("device", "auto, cpu, or a GPU's index", "auto"),
            *list_terms_fields(self._host.snapshot, entry),
        )
        form = Form("Benchmark a model", fields, command=command_lines.write_benchmark, verb="measure")
        ask_form(self._host, form, begin)

    def apply(self, entry: Entry) -> None:
        def begin(values: dict[str, str], again: Again) -> None:
            options, params = command_lines.split_values(
                values, ("model", "data", "to", "dataset", *command_lines.TERMS)
            )
            work = partial(
                apply.submit_apply,
                self._host.workspace,
                options["model"],
                options["data"],
                to=options["to"],
                dataset=options.get("dataset", ""),
                params=params,
                terms=read_terms(options),
            )
            self._host.ask("apply", work, partial(follow, self._host), failed=again)

        data = make_data_field(self._host.snapshot, entry)
        fields = (
            make_model_field(self._host.snapshot, entry),
            data,
            make_field(
                "to", "project that gets the labelled items", f"{_name_of(data)}-labelled", is_required=True
            ),
            make_field("dataset", "put them into this dataset, beside what else the project has"),
            *(FormField(spec) for spec in apply.list_params()),
            *list_terms_fields(self._host.snapshot, entry),
        )
        form = Form("Label data with a model", fields, command=command_lines.write_apply, verb="apply")
        ask_form(self._host, form, begin)

    def stop(self, entry: Entry) -> None:
        is_forced = entry.state == RunState.STOPPING

        def confirmed(is_wanted: bool) -> None:
            if not is_wanted:
                return
            grace_s = 0.0 if is_forced else GRACE_S
            work = partial(stop_run, self._host.workspace, entry.ref, grace_s=grace_s)
            self._host.ask("stop", work, self._say_stopped, is_patient=False)
            self._host.say(f"Asked {entry.title} to stop. s again ends it by force.")

        text = (
            "It was asked to stop and has not yet. End it by force now? What it made so far is lost."
            if is_forced
            else "The run stops after its present batch; a training keeps its best weights as a model."
        )
        self._host.put(Confirm(f"Stop {entry.title}", text, yes="Stop it", is_dangerous=True), confirmed)

    def _say_stopped(self, run: Run) -> None:
        finish(self._host, f"The {run.verb} {run.id} is {run.state.value}.")


def _name_of(field: FormField) -> str:
    ref = str(field.spec.default)
    return (ref.rpartition("@")[0] or ref).rpartition("/")[2]
