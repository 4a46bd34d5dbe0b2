"""What is done to a part of a project or version: a dataset of it, or some of its items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from textual.content import Content

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.item import check_dataset
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.tui.screens.marks import join_excerpt
from mlwf_tui.tui.screens.verbs.conditions import quote, write_condition
from mlwf_tui.tui.screens.verbs.drafting import Drafting
from mlwf_tui.tui.screens.verbs.exporting import Exporting
from mlwf_tui.tui.screens.verbs.host import Host, finish
from mlwf_tui.tui.screens.verbs.models import Models
from mlwf_tui.tui.screens.verbs.piping import Piping
from mlwf_tui.tui.screens.verbs.transforming import Transforming
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.entry import Entry, Excerpt
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow.affected import Affected, find_affected
from mlwf_tui.workflow.transform import TransformResult, transform

MAX_LISTED = 500


class Excerpts:
    """Asks for it and does it; `by_key` has the verbs by the ids of their keys.

    What changes the part makes a new state of the project, which undo takes back.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._models, self._exporting = Models(host), Exporting(host)
        self._transforming = Transforming(host, Drafting(host, Piping(host)))
        self.by_key: Mapping[str, Callable[[Sequence[Entry]], None]] = {
            "export": self.export,
            "transform": self.transform,
            "benchmark": self.benchmark,
            "tag": partial(self.tag, "add"),
            "untag": partial(self.tag, "remove"),
            "rename": self.rename,
            "delete": self.delete,
            "trace": self.trace,
            "yank": self.yank,
            "yank_id": self.yank_id,
        }

    def export(self, targets: Sequence[Entry]) -> None:
        """Ask for a format and write this part alone."""
        self._exporting.export_part(join_excerpt(targets))

    def transform(self, targets: Sequence[Entry]) -> None:
        """Ask for an operation of those that can be told which items are meant."""
        within = targets[0].within
        if within is not None:
            self._transforming.transform_part(within, write_condition(join_excerpt(targets)))

    def benchmark(self, targets: Sequence[Entry]) -> None:
        """Ask for a model and measure it on this part alone."""
        within = targets[0].within
        if within is not None:
            self._models.benchmark(within, join_excerpt(targets))

    def tag(self, action: str, targets: Sequence[Entry]) -> None:
        """Give the items a tag, or take it away, in a new state of their project."""
        excerpt = join_excerpt(targets)
        what = describe(excerpt)

        def named(name: str) -> None:
            told = f"Tagged {what} with {name}" if action == "add" else f"Took {name} off {what}"
            params = {"tag": name, "action": action, "where": write_condition(excerpt)}
            self._change("tag", excerpt, params, told, targets)

        title = f"Tag {what}" if action == "add" else f"Take a tag off {what}"
        self._host.put(Prompt(title, help="The name of a tag of items, such as night."), named)

    def rename(self, targets: Sequence[Entry]) -> None:
        """Give a dataset another name, in a new state of its project; those below it keep theirs."""
        excerpt = join_excerpt(targets)

        def named(name: str) -> None:
            where = f"dataset == {quote(excerpt.dataset)}"
            params = {"to": name, "where": where, "flat": "true"}
            self._change("move", excerpt, params, f"Renamed {excerpt.dataset} to {name}", targets)

        title = f"Rename {excerpt.dataset}"
        self._host.put(Prompt(title, value=excerpt.dataset, find_fault=_find_fault), named)

    def delete(self, targets: Sequence[Entry]) -> None:
        """Take the items out of the head; every version keeps what it has."""
        excerpt = join_excerpt(targets)
        what = describe(excerpt)

        def confirmed(is_wanted: bool) -> None:
            if is_wanted:
                params = {"where": write_condition(excerpt), "invert": "true"}
                self._change("filter", excerpt, params, f"Took {what} out", targets)

        text = f"The head of {excerpt.ref} will lack {what}."
        text += " Its versions keep what they have, and undo brings it back."
        self._host.put(Confirm(f"Delete {what}", text, yes="Delete", is_dangerous=True), confirmed)

    def trace(self, targets: Sequence[Entry]) -> None:
        """List all that hangs on the first of the items."""
        excerpt = join_excerpt(targets)
        key = excerpt.items[0].key

        def shown(found: Affected) -> None:
            self._host.put(Sheet(f"What hangs on {key}", draw_affected(found)), lambda _: None)

        self._host.do_long(
            f"Trace {key}",
            lambda observer: find_affected(self._host.workspace, excerpt.target, key, observer=observer),
            shown,
        )

    def yank(self, targets: Sequence[Entry]) -> None:
        """Copy the names, a line each."""
        self._host.copy("\n".join(entry.ref for entry in targets))

    def yank_id(self, targets: Sequence[Entry]) -> None:
        """Copy the digests of the images, a line each."""
        self._host.copy("\n".join(item.blob for item in join_excerpt(targets).items))

    def _change(
        self, operation: str, excerpt: Excerpt, params: Mapping[str, str], told: str, targets: Sequence[Entry]
    ) -> None:
        def said(made: TransformResult) -> None:
            self._host.marks.drop(targets)
            text = f"{told}: {made.project}@{made.version}. Undo takes it back."
            finish(self._host, text, has_moved=True)

        work = partial(
            transform, self._host.workspace, operation, (excerpt.target,), to=excerpt.target, params=params
        )
        self._host.do_long(told, lambda observer: work(observer=observer), said)


def describe(excerpt: Excerpt) -> str:
    """Return it in words: "the dataset plate", "plate/7.jpg", "3 items"."""
    if not excerpt.items:
        return f"the dataset {excerpt.dataset}"
    if len(excerpt.items) == 1:
        return excerpt.items[0].key
    return format_count(len(excerpt.items), "item")


def draw_affected(found: Affected) -> Content:
    """Return where an image lies, and what would be affected if it were wrong, strongest effects first."""
    lines = [Content.styled("lies in", "bold $secondary")]
    for place in found.places[:MAX_LISTED]:
        note = "  made of it" if place.is_derived else ""
        split = f"{place.split.value:<6}"
        lines.append(Content.assemble((f"{split} ", "$text-muted"), f"{place.ref}  {place.key}", note))
    lines.append(Content.styled("\nwould be affected", "bold $secondary"))
    lines += _list_affected(found)
    if found.unread:
        unread = ", ".join(found.unread)
        lines.append(Content.styled(f"\ncould not be looked into: {unread}", "$text-warning"))
    return Content("\n").join(lines)


def _list_affected(found: Affected) -> Iterator[Content]:
    for one in found.nodes[:MAX_LISTED]:
        effect = (f"{one.effect.value:<11}", "$accent")
        yield Content.assemble(effect, (f"{one.node.kind:<9}", "$text-muted"), one.node.title)
    if not found.nodes:
        yield Content.styled("Nothing came of it.", "$text-muted")


def _find_fault(text: str) -> str:
    try:
        check_dataset(text)
    except InvalidParameter as error:
        return error.message
    return ""
