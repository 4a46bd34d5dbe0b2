"""The lineage of a home as `mlwf graph` draws it, beside the Mermaid text of the same.

Mermaid's own drawing needs a browser; its text can be pasted wherever Mermaid is drawn, as in a README.
"""

from __future__ import annotations

import re
from html import escape

from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.graphs.export_graph import write_graph
from mlwf_tui.workspace import Workspace

LINE_PX, CHARACTER_PX, HEAD_PX, MARGIN_PX = 15, 6.7, 40, 20
COLUMN_LINES, COLUMN_CHARACTERS = 16, 96  # of the Mermaid text
MERMAID = "mlwf graph --format mermaid (its text; Mermaid draws it in a browser)"


def draw_side_by_side(workspace: Workspace) -> str:
    """Return one SVG with our picture on top and the Mermaid text below."""
    graph = read_graph(workspace)
    ours = write_graph(workspace, graph, "svg")
    lines = write_graph(workspace, graph, "mermaid").splitlines()
    width, height = (int(value) for value in re.findall(r'(?:width|height)="(\d+)"', ours)[:2])
    text_top = HEAD_PX + height + HEAD_PX
    total = text_top + LINE_PX * (COLUMN_LINES + 2) + MARGIN_PX
    columns = -(-len(lines) // COLUMN_LINES)
    whole = max(width, int(columns * COLUMN_CHARACTERS * CHARACTER_PX)) + 2 * MARGIN_PX
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="{total}"'
            f' viewBox="0 0 {whole} {total}" font-family="system-ui, sans-serif">',
            f'<rect width="{whole}" height="{total}" fill="#fff"/>',
            _write_head("mlwf graph --format svg", HEAD_PX - 14),
            f'<g transform="translate({MARGIN_PX} {HEAD_PX})">{ours}</g>',
            _write_head(MERMAID, text_top - 14),
            '<g font-family="monospace" font-size="11" fill="#334155">',
            *(_write_line(number, line, text_top) for number, line in enumerate(lines)),
            "</g>\n</svg>",
        ]
    )


def _write_head(text: str, y_px: int) -> str:
    return f'<text x="{MARGIN_PX}" y="{y_px}" font-size="15" font-weight="600" fill="#0f172a">{text}</text>'


def _write_line(number: int, line: str, top_px: int) -> str:
    column, row = divmod(number, COLUMN_LINES)
    x = MARGIN_PX + int(column * COLUMN_CHARACTERS * CHARACTER_PX)
    return f'<text x="{x}" y="{top_px + LINE_PX * (row + 1)}" xml:space="preserve">{_fit(line)}</text>'


def _fit(line: str) -> str:
    return escape(line if len(line) < COLUMN_CHARACTERS else line[: COLUMN_CHARACTERS - 2] + "…")
