"""Makes docs/reference/schemas: the JSON Schema of each command's `--json` document, from the structs it is.

Commands that put their document together by hand are not here; docs/reference/json.md says their keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from mlwf_tui.entities.finding import CheckResult
from mlwf_tui.entities.project import Project
from mlwf_tui.workflow import (
    backup,
    checkout,
    collect,
    commit,
    copy,
    export,
    import_,
    merge,
    operations,
    restore,
    stats,
    sync,
    tag,
    transform,
    undo,
    verify,
)
from mlwf_tui.workflow.leaderboard import read_leaderboard

FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _returned(function: Any) -> Any:
    return get_type_hints(function)["return"]


ERROR = msgspec.defstruct("Error", [("kind", str), ("message", str), ("hint", str)])
DETACHED = msgspec.defstruct("Detached", [("run", str), ("state", str), ("waits_for", str)])
FAILURE = msgspec.defstruct("Failure", [("error", ERROR)])
OPERATIONS = _returned(operations.list_operations)
DOCUMENTS: Mapping[str, tuple[tuple[Any, ...], Mapping[str, Any]]] = {
    "import": ((_returned(import_.import_folder), DETACHED), {}),
    "export": ((_returned(export.export), DETACHED), {}),
    "projects": ((msgspec.defstruct("Projects", [("projects", list[Project])]),), {}),
    "operations": ((msgspec.defstruct("Operations", [("operations", OPERATIONS)]),), {}),
    "commit": ((_returned(commit.commit),), {}),
    "restore": ((_returned(restore.restore),), {}),
    "undo": ((_returned(undo.undo),), {}),
    "redo": ((_returned(undo.redo),), {}),
    "copy": ((_returned(copy.copy),), {}),
    "merge": ((_returned(merge.merge),), {}),
    "tag": ((_returned(tag.tag),), {}),
    "untag": ((_returned(tag.untag),), {}),
    "checkout": ((_returned(checkout.checkout), DETACHED), {}),
    "sync": ((_returned(sync.sync), DETACHED), {}),
    "transform": ((_returned(transform.transform), _returned(transform.plan_transform), DETACHED), {}),
    "check": ((CheckResult,), {"ok": {"type": "boolean"}}),
    "verify": ((_returned(verify.verify), DETACHED), {}),
    "collect": ((_returned(collect.collect), DETACHED), {"is_dry_run": {"type": "boolean"}}),
    "backup": ((_returned(backup.backup), DETACHED), {}),
    "stats": ((_returned(stats.read_stats),), {}),
    "leaderboard": ((_returned(read_leaderboard),), {}),
}  # fmt: skip
"""Of a command: what its document may be, and what it has besides."""


def make_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of what `mlwf NAME --json` prints; an error is one of its forms."""
    types, besides = DOCUMENTS[name]
    shown, components = msgspec.json.schema_components(
        [*types, FAILURE], schema_hook=_describe_type, ref_template="#/$defs/{name}"
    )
    for part in shown[: len(types)]:
        if part != {"$ref": "#/$defs/Detached"} and besides:
            found = components[part["$ref"].rpartition("/")[2]]
            found["properties"] |= besides
            found["required"] = [*found.get("required", ()), *besides]
    for component in components.values():  # as a docstring is read, whichever msgspec wrote it
        if "description" in component:
            component["description"] = cleandoc(component["description"])
    return {"$schema": DIALECT, "title": f"mlwf {name} --json", "anyOf": list(shown), "$defs": components}


def _describe_type(found: Any) -> dict[str, Any]:
    if found is Path or getattr(found, "__name__", "") == "Path":
        return {"type": "string"}
    raise NotImplementedError(found)


def write_schema(name: str) -> str:
    """Return the schema as the text of its file."""
    return json.dumps(make_schema(name), indent=1, ensure_ascii=False) + "\n"
