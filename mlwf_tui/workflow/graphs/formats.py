"""The lineage graph as text, Mermaid, DOT and JSON; not a verb of its own."""

from __future__ import annotations

import json
from collections import defaultdict

from mlwf_tui.entities.card import MAX_DESCRIPTION, show_safely
from mlwf_tui.entities.lineage import LineageGraph, LineageNode

STATE_MARKS = {"running": "●", "done": "✔", "failed": "✖", "stopped": "■", "queued": "○", "lost": "?"}


def to_text(graph: LineageGraph) -> str:
    """Return the graph as an indented tree, each node once; later mentions point back with ↑."""
    children: defaultdict[str, list[LineageNode]] = defaultdict(list)
    by_id = {node.id: node for node in graph.nodes}
    targets = {edge.target for edge in graph.edges}
    for edge in graph.edges:
        children[edge.source].append(by_id[edge.target])
    lines: list[str] = []
    seen: set[str] = set()
    waiting = [(node, "", "", True) for node in reversed(graph.nodes) if node.id not in targets]
    while waiting:  # a stack, since a long history is deeper than Python's recursion
        node, lead, branch, is_last = waiting.pop()
        mark = " ↑" if node.id in seen else ""
        lines.append(f"{lead}{branch}{_describe(node)}{mark}")
        if node.id in seen:
            continue
        seen.add(node.id)
        below = lead + ("" if not branch else "   " if is_last else "│  ")
        nodes = children[node.id]
        for index in range(len(nodes) - 1, -1, -1):
            is_end = index == len(nodes) - 1
            waiting.append((nodes[index], below, "└─ " if is_end else "├─ ", is_end))
    return "\n".join(lines)


def to_mermaid(graph: LineageGraph) -> str:
    """Return the graph as a Mermaid flowchart."""
    shapes = {"run": ("([", "])")}
    lines = ["flowchart LR"]
    names = {node.id: f"n{index}" for index, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        opening, closing = shapes.get(node.kind, ("[", "]"))
        text = "<br/>".join(_escape_mermaid(part) for part in (node.title, node.detail) if part)
        lines.append(f'  {names[node.id]}{opening}"{text}"{closing}')
    lines += [f"  {names[edge.source]} --> {names[edge.target]}" for edge in graph.edges]
    return "\n".join(lines)


def to_dot(graph: LineageGraph) -> str:
    """Return the graph in Graphviz' DOT language."""
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box, style=rounded];"]
    for node in graph.nodes:
        shape = " shape=ellipse" if node.kind == "run" else ""
        label = "\n".join(show_safely(text, MAX_DESCRIPTION) for text in (node.title, node.detail))
        lines.append(f"  {_quote(node.id)} [label={_quote(label)}{shape}];")
    lines += [f"  {_quote(edge.source)} -> {_quote(edge.target)};" for edge in graph.edges]
    return "\n".join([*lines, "}"])


def _describe(node: LineageNode) -> str:
    mark = STATE_MARKS.get(node.state, "")
    words = [mark, node.title if node.kind == "run" else f"{node.kind} {node.title}"]
    text = " ".join(word for word in words if word)
    return show_safely(f"{text}  {node.detail}" if node.detail else text, MAX_DESCRIPTION)


def _escape_mermaid(text: str) -> str:
    """Return a text that Mermaid shows as it is: it reads HTML, and entities that begin with #."""
    text = show_safely(text, MAX_DESCRIPTION)
    for character, name in (
        ("#", "#35;"), ("&", "#amp;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("`", "#96;"),
    ):  # fmt: skip
        text = text.replace(character, name)
    return text


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
