"""The command line that does what a form or a key does; shown in forms, copied by y."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

TERMS = ("gpus", "slots", "after", "priority", "timeout", "retries", "backoff")
"""What a queued run can be given, as fields of a form and options of the command line alike."""
OF_PACKAGE = ("model", "target", "format", *TERMS)
OF_SESSION = ("model", "host", "port", "answers", *TERMS)
DETACHED_TERMS = ("detach", "after", "priority")
"""The same of work that is queued only where it is asked for."""


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


def is_detached(values: Mapping[str, str]) -> bool:
    """Whether work is to go on by itself: it was said so, or it shall wait for something."""
    return any(values.get(name) for name in DETACHED_TERMS)


def write_import(values: Mapping[str, str]) -> str:
    options = _pick(values, "dataset", "format", "message")
    return _write_detachable(
        values, "import", values.get("path", ""), values.get("project", ""), options=options
    )


def write_compare(values: Mapping[str, str]) -> str:
    models = values.get("new", ""), values.get("old", "")
    return write_command("compare", *models, options=_pick(values, "split", "evaluator"))


def write_compare_all(refs: Sequence[str], values: Mapping[str, str]) -> str:
    """Return the command that sets all but the form's `old` beside that one."""
    old = values.get("old", "")
    others = (ref for ref in refs if ref != old)
    return write_command("compare", *others, old, options=_pick(values, "split", "evaluator"))


def write_transform(
    operation: str, refs: Sequence[str], options: Mapping[str, str], params: Mapping[str, str]
) -> str:
    """`options` are those of the command and of the queue, by name."""
    is_bare = len(refs) == 1 and options.get("to") == refs[0] and not options.get("dataset")
    to = {} if is_bare else _pick(options, "to")
    flags = ("--in-place",) if is_bare else ()
    return _write_detachable(
        options, "transform", operation, *refs, *flags,
        options={**to, **_pick(options, "dataset", "seed")}, params=params,
    )  # fmt: skip


def write_pipeline(values: Mapping[str, str]) -> str:
    flags = ("--detach",) if is_detached(values) else ()
    words = ["pipeline", values.get("pipeline", "")]
    for name, option in (("source", "--source"), ("to", "--to"), ("params", "-p"), ("sweep", "--sweep")):
        for word in split_entries(values.get(name, "")):
            words += [option, word]
    return write_command(*words, *flags, options=_pick(values, "seed", "after", "priority"))


def split_entries(text: str) -> tuple[str, ...]:
    """Return what a person has listed in a field whose entries may hold commas, by semicolons."""
    return tuple(word for word in map(str.strip, text.split(";")) if word)


TRAIN_OPTIONS = ("data", "model", "name", "benchmark", "seed", "params")


def write_train(values: Mapping[str, str]) -> str:
    options, params = split_values(values, (*TRAIN_OPTIONS, "more", *TERMS))
    params |= parse_pairs(options.pop("more", ""))
    switch = {"yes": ("--benchmark",), "no": ("--no-benchmark",)}.get(options.pop("benchmark", ""), ())
    return write_command("train", options.pop("data", ""), *switch, options=options, params=params)


def write_search(values: Mapping[str, str]) -> str:
    words = ["search", values.get("data", "")]
    for name, option in (("space", "-s"), ("params", "-p")):
        for word in split_entries(values.get(name, "")):
            words += [option, word]
    flags = ("--prune",) if values.get("prune") == "yes" else ()
    options = _pick(values, "model", "sampler", "trials", "parallel", "metric", "keep", "seed", *TERMS)
    return write_command(*words, *flags, options=options)


def write_continued(run: str, values: Mapping[str, str]) -> str:
    params = {"epochs": f"+{values.get('epochs', '')}"}
    options = {"continue": run, **_pick(values, "name", *TERMS)}
    return write_command("train", options=options, params=params)


def parse_pairs(text: str) -> dict[str, str]:
    """Return what a person has written as `key=value; key=value`; what is no pair has an empty value."""
    pairs = (word.partition("=") for word in split_entries(text))
    return {key.strip(): value.strip() for key, _, value in pairs}


