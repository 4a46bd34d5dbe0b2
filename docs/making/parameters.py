"""Makes mlwf_tui/cli/parameters.json: what `-p` may be, for help and completion, which load no library."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from mlwf_tui.params import ParamSpec, describe_params
from mlwf_tui.registry import Registry
from mlwf_tui.tui.widgets.form import format_default
from mlwf_tui.workflow import apply, package, serve
from mlwf_tui.workflow.benchmark import BenchmarkParams

PATH = Path(__file__).parents[2] / "mlwf_tui" / "cli" / "parameters.json"


def make_parameters() -> str:
    """Return the parameters of our operations and of verbs by name, as JSON; `train` has all trainers'."""
    registry = Registry()
    found = {
        name: _list(describe_params(registry.get_operation(name).params_type))
        for name in registry.list_names("operations")
        if type(registry.get_operation(name)).__module__.startswith("mlwf_tui.")
    }
    found |= {
        "apply": _list(apply.list_params()),
        "benchmark": _list(describe_params(BenchmarkParams)),
        "package": _list(package.list_params()),
        "serve": _list(serve.list_params()),
    }
    trained = [
        _list(describe_params(registry.get_trainer(name).params_type))
        for name in ("ultralytics", "torchvision")
    ]
    found["train"] = list({entry[0]: entry for entries in reversed(trained) for entry in entries}.values())
    lines = (
        f"{json.dumps(name)}: {json.dumps(entries, ensure_ascii=False)}" for name, entries in found.items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _list(specs: Sequence[ParamSpec]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [
        (s.name, _tell(s), s.choices or (("true", "false") if s.type_name == "bool" else ())) for s in specs
    ]


def _tell(spec: ParamSpec) -> str:
    """Return what a parameter means, with its default where it has one that the words do not tell."""
    if spec.default in (None, "", ()) or spec.help.endswith(")"):
        return spec.help
    return f"{spec.help} ({format_default(spec)})"
