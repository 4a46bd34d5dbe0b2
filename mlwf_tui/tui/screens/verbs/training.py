"""Training from the app: the form by groups, what it would take before it is begun, and going on with one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from textual.content import Content

from mlwf_tui.entities.sizes import format_size
from mlwf_tui.params import ParamSpec
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.screens import command_lines
from mlwf_tui.tui.screens.counting_form import CountingForm
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.screens.verbs.fields import SEED, make_data_field
from mlwf_tui.tui.screens.verbs.host import Again, Host, ask_form, follow
from mlwf_tui.tui.screens.verbs.terms import list_terms_fields, read_terms
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.form import Form, FormField, make_field
from mlwf_tui.tui.widgets.formats import format_duration
from mlwf_tui.workflow import train
from mlwf_tui.workflow.training.plans import TrainPlan, plan_train
from mlwf_tui.workflow.training.starts import DEFAULT_ARCHITECTURE

MORE_GROUP = "more"
EPOCHS = "20"


class TrainForm(CountingForm):
    """Asks for a training, and says on demand what it would take."""

    MORE_KEYS = " · ^n check and estimate"


class Trainings:
    """Asks for what a training needs, looks at it first, starts it and follows it."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def train(self, entry: Entry) -> None:
        workspace, snapshot = self._host.workspace, self._host.snapshot

        def read() -> tuple[tuple[str, ...], tuple[ParamSpec, ...]]:
            return train.list_architectures(workspace), train.list_params(workspace)

        def listed(found: tuple[tuple[str, ...], tuple[ParamSpec, ...]]) -> None:
            form = TrainForm(
                "Train a model",
                tuple(self._list_fields(entry, *found)),
                command=command_lines.write_train,
                verb="train",
                count=self._look,
            )
            ask_form(self._host, form, partial(self._begin, snapshot))

        self._host.ask("train", read, listed)

    def _list_fields(
        self, entry: Entry, architectures: tuple[str, ...], params: tuple[ParamSpec, ...]
    ) -> Iterator[FormField]:
        models = tuple(model.name for model in self._host.snapshot.models)
        yield make_data_field(self._host.snapshot, entry)
        yield make_field(
            "model",
            "yolov10n, yolo11n-seg, -pose, -obb, -cls, …; a .pt or .yaml file; or a model of yours",
            DEFAULT_ARCHITECTURE,
            suggestions=(*architectures, *models),
            is_required=True,
        )
        yield make_field("name", "name of the model; empty for architecture-data-number")
        is_on = self._host.workspace.settings.benchmark_after_training
        yield make_field(
            "benchmark", "measure the model afterwards, on test or else val", "yes" if is_on else "no",
            choices=("yes", "no"),
        )  # fmt: skip
        yield SEED
        yield from (
            FormField(spec, group=spec.group, is_bounded=True)
            for spec in sorted(params, key=lambda spec: bool(spec.group))
        )
        yield FormField(
            make_field("more", "other settings of the library: key=value; key=value").spec, group=MORE_GROUP
        )
        yield FormField(
            make_field("params", "a YAML file with parameters, kept with the run").spec, group=MORE_GROUP
        )
        yield from list_terms_fields(self._host.snapshot, entry)

    def _begin(self, snapshot: Snapshot, values: dict[str, str], again: Again) -> None:
        options, params = _split(values)
        work = partial(
            train.submit_train,
            self._host.workspace,
            snapshot.find_target(options["data"]),
            model=options["model"],
            params=params,
            params_file=_find_file(options),
            seed=int(options.get("seed", "0")),
            name=options.get("name", ""),
            terms=read_terms(options),
            is_benchmarked=options["benchmark"] == "yes" if "benchmark" in options else None,
        )
        self._host.ask("train", work, partial(follow, self._host), failed=again)

    def _look(self, form: CountingForm) -> None:
        """Say below the form what the training would take; a few batches are tried where need be."""
        options, params = _split(form.collect())

        def look(observer: ScreenObserver) -> Content:
            given = train.read_params(_find_file(options), params)
            plan = plan_train(
                self._host.workspace, options["data"], model=options["model"], params=given,
                name=options.get("name", ""), terms=read_terms(options), observer=observer,
            )  # fmt: skip
            return draw_plan(plan)

        form.watch_count(self._host.work, look)

    def continue_(self, entry: Entry) -> None:
        """Ask for how many more epochs a finished training is to go on."""

        def begin(values: dict[str, str], again: Again) -> None:
            work = partial(
                train.submit_continued,
                self._host.workspace,
                entry.ref,
                params={"epochs": f"+{values['epochs']}"},
                name=values.get("name", ""),
                terms=read_terms(values),
            )
            self._host.ask("train", work, partial(follow, self._host), failed=again)

        fields = (
            make_field("epochs", "how many more", EPOCHS, type_name="int", low=1, high=100_000,
                       is_required=True),
            make_field("name", "name of the new model; empty for architecture-data-number"),
            *list_terms_fields(self._host.snapshot, entry),
        )  # fmt: skip
        command = partial(command_lines.write_continued, entry.ref)
        form = Form(f"Go on with {entry.title}", fields, command=command, verb="train on")
        ask_form(self._host, form, begin)


def draw_plan(plan: TrainPlan) -> Content:
    """Return what a training would take in a few lines, what is odd of it last."""
    splits = ", ".join(f"{count:,} {split}" for split, count in plan.splits.items() if count)
    lines = [f"{plan.task} · {splits} · {len(plan.classes)} classes"]
    if plan.time is not None:
        whole, epoch = (format_duration(found) for found in (plan.time.seconds, plan.time.epoch_s))
        lines.append(f"at most {whole}, {epoch} an epoch ({plan.time.basis})")
    memory = ""
    if plan.memory_bytes is not None and plan.memory_free_bytes is not None:
        memory = f"memory {format_size(plan.memory_bytes)} of {format_size(plan.memory_free_bytes)} · "
    unknown = " and its checkpoints, not known yet," if plan.checkpoint_bytes is None else ""
    lines.append(
        f"{memory}disk {format_size(plan.disk_bytes)}{unknown} of {format_size(plan.disk_free_bytes)}"
    )
    odd = [*map(str, plan.losses), *plan.warnings]
    return Content("\n").join(
        [*(Content(line) for line in lines), *(Content.styled(f"! {line}", "$warning") for line in odd)]
    )


def _split(values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return a form's own fields, and the parameters of the trainer and its library."""
    names = (*command_lines.TRAIN_OPTIONS, "more", *command_lines.TERMS)
    options, params = command_lines.split_values(values, names)
    return options, params | command_lines.parse_pairs(options.pop("more", ""))


def _find_file(options: Mapping[str, str]) -> Path | None:
    return Path(options["params"]) if options.get("params") else None
