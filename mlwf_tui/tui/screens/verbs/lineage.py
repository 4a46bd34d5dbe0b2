"""Questions to the lineage: trace, lint with its fixes, and reproducing a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial

from textual.content import Content

from mlwf_tui.entities.remark import LintResult, Remark
from mlwf_tui.entities.run import Run
from mlwf_tui.tui.screens.verbs.host import Host, finish, follow
from mlwf_tui.tui.widgets.context_menu import Choice, ContextMenu
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow.lint import fix_remarks, lint
from mlwf_tui.workflow.reproduce import QUEUED_VERBS, Reproduction, reproduce_now, submit_again
from mlwf_tui.workflow.runs import get_run
from mlwf_tui.workflow.trace import KINDS, Trace, trace

MAX_SHOWN = 500
KIND_WIDTH = max(map(len, KINDS))
TRACE_INDENT = 8 + KIND_WIDTH  # cells before the title of a node: how far it is, and its kind
FIX_ALL = "all"


class Questions:
    """Asks the lineage and shows what it says."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def trace(self, entry: Entry) -> None:
        """List what the entry came from, then the entry, then what came of it."""

        def shown(found: Trace) -> None:
            self._host.put(
                Sheet(f"Trace of {entry.ref}", _draw_trace(found, entry), indent=TRACE_INDENT), lambda _: None
            )

        self._host.ask("trace", partial(trace, self._host.workspace, entry.target), shown)

    def reproduce(self, entry: Entry) -> None:
        """Do a run again, or the one that has made the entry; the command line can judge it later."""
        run_id = self._host.snapshot.find_run_of(entry.key) or entry.target
        self._host.ask("run", partial(get_run, self._host.workspace, run_id), self._reproduce_run)

    def _reproduce_run(self, run: Run) -> None:
        """Do a data operation at once, the others by the queue."""
        workspace, title = self._host.workspace, f"Reproduce {run.verb} {run.id}"
        if run.verb in QUEUED_VERBS:
            self._host.do_long(
                title,
                lambda observer: submit_again(workspace, run.id, observer=observer),
                partial(follow, self._host),
            )
        else:
            self._host.do_long(
                title,
                lambda observer: reproduce_now(workspace, run.id, observer=observer),
                self._say_reproduced,
            )

    def lint(self, entry: Entry | None) -> None:
        """List what is not as it should be; ⏎ puts one thing right, or goes to it, `A` all that can be."""
        self._host.ask("lint", partial(lint, self._host.workspace), self._show_remarks)

    def _show_remarks(self, found: LintResult) -> None:
        if not found.remarks:
            self._host.put(Sheet("What lint found", Content(_count_described(found))), lambda _: None)
            return

        def chosen(id: str) -> None:
            if id == FIX_ALL:
                self._fix_then((), (), self._say_fixed)
                return
            remark = found.remarks[int(id)]
            if remark.fix:
                again = partial(self._host.ask, "lint", partial(lint, self._host.workspace))
                self._fix_then([remark.kind], [remark.node], lambda _: again(self._show_remarks))
            else:
                self._host.reload(select=remark.node)

        menu = ContextMenu(_count_described(found), tuple(_list_remarks(found)), is_wide=True)
        self._host.put(menu, chosen)

    def _fix_then(
        self, kinds: Collection[str], nodes: Collection[str], done: Callable[[tuple[Remark, ...]], None]
    ) -> None:
        def fixed(remarks: tuple[Remark, ...]) -> None:
            self._host.reload()
            done(remarks)

        self._host.ask("lint", partial(fix_remarks, self._host.workspace, kinds, nodes), fixed)

    def _say_fixed(self, fixed: tuple[Remark, ...]) -> None:
        finish(self._host, f"Put {len(fixed)} right; history tells what was there before.")

    def _say_reproduced(self, made: Reproduction) -> None:
        how = "came out the same, to the digest" if made.is_same else f"came out differently: {made.again}"
        finish(self._host, f"The run {made.run} {how}.")


def _draw_trace(found: Trace, entry: Entry) -> Content:
    """Return the nearest nodes in the order in which they were made of each other."""
    nearest = sorted(found.nodes[:MAX_SHOWN], key=lambda traced: traced.distance)
    lines = [
        Content.assemble(
            (f"{traced.distance:+4d}  ", "$text-muted"),
            (f"{traced.node.kind:<{KIND_WIDTH}}  ", "$secondary"),
            (f"{traced.node.title}  ", "bold"),
            traced.node.detail,
        )
        for traced in nearest
    ]
    if lines:
        here = Content.styled(
            f"   ▸  {entry.kind.value:<{KIND_WIDTH}}  {entry.ref or entry.title}", "$accent bold"
        )
        lines.insert(sum(traced.distance < 0 for traced in nearest), here)
    if len(found.nodes) > MAX_SHOWN:
        lines.append(Content.styled(f"… and {len(found.nodes) - MAX_SHOWN:,} more", "$text-muted"))
    return Content("\n").join(lines) if lines else Content("It hangs on nothing else.")


def _list_remarks(found: LintResult) -> Iterator[Choice]:
    """Yield a line for each remark, first one for all that can be put right."""
    fixable = sum(bool(remark.fix) for remark in found.remarks)
    if fixable:
        yield Choice(id=FIX_ALL, label=f"Put {fixable} right", key="A", note="history keeps what was before")
    for number, remark in enumerate(found.remarks[:MAX_SHOWN]):
        group = remark.kind.value.replace("_", " ")
        note = f"⏎ {remark.fix}" if remark.fix else "⏎ goes to it"
        yield Choice(id=str(number), label=remark.message, group=group, note=note)


def _count_described(found: LintResult) -> str:
    rest = "" if found.remarks else "; nothing to remark"
    if len(found.remarks) > MAX_SHOWN:
        rest = f"; the first {MAX_SHOWN:,} of {len(found.remarks):,} remarks"
    return f"{found.described} of {found.describable} things are described{rest}"
