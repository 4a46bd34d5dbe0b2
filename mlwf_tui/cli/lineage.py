"""Commands on lineage: the graph of everything, and questions to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlwf_tui.cli.face import DONE, FAILED, Face, command, to_document, to_plain, without_nan
from mlwf_tui.cli.progress import show_progress
from mlwf_tui.cli.text import format_age, format_state, format_table
from mlwf_tui.entities.lines import first_line
from mlwf_tui.errors import InvalidParameter

if TYPE_CHECKING:  # for the annotations alone; see Face.open
    from mlwf_tui.entities.lineage import LineageGraph, LineageNode
    from mlwf_tui.workflow.affected import Affected
    from mlwf_tui.workflow.reproduce import Reproduction
    from mlwf_tui.workflow.trace import Trace

group = click.Group()
FORMATS = ("text", "mermaid", "dot", "svg", "html", "json", "openlineage", "prov")


@command(group, "graph")
@click.argument("ref", required=False)
@click.option(
    "--format", "format_", default="text", show_default=True, type=click.Choice(FORMATS),
    help="How to print it.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write it to this new file, not to the terminal."
)
@click.option("--unfold", is_flag=True, help="Draw folders of files, and bundles of runs, one by one.")
@click.option("--hidden", "with_hidden", is_flag=True, help="Draw what was hidden, too.")
def graph_command(
    face: Face, ref: str | None, format_: str, output: Path | None, unfold: bool, with_hidden: bool
) -> None:
    """Print the lineage of everything, or of one thing.

    Three or more files of one folder, and the six or more runs of a program, pipeline or search, are
    drawn as one; json, openlineage and prov tell of each. svg and html need no other file and no network;
    openlineage is an event a line, prov W3C's PROV-JSON.

    \b
    mlwf graph cells
    mlwf graph cells --unfold
    mlwf graph --format html -o lineage.html
    mlwf graph my-model --format openlineage
    """
    from mlwf_tui.workflow.graph import read_graph
    from mlwf_tui.workflow.graphs.export_graph import write_graph
    from mlwf_tui.workflow.pipelines.planned_steps import add_planned_steps
    from mlwf_tui.workflow.whole_files import write_new_file

    with face.open() as workspace:
        graph = read_graph(workspace, ref)
        if format_ not in ("openlineage", "prov"):  # which tell of what was done
            graph = add_planned_steps(workspace, graph)
        text = (
            _dump(graph)
            if format_ == "json"
            else write_graph(workspace, graph, format_, is_folded=not unfold, with_hidden=with_hidden)
        )
    if output is not None:
        write_new_file(output, f"{text}\n")
        face.show({"path": str(output), "nodes": len(graph.nodes)}, f"{len(graph.nodes)} nodes in {output}")
        return
    if format_ == "json":
        face = Face(home=face.home, is_json=True)
    empty = f"Nothing was done yet in {face.home}. Try mlwf demo."
    face.show(to_document(graph), text if graph.nodes or format_ not in ("text", "mermaid", "dot") else empty)


def _dump(graph: LineageGraph) -> str:
    return json.dumps(without_nan(to_document(graph)), default=to_plain, ensure_ascii=False)


@command(group, "hide")
@click.argument("refs", nargs=-1, metavar="[REF]...")
@click.option("--list", "is_list", is_flag=True, help="Only list what is hidden.")
def hide_command(face: Face, refs: Sequence[str], is_list: bool) -> None:
    """Leave things out where people look at the lineage; nothing of them is deleted.

    REF is anything with a name or an id, KIND:ID as on the graph, or a path; of a project, all that it has
    been until now. `mlwf graph --hidden` draws them all the same.

    \b
    mlwf hide 3f9a my-first-model
    mlwf hide --list
    """
    from mlwf_tui.workflow.hide import hide, list_hidden

    with face.open() as workspace:
        if is_list:
            if refs:
                raise InvalidParameter("--list takes no REF.", hint="Leave it out.")
            _show_hidden(face, list_hidden(workspace))
            return
        nodes = hide(workspace, refs)
    face.show({"nodes": list(nodes), "is_hidden": True}, f"{len(nodes)} hidden")


@command(group, "unhide")
@click.argument("refs", nargs=-1, metavar="[REF]...")
@click.option("--all", "is_all", is_flag=True, help="All that is hidden.")
def unhide_command(face: Face, refs: Sequence[str], is_all: bool) -> None:
    """Show on the lineage again what was hidden.

    \b
    mlwf unhide 3f9a
    mlwf unhide --all
    """
    from mlwf_tui.workflow.hide import list_hidden, unhide

    if is_all and refs:
        raise InvalidParameter("--all takes no REF.", hint="Leave one of them out.")
    with face.open() as workspace:
        hidden = [node.id for node in list_hidden(workspace)] if is_all else []
        nodes = unhide(workspace, hidden if is_all else refs) if hidden or not is_all else ()
    face.show({"nodes": list(nodes), "is_hidden": False}, f"{len(nodes)} shown again")


def _show_hidden(face: Face, nodes: Sequence[LineageNode]) -> None:
    rows = [(node.id, node.title, _tell(node), format_age(node.created_at)) for node in nodes]
    text = format_table(("NODE", "NAME", "", "MADE"), rows, empty="Nothing is hidden.")
    face.show({"nodes": [to_document(node) for node in nodes]}, text)


@command(group, "trace")
@click.argument("ref")
@click.option("--up", "is_up", is_flag=True, help="Only what it came from.")
@click.option("--down", "is_down", is_flag=True, help="Only what came of it.")
@click.option("--to", metavar="REF", help="Only the ways between it and this.")
@click.option("--depth", type=click.IntRange(1), help="Go this many edges far; artifact to run is one.")
@click.option(
    "--kind", "kinds", multiple=True, metavar="KIND", help="List only these: model, version, run, …"
)
@click.option("--item", metavar="DATASET/NAME", help="What would be affected if this item of it were wrong.")
def trace_command(
    face: Face,
    ref: str,
    is_up: bool,
    is_down: bool,
    to: str | None,
    depth: int | None,
    kinds: Sequence[str],
    item: str | None,
) -> None:
    """Ask the lineage: what a thing came from, what came of it, and how two things hang together.

    REF is anything with a name or an id, KIND:ID as on the graph, PROJECT@2.1 for an edit between two
    versions, or the path of a folder or file. Of a search come its trials.

    \b
    mlwf trace my-model --up                  what this model was made from
    mlwf trace cells@2 --down --kind model    which models used this version
    mlwf trace cells@2 --to my-report         the way from one to the other
    mlwf trace cells@2 --item main/a.jpg      which models, reports and versions hang on this image
    """
    from mlwf_tui.workflow.graphs.refs_on_graph import find_nodes
    from mlwf_tui.workflow.trace import find_paths, trace

    if item is not None:
        if to is not None or is_up or is_down or depth or kinds:
            raise InvalidParameter("--item goes with no other option.", hint="Ask one question at a time.")
        _show_affected(face, ref, item)
        return
    with face.open() as workspace:
        if to is None:
            both = is_up == is_down
            found = trace(
                workspace, ref, is_up=is_up or both, is_down=is_down or both, depth=depth, kinds=kinds
            )
            ends: tuple[str, ...] = ()
        else:
            if is_up or is_down or depth or kinds:
                raise InvalidParameter("--to goes with no other option.", hint="Leave the others out.")
            found = find_paths(workspace, ref, to)
            ends = tuple(f"{kind}:{id}" for kind, id in find_nodes(workspace, to))
    _show_trace(face, ref, found, ends)


@command(group, "reproduce")
@click.argument("run")
@click.option("--check", "is_check", is_flag=True, help="Only say what it lacks to be done again.")
@click.option("--against", metavar="RUN", help="Do nothing: compare with this run, which did it again.")
@click.option("--tolerance", default=0.01, show_default=True, help="How far metrics may lie apart.")
@click.option("--detach", is_flag=True, help="Queue it, and do not wait; --against compares later.")
def reproduce_command(
    face: Face, run: str, is_check: bool, against: str | None, tolerance: float, detach: bool
) -> int:
    """Do a run again, and say whether its outcome is the same.

    Of an import, transform, pipeline and application the digests of the data are compared, of a training
    and a benchmark the metrics. The exit code is 1 where they differ. What it lacks is said before anything
    is started: an import needs its folder with the same files. Of a version, model or report the run is
    done again that made it.

    \b
    mlwf reproduce 3f9a
    mlwf reproduce cells@2
    mlwf reproduce 3f9a --detach            # prints a run, say 77c1
    mlwf reproduce 3f9a --against 77c1
    """
    from mlwf_tui.workflow import reproduce
    from mlwf_tui.workflow.runs import get_run

    with face.open() as workspace, show_progress("reproduce") as observer:
        found = reproduce.find_maker(workspace, run)
        if is_check:
            lacks = reproduce.find_lacks(workspace, found, observer)
            changes = reproduce.find_changes(found)
            return _show_lacks(face, found.id, lacks, changes)
        if against is not None:
            made = reproduce.judge(workspace, found, get_run(workspace, against), tolerance=tolerance)
        elif reproduce.needs_job(workspace, found):
            again = reproduce.submit_again(workspace, found.id, observer=observer)
            if detach:
                text = f"{again.id} does {found.verb} {found.id} again"
                face.show({"run": found.id, "again": again.id, "state": again.state.value}, text)
                return DONE
            from mlwf_tui.cli.following import follow_run, raise_failure

            finished = follow_run(workspace, again)
            raise_failure(finished)
            made = reproduce.conclude(workspace, found, finished, tolerance=tolerance)
        else:
            made = reproduce.reproduce_now(workspace, found.id, observer=observer)
    face.show(to_document(made), lambda: "\n".join(_format_reproduction(made)))
    return DONE if made.is_same else FAILED


def _show_lacks(face: Face, run_id: str, lacks: Sequence[str], changes: Sequence[str]) -> int:
    document = {"run": run_id, "is_reproducible": not lacks, "lacks": list(lacks), "changes": list(changes)}
    lines = [f"lacks: {lack}" for lack in lacks] or [f"{run_id} can be done again"]
    lines += [f"note: {change}" for change in changes]
    face.show(document, "\n".join(lines))
    return FAILED if lacks else DONE


def _format_reproduction(made: Reproduction) -> list[str]:
    how = f", within {made.tolerance:g}" if made.tolerance else ", to the digest"
    lines = [f"{made.again} came out {'the same' + how if made.is_same else 'differently from ' + made.run}"]
    rows = [
        (
            output.name,
            _tell_value(output.before),
            _tell_value(output.after),
            "" if output.is_same else "differs",
        )
        for output in made.outputs
    ]
    return [*lines, format_table(("", "BEFORE", "AGAIN", ""), rows, empty=""), *made.notes]


def _tell_value(value: str | float | None) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else value[:16]


def _show_trace(face: Face, ref: str, found: Trace, ends: tuple[str, ...]) -> None:
    from mlwf_tui.workflow.trace import find_shortest

    path = find_shortest(found, ends) if ends else ()
    document: dict[str, Any] = {
        "ref": ref,
        "starts": list(found.starts),
        "nodes": [to_document(traced.node) | {"distance": traced.distance} for traced in found.nodes],
        "edges": [to_document(edge) for edge in found.graph.edges],
    }
    if ends:
        document["path"] = [node.id for node in path]
    face.show(document, lambda: _format_path(found, path) if ends else _format_trace(ref, found))


def _format_trace(ref: str, found: Trace) -> str:
    rows = [
        (f"{traced.distance:+d}", traced.node.kind, _name(traced.node), _tell(traced.node),
         format_age(traced.node.created_at))
        for traced in found.nodes
    ]  # fmt: skip
    return format_table(("EDGES", "KIND", "NAME", "", "MADE"), rows, empty=f"{ref} hangs on nothing else.")


def _format_path(found: Trace, path: Sequence[LineageNode]) -> str:
    steps = {(edge.source, edge.target) for edge in found.graph.edges}
    arrow = "→ " if len(path) > 1 and (path[0].id, path[1].id) in steps else "← "  # as the data went
    lines = [f"{'' if place == 0 else arrow}{node.kind} {_name(node)}  {_tell(node)}".rstrip()
             for place, node in enumerate(path)]  # fmt: skip
    beside = len(found.graph.nodes) - len(path)
    if beside > 0:
        lines.append(f"({beside} more nodes lie on longer ways; --json lists all)")
    return "\n".join(lines)


def _name(node: LineageNode) -> str:
    """Return what a node is called, so that another command takes it: a run has its id behind its verb."""
    from mlwf_tui.entities.lineage import RUN_KIND  # loaded with the verb by now

    return f"{node.title} {node.id.partition(':')[2]}" if node.kind == RUN_KIND else node.title


def _tell(node: LineageNode) -> str:
    detail = first_line(node.detail).removeprefix(f"{node.state} · ")  # as of what was deleted
    return " ".join(part for part in (format_state(node.state), detail) if part)


def _show_affected(face: Face, ref: str, key: str) -> None:
    from mlwf_tui.workflow.affected import find_affected

    with face.open() as workspace, show_progress("trace") as observer:
        found = find_affected(workspace, ref, key, observer=observer)
    document = {
        "ref": ref,
        "key": found.key,
        "blob": found.blob,
        "places": [to_document(place) for place in found.places],
        "nodes": [to_document(one.node) | {"effect": one.effect.value} for one in found.nodes],
        "unread": list(found.unread),
    }
    face.show(document, lambda: "\n".join(_format_affected(found)))


def _format_affected(found: Affected) -> list[str]:
    places = [(p.ref, p.key, p.split.value, "made of it" if p.is_derived else "") for p in found.places]
    nodes = [(one.effect.value, one.node.kind, one.node.title, _tell(one.node)) for one in found.nodes]
    lines = [
        format_table(("IN", "ITEM", "SPLIT", ""), places, empty="No version holds it."),
        "",
        format_table(("EFFECT", "KIND", "NAME", ""), nodes, empty="Nothing came of it."),
    ]
    if found.unread:
        lines.append(f"could not be looked into: {', '.join(found.unread)}")
    return lines
