"""Sets models, or reports of them, beside each other, and shows the report that comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.measurement import choose_main
from mlwf_tui.entities.model import Report
from mlwf_tui.entities.run import Run
from mlwf_tui.tui.screens.command_lines import write_compare, write_compare_all
from mlwf_tui.tui.screens.verbs.deploying import ask_for_trust
from mlwf_tui.tui.screens.verbs.fields import find_model_ref
from mlwf_tui.tui.screens.verbs.host import Again, Host, ask_form, finish, follow
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.tui.widgets.form import Form, FormField, make_field
from mlwf_tui.workflow.benchmarking.apart import NotMeasured, find_apart
from mlwf_tui.workflow.benchmarking.lacking import submit_compare
from mlwf_tui.workflow.compare import CompareResult, compare, describe_difference

AUTO = {"": "auto"}  # how no choice is shown
SPLIT = replace(
    make_field(
        "split",
        "where all were measured; auto: the newest",
        choices=("", *(split.value for split in Split)),
    ),
    labels=AUTO,
)


class _Where(NamedTuple):
    """On what models are compared; None leaves it to what was measured last."""

    split: str | None = None
    evaluator: str | None = None


class Comparing:
    """Asks which model is to be better than which, and says whether it is."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def compare_all(self, targets: Sequence[Entry]) -> None:
        """Compare two reports; of two models ask on what, of more also which the others are set beside."""
        if len(targets) > 2:
            self._ask_old(targets)
        elif targets[0].kind is EntryKind.REPORT:
            new, old = sorted(targets, key=self._date, reverse=True)
            self.compare_reports((new.ref, old.ref))
        else:
            self._ask_two(find_model_ref(targets[0]), targets[1].ref)

    def compare(self, entry: Entry) -> None:
        """Ask what a model is set beside."""
        self._ask_two(find_model_ref(entry), "")

    def compare_reports(self, names: tuple[str, str]) -> None:
        """Set the first of two reports beside the second."""
        self._compare(names, _Where())

    def _date(self, entry: Entry) -> tuple[str, str]:
        """Order reports by when their models were made, the deleted first: the newer one may be better."""
        report = entry.entity
        if not isinstance(report, Report):
            return "", ""
        models = self._host.snapshot.models
        made_at = next((of.created_at for of in models if of.id == report.model_id), report.created_at)
        return made_at.isoformat(), report.created_at.isoformat()

    def _ask_old(self, targets: Sequence[Entry]) -> None:
        """Ask which of several models or reports the others are compared with; reports say on what."""
        refs = [entry.ref for entry in targets]
        kind = targets[0].kind

        def begin(values: dict[str, str], again: Again) -> None:
            old = values["old"]
            self._compare([*(ref for ref in refs if ref != old), old], _read_where(values), again)

        old = make_field(
            "old", f"the {kind} that the others are set beside", refs[0], choices=refs, is_required=True
        )
        command = partial(write_compare_all, refs)
        where = () if kind is EntryKind.REPORT else (SPLIT, self._ask_evaluator())
        title = f"Compare {format_count(len(refs), kind)}"
        ask_form(self._host, Form(title, (old, *where), command=command, verb="compare"), begin)

    def _ask_two(self, new: str, old: str) -> None:
        """Ask for two models, and on what; where none is given, one that comes first is offered."""

        def begin(values: dict[str, str], again: Again) -> None:
            self._compare((values["new"], values["old"]), _read_where(values), again)

        names = tuple(model.name for model in self._host.snapshot.models)
        new = new or next(iter(names), "")
        fields = (
            make_field("new", "the model that may be better", new, suggestions=names, is_required=True),
            make_field(
                "old",
                "the model it is set beside",
                old or next((name for name in names if name != new), ""),
                suggestions=names,
                is_required=True,
            ),
            SPLIT,
            self._ask_evaluator(),
        )
        form = Form("Compare two models", fields, command=write_compare, verb="compare")
        ask_form(self._host, form, begin)

    def _ask_evaluator(self) -> FormField:
        names = self._host.workspace.registry.list_names("evaluators")
        help_text = "who measured them; auto: the newest"
        return replace(make_field("evaluator", help_text, choices=("", *names)), labels=AUTO)

    def _compare(self, names: Sequence[str], where: _Where, again: Again | None = None) -> None:
        """Compare, or ask whether what is lacking is to be measured first."""
        workspace = self._host.workspace

        def look(apart: NotMeasured | None) -> None:
            if apart is not None and apart.missing:
                self._ask_to_measure(apart, where)
                return
            self._host.do_long(
                f"Comparing {', '.join(names[:-1])} with {names[-1]}",
                lambda observer: compare(
                    workspace, names, split=where.split, evaluator=where.evaluator, observer=observer
                ),
                self._tell,
                failed=again,
            )

        find = partial(find_apart, workspace, names, split=where.split, evaluator=where.evaluator)
        self._host.ask("compare", find, look, failed=again)

    def _ask_to_measure(self, apart: NotMeasured, where: _Where) -> None:
        """Offer to queue the benchmarks that are lacking, and the comparison after them."""

        def submit(is_trusted: bool) -> Run:
            return submit_compare(self._host.workspace, apart, split=where.split, is_trusted=is_trusted)

        def begin(is_wanted: bool) -> None:
            if is_wanted:
                ask_for_trust(self._host, "compare", submit, partial(follow, self._host))

        listed = "\n".join(apart.commands)
        text = f"{apart.message} To measure what is lacking, and to compare then:\n\n{listed}"
        self._host.put(Confirm("Measure first?", text, yes="Measure"), begin)

    def _tell(self, result: CompareResult) -> None:
        differences = result.body.pairs[0].comparison.differences
        main = choose_main(differences)
        text = describe_difference(main or "map50", differences.get(main))
        finish(self._host, text, select=f"report:{result.report.id}")
        self._host.show_report(result.report)


def _read_where(values: Mapping[str, str]) -> _Where:
    return _Where(values.get("split") or None, values.get("evaluator") or None)
