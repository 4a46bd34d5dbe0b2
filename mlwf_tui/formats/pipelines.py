"""Pipelines as YAML: a file's text to a Pipeline, every fault with its line; pipeline_texts.py writes them.

What the names mean, and whether operations and projects are there, is not looked at here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath

from msgspec import to_builtins
from msgspec.structs import replace

from mlwf_tui.entities.item import check_text
from mlwf_tui.entities.names import suggest_name
from mlwf_tui.entities.pipeline import Branch, Fault, Output, Pipeline, Source, Step, Sweep, Training
from mlwf_tui.errors import InvalidParameter, suggest
from mlwf_tui.formats.yaml_nodes import YamlNode, read_yaml

NAME = re.compile(r"[\w-]{1,64}")
MAX_STEPS = 200
MAX_SEED = 2**31 - 1

_TOP_KEYS = ("name", "description", "seed", "sources", "steps", "branches", "outputs", "sweep", "train")
_STEP_KEYS = ("name", "operation", "apply", "from", "params", "seed")
_OUTPUT_KEYS = ("from", "project", "dataset", "message")
_TRAIN_KEYS = ("on", "model", "name", "params", "seed", "benchmark")


def read_pipeline(content: bytes, name: str) -> Pipeline:
    """Return the pipeline that a file's bytes say; `name` is the file's, for errors.

    Raises:
        InvalidParameter: it cannot be read so; each fault is a line `FILE:LINE: what; what to do`.
    """
    return _Reader(name).read(read_yaml(content, name))


class PipelineFaults(InvalidParameter):
    """A pipeline cannot be run so; `faults` has what the message tells, one by one.

    `readable` is what of a file could be read in spite of them, where reading it has found them.
    """

    def __init__(
        self, message: str, *, hint: str, faults: tuple[Fault, ...], readable: Pipeline | None
    ) -> None:
        super().__init__(message, hint=hint)
        self.faults = faults
        self.readable = readable

    @property
    def details(self) -> Mapping[str, object]:
        return {"faults": to_builtins(self.faults)}


def make_error(path: str, faults: Iterable[Fault], readable: Pipeline | None = None) -> PipelineFaults:
    """Return the error that tells all faults, in the order of their lines."""
    ordered = tuple(sorted(dict.fromkeys(faults), key=lambda fault: fault.line))
    if len(ordered) == 1:
        message = f"{_place(path, ordered[0].line)}{ordered[0].message}"
        return PipelineFaults(message, hint=ordered[0].hint, faults=ordered, readable=readable)
    lines = [
        f"{_place(path, fault.line)}{fault.message}{f' {fault.hint}' if fault.hint else ''}"
        for fault in ordered
    ]
    hint = "Nothing was begun; mend these lines and run it again."
    return PipelineFaults("\n".join(lines), hint=hint, faults=ordered, readable=readable)


def hint_at(word: str, known: Iterable[str]) -> str:
    """Return a hint short enough for a line of many: the nearest name alone, the first where none is near."""
    names = list(dict.fromkeys(known))
    return suggest(word, names).rstrip() or suggest_name(word, names)


def read_seed(value: object, line: int) -> int | Fault:
    """Return a seed as a pipeline takes it, or what is wrong with a value that is none."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SEED:
        return value
    return Fault(line, f"seed is {_describe(value)}.", f"Give a whole number of 0–{MAX_SEED}.")


def _place(path: str, line: int) -> str:
    return f"{path}:{line}: " if line else f"{path}: "