def write_benchmark(values: Mapping[str, str]) -> str:
    options = _pick(values, "split", "dataset", "select", "device", *TERMS)
    return write_command("benchmark", values.get("model", ""), values.get("data", ""), options=options)


def write_apply(values: Mapping[str, str]) -> str:
    own, params = split_values(values, ("model", "data", "to", "dataset", *TERMS))
    words = (own.get("model", ""), own.get("data", ""))
    return write_command("apply", *words, options=_pick(own, "to", "dataset", *TERMS), params=params)


def write_package(values: Mapping[str, str]) -> str:
    own, params = split_values(values, OF_PACKAGE)
    words = (own.get("model", ""), own.get("target", ""))
    return write_command("package", *words, options=_pick(own, "format", *TERMS), params=params)


def write_serve(values: Mapping[str, str]) -> str:
    own, params = split_values(values, OF_SESSION)
    flags = ("--no-token",) if own.get("answers", "").startswith("everybody") else ()
    options = _pick(own, "host", "port", *TERMS)
    return write_command("serve", own.get("model", ""), *flags, "--detach", options=options, params=params)


def write_merge(values: Mapping[str, str]) -> str:
    flags = ("--unrelated",) if values.get("unrelated") == "yes" else ()
    options = {"message": values.get("message", "")}
    return write_command("merge", values.get("project", ""), values.get("ref", ""), *flags, options=options)


def write_verify(values: Mapping[str, str]) -> str:
    scope = {"new": ("--new",), "sample": ("--sample", "0.1")}.get(values.get("scope", ""), ())
    return _write_detachable(values, "verify", *scope, options=_pick(values, "repair-from"))


def write_backup(values: Mapping[str, str]) -> str:
    return _write_detachable(values, "backup", values.get("folder", ""))


def write_graph(ref: str, values: Mapping[str, str]) -> str:
    options = {"format": values.get("format", "svg"), "output": values.get("file", "lineage.svg")}
    return write_command("graph", ref if values.get("of", ref) == ref else "", options=options)


def write_checkout(ref: str, values: Mapping[str, str]) -> str:
    flags = ("--force",) if values.get("edited") == "put aside" else ()
    return _write_detachable(values, "checkout", ref, values.get("folder", ""), *flags)


def write_export(ref: str, values: Mapping[str, str]) -> str:
    parts = ["mlwf", "export", ref, *([values["folder"]] if values.get("folder") else [])]
    if values.get("format"):
        parts += ["--format", values["format"]]
    for name, option in (("datasets", "dataset"), ("split", "split"), ("classes", "class"), ("tags", "tag")):
        for word in split_words(values.get(name, "")):
            parts += [f"--{option}", word]
    for key in split_entries(values.get("items", "")):
        parts += ["--item", key]
    parts += ["--only-matching"] * (values.get("without_objects") == "leave out")
    parts += ["--link"] * (values.get("images") == "link")
    return shlex.join(parts)


def write_report_export(ref: str, values: Mapping[str, str]) -> str:
    """Return the command that writes a report to the form's file."""
    return shlex.join(["mlwf", "report", ref, *(["--out", values["file"]] if values.get("file") else [])])


def split_words(text: str) -> tuple[str, ...]:
    """Return what a person has listed in a field, by commas."""
    return tuple(word for word in map(str.strip, text.split(",")) if word)


def write_status(values: Mapping[str, str]) -> str:
    return write_command("status", values.get("folder", ""))


def write_sync(values: Mapping[str, str]) -> str:
    policy = values.get("policy", "")
    options = {"message": values.get("message", ""), "policy": "" if policy == "stop" else policy}
    return _write_detachable(values, "sync", values.get("folder", ""), options=options)


def _write_detachable(
    values: Mapping[str, str],
    *words: str,
    options: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
) -> str:
    flags = ("--detach",) if is_detached(values) else ()
    terms = _pick(values, "after", "priority")
    return write_command(*words, *flags, options={**(options or {}), **terms}, params=params)


def _pick(values: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: values.get(name, "") for name in names}


def split_values(values: Mapping[str, str], names: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the values of `names`, and the others: a verb's own options and its plug-in's parameters."""
    own = set(names)
    options = {name: value for name, value in values.items() if name in own}
    return options, {name: value for name, value in values.items() if name not in own}
