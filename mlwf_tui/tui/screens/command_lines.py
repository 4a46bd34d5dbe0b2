"""The command line that does what a form or a key does; shown in forms, copied by y."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping


def write_command(
    *words: str, options: Mapping[str, str] | None = None, params: Mapping[str, str] | None = None
) -> str:
    """Return `mlwf` with its words quoted for a shell; empty words and options are left out."""
    parts = ["mlwf", *(word for word in words if word)]
    for name, value in (options or {}).items():
        if value:
            parts += [f"--{name}", value]
    parts += _write_params(params or {})
    return shlex.join(parts)


def _write_params(params: Mapping[str, str]) -> Iterable[str]:
    for name, value in params.items():
        yield from ("-p", f"{name}={value}")


def write_import(values: Mapping[str, str]) -> str:
    options = {name: values.get(name, "") for name in ("dataset", "format")}
    return write_command("import", values.get("path", ""), values.get("project", ""), options=options)


def write_transform(operation: str, ref: str, values: Mapping[str, str]) -> str:
    options, params = split_values(values, ("to", "seed"))
    return write_command("transform", operation, ref, options=options, params=params)


def write_train(values: Mapping[str, str]) -> str:
    options, params = split_values(values, ("data", "model", "name", "seed"))
    return write_command("train", options.pop("data", ""), options=options, params=params)


def write_benchmark(values: Mapping[str, str]) -> str:
    options = {"split": values.get("split", ""), "device": values.get("device", "")}
    return write_command("benchmark", values.get("model", ""), values.get("data", ""), options=options)


def write_apply(values: Mapping[str, str]) -> str:
    options, params = split_values(values, ("model", "data", "to"))
    return write_command(
        "apply",
        options.get("model", ""),
        options.get("data", ""),
        options={"to": options.get("to", "")},
        params=params,
    )


def split_values(values: Mapping[str, str], names: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the values of `names`, and the others: a verb's own options and its plug-in's parameters."""
    own = set(names)
    options = {name: value for name, value in values.items() if name in own}
    return options, {name: value for name, value in values.items() if name not in own}
