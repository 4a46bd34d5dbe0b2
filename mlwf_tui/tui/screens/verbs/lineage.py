"""Questions to the lineage: trace, lint with its fixes, and reproducing a run."""

from __future__ import annotations

from functools import partial

from textual.content import Content

from mlwf_tui.entities.remark import LintResult, Remark
from mlwf_tui.entities.run import Run
from mlwf_tui.tui.screens.verbs.host import Host, finish, follow
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow.lint import fix_remarks, lint
from mlwf_tui.workflow.reproduce import QUEUED_VERBS, Reproduction, reproduce_now, submit_again
from mlwf_tui.workflow.trace import Trace, trace

MAX_SHOWN = 500


class Questions:
    """Asks the lineage and shows what it says."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def trace(self, entry: Entry) -> None:
        """List what the entry came from and what came of it, nearest first."""

        def shown(found: Trace) -> None:
            self._host.put(Sheet(f"Trace of {entry.ref}", _draw_trace(found)), lambda _: None)

        self._host.ask("trace", partial(trace, self._host.workspace, entry.target), shown)

    def reproduce(self, entry: Entry) -> None:
        """Do a run again: a data operation at once, the others by the queue."""
        run = entry.entity
        workspace = self._host.workspace
        if isinstance(run, Run) and run.verb in QUEUED_VERBS:
            self._host.do_long(
                f"Reproduce {entry.title}",
                lambda observer: submit_again(workspace, entry.target, observer=observer),
                partial(follow, self._host),
            )
        else:
            self._host.do_long(
                f"Reproduce {entry.title}",
                lambda observer: reproduce_now(workspace, entry.target, observer=observer),
                self._say_reproduced,
            )

    def lint(self, entry: Entry | None) -> None:
        """List what is not as it should be, and offer to put right what can be."""

        def confirmed(is_wanted: bool) -> None:
            if is_wanted:
                self._host.ask("lint", partial(fix_remarks, self._host.workspace), self._say_fixed)

        def shown(found: LintResult) -> None:
            fixable = sum(bool(remark.fix) for remark in found.remarks)
            if fixable:
                text = _draw_remarks(found)
                yes = f"Put {fixable} right"
                self._host.put(Confirm("What lint found", text, yes=yes), confirmed)
            else:
                self._host.put(Sheet("What lint found", Content(_draw_remarks(found))), lambda _: None)

        self._host.ask("lint", partial(lint, self._host.workspace), shown)

    def _say_fixed(self, fixed: tuple[Remark, ...]) -> None:
        finish(self._host, f"Put {len(fixed)} right; history tells what was there before.")

    def _say_reproduced(self, made: Reproduction) -> None:
        how = "came out the same, to the digest" if made.is_same else f"came out differently: {made.again}"
        finish(self._host, f"The run {made.run} {how}.")


def _draw_trace(found: Trace) -> Content:
    lines = [
        Content.assemble(
            (f"{traced.distance:+4d}  ", "$text-muted"),
            (f"{traced.node.kind:<8.8}  ", "$secondary"),
            (f"{traced.node.title}  ", "bold"),
            traced.node.detail,
        )
        for traced in found.nodes[:MAX_SHOWN]
    ]
    if len(found.nodes) > MAX_SHOWN:
        lines.append(Content.styled(f"… and {len(found.nodes) - MAX_SHOWN:,} more", "$text-muted"))
    return Content("\n").join(lines) if lines else Content("It hangs on nothing else.")


def _draw_remarks(found: LintResult) -> str:
    lines = [f"· {remark.message}" for remark in found.remarks[:MAX_SHOWN]] or ["Nothing to remark."]
    described = f"{found.described} of {found.describable} things are described."
    return "\n".join([described, "", *lines])
