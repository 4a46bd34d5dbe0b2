"""Searching for parameters: what is tried on which data, and how many trials at once."""

from __future__ import annotations

from functools import partial

from mlwf_tui.params import parse_assignments
from mlwf_tui.tui.screens import command_lines
from mlwf_tui.tui.screens.verbs.fields import SEED, make_data_field
from mlwf_tui.tui.screens.verbs.host import Again, Host, ask_form, follow
from mlwf_tui.tui.screens.verbs.terms import list_terms_fields, read_terms
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.form import Form, make_field
from mlwf_tui.workflow import search, train
from mlwf_tui.workflow.training.starts import DEFAULT_ARCHITECTURE


class Searching:
    """Asks what a search is to try, and starts it."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def tune(self, entry: Entry) -> None:
        """Ask for the parameters and their ranges."""
        workspace, snapshot = self._host.workspace, self._host.snapshot

        def begin(values: dict[str, str], again: Again) -> None:
            work = partial(
                search.submit_search,
                workspace,
                snapshot.find_target(values["data"]),
                space=parse_assignments(command_lines.split_entries(values.get("space", ""))),
                model=values["model"],
                params=parse_assignments(command_lines.split_entries(values.get("params", ""))),
                sampler=values.get("sampler", "tpe"),
                trials=int(values.get("trials", "20")),
                parallel=int(values.get("parallel", "1")),
                metric=values.get("metric", ""),
                is_pruning=values.get("prune") == "yes",
                keep=int(values.get("keep", "3")),
                seed=int(values.get("seed", "0")),
                terms=read_terms(values),
            )
            self._host.ask("search", work, partial(follow, self._host), failed=again)

        def listed(found: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
            architectures, samplers = found
            fields = (
                make_data_field(self._host.snapshot, entry),
                make_field(
                    "model", "architecture, or a .pt file to start from", DEFAULT_ARCHITECTURE,
                    suggestions=architectures, is_required=True,
                ),
                make_field(
                    "space", "what to try, by semicolons: lr0=0.0001..0.01:log; batch=4,8,16; mosaic=0..1",
                    "lr0=0.0001..0.01:log", is_required=True,
                ),
                make_field("params", "of every trial, by semicolons: epochs=10; imgsz=192"),
                make_field("sampler", "how the next values are chosen", "tpe", choices=samplers),
                make_field("trials", "how many trainings", "20", type_name="int", low=1),
                make_field("parallel", "how many of them at once", "1", type_name="int", low=1),
                make_field("metric", "what tells which is better; empty: map50, of classifiers top1"),
                make_field("prune", "stop trials worse than the median", "no", choices=("no", "yes")),
                make_field("keep", "the best models of so many trials are kept", "3", type_name="int", low=0),
                SEED,
                *list_terms_fields(self._host.snapshot, entry),
            )  # fmt: skip
            form = Form("Search for parameters", fields, command=command_lines.write_search, verb="search")
            ask_form(self._host, form, begin)

        def read() -> tuple[tuple[str, ...], tuple[str, ...]]:
            return train.list_architectures(workspace), tuple(search.list_samplers(workspace))

        self._host.ask("search", read, listed)
