"""Checking a project, and putting right what needs no eye."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.finding import CheckResult, Dropped, Finding, FixResult
from mlwf_tui.errors import Conflict
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.screens.command_lines import write_command
from mlwf_tui.tui.screens.verbs.host import Host, finish, name_keys
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow.refs import resolve_manifest

MAX_DROPPED_SHOWN = 500


class Checking:
    """Does a check with its progress shown, and what a person wants done about it."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def check(self, entry: Entry) -> None:
        """Look for what is wrong in a project or version."""
        self._check(entry.ref, is_near=None)

    def go_on(self, found: CheckResult, finding: Finding | None) -> None:
        """Fix a finding, or without one look for look-alikes among images that were not decoded yet."""
        if finding is None:
            self._check(found.ref, is_near=True)
            return

        def confirmed(is_wanted: bool) -> None:
            if is_wanted:
                self._fix(found, finding)

        text = f"{finding.message} {finding.fix}. It becomes a new version;"
        text += name_keys(self._host, " {undo} takes it back.")
        text += f"\n\n$ {write_command('check', found.ref, options={'fix': finding.kind.value})}"
        self._host.put(Confirm(f"Fix {found.ref}", text, yes="Fix it"), confirmed)

    def _check(self, ref: str, *, is_near: bool | None, dropped: Sequence[Dropped] = ()) -> None:
        def work(observer: ScreenObserver) -> CheckResult:
            from mlwf_tui.workflow.check import check  # noqa: PLC0415 - numpy, which no other verb needs here

            return check(self._host.workspace, ref, is_near=is_near, observer=observer)

        def done(found: CheckResult) -> None:
            self._host.show_check(found)
            self._show_dropped(dropped)

        self._host.do_long(f"Check {ref}", work, done)

    def _fix(self, found: CheckResult, finding: Finding) -> None:
        def work(observer: ScreenObserver) -> FixResult:
            from mlwf_tui.workflow.fixing import fix  # noqa: PLC0415 - as above

            if resolve_manifest(self._host.workspace, found.ref)[1] != found.manifest:
                raise Conflict(
                    f"{found.ref} holds something else than when it was checked.", hint="Check it again."
                )
            return fix(self._host.workspace, found.ref, [finding.kind], observer=observer)

        def fixed(made: FixResult) -> None:
            finish(self._host, describe_fix(made), has_moved=made.created)
            ref = f"{made.project}@{made.version}" if "@" in found.ref else found.ref
            self._check(ref, is_near=None, dropped=made.dropped)

        self._host.do_long(f"Fix {found.ref}", work, fixed)

    def _show_dropped(self, dropped: Sequence[Dropped]) -> None:
        if not dropped:
            return
        lines = [
            Content.assemble((one.item, "bold"), ("  kept: ", "$text-muted"), one.kept)
            for one in dropped[:MAX_DROPPED_SHOWN]
        ]
        hidden = len(dropped) - len(lines)
        if hidden:
            lines.append(Content.styled(f"… and {hidden:,} more", "$text-muted"))
        self._host.put(Sheet("Copies that were dropped", Content("\n").join(lines)), lambda _: None)


def describe_fix(made: FixResult) -> str:
    """Return what a fix did in one sentence."""
    if not made.created:
        return f"Nothing to fix in {made.project}@{made.version}: the rest needs an eye."
    counts = (
        (made.objects_clipped, "object", "clipped"),
        (made.objects_dropped, "object", "dropped"),
        (len(made.dropped), "image", "dropped"),
    )
    parts = [f"{format_count(count, noun)} {done}" for count, noun, done in counts if count]
    parts += [f"class {name} dropped" for name in made.classes_dropped[:3]]
    return f"Made {made.project}@{made.version}: {', '.join(parts)}."
