"""history: what a thing was called, what was said of it and how it stood; by whom and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from mlwf_tui.entities.card import TEXTS
from mlwf_tui.entities.change import JournalEvent
from mlwf_tui.entities.project import Project, ProjectState, Version
from mlwf_tui.entities.run import Run
from mlwf_tui.workflow.graphs.refs_on_graph import find_card_node
from mlwf_tui.workspace import Workspace


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was said or done. `before` is what it took the place of, where that is known."""

    at: datetime
    author: str
    what: str  # name, description, state, version, head, tag, visibility, input, output, created, deleted, …
    text: str
    before: str = ""
    ref: str = ""  # the project's state that it made or named, where restore can bring that back: @2 or @2.1


def list_changes(workspace: Workspace, ref: str) -> tuple[Change, ...]:
    """Return all changes of a project, version, model, report, run, folder or file, oldest first.

    A project's are those of its versions as well. Nothing of it is ever edited or thrown away.

    Raises:
        NotFound: nothing is named so.
    """
    _, node_id, entity = find_card_node(workspace, ref)
    subjects = [entity.id if isinstance(entity, Project) else node_id]
    states: dict[str, ProjectState] = {}
    numbers: dict[str, str] = {}
    refs: dict[str, str] = {}
    authors: dict[str, str] = {}
    if isinstance(entity, Project):
        numbers = {v.id: f"@{v.number} " for v in workspace.catalog.versions.list(entity.id)}
        subjects += numbers
        states = {state.id: state for state in workspace.catalog.projects.list_states(entity.id)}
        authors = _find_authors(workspace, states)
        refs = _refer_to_states(states, workspace.catalog.versions.list(entity.id))
    named = _name_artifacts(entity) if isinstance(entity, Run) else {}
    changes: list[Change] = []
    card: dict[str, str] = {}
    for event in workspace.catalog.journal.read_of(subjects):
        for change in _read_event(event, states, refs, card):
            lead = numbers.get(event.subject, "")
            is_made = lead and change.what == "version"
            state = str(event.payload.get("state", ""))
            ref = lead.strip() if is_made else refs.get(state, "")
            author = change.author or (authors.get(state, "") if event.kind.startswith("head.") else "")
            changes.append(
                msgspec.structs.replace(
                    change, text=f"{lead}{named.get(change.text, change.text)}", ref=ref, author=author
                )
            )
    return tuple(changes)


def _name_artifacts(run: Run) -> dict[str, str]:
    """Return what people call the inputs and outputs of a run, by how the journal names them."""
    return {
        f"{found.kind}:{found.id}": f"{found.kind} {found.title}" for found in (*run.inputs, *run.outputs)
    }


def _find_authors(workspace: Workspace, states: Mapping[str, ProjectState]) -> dict[str, str]:
    """Return by whose run each state was made."""
    runs = workspace.catalog.runs.list(limit=None, ids={s.run_id for s in states.values() if s.run_id})
    by_run = {run.id: run.author for run in runs}
    return {id: by_run[state.run_id] for id, state in states.items() if state.run_id in by_run}


def _refer_to_states(states: dict[str, ProjectState], versions: Iterable[Version]) -> dict[str, str]:
    """Return how each state of a project is written behind its name: by the version that names it, if any.

    Of several equal ones that is the one made on it, else the newest before it. Versions come newest first.
    """
    named: dict[str, list[int]] = {}
    for version in versions:
        named.setdefault(version.manifest, []).append(version.number)
    refs: dict[str, str] = {}
    following = max((number for numbers in named.values() for number in numbers), default=0)
    for state in reversed(states.values()):
        numbers = named.get(state.manifest, [])
        by_then = [number for number in numbers if number <= following]
        if by_then or numbers:
            refs[state.id] = f"@{by_then[0] if by_then else numbers[-1]}"
        elif state.minor:
            refs[state.id] = f"@{state.base}.{state.minor}"
        following = state.base
    return refs


def list_minor_versions(workspace: Workspace, project: str) -> tuple[ProjectState, ...]:
    """Return the states of a project that no version names, oldest first; `project@2.1` means one.

    Raises:
        NotFound: there is no such project.
    """
    found = workspace.catalog.projects.get(project)
    named = {version.manifest for version in workspace.catalog.versions.list(found.id)}
    states = workspace.catalog.projects.list_states(found.id)
    return tuple(state for state in states if state.manifest not in named and state.minor)


def _read_event(
    event: JournalEvent, states: Mapping[str, ProjectState], refs: Mapping[str, str], card: dict[str, str]
) -> Iterator[Change]:
    """Yield what an event says to a person; `card` is what stood on the card before, and is kept up."""
    said = event.payload
    _, _, what = event.kind.partition(".")
    match event.kind.split("."):
        case ["card", "changed"]:
            for field in TEXTS:
                before, now = card.get(field, ""), said.get(field, "")
                if before != now:
                    yield _change(event, field, now, before)
            card.clear()
            card.update(said)
        case [_, "renamed"]:
            yield _change(event, "name", said.get("name", ""), said.get("before", ""))
        case [_, "described"]:
            yield _change(event, "description", said.get("text", ""), said.get("before", ""))
        case ["version", "created"]:
            yield _change(event, "version", said.get("text", ""))
        case [_, "created" | "added" | "deleted" | "undeleted"]:
            yield _change(event, what, said.get("name", "") or said.get("verb", ""))
            if said.get("text"):
                yield _change(event, "description", said["text"])
        case ["card", "hidden" | "shown"]:
            yield _change(event, "visibility", what)
        case ["version" | "card", "tagged" | "untagged"]:
            yield _change(event, "tag", f"{'+' if what == 'tagged' else '-'}{said.get('tag', '')}")
        case ["model", "starred" | "unstarred"]:
            yield _change(event, "star", "★" if what == "starred" else "taken away")
        case ["head", _]:
            state = states.get(said.get("state", ""))
            ref = refs.get(state.id, f"@{state.base}.{state.minor}") if state else ""
            yield _change(event, "head", _tell_move(what, said.get("verb", ""), state, ref))
        case ["run", "input" | "output"]:
            yield _change(event, what, said.get("artifact", ""))
        case ["run", _]:
            yield _change(event, "state", said.get("state", "running"))
        case _:
            yield _change(event, event.kind, ", ".join(f"{key} {text}" for key, text in said.items()))


def _tell_move(what: str, verb: str, state: ProjectState | None, ref: str) -> str:
    where = ""
    if state is not None:
        where = f", now {ref} with {state.item_count:,} item{'' if state.item_count == 1 else 's'}"
    return f"{verb} {what}{where}" if what != "moved" else f"{verb}{where}"


def _change(event: JournalEvent, what: str, text: str, before: str = "") -> Change:
    return Change(at=event.at, author=event.author, what=what, text=text, before=before)
