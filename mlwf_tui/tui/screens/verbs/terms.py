"""The fields that say on what terms a run is queued, and what they come to; nobody has to touch them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.queue import DEFAULT_BACKOFF_S, Terms, Wants, read_duration, read_wants
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.params import ParamSpec
from mlwf_tui.tui.screens.command_lines import is_detached
from mlwf_tui.tui.screens.outline import make_run_entry
from mlwf_tui.tui.screens.snapshot import Snapshot
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.form import FormField

GROUP = "Queue"
BACKOFF = f"{DEFAULT_BACKOFF_S:g}s"
MAX_RETRIES = 100


def list_terms_fields(snapshot: Snapshot, entry: Entry) -> tuple[FormField, ...]:
    """Ask for all that a queued run can be given; the names are those of the command line's options."""
    return (
        _make_field(
            "gpus", None, "auto: one if there is any · 2: any two · 0,1: these · 0: none", is_gpus=True
        ),
        _make_field("slots", 1, "CPU slots to take, where it takes no GPU", low=1),
        _make_after_field(snapshot, entry),
        _make_priority_field(),
        _make_field("timeout", "", "end it after so long: 90s, 30m, 12h; empty for no limit", is_time=True),
        _make_field(
            "retries", 0, "try again so often, from the last checkpoint, where it is lost or fails",
            low=0, high=MAX_RETRIES,
        ),
        _make_field(
            "backoff", BACKOFF, "wait so long before the first retry, twice as long before each further one",
            is_time=True,
        ),
    )  # fmt: skip


def list_detach_fields(snapshot: Snapshot) -> tuple[FormField, ...]:
    """Ask whether work that is done here otherwise shall go on by itself, and when it comes."""
    detach = _make_field(
        "detach", "no", "let it go on by itself, also when the app is closed; after and priority do so too",
        choices=("no", "yes"),
    )  # fmt: skip
    return (detach, _make_priority_field(), _make_after_field(snapshot, None))


def read_terms(values: Mapping[str, str]) -> Terms:
    """Return what a form's values ask of the queue.

    Raises:
        InvalidParameter: one of them has no meaning; the form has refused it before.
    """
    timeout = values.get("timeout", "")
    return Terms(
        wants=read_wants(values.get("gpus"), int(values.get("slots", "1"))),
        priority=int(values.get("priority", "0")),
        after=_read_after(values),
        retries=int(values.get("retries", "0")),
        backoff_s=read_duration(values.get("backoff") or BACKOFF),
        timeout_s=read_duration(timeout) if timeout else None,
    )


def read_detached_terms(values: Mapping[str, str]) -> Terms | None:
    """Return the terms of work that shall go on by itself, or None where it is done by the app."""
    if not is_detached(values):
        return None
    return Terms(wants=Wants(), priority=int(values.get("priority", "0")), after=_read_after(values))


def _read_after(values: Mapping[str, str]) -> tuple[RunId, ...]:
    return (RunId(values["after"]),) if values.get("after") else ()


def _make_priority_field() -> FormField:
    return _make_field("priority", 0, "higher ones start first; < and > change it while it waits")


def _make_after_field(snapshot: Snapshot, entry: Entry | None) -> FormField:
    """Ask for a run to come after, of those that have not ended.

    It is one that makes the model, where a training is selected that goes on.
    """
    runs = {run.id: run for run in snapshot.active_runs if run.is_detached}
    maker = entry.ref if entry is not None and entry.ref in runs else ""
    labels = {} if maker else {"": "nothing" if runs else "nothing is going on"}
    for run in runs.values():
        title = make_run_entry(run, run.created_at).title
        labels[run.id] = f"{title} · {run.state.value} · {run.id}"
    spec = ParamSpec(
        name="after", type_name="str", default=maker, help="start once this run is done", low=None, high=None,
        choices=tuple(labels),
    )  # fmt: skip
    return FormField(spec, is_required=bool(maker), labels=labels, group=GROUP)


def _make_field(
    name: str,
    default: Any,
    help: str,
    *,
    choices: Sequence[str] = (),
    low: int | None = None,
    high: int | None = None,
    is_gpus: bool = False,
    is_time: bool = False,
) -> FormField:
    type_name = "int" if isinstance(default, int) else "str"
    spec = ParamSpec(
        name=name, type_name=type_name, default=default, help=help, low=low, high=high, choices=tuple(choices)
    )
    check = (
        _check(lambda text: read_wants(text, 1)) if is_gpus else _check(read_duration) if is_time else None
    )
    return FormField(spec, find_fault=check, group=GROUP, is_short=True)


def _check(read: Callable[[str], object]) -> Callable[[str], str]:
    def find_fault(text: str) -> str:
        try:
            read(text)
        except InvalidParameter as error:
            return f"{error.message} {error.hint}"
        return ""

    return find_fault
