"""The lineage graph as a picture: SVG, and an HTML page that opens offline and can be moved and searched."""

from __future__ import annotations

from html import escape
from itertools import pairwise

from mlwf_tui.entities.card import MAX_DESCRIPTION, show_safely
from mlwf_tui.entities.lineage import LineageGraph, LineageNode
from mlwf_tui.workflow.graphs.formats import STATE_MARKS
from mlwf_tui.workflow.graphs.places import Places, place

BOX_WIDTH, BOX_HEIGHT = 240, 44  # pixels, as all below
GAP_X, GAP_Y, MARGIN = 60, 16, 20
TITLE_LENGTH, DETAIL_LENGTH = 24, 32
NO_XML = {0xFFFE: None, 0xFFFF: None}  # of what show_safely lets through
COLORS = {
    "run": "#64748b", "folder": "#a16207", "file": "#a16207", "weights": "#7c3aed", "project": "#0891b2",
    "version": "#0e7490", "dataset": "#0891b2", "model": "#7c3aed", "report": "#be185d",
    "session": "#15803d", "labeling_job": "#c2410c",
}  # fmt: skip
STYLE = """
svg{font-family:system-ui,sans-serif;font-size:12px;background:#fff}
.node rect{fill:#fff;stroke-width:1.5}.node .title{font-weight:600;fill:#0f172a}
.node .detail,.node .kind{fill:#475569;font-size:10px}.edge{fill:none;stroke:#94a3b8;stroke-width:1.2}
"""
PAGE_STYLE = """
html,body{margin:0;height:100%;font-family:system-ui,sans-serif}body{display:flex;flex-direction:column}
header{display:flex;gap:1em;align-items:center;padding:.4em .8em;border-bottom:1px solid #cbd5e1}
main{flex:1;min-height:0;position:relative}main svg{width:100%;height:100%;cursor:grab}
input{font:inherit;padding:.2em .5em;width:18em}#about{color:#475569}.dim{opacity:.13}
.found rect{stroke-width:3.5}.node{cursor:pointer}
"""
SCRIPT = """
const svg = document.querySelector('svg'), about = document.querySelector('#about');
const nodes = new Map([...document.querySelectorAll('.node')].map(node => [node.dataset.id, node]));
const edges = [...document.querySelectorAll('.edge')];
const box = svg.viewBox.baseVal;
const whole = {x: box.x, y: box.y, width: box.width, height: box.height};
let drag = null;

svg.addEventListener('wheel', event => {
  event.preventDefault();
  const factor = event.deltaY > 0 ? 1.15 : 1 / 1.15, frame = svg.getBoundingClientRect();
  box.x += box.width * (event.clientX - frame.left) / frame.width * (1 - factor);
  box.y += box.height * (event.clientY - frame.top) / frame.height * (1 - factor);
  box.width *= factor;
  box.height *= factor;
}, {passive: false});
svg.addEventListener('pointerdown', event => {
  drag = {x: event.clientX, y: event.clientY, left: box.x, top: box.y, isFar: false};
});
addEventListener('pointermove', event => {
  if (!drag) return;
  const scale = Math.max(box.width / svg.clientWidth, box.height / svg.clientHeight);
  const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
  drag.isFar ||= Math.abs(dx) + Math.abs(dy) > 4;
  box.x = drag.left - dx * scale;
  box.y = drag.top - dy * scale;
});
addEventListener('pointerup', event => {
  const ended = drag;
  drag = null;
  if (ended && !ended.isFar) choose(event.target.closest('.node'));
});
function reach(start, from, to) {
  const seen = new Set([start]), waiting = [start];
  while (waiting.length) {
    const at = waiting.pop();
    for (const edge of edges) {
      if (edge.dataset[from] !== at || seen.has(edge.dataset[to])) continue;
      seen.add(edge.dataset[to]);
      waiting.push(edge.dataset[to]);
    }
  }
  return seen;
}
function choose(node) {
  const id = node && node.dataset.id;
  const kept = node && new Set([...reach(id, 'source', 'target'), ...reach(id, 'target', 'source')]);
  const isDim = name => Boolean(kept) && !kept.has(name);
  nodes.forEach((other, name) => other.classList.toggle('dim', isDim(name)));
  for (const edge of edges) {
    edge.classList.toggle('dim', isDim(edge.dataset.source) || isDim(edge.dataset.target));
  }
  about.textContent = node ? node.querySelector('title').textContent : '';
}
document.querySelector('input').addEventListener('input', event => {
  const text = event.target.value.toLowerCase();
  const isFound = node => text !== '' && node.textContent.toLowerCase().includes(text);
  nodes.forEach(node => node.classList.toggle('found', isFound(node)));
});
addEventListener('keydown', event => {
  if (event.key === 'Escape') { choose(null); Object.assign(box, whole); }
});
"""


