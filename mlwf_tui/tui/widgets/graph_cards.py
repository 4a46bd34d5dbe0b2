"""One node of the lineage graph as a card: three lines, one, or a dot; where it stands is the layout's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from rich.cells import cell_len

from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.entities.run import Progress
from mlwf_tui.tui.widgets.drawing import KIND_GLYPHS, STATE_ROLES, Line, draw_bar, fit, measure_line
from mlwf_tui.tui.widgets.formats import STATE_GLYPHS, format_age

BOX_CLASSES = {
    f"box--{part}" for part in (*KIND_GLYPHS, "line", "lit", "dim", "title", "cursor", "badge", "tag")
}
LIGHT_FRAME = "╭─╮│├╰─╯"
HEAVY_FRAME = "┏━┓┃┣┗━┛"  # under the cursor: told apart without colour
VERSIONED = ("version", "project")  # kinds whose title ends with @N
BAR_WIDTH = 7
KIND_NAMES = {"labeling_job": "labelling", "intermediate": "step"}
_BOX_CSS = """
    & > .box--folder, & > .box--file { color: $foreground 75%; }
    & > .box--recipe, & > .box--labeling_job { color: $foreground 75%; }
    & > .box--intermediate { color: $foreground 75%; }
    & > .box--project, & > .box--dataset { color: $secondary; }
    & > .box--weights, & > .box--session { color: $accent; }
    & > .box--version { color: $primary; }
    & > .box--model { color: $accent; }
    & > .box--report { color: $warning; }
    & > .box--run { color: $foreground 75%; }
    & > .box--line { color: $foreground 45%; }
    & > .box--lit { color: $primary; text-style: bold; }
    & > .box--dim { color: $foreground 32%; }
    &:ansi > .box--dim { text-style: dim; }
    & > .box--title { color: $foreground; text-style: bold; }
    & > .box--cursor { color: $accent; text-style: bold; }
    & > .box--badge { color: $foreground; background: $primary 35%; text-style: bold; }
    &:ansi > .box--badge { text-style: reverse; }
    & > .box--tag { color: $accent; }
