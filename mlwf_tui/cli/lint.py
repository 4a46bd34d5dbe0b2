"""The command lint: what of the lineage nobody will understand, or be able to make again, later."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mlwf_tui.cli.face import DONE, FAILED, Face, command, to_document
from mlwf_tui.cli.text import format_table
from mlwf_tui.entities.remark import FIXES, LintResult, Remark, RemarkKind

group = click.Group()


@command(group, "lint")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice([kind.value for kind in RemarkKind]),
    help="List only this; may be repeated.",
)  # fmt: skip
@click.option(
    "--fix", "fixes", multiple=True, type=click.Choice(["all", *FIXES]),
    help="Put this right; all is everything that can be.",
)  # fmt: skip
@click.option("--node", "nodes", multiple=True, metavar="KIND:ID", help="Fix only this, as lint names it.")
def lint_command(face: Face, kinds: Sequence[str], fixes: Sequence[str], nodes: Sequence[str]) -> int:
    """Name what is undocumented, stands as a dataset where its project belongs, sprawls, or cannot be redone.

    The exit code is 1 where there is something. A fix describes by what is known, shows a dataset as its
    project, or tags what cannot be changed any more, so that its card says so; edges are never touched.

    \b
    mlwf lint
    mlwf lint --fix undocumented
    """
    from mlwf_tui.workflow.lint import fix_remarks, lint

    with face.open() as workspace:
        if fixes:
            chosen = () if "all" in fixes else fixes
            fixed = fix_remarks(workspace, chosen, nodes)
            face.show({"fixed": [to_document(remark) for remark in fixed]}, lambda: _format_fixed(fixed))
            return DONE
        found = lint(workspace)
    remarks = [remark for remark in found.remarks if not kinds or remark.kind in kinds]
    document = {
        "ok": not remarks,
        "coverage": round(found.coverage, 4),
        "described": found.described,
        "describable": found.describable,
        "remarks": [to_document(remark) for remark in remarks],
    }
    face.show(document, lambda: _format(found, remarks))
    return FAILED if remarks else DONE


def _format(found: LintResult, remarks: Sequence[Remark]) -> str:
    rows = [(remark.kind.value, remark.node, remark.message, remark.fix) for remark in remarks]
    table = format_table(("KIND", "NODE", "", "FIX"), rows, empty="Nothing to remark.")
    described = f"{found.described} of {found.describable} things are described ({found.coverage:.0%})"
    return f"{table}\n{described}"


def _format_fixed(fixed: Sequence[Remark]) -> str:
    return (
        "\n".join(f"{remark.message}: {remark.fix}: done" for remark in fixed) or "There was nothing to fix."
    )