def to_svg(graph: LineageGraph) -> str:
    """Return the graph as one SVG picture, in layers from left to right; it needs no other file."""
    places = place(graph)
    width = 2 * MARGIN + places.layer_count * (BOX_WIDTH + GAP_X)
    height = 2 * MARGIN + places.row_count * (BOX_HEIGHT + GAP_Y)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}">',
        f"<style>{STYLE}</style>",
        *(_draw_edge(places, edge.source, edge.target) for edge in graph.edges),
        *(_draw_node(places, node) for node in graph.nodes),
        "</svg>",
    ]
    return "\n".join(lines)


def to_html(graph: LineageGraph) -> str:
    """Return a page with the graph to be dragged, zoomed, searched and followed; nothing is fetched."""
    count = f"{len(graph.nodes):,} nodes, {len(graph.edges):,} edges"
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            f"<title>Lineage</title>\n<style>{PAGE_STYLE}</style>\n</head>\n<body>",
            f'<header><input type="search" placeholder="Find" aria-label="Find"> <span>{count}</span>'
            '<span id="about" role="status"></span></header>',
            f"<main>{to_svg(graph)}</main>",
            f"<script>{SCRIPT}</script>\n</body>\n</html>",
        ]
    )


def _draw_node(places: Places, node: LineageNode) -> str:
    x, y = _locate(*places.nodes[node.id])
    color = COLORS.get(node.kind, "#475569")
    mark = STATE_MARKS.get(node.state, "")
    title = _fit(f"{mark} {node.title}".strip(), TITLE_LENGTH)
    detail = _fit(node.detail, DETAIL_LENGTH)
    corner = BOX_HEIGHT // 2 if node.kind == "run" else 5
    whole = f"{node.kind} {node.title} {node.state} · {node.detail} · {node.created_at:%Y-%m-%d %H:%M} UTC"
    return (
        f'<g class="node" data-id="{_quote(node.id)}"><title>{_quote(whole)}</title>'
        f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="{corner}" stroke="{color}"/>'
        f'<text class="title" x="{x + 12}" y="{y + 18}">{_quote(title)}</text>'
        f'<text class="detail" x="{x + 12}" y="{y + 34}">{_quote(detail)}</text>'
        f'<text class="kind" x="{x + BOX_WIDTH - 12}" y="{y + 12}" text-anchor="end">{node.kind}</text></g>'
    )


def _draw_edge(places: Places, source: str, target: str) -> str:
    """Draw a curve from the right of one box through the gaps between others to the left of the next."""
    x, y = _locate(*places.nodes[source])
    points = [(x + BOX_WIDTH, y + BOX_HEIGHT // 2)]
    for layer, row in places.bends[source, target]:
        x, y = _locate(layer, row)
        points += [(x, y + BOX_HEIGHT // 2), (x + BOX_WIDTH, y + BOX_HEIGHT // 2)]
    x, y = _locate(*places.nodes[target])
    points.append((x, y + BOX_HEIGHT // 2))
    path = f"M{points[0][0]} {points[0][1]}"
    for (x1, y1), (x2, y2) in pairwise(points):
        middle = (x1 + x2) // 2
        path += f"H{x2}" if y1 == y2 else f"C{middle} {y1} {middle} {y2} {x2} {y2}"
    return f'<path class="edge" data-source="{_quote(source)}" data-target="{_quote(target)}" d="{path}"/>'


def _locate(layer: int, row: int) -> tuple[int, int]:
    return MARGIN + layer * (BOX_WIDTH + GAP_X), MARGIN + row * (BOX_HEIGHT + GAP_Y)


def _fit(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _quote(text: str) -> str:
    return escape(show_safely(text, MAX_DESCRIPTION)).translate(NO_XML)
