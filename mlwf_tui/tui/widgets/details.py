"""The pane that says all there is to say of one selected thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.entities.model import Model, Report, ReportKind
from mlwf_tui.entities.project import Project, Version
from mlwf_tui.entities.run import Run
from mlwf_tui.entities.sizes import format_size
from mlwf_tui.tui.widgets.drawing import fit
from mlwf_tui.tui.widgets.entry import Entry, Excerpt
from mlwf_tui.tui.widgets.formats import (
    STATE_GLYPHS,
    STATE_STYLES,
    STEP_GLYPHS,
    STEP_STYLES,
    format_duration,
    format_time,
    format_value,
)
from mlwf_tui.tui.widgets.hanging import hang

MIN_LABEL, MAX_LABEL = 13, 18  # cells; a longer one is cut
BAR_WIDTH = 12
NOTHING = "What the cursor is on is told here: 1 goes to the projects, j and k go on."
MAKERS = {
    "section:models": "t on a project or version trains a model",
    "section:reports": "b on a model measures it",
    "section:runs": "i imports a folder, and every verb is a run",
}
"""What fills a section of the tree that is empty."""
Line = tuple[str, Content | str]
"""A label and what stands behind it; an empty label begins a heading."""


class Details(VerticalScroll):
    """Draws an entry as labelled lines; `facts` adds what only the workflow can tell."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll_down", "down", show=False, id="details.down"),
        Binding("k,up", "scroll_up", "up", show=False, id="details.up"),
        Binding("g,home", "scroll_home", "top", show=False, id="details.top"),
        Binding("G,end", "scroll_end", "bottom", show=False, id="details.bottom"),
        Binding("ctrl+d,pagedown", "page_down", "page down", show=False, id="details.page_down"),
        Binding("ctrl+u,pageup", "page_up", "page up", show=False, id="details.page_up"),
    ]
    DEFAULT_CSS = """
    Details { padding: 0 1; & > Static { width: 1fr; height: auto; } }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, can_focus=True)
        self._drawn = ""
        self._title = Content("")
        self._lines: tuple[Line, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static()

    def show(self, entry: Entry | None, now: datetime, facts: Mapping[str, Any] | None = None) -> None:
        """Draw `entry` as it stands at `now`; with None, that nothing is selected."""
        if entry is None:
            self._title, self._lines = Content.styled(NOTHING, "$text-muted"), ()
        else:
            self._title, self._lines = _draw_title(entry), tuple(_list_lines(entry, now, facts or {}))
        self._draw()

    def on_resize(self) -> None:
        """Break the lines anew, where they have another room now."""
        self._draw()

    def _draw(self) -> None:
        room = self.content_size.width - self.styles.scrollbar_size_vertical
        content = _draw(self._title, self._lines, room)
        if content.markup != self._drawn:
            self._drawn = content.markup
            self.query_one(Static).update(content)


def _draw_title(entry: Entry) -> Content:
    title = Content.styled(entry.ref if isinstance(entry.entity, Version) else entry.title, "bold")
    if not entry.state:
        return title
    return title + Content.styled(f"  {STATE_GLYPHS[entry.state]} {entry.state}", STATE_STYLES[entry.state])


def _draw(title: Content, lines: Sequence[Line], room: int) -> Content:
    width = min(MAX_LABEL, max((cell_len(label) for label, _ in lines), default=0))
    width = max(MIN_LABEL, width)
    return Content("\n").join([title, *(_draw_line(label, value, width, room) for label, value in lines)])


def _draw_line(label: str, value: Content | str, width: int, room: int) -> Content:
    if not label:
        return Content.assemble("\n", (str(value), "bold $secondary"))
    if isinstance(value, str):
        value = value.rstrip().replace("\n", "\n" + " " * (width + 1))
    line = Content.assemble((f"{fit(label, width)} ", "$text-muted"), value)
    return hang(line, room, width + 1) if room > 2 * width else line


def _list_lines(entry: Entry, now: datetime, facts: Mapping[str, Any]) -> Iterator[Line]:
    match entry.entity:
        case Project() as project:
            yield from _list_project(project, now, facts)
        case Version() as version:
            yield from _list_version(version, now, facts)
        case Model() as model:
            yield from _list_model(model, now)
        case Report() as report:
            yield from _list_report(report, now)
        case Run() as run:
            yield from _list_run(run, now)
        case LineageNode() as node:
            yield from _list_node(node, now)
        case Excerpt() as excerpt:
            yield from _list_excerpt(excerpt)
        case None:
            if entry.note:
                yield "holds", entry.note
            if entry.note == "0" and entry.key in MAKERS:
                yield "make one", MAKERS[entry.key]


def _list_excerpt(excerpt: Excerpt) -> Iterator[Line]:
    yield "lies in", excerpt.ref
    if excerpt.dataset:
        yield "dataset", excerpt.dataset
    if len(excerpt.items) != 1:
        yield "items", f"{excerpt.item_count:,}"
        return
    item = excerpt.items[0]
    yield "split", item.split.value
    yield "image", f"{item.width_px}×{item.height_px} · {format_size(item.size_bytes)}"
    yield "digest", item.blob[:16]
    classes = Counter(labelled.class_name for labelled in item.annotation.objects)
    yield "objects", ", ".join(f"{name} {count:,}" for name, count in classes.items()) or "none"
    if item.annotation.tags:
        yield "tags", Content.styled(", ".join(tag.name for tag in item.annotation.tags), "$accent")


def _list_node(node: LineageNode, now: datetime) -> Iterator[Line]:
    card = node.card
    if card is not None and card.description:
        yield "about", card.description
    yield "kind", f"{len(node.members):,} cards drawn as one" if node.members else node.kind
    if node.state:
        yield "state", node.state
    if node.detail and (card is None or node.detail != card.description):
        yield "holds", node.detail
    if node.path:
        yield "path", node.path
    if node.tags:
        yield "tags", Content.styled(", ".join(node.tags), "$accent")
    if card is not None and card.url:
        yield "link", f"{card.url_title}  {card.url}"
    if node.author:
        yield "author", node.author
    yield "made", format_time(node.created_at, now)


def _list_project(project: Project, now: datetime, facts: Mapping[str, Any]) -> Iterator[Line]:
    if project.description:
        yield "about", project.description
    yield "items", f"{project.item_count:,}"
    yield "head", _describe_head(project)
    yield "workspace", project.workspace
    yield "changed", format_time(project.updated_at, now)
    yield "made", format_time(project.created_at, now)
    yield from _list_content(facts)


def _list_content(facts: Mapping[str, Any]) -> Iterator[Line]:
    """List what a project or version holds, by split, dataset and class."""
    if not facts:
        return
    if facts.get("splits"):
        yield "splits", ", ".join(f"{name} {count:,}" for name, count in facts["splits"].items())
    if facts.get("size_bytes"):
        yield "size", format_size(facts["size_bytes"])
    if facts.get("datasets"):
        yield "", "datasets"
        for dataset in facts["datasets"]:
            yield dataset["name"], format_count(dataset["item_count"], "item")
    if facts.get("classes"):
        yield "", f"classes ({facts.get('object_count', 0):,} objects)"
        most = max(found["object_count"] for found in facts["classes"]) or 1
        for found in facts["classes"]:
            yield found["name"], _draw_share(found["object_count"], most, found["color"])


def _draw_share(count: int, most: int, color: str) -> Content:
    filled = max(1, round(BAR_WIDTH * count / most)) if count else 0
    return Content.assemble(
        (f"{count:>7,}  ", ""), ("━" * filled, color), ("━" * (BAR_WIDTH - filled), "$border")
    )


def _describe_head(project: Project) -> Content:
    if project.latest_version is None:
        return Content.styled("not committed yet", "$warning")
    if project.is_changed and project.head_version is not None:
        return Content.styled(f"as @{project.head_version}; @{project.latest_version} is newer", "$warning")
    if project.is_changed:
        return Content.styled(f"changed since @{project.latest_version}", "$warning")
    return Content.styled(f"@{project.latest_version}", "$success")


def _list_version(version: Version, now: datetime, facts: Mapping[str, Any]) -> Iterator[Line]:
    yield "message", version.message or "—"
    if version.tags:
        yield "tags", Content.styled(", ".join(version.tags), "$accent")
    yield "items", f"{version.item_count:,}"
    yield "kind", version.kind.value
    yield "author", version.author
    yield "made", format_time(version.created_at, now)
    yield "manifest", version.manifest[:16]
    yield from _list_content(facts)


def _list_model(model: Model, now: datetime) -> Iterator[Line]:
    if model.description:
        yield "about", model.description
    yield "architecture", model.architecture
    yield "task", model.task
    yield "image size", f"{model.image_size_px} px"
    yield "classes", format_value(model.class_names)
    yield "trainer", model.trainer
    yield "run", model.run_id
    yield "made", format_time(model.created_at, now)
    yield from _list_metrics(model.metrics)
    if model.checkpoints:
        yield "", "checkpoints"
        for checkpoint in model.checkpoints:
            yield checkpoint.name, format_size(checkpoint.size_bytes)


def _list_report(report: Report, now: datetime) -> Iterator[Line]:
    if report.description:
        yield "about", report.description
    yield "model", report.model_name
    yield "data", report.version_ref
    yield "split", report.split
    yield "made", format_time(report.created_at, now)
    if report.kind is ReportKind.COMPARISON:
        yield "", "differences"
        yield from ((name, report.write_figure(name)) for name in report.metrics)
    else:
        yield from _list_metrics(report.metrics)
    if report.speed:
        yield "", "speed"
        for name, value in report.speed.items():
            yield name.removesuffix("_ms"), f"{value:.4g}{' ms' if name.endswith('_ms') else ''}"


def _list_metrics(metrics: Mapping[str, float]) -> Iterator[Line]:
    if not metrics:
        return
    yield "", "metrics"
    for name, value in metrics.items():
        short = name.removeprefix("metrics/")
        if 0 <= value <= 1:
            filled = round(value * BAR_WIDTH)
            bar = Content.assemble(("━" * filled, "$primary"), ("━" * (BAR_WIDTH - filled), "$border"))
            yield short, Content.assemble(f"{value:6.4f}  ", bar)
        else:
            yield short, f"{value:.4g}"


def _list_steps(run: Run) -> Iterator[Line]:
    """List the steps of a pipeline, or the points of a sweep, as they stand."""
    if run.result.get("steps"):
        yield "", "steps"
    for step in run.result.get("steps", ()):
        state, counts = step["state"], ""
        if step["items_out"] is not None:
            counts = f"  {step['items_in']:,} → {step['items_out']:,} items"
        words = f"{STEP_GLYPHS[state]} {'known before' if state == 'cached' else state}"
        yield step["name"], Content.assemble((words, STEP_STYLES[state]), counts)
    if run.result.get("points"):
        yield "", "points"
    for point in run.result.get("points", ()):
        values = "  ".join(f"{name}={value}" for name, value in point["values"].items())
        made = ", ".join(f"{output['project']}@{output['version']}" for output in point["outputs"])
        yield made, values


def _list_run(run: Run, now: datetime) -> Iterator[Line]:
    if run.error:
        yield "failed", Content.styled(run.error, "$error")
        if run.hint:
            yield "what to do", run.hint
    if run.waits_for:
        yield "waits for", Content.styled(run.waits_for, "$warning")
    if run.priority:
        yield "priority", str(run.priority)
    if run.started_at is None:
        yield "queued", format_time(run.created_at, now)
    else:
        yield "started", format_time(run.started_at, now)
    seconds = run.find_length_s(now)
    if seconds is not None:
        yield "took" if run.finished_at else "running", format_duration(seconds)
    yield "author", run.author
    yield "run", run.id
    if run.seed is not None:
        yield "seed", str(run.seed)
    for heading, ends in (("reads", run.inputs), ("makes", run.outputs)):
        for end_ref in ends:
            yield heading, Content.assemble(end_ref.title or end_ref.id, (f"  {end_ref.kind}", "$text-muted"))
    yield from _list_steps(run)
    if run.params:
        yield "", "parameters"
        for name, value in run.params.items():
            yield name, format_value(value)
    if run.environment:
        yield "", "environment"
        for name, value in run.environment.items():
            yield name, value