class _Reader:
    """Reads one tree, and remembers what is wrong with it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._faults: list[Fault] = []

    def read(self, root: YamlNode) -> Pipeline:
        top = self._mapping(root, "A pipeline", _TOP_KEYS)
        steps = self._read_steps(top.get("steps"), branch="")
        branches = []
        for name, node in self._entries(top.get("branches"), "branches"):
            rows = self._read_steps(node, branch=name)
            steps += rows
            if rows:
                branches.append(Branch(name=name, last="", line=top["branches"].key_lines[name]))
        sources = self._read_sources(top.get("sources"))
        named = self._name_steps(steps)
        pipeline = Pipeline(
            name=self._text(top.get("name"), "name") or PurePath(self._path).stem,
            description=self._text(top.get("description"), "description"),
            seed=self._seed(top.get("seed")) or 0,
            sources=sources,
            steps=self._connect(named, sources),
            branches=tuple(
                replace(branch, last=[step.name for step in named if step.branch == branch.name][-1])
                for branch in branches
            ),
            outputs=self._read_outputs(top.get("outputs"), named, sources),
            sweeps=self._read_sweeps(top.get("sweep")),
            training=self._read_training(top.get("train")),
            path=self._path,
        )
        self._check_names(pipeline)
        if self._faults:
            raise make_error(self._path, self._faults, readable=pipeline)
        return pipeline

    # --- parts ---

    def _read_sources(self, node: YamlNode | None) -> tuple[Source, ...]:
        if node is None or node.value is None:
            self._fault(1, "no source is named.", "Write sources: [PROJECT].")
            return ()
        if isinstance(node.value, dict):
            return tuple(
                Source(
                    name=self._name(name, node.key_lines[name]),
                    ref=None if entry.value is None else self._text(entry, f"source {name}"),
                    line=node.key_lines[name],
                )
                for name, entry in node.value.items()
            )
        refs = node.value if isinstance(node.value, list) else [node]
        found = []
        for entry in refs:
            ref = self._text(entry, "source")
            name = re.sub(r"[^\w-]", "-", ref.rpartition("/")[2].partition("@")[0])[:64]
            found.append(Source(name=self._name(name, entry.line), ref=ref, line=entry.line))
        return tuple(found)

    def _read_steps(self, node: YamlNode | None, *, branch: str) -> list[Step]:
        if node is None or node.value is None:
            if branch:
                self._fault(node.line if node else 0, f"the branch {branch} has no step.", "Give it one.")
            return []
        steps = [self._read_step(entry, branch) for entry in self._list(node, "steps")]
        if branch and not steps:
            self._fault(node.line, f"the branch {branch} has no step.", "Give it one.")
        return steps

    def _read_step(self, node: YamlNode, branch: str) -> Step:
        if isinstance(node.value, str):  # `- flip`: an operation with its defaults
            return Step(name="", operation=node.value, branch=branch, line=node.line)
        entries = self._mapping(node, "A step", _STEP_KEYS)
        operation = self._text(entries.get("operation"), "operation")
        is_open = "apply" in entries and entries["apply"].value is None  # to be given when it is run
        model = "" if is_open else self._text(entries.get("apply"), "apply")
        if bool(operation) == ("apply" in entries) or not (operation or model or is_open):
            self._fault(
                node.line,
                "a step has either an operation or a model to apply.",
                "Write operation: NAME, or apply: MODEL.",
            )
        params = self._params(entries.get("params"))
        inputs = entries.get("from")
        return Step(
            name=self._name(self._text(entries["name"], "name"), entries["name"].line)
            if "name" in entries
            else "",
            operation=operation,
            model=model,
            inputs=self._texts(inputs, "from"),
            inputs_line=node.line if inputs is None else inputs.line,
            params={name: entry.to_plain() for name, entry in params.items()},
            param_lines={name: entry.line for name, entry in params.items()},
            seed=self._seed(entries.get("seed")),
            branch=branch,
            line=node.line,
        )

    def _read_outputs(
        self, node: YamlNode | None, steps: Sequence[Step], sources: Sequence[Source]
    ) -> tuple[Output, ...]:
        if node is None or not node.value:
            self._fault(node.line if node else 1, "there is no output.",
                        "Write outputs: [{project: NAME}].")  # fmt: skip
            return ()
        last = [step.name for step in steps if not step.branch] or [source.name for source in sources]
        outputs = []
        for entry in self._list(node, "outputs"):
            fields = self._mapping(entry, "An output", _OUTPUT_KEYS)
            project = self._text(fields.get("project"), "project")
            if not project and isinstance(entry.value, dict):
                self._fault(entry.line, "an output names no project.", "Write project: NAME.")
            result = self._text(fields.get("from"), "from") or (last[-1] if last else "")
            outputs.append(
                Output(
                    result=result,
                    project=project,
                    dataset=self._text(fields.get("dataset"), "dataset"),
                    message=self._text(fields.get("message"), "message"),
                    line=entry.line,
                )
            )
        return tuple(outputs)

    def _read_sweeps(self, node: YamlNode | None) -> tuple[Sweep, ...]:
        found = []
        for target, entry in self._entries(node, "sweep", is_named=False):
            step, dot, param = target.partition(".")
            if not dot or not step or not param:
                self._fault(entry.line, f"{target!r} is not STEP.PARAMETER.", "Write flip.copies: [1, 2].")
                continue
            values = tuple(value.to_plain() for value in self._list(entry, f"sweep of {target}"))
            if not values:
                self._fault(entry.line, f"the sweep of {target} has no value.", "Give at least one.")
            found.append(Sweep(step=step, param=param, values=values, line=entry.line))
        return tuple(found)

    def _read_training(self, node: YamlNode | None) -> Training | None:
        if node is None or node.value is None:
            return None
        entries = self._mapping(node, "train", _TRAIN_KEYS)
        params = self._params(entries.get("params"))
        return Training(
            project=self._text(entries.get("on"), "on"),
            model=self._text(entries.get("model"), "model"),
            name=self._text(entries.get("name"), "name"),
            params={name: entry.to_plain() for name, entry in params.items()},
            seed=self._seed(entries.get("seed")),
            benchmark=self._text(entries.get("benchmark"), "benchmark"),
            line=node.line,
        )

    # --- names ---

    def _name_steps(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """Give each step without a name that of its operation, with a number where that is taken."""
        if len(steps) > MAX_STEPS:
            self._fault(steps[MAX_STEPS].line, f"there are more than {MAX_STEPS} steps.", "Split the file.")
        taken = {step.name for step in steps if step.name}
        named = []
        for step in steps:
            name, number = step.name or step.verb, 1
            while not step.name and name in taken:
                number += 1
                name = f"{step.verb}-{number}"
            taken.add(name)
            named.append(replace(step, name=name))
        return tuple(named)

    def _connect(self, steps: Sequence[Step], sources: Sequence[Source]) -> tuple[Step, ...]:
        """Let a step that names no input read the one before it, the first one the only source if any."""
        main = [step.name for step in steps if not step.branch]
        before: dict[str, str] = {}
        connected = []
        for step in steps:
            inputs = step.inputs
            if not inputs:
                start = main[-1] if step.branch and main else sources[0].name if len(sources) == 1 else ""
                found = before.get(step.branch, start)
                inputs = (found,) if found else ()
            before[step.branch] = step.name
            connected.append(replace(step, inputs=inputs))
        return tuple(connected)

    def _check_names(self, pipeline: Pipeline) -> None:
        seen: dict[str, int] = {}
        for name, line in pipeline.iter_names():
            if name in seen:
                self._fault(
                    line,
                    f"the name {name!r} is taken in line {seen[name]} already.",
                    "Give each source, step and branch a name of its own.",
                )
            seen.setdefault(name, line)

    # --- values ---

    def _mapping(self, node: YamlNode, what: str, known: Sequence[str]) -> Mapping[str, YamlNode]:
        if not isinstance(node.value, dict):
            self._fault(node.line, f"{what} is {_describe(node.value)}, not keys with values.",
                        f"Its keys may be {', '.join(known)}.")  # fmt: skip
            return {}
        for key in node.value:
            if key not in known:
                self._fault(node.key_lines[key], f"there is no key {key!r} here.", hint_at(key, known))
        return {key: entry for key, entry in node.value.items() if key in known}

    def _entries(
        self, node: YamlNode | None, what: str, *, is_named: bool = True
    ) -> list[tuple[str, YamlNode]]:
        if node is None or node.value is None:
            return []
        if not isinstance(node.value, dict):
            self._fault(
                node.line,
                f"{what} is {_describe(node.value)}, not names with values.",
                f"Write {what}: NAME: ….",
            )
            return []
        return [
            (self._name(name, node.key_lines[name]) if is_named else name, entry)
            for name, entry in node.value.items()
        ]

    def _list(self, node: YamlNode, what: str) -> list[YamlNode]:
        if not isinstance(node.value, list):
            self._fault(
                node.line, f"{what} is {_describe(node.value)}, not a list.", "Begin each entry with a dash."
            )
            return []
        return node.value

    def _params(self, node: YamlNode | None) -> Mapping[str, YamlNode]:
        if node is None or node.value is None:
            return {}
        if not isinstance(node.value, dict):
            self._fault(
                node.line,
                f"params is {_describe(node.value)}, not names with values.",
                "Write params: {NAME: VALUE}.",
            )
            return {}
        return node.value

    def _text(self, node: YamlNode | None, what: str) -> str:
        if node is None:
            return ""
        if isinstance(node.value, bool | dict | list) or node.value is None:
            self._fault(
                node.line, f"{what} is {_describe(node.value)}, not a text.", "Write one word, or quote it."
            )
            return ""
        return self._checked(node, what, lambda: check_text(str(node.value), what))

    def _texts(self, node: YamlNode | None, what: str) -> tuple[str, ...]:
        if node is None:
            return ()
        entries = node.value if isinstance(node.value, list) else [node]
        texts = tuple(self._text(entry, what) for entry in entries)
        if len(set(texts)) < len(texts):
            self._fault(node.line, f"{what} names one thing twice.", "Name it once.")
        return tuple(text for text in texts if text)

    def _seed(self, node: YamlNode | None) -> int | None:
        if node is None:
            return None
        seed = read_seed(node.value, node.line)
        if isinstance(seed, Fault):
            self._faults.append(seed)
            return None
        return seed

    def _name(self, name: str, line: int) -> str:
        if not NAME.fullmatch(name):
            self._fault(line, f"{name[:80]!r} cannot be a name here.", "Use letters, digits, _ and -.")
        return name

    def _checked(self, node: YamlNode, what: str, check: Callable[[], str]) -> str:
        try:
            return check()
        except InvalidParameter as error:
            self._fault(node.line, error.message, error.hint)
            return ""

    def _fault(self, line: int, message: str, hint: str = "") -> None:
        self._faults.append(Fault(line, message, hint))


def _describe(value: object) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case int() | float():
            return f"{value}"
        case _:
            return f"{str(value)[:40]!r}"
