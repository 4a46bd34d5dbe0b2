"""What operations share in names: reading those that a person gives, and joining those of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlwf_tui.entities.annotation import LabelSchema, find_class_fault
from mlwf_tui.entities.item import MAX_NAME_BYTES, Split, is_below
from mlwf_tui.entities.names import suggest_name
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.protocols.operations import SourceItem


def check_classes(schema: LabelSchema, names: Sequence[str]) -> None:
    """Raise InvalidParameter where a name is not a class of the schema."""
    known = schema.class_names
    for name in names:
        if name not in known:
            raise InvalidParameter(f"There is no class {name!r}.", hint=suggest_name(name, known))


def check_new_class(name: str) -> None:
    """Raise InvalidParameter where no class may have this name."""
    fault = find_class_fault(name)
    if fault:
        raise InvalidParameter(f"The name {name!r} {fault}.", hint="Choose another.")


def check_splits(names: Sequence[str]) -> set[Split]:
    """Return the splits of these names.

    Raises:
        InvalidParameter: one does not exist.
    """
    known = {split.value: split for split in Split}
    for name in names:
        if name not in known:
            raise InvalidParameter(f"There is no split {name!r}.", hint=suggest_name(name, known))
    return {known[name] for name in names}


def check_datasets(items: Sequence[SourceItem], names: Sequence[str]) -> None:
    """Raise InvalidParameter where a name is no dataset of the items, nor one that holds some."""
    if not items or not names:
        return
    known = sorted({source.item.dataset for source in items})
    for name in names:
        if not any(is_below(dataset, name) for dataset in known):
            raise InvalidParameter(f"There is no dataset {name!r}.", hint=suggest_name(name, known))


def check_tags(items: Sequence[SourceItem], schema: LabelSchema, names: Sequence[str]) -> None:
    """Raise InvalidParameter where a name is no tag of the schema, nor of any item or object."""
    known = {definition.name for definition in schema.tags}
    if not items or all(name in known for name in names):
        return
    for source in items:
        annotation = source.item.annotation
        for tags in (annotation.tags, *(labelled.tags for labelled in annotation.objects)):
            known.update(tag.name for tag in tags)
    for name in names:
        if name not in known:
            raise InvalidParameter(f"There is no tag {name!r}.", hint=suggest_name(name, sorted(known)))


def parse_pairs(pairs: Sequence[str], param: str, example: str) -> Mapping[str, str]:
    """Return the pairs old=new by what stands before the sign.

    Raises:
        InvalidParameter: there is none, one is no pair, or two have the same left side.
    """
    if not pairs:
        raise InvalidParameter(
            f"The parameter {param} is empty.", hint=f"Give it, for example -p {param}={example}."
        )
    found: dict[str, str] = {}
    for pair in pairs:
        old, equals, new = (part.strip() for part in pair.partition("="))
        if not (old and equals and new):
            raise InvalidParameter(f"{pair!r} is not old=new.", hint=f"Write -p {param}={example}.")
        if old in found:
            raise InvalidParameter(f"{old!r} stands in {param} twice.", hint="Name it once.")
        found[old] = new
    return found


def join_stem(stem: str, tail: str) -> str:
    """Return a name that ends with `tail`; its stem is shortened where it would be too long."""
    kept = stem.encode()[: MAX_NAME_BYTES - len(tail.encode())]
    return f"{kept.decode(errors='ignore')}{tail}"