"""


def write_box_css(widget: str) -> str:
    """Return the colours of the roles for a widget that draws cards."""
    return f"{widget} {{{_BOX_CSS}}}\n"


class NodeCard(msgspec.Struct, frozen=True):
    """What a card shows: a node, what hangs on it, the cursor, the time, and how far it is."""

    node: LineageNode
    has_children: bool
    is_selected: bool
    now: datetime
    progress: Progress | None = None


Draw = Callable[[NodeCard, int, int], Line]


def choose_drawing(width: int, height: int) -> Draw:
    """Return what draws a card of this size in cells, given its width and which of its lines."""
    return _draw_full if height > 1 else _draw_line if width > 3 else _draw_dot


def split_title(node: LineageNode) -> tuple[str, str]:
    """Return what a node is called, and its badge: the version, how many it stands for, or "" ."""
    title = node.title
    if title.startswith("▸"):  # folded: how much is below comes first
        count, _, title = title.partition(" ")
        return title, count
    if node.members:
        name, _, count = title.rpartition(" ×")
        return (name, f"×{count}") if name else (title, f"×{len(node.members)}")
    if node.kind in VERSIONED:
        name, at, number = title.rpartition("@")
        return (name, f"@{number}") if at else (title, "")
    return title, ""


def _draw_full(card: NodeCard, width: int, part: int) -> Line:
    """Return one of three lines: name and badge in the frame, detail, state, age and kind in the frame."""
    frame = HEAVY_FRAME if card.is_selected else LIGHT_FRAME
    border = "box--cursor" if card.is_selected else f"box--{card.node.kind}"
    if part == 1:
        end = frame[4] if card.has_children else frame[3]
        return [
            (f"{frame[3]} ", border),
            *_draw_detail(card.node, width - 4, card.progress),
            (f" {end}", border),
        ]
    if part == 0:
        return _draw_head(card.node, width, frame, border)
    return _draw_foot(card.node, width, frame, border, card.now)


def _draw_head(node: LineageNode, width: int, frame: str, border: str) -> Line:
    title, badge = split_title(node)
    first, rule, last = frame[0], frame[1], frame[2]
    pill = fit(f" {badge} ", min(cell_len(badge) + 2, width // 2)) if badge else ""
    title = fit(title, min(cell_len(title), width - 8 - cell_len(pill)))
    label: Line = [
        (f"{first}{rule} ", border),
        (f"{KIND_GLYPHS[node.kind]} ", f"box--{node.kind}"),
        (title, "box--title"),
    ]
    end: Line = [(pill, "box--badge"), (f"{rule}{last}", border)] if pill else [(last, border)]
    rest = width - measure_line(label) - measure_line(end) - 1
    return [*label, (" " + rule * rest, border), *end]


def _draw_foot(node: LineageNode, width: int, frame: str, border: str, now: datetime) -> Line:
    first, rule, last = frame[5], frame[6], frame[7]
    kind = KIND_NAMES.get(node.kind, node.kind)
    label: Line = [(f"{first}{rule} ", border), *_describe_state(node, now)]
    rest = width - measure_line(label) - cell_len(kind) - 5
    if rest < 1:
        return [*label, (" " + rule * (width - measure_line(label) - 2) + last, border)]
    return [*label, (f" {rule * rest} ", border), (kind, "muted"), (f" {rule}{last}", border)]


def _draw_detail(node: LineageNode, width: int, progress: Progress | None) -> Line:
    """Return the one line of detail: how far it is, its tags, what it holds or has reached."""
    if progress is not None and progress.total:
        share = min(1.0, progress.step / progress.total)
        done = f" {share:4.0%} "
        bar = draw_bar(share, BAR_WIDTH)
        return [
            (bar, "accent"),
            (done, "text"),
            (fit(progress.message, width - BAR_WIDTH - len(done)), "muted"),
        ]
    if node.members:
        return [(fit(_put_best_first(node.detail), width), "muted")]
    if not node.tags:
        return [(fit(node.detail, width), "muted")]
    tags = " ".join(f"#{tag}" for tag in node.tags)
    words = node.detail.removeprefix(" · ".join(node.tags)).removeprefix(" · ")
    tags = fit(tags, min(cell_len(tags), width))
    return [(tags, "box--tag"), (fit(f" {words}", width - cell_len(tags)), "muted")]


def _put_best_first(detail: str) -> str:
    """Return what is said of many runs with their best metric before their count, which the badge has."""
    rest, _, best = detail.rpartition(" · best ")
    if not rest:
        return detail
    value = best.rpartition(" in ")[0] or best
    return f"best {value.rpartition('/')[2]} · {rest.rpartition(': ')[2]}"


def _draw_line(card: NodeCard, width: int, part: int) -> Line:
    """Return a card of one line: glyph, title, badge and, of a run, its state or how far it is."""
    node, progress = card.node, card.progress
    frame = HEAVY_FRAME if card.is_selected else LIGHT_FRAME
    border = "box--cursor" if card.is_selected else f"box--{node.kind}"
    title, badge = split_title(node)
    if progress is not None and progress.total:
        badge = f"{min(1.0, progress.step / progress.total):.0%}"
    badge = fit(f" {badge}", min(cell_len(badge) + 1, width // 2)) if badge else ""
    return [
        (frame[3], border),
        (f"{KIND_GLYPHS[node.kind]} ", f"box--{node.kind}"),
        (fit(title, width - 6 - cell_len(badge)), "box--cursor" if card.is_selected else "box--title"),
        (badge, f"box--{node.kind}"),
        (f" {STATE_GLYPHS.get(node.state, ' ')}", STATE_ROLES.get(node.state, "muted")),
        (frame[4] if card.has_children else frame[3], border),
    ]


def _draw_dot(card: NodeCard, width: int, part: int) -> Line:
    """Return three cells: the glyph of the kind, of a run in the colour of its state."""
    node = card.node
    glyph = KIND_GLYPHS[node.kind]
    if card.is_selected:
        return [(f"[{glyph}]", "box--cursor")]
    return [(f" {glyph} ", STATE_ROLES.get(node.state, f"box--{node.kind}"))]


def _describe_state(node: LineageNode, now: datetime) -> Line:
    """Return state and age; a run's state has a glyph of its own shape as well as its colour."""
    age = format_age(node.created_at, now)
    glyph = STATE_GLYPHS.get(node.state)
    if glyph:
        return [(f"{glyph} {node.state}", STATE_ROLES[node.state]), (f" · {age}", "muted")]
    return [(f"{node.state} · {age}" if node.state else age, "muted")]
