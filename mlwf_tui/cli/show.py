"""Commands that look at things: projects, show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlwf_tui.cli.face import Face, command, to_document
from mlwf_tui.cli.facts import format_facts
from mlwf_tui.cli.text import format_age, format_table

if TYPE_CHECKING:  # for annotations alone; its import takes longer than --help
    from mlwf_tui.entities.project import Project

group = click.Group()


@command(group, "projects")
def projects_command(face: Face) -> None:
    """List all projects.

    \b
    mlwf projects
    mlwf projects --json
    """
    from mlwf_tui.workflow.projects import list_projects

    with face.open() as workspace:
        projects = list_projects(workspace)
    rows = [
        (p.name, str(p.item_count), f"@{p.latest_version}" if p.latest_version else "-",
         _describe_head(p), format_age(p.updated_at), p.description)
        for p in projects
    ]  # fmt: skip
    header = ("NAME", "ITEMS", "VERSION", "HEAD", "UPDATED", "DESCRIPTION")
    empty = f"No projects yet in {face.home}. Import one: mlwf import PATH PROJECT, or see mlwf demo."
    face.show(
        {"projects": [to_document(p) for p in projects]}, lambda: format_table(header, rows, empty=empty)
    )


def _describe_head(project: Project) -> str:
    if not project.is_changed:
        return ""
    return "changed" if project.head_version is None else f"as @{project.head_version}"


@command(group, "show")
@click.argument("ref")
@click.option("--card", type=click.Path(path_type=Path), help="Write a model's card, in Markdown, to a file.")
@click.option(
    "--files", type=click.Path(path_type=Path), help="Write what is kept beside a model to a folder."
)
def show_command(face: Face, ref: str, card: Path | None, files: Path | None) -> None:
    """Show a project, version, model, report or run; of a model its card as well.

    \b
    mlwf show cells@2
    mlwf show small --card small.md
    mlwf show small --files small-files     card, confusion, pictures of predictions beside the truth
    """
    from mlwf_tui.workflow.show import show, write_model_files

    with face.open() as workspace:
        shown = show(workspace, ref)
        written = write_model_files(workspace, shown, card=card, folder=files)
    document = {"kind": shown.kind, **shown.facts}
    if written:
        face.show({**document, "written": written}, lambda: "\n".join(f"wrote {path}" for path in written))
        return
    facts = {name: value for name, value in document.items() if name != "card"}
    text = document.get("card", "")
    face.show(document, lambda: format_facts(_put_in_words(facts)) + (f"\n\n{text}" if text else ""))


def _put_in_words(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts with steps, and what was measured of the machine, as a person reads them."""
    result = facts.get("result")
    if facts["kind"] == "run" and facts["verb"] == "pipeline" and result and "steps" in result:
        facts = {**facts, "result": {**result, "steps": _describe_steps(result["steps"])}}
    if facts.get("machine") is None:
        return {name: value for name, value in facts.items() if name != "machine"}
    import msgspec

    from mlwf_tui.entities.usage import Usage, list_words

    return {**facts, "machine": dict(list_words(msgspec.convert(facts["machine"], Usage)))}


def _describe_steps(steps: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the steps of a pipeline as its own command lists them, each with the run that did it."""
    import msgspec

    from mlwf_tui.cli.pipeline import describe_step
    from mlwf_tui.entities.pipeline import StepReport

    reports = msgspec.convert(steps, list[StepReport])
    return [{**describe_step(step), "run": step.run} for step in reports]
