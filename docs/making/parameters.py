"""Makes mlwf_tui/cli/parameters.json: what `-p` may be, for a shell that completes and loads no library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlwf_tui.params import describe_params
from mlwf_tui.registry import Registry

PATH = Path(__file__).parents[2] / "mlwf_tui" / "cli" / "parameters.json"


def make_parameters() -> str:
    """Return the parameters of our operations by name, and of all trainers as `train`, as JSON."""
    registry = Registry()
    found = {
        name: _list(registry.get_operation(name).params_type)
        for name in registry.list_names("operations")
        if type(registry.get_operation(name)).__module__.startswith("mlwf_tui.")
    }
    trained = [_list(registry.get_trainer(name).params_type) for name in ("ultralytics", "torchvision")]
    found["train"] = list({entry[0]: entry for entries in reversed(trained) for entry in entries}.values())
    lines = (
        f"{json.dumps(name)}: {json.dumps(entries, ensure_ascii=False)}" for name, entries in found.items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _list(params_type: type[Any]) -> list[tuple[str, str, tuple[str, ...]]]:
    specs = describe_params(params_type)
    return [
        (s.name, s.help, s.choices or (("true", "false") if s.type_name == "bool" else ())) for s in specs
    ]
