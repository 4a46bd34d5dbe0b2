"""What runs in a process of its own: benchmark, apply; and stop, which ends it. Training has its own file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from textual.content import Content

from mlwf_tui.entities.comparison import Leaderboard
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.part import ALL, AUTO, Part
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.tui.screens import command_lines
from mlwf_tui.tui.screens.verbs.conditions import write_condition
from mlwf_tui.tui.screens.verbs.fields import make_data_field, make_model_field
from mlwf_tui.tui.screens.verbs.host import Again, Host, ask_form, finish, follow
from mlwf_tui.tui.screens.verbs.terms import list_terms_fields, read_terms
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.entry import Entry, Excerpt
from mlwf_tui.tui.widgets.form import Form, FormField, make_field
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow import apply
from mlwf_tui.workflow.benchmark import submit_benchmark
from mlwf_tui.workflow.leaderboard import read_leaderboard
from mlwf_tui.workflow.show import Shown, show
from mlwf_tui.workflow.star import star_model
from mlwf_tui.workflow.stop import GRACE_S, stop_run

MAX_SHOWN = 200
MAX_CELL = 40
_CELLS = re.compile(r"(?<!\\)\|")
BAR_CELLS = 16


class Models:
    """Asks for what a run needs, starts it and follows it."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def benchmark(self, entry: Entry, excerpt: Excerpt | None = None) -> None:
        """Ask for a model and data; of an excerpt, only that is measured."""

        snapshot = self._host.snapshot

        def begin(values: dict[str, str], again: Again) -> None:
            work = partial(
                submit_benchmark,
                self._host.workspace,
                snapshot.find_model_target(values["model"]),
                snapshot.find_target(values["data"]),
                part=_read_part(values),
                device=values.get("device", "auto"),
                terms=read_terms(values),
            )
            self._host.ask("benchmark", work, partial(follow, self._host), failed=again)

        splits = (AUTO, *(split.value for split in (Split.TEST, Split.VAL, Split.TRAIN, Split.NONE)), ALL)
        fields = (
            make_model_field(self._host.snapshot, entry),
            make_data_field(self._host.snapshot, entry),
            make_field(
                "split",
                "items to measure on; auto: test, else val; all without splits",
                AUTO,
                choices=splits,
            ),
            make_field("device", "auto, cpu, or a GPU's index", "auto"),
            make_field("dataset", "only items of it and of those below; empty for all"),
            make_field("select", "only items that meet this condition: width < 400 or tag(night)"),
            *list_terms_fields(self._host.snapshot, entry),
        )
        given = _fill_part(excerpt) if excerpt is not None else {}
        form = Form(
            "Benchmark a model", fields, command=command_lines.write_benchmark, verb="measure", given=given
        )
        ask_form(self._host, form, begin)

    def apply(self, entry: Entry) -> None:
        snapshot = self._host.snapshot

        def begin(values: dict[str, str], again: Again) -> None:
            options, params = command_lines.split_values(
                values, ("model", "data", "to", "dataset", *command_lines.TERMS)
            )
            work = partial(
                apply.submit_apply,
                self._host.workspace,
                snapshot.find_model_target(options["model"]),
                snapshot.find_target(options["data"]),
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

    def star(self, entry: Entry) -> None:
        """Give the model a star, or take it away."""
        model = entry.entity
        is_starred = not (isinstance(model, Model) and model.is_starred)

        def said(found: Model) -> None:
            finish(self._host, f"{'★' if found.is_starred else '☆'} {found.name}")

        work = partial(star_model, self._host.workspace, entry.target, is_starred=is_starred)
        self._host.ask("star", work, said)

    def card(self, entry: Entry) -> None:
        """Show the model's card."""

        def shown(found: Shown) -> None:
            self._host.put(Sheet(f"Card of {entry.ref}", _draw_card(found.facts["card"])), lambda _: None)

        self._host.ask("card", partial(show, self._host.workspace, entry.target), shown)

    def leaderboard(self, entry: Entry) -> None:
        """Show the project's reports, the best first; without any its models, by what training measured."""

        def shown(board: Leaderboard) -> None:
            if board.groups:
                self._host.show_board(board)
                return
            self._host.put(Sheet(f"Leaderboard of {entry.ref}", _draw_board(board)), lambda _: None)

        self._host.ask("leaderboard", partial(read_leaderboard, self._host.workspace, entry.target), shown)

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
        finish(self._host, f"The {run.verb} run {run.id} is {run.state.value}.")


def _fill_part(excerpt: Excerpt) -> dict[str, str]:
    """Return what a benchmark's form says of an excerpt, whatever the split of its items."""
    part = {"select": write_condition(excerpt)} if excerpt.items else {"dataset": excerpt.dataset}
    return {"split": ALL, **part}


def _read_part(values: Mapping[str, str]) -> Part:
    datasets = (values["dataset"],) if values.get("dataset") else ()
    return Part(split=values.get("split", AUTO), datasets=datasets, where=values.get("select", ""))


def _draw_card(text: str) -> Content:
    """Return a card's Markdown with its headings in bold, and its tables in columns."""
    lines: list[Content] = []
    table: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            table.append([cell.strip().replace("\\|", "|") for cell in _CELLS.split(line.strip()[1:-1])])
            continue
        lines += _draw_table(table)
        table = []
        if line.startswith("#"):
            lines.append(Content.styled(line.lstrip("# "), "bold $primary"))
        elif not line.startswith("```"):
            lines.append(Content(line))
    return Content("\n").join(lines)


def _draw_table(rows: list[list[str]]) -> list[Content]:
    shown = [row for row in rows if any(row) and not all(set(cell) <= {"-"} for cell in row)]
    widths = [min(MAX_CELL, max(map(len, column))) for column in zip(*shown, strict=True)]
    return [
        Content.assemble(
            (f"  {row[0]:<{widths[0]}}", "$text-muted"),
            *(f"  {cell:<{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)),
        )
        for row in shown
    ]


def _draw_board(board: Leaderboard) -> Content:
    if not board.models:
        return Content.styled("No model was trained or measured on it yet: t trains one.", "$text-muted")
    best = max(abs(one.value) for one in board.models) or 1.0
    lines = [Content.assemble((board.metric, "bold"), (f", {board.basis}", "$text-muted")), Content("")]
    lines += [
        Content.assemble(
            (f"{'' if one.rank is None else one.rank:>4}  ", "bold $primary"),
            f"{one.value:7.4f}  ",
            ("━" * round(BAR_CELLS * abs(one.value) / best), "$primary" if one.rank else "$text-muted"),
            f"  {one.model}",
            (" ★" if one.is_starred else "", "$warning"),
            (f"  {one.architecture} on {one.trained_on}", "$text-muted"),
        )
        for one in board.models[:MAX_SHOWN]
    ]
    if len(board.models) > MAX_SHOWN:
        lines.append(Content.styled(f"… and {len(board.models) - MAX_SHOWN:,} more", "$text-muted"))
    return Content("\n").join(lines)


def _name_of(field: FormField) -> str:
    ref = str(field.spec.default)
    return (ref.rpartition("@")[0] or ref).rpartition("/")[2]
