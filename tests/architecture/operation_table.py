"""Makes the tables of docs/operations.md from what operations and the fields of expressions declare.

`python -m tests.architecture.operation_table` writes them into the file anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlwf_tui.expressions.fields import FUNCTIONS, ITEM_FIELDS, OBJECT_FIELDS
from mlwf_tui.params import ParamSpec, describe_params
from mlwf_tui.protocols.operations import Operation
from mlwf_tui.registry import Registry

PATH: Final = Path(__file__).parents[2] / "docs" / "operations.md"
END: Final = "<!-- end -->"
FIELDS: Final = "<!-- made from the fields of expressions -->"
OPERATIONS: Final = "<!-- made from what the operations declare -->"
COMMON: Final = {"copies", "keep_originals", "splits", "min_visible"}
_COMMON_HELP: Final = (
    "changed copies",
    "keep the unchanged",
    "splits whose images",
    "share of an object that must stay",
)
_GROUPS: Final = {
    "pixels": "Pixels and geometry",
    "annotations": "Annotations",
    "selection": "Selection",
    "splits": "Splits",
    "merging": "Merging, copying, moving",
}


def fill_in(text: str) -> str:
    """Return a document with its tables made anew."""
    for begin, lines in ((FIELDS, _iter_fields()), (OPERATIONS, _iter_operations())):
        head, _, rest = text.partition(begin)
        text = "\n".join([f"{head}{begin}\n", *lines, f"{END}{rest.partition(END)[2]}"])
    return text


def _iter_fields() -> Iterator[str]:
    yield "| of an item | what it is |\n|---|---|"
    for name, of_item in ITEM_FIELDS.items():
        yield f"| `{name}` | {of_item.summary}{_join_choices(of_item.choices)} |"
    yield "\n| of an object | what it is |\n|---|---|"
    for name, of_object in OBJECT_FIELDS.items():
        yield f"| `{name}` | {of_object.summary}{_join_choices(of_object.choices)} |"
    yield "\n| function | what it is |\n|---|---|"
    for name, summary in FUNCTIONS.items():
        yield f"| `{name}(…)` | {summary} |"
    yield ""


def _join_choices(choices: tuple[str, ...]) -> str:
    return f": {', '.join(choices)}" if choices else ""


def _iter_operations() -> Iterator[str]:
    registry = Registry()
    operations = [registry.get_operation(name) for name in registry.list_names("operations")]
    for group, title in _GROUPS.items():
        yield f"### {title}\n"
        for operation in operations:
            if operation.group == group:
                yield from _iter_operation(operation)


def _iter_operation(operation: Operation) -> Iterator[str]:
    specs = describe_params(operation.params_type)
    yield f"**`{operation.name}`** – {operation.summary}.\n"
    own = [spec for spec in specs if spec.name not in COMMON or not spec.help.startswith(_COMMON_HELP)]
    if own:
        yield "| parameter | default | may be | what it is |\n|---|---|---|---|"
        yield from map(_format_param, own)
        yield ""
    if len(own) < len(specs):
        common = ", ".join(f"`{spec.name}`" for spec in specs if spec not in own)
        yield f"And {common}, as all that make copies.\n" if len(specs) - len(own) > 1 else f"And {common}.\n"


def _format_param(spec: ParamSpec) -> str:
    bounds = spec.bounds.replace(" | ", ", ") or spec.type_name
    return f"| `{spec.name}` | {_format_default(spec.default)} | {bounds} | {_escape(spec.help)} |"


def _format_default(default: object) -> str:
    if default is None or default == () or default == "":
        return ""
    if isinstance(default, tuple):
        return ", ".join(f"`{value}`" for value in default)
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PATH.write_text(fill_in(PATH.read_text("utf-8")), "utf-8")
