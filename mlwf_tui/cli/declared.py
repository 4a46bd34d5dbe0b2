"""What `-p` may be, as parameters.json tells it, which is made from the code: no library is loaded for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple


class Declared(NamedTuple):
    """One parameter of an operation or a verb."""

    name: str
    help: str  # with its default, where it has one
    choices: tuple[str, ...]

    @property
    def meaning(self) -> str:
        """What it means, and what it may be where only a few words are allowed."""
        words = self.choices if self.choices != ("true", "false") else ()
        return f"{self.help}: {', '.join(words)}" if words else self.help


def read_declared(of: str) -> tuple[Declared, ...]:
    """Return the parameters of an operation or a verb, none where it has none.

    Operations of others are not in it: looking at them would load what they need, in a second.
    """
    text = Path(__file__).with_name("parameters.json").read_text("utf-8")
    found = json.loads(text).get("train" if of == "search" else of, [])
    return tuple(Declared(name, help_, tuple(choices)) for name, help_, choices in found)
