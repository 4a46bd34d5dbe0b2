"""What a form of a pipeline's part can say before it is sent: faults, and how many items go through."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content

from mlwf_tui.entities.pipeline import Pipeline
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.screens.counting_form import draw_error
from mlwf_tui.tui.screens.pipeline_editor import draw_faults
from mlwf_tui.tui.screens.pipeline_rows import format_items
from mlwf_tui.tui.screens.verbs.draft_subjects import Values
from mlwf_tui.workflow.pipelines.drafts import check_draft
from mlwf_tui.workspace import Workspace


def look_at(
    workspace: Workspace,
    build: Callable[[Values], tuple[Pipeline, str]],
    values: Values,
    *,
    is_counting: bool = False,
) -> Content:
    """Return what would be wrong with a part of these values, and how many items go through it."""
    try:
        pipeline, key = build(values)
    except InvalidParameter as error:
        return draw_error(error)
    check = check_draft(workspace, pipeline, ScreenObserver(lambda _: None), is_counting=is_counting)
    own = [fault for fault in check.faults if fault.part == key]
    others = sum(not fault.is_warning for fault in check.faults) - sum(not f.is_warning for f in own)
    if own:
        return draw_faults(own)
    report = next((one for one in check.steps if f"step:{one.name}" == key), None)
    items = f"  {format_items(report)} items" if report is not None else ""
    rest = f"  {others:,} faults elsewhere" if others else ""
    return Content.assemble(("✓ it fits", "$success"), (items, "bold"), (rest, "$text-muted"))
