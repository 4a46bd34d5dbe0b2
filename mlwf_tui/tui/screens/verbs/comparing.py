"""Sets a model beside another, by their reports, and shows the report that comes of it."""

from __future__ import annotations

from functools import partial

from mlwf_tui.entities.item import Split
from mlwf_tui.entities.measurement import choose_main
from mlwf_tui.entities.model import Model
from mlwf_tui.tui.screens.command_lines import write_compare
from mlwf_tui.tui.screens.verbs.fields import find_model_ref
from mlwf_tui.tui.screens.verbs.host import Again, Host, ask_form, finish
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.form import Form, make_field
from mlwf_tui.workflow.compare import CompareResult, compare, describe_difference


class Comparing:
    """Asks which model is to be better than which, and says whether it is."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def compare(self, entry: Entry) -> None:
        def begin(values: dict[str, str], again: Again) -> None:
            work = partial(
                compare,
                self._host.workspace,
                (values["new"], values["old"]),
                split=values.get("split") or None,
            )
            self._host.do_long(
                f"Comparing {values['new']} with {values['old']}",
                lambda observer: work(observer=observer),
                self._tell,
                failed=again,
            )

        names = tuple(model.name for model in self._host.snapshot.models)
        new = find_model_ref(entry) or next(iter(names), "")
        marked = self._host.marked
        chosen = marked.ref if marked is not None and isinstance(marked.entity, Model) else ""
        old = chosen if chosen != new else ""
        fields = (
            make_field("new", "the model that may be better", new, suggestions=names, is_required=True),
            make_field(
                "old",
                "the model it is set beside",
                old or next((name for name in names if name != new), ""),
                suggestions=names,
                is_required=True,
            ),
            make_field(
                "split",
                "where both were measured; empty for the newest",
                choices=("", *(split.value for split in Split)),
            ),
        )
        form = Form("Compare two models", fields, command=write_compare, verb="compare")
        ask_form(self._host, form, begin)

    def compare_reports(self, names: tuple[str, str]) -> None:
        """Set the first of two reports beside the second."""
        workspace = self._host.workspace
        self._host.do_long(
            f"Comparing {names[0]} with {names[1]}",
            lambda observer: compare(workspace, names, observer=observer),
            self._tell,
        )

    def _tell(self, result: CompareResult) -> None:
        differences = result.body.pairs[0].comparison.differences
        main = choose_main(differences)
        text = describe_difference(main or "map50", differences.get(main))
        finish(self._host, text, select=f"report:{result.report.id}")
        self._host.show_report(result.report)
